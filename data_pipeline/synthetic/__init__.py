"""People drawn from nothing: the data set that needs no download, and drawn people in annotated poses.

Imports `anatomy` and `rendering` below it, `readers`, `skeleton` and `geometry`.
"""
