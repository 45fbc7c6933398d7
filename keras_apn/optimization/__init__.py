"""What moves weights, whatever the loss: optimizers, parts of batches, moving averages.

Imports `config` and `keras_compat`.
"""
