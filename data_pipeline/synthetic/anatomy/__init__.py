"""Bodies in three dimensions: bones, proportions, postures, and flat poses lifted into space.

Imports `skeleton`.
"""
