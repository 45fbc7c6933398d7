"""The client's side of a server under load: good requests and bad ones, and what became of them.

Imports `export.serving`, `benchmarks.memory` and `data_pipeline`.
"""
