"""Scores as functions of arrays: PCKh and PCK, average precision, ranking, plausibility.

Imports `config`, `keras_compat` and `data_pipeline`.
"""
