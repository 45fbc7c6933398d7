"""What the device does with patches: flip, rotation and scale by one resampling, and colour.

Imports `skeleton` and `geometry`.
"""
