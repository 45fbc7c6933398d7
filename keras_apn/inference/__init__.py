"""From photographs, videos and boxes to joints, by a run or an exported model, and what is written of them.

Imports `models`, `config` and `data_pipeline`.
"""
