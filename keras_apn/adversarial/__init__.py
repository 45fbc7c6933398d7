"""The paper: labels, losses, balance, Algorithm 1 as a training step, and how well P and C judge.

Imports `optimization`, `models`, `metrics`, and what these may import.
"""
