"""A study: a table of trainings, run with several seeds each, and what came out on one page.

Imports `report`, `metrics` and `data_pipeline`.
"""
