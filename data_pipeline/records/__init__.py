"""Sharded TFRecords: their format, how they are built, checked, and read as batches in a fixed order.

Imports `synthetic`, `readers`, `common`, `skeleton` and `geometry`.
"""
