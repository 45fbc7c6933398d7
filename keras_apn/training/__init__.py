"""A run from its first step to its last: records, loop, checkpoints, signals, TensorBoard, several devices.

Imports `adversarial`, `evaluation`, `inference`, and what these may import.
"""
