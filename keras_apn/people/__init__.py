"""People in pictures: a model that finds them, from Python and for `predict`; followed through videos; written, drawn.

Imports `data_pipeline` and of `keras_apn` `config`, `inference`, `models` and `sources`.
"""
