"""From annotated photographs, or none, to batches of patches and joints. Knows no network.

Imports nothing of `keras_apn`, `export` and `benchmarks`; its packages say what they import of each other.
"""

from data_pipeline.common import missing

missing.watch()
