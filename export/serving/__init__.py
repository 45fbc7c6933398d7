"""What a TF Serving server is started with, the files that an export writes beside its models, and talking to one.

Imports `formats`, `keras_apn.inference.arrays` and `data_pipeline`.
"""
