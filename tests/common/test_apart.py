import os
import signal

import numpy as np
import pytest

from data_pipeline.common import apart


def divide(a, b):
    return a / b


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


def hungry():
    return np.ones(2**31, np.float64).sum()


def endless():
    while True:
        pass


def talkative():
    print("not the answer")
    os.write(1, b"nor this")
    return 7


def exits():
    os._exit(3)


def call(function, *arguments, **options):
    return apart.call(__name__, function.__name__, *arguments, **options)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(os.path.dirname(__file__))


def test_the_answer_comes_back():
    np.testing.assert_array_equal(call(divide, np.arange(4.0), 2), [0, 0.5, 1, 1.5])


def test_what_is_printed_is_not_the_answer():
    assert call(talkative) == 7


@pytest.mark.parametrize(
    ("function", "arguments", "options", "told"),
    [
        (divide, (1, 0), {}, "ZeroDivisionError: division by zero"),
        (crash, (), {}, "ended by SIGSEGV"),
        (hungry, (), {"most_bytes": 2**30}, "needs more than 1 GiB"),
        (endless, (), {"most_seconds": 3.0}, "took more than 3 s"),
        (exits, (), {}, r"gave no answer \(exit code 3\)"),
    ],
    ids=["exception", "crash", "memory", "time", "exit"],
)
def test_what_goes_wrong_there_is_an_error_here(function, arguments, options, told):
    with pytest.raises(apart.Failed, match=told):
        call(function, *arguments, **options)
