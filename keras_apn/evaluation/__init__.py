"""Predictions scored against the truth: records, prediction files of other tools, tables.

Imports `inference`, `metrics` and `data_pipeline`.
"""
