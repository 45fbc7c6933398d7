"""What moves weights, whatever the loss: optimizers, parts of batches, moving averages.

Imports `keras_compat` and `replicas`.
"""
