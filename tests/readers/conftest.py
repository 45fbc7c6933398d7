import importlib

import pytest

from data_pipeline.common import apart


def here(module, function, *arguments, **_):
    try:
        return getattr(importlib.import_module(module), function)(*arguments)
    except Exception as error:
        raise apart.Failed(str(error)) from error


@pytest.fixture(autouse=True)
def files_are_read_here(monkeypatch, request):
    """Most tests read MATLAB files in this process, which is quicker; those that ask for `apart` as the programs do."""
    if "apart_as_ever" not in request.fixturenames:
        monkeypatch.setattr(apart, "call", here)


@pytest.fixture
def apart_as_ever():
    """Files are read in a process of their own."""
