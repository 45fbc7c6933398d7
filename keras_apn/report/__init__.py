"""The report: several runs on one self-contained page.

Imports `training`, `evaluation`, `inference`, `adversarial`, and what these may import.
"""
