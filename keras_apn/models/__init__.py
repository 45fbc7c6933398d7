"""The networks G, P and C, what they are built of, and the files of their best weights.

Imports `config`, `keras_compat`, `replicas` and `data_pipeline`.
"""
