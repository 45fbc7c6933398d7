"""From photographs and boxes to joints, by a run or an exported model.

Imports `models`, `config` and `data_pipeline`.
"""
