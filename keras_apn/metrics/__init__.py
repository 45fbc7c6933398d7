"""Scores as functions of arrays: PCKh and PCK, average precision, plausibility.

Imports `keras_compat` and `data_pipeline`.
"""
