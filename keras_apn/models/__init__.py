"""The networks G, P and C, what they are built of, the files of their best weights, and the models that are shipped.

Imports `config`, `replicas` and `data_pipeline`.
"""
