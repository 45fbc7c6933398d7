"""SavedModel, TFLite and ONNX: how each is written, and what travels in its file.

Imports `keras_apn.inference`, `keras_apn.evaluation` and `data_pipeline`.
"""
