"""G in production: exporters of a trained run's generator, their verification and timing, and a client.

Imports `keras_apn` and `data_pipeline`; its packages say what they import of each other.
"""

from data_pipeline.common import missing

missing.watch()
