"""Whether exports agree with the run that they were made of.

Imports `formats`, `keras_apn` and `data_pipeline`.
"""
