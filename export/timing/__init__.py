"""How long exported models take, each in a process of its own.

Imports `keras_apn.inference` and `data_pipeline`.
"""
