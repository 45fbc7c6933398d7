"""Programs that measure; nothing else imports them.

Imports `keras_apn`, `export` and `data_pipeline`.
"""

from data_pipeline.common import missing

missing.watch()
