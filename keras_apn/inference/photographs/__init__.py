"""Encoded photographs in a graph that a server runs: checked, decoded, upright, cut into crops.

Imports `arrays`, `keras_apn.sources` and `data_pipeline`.
"""
