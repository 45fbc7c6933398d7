import os
import signal

import pytest

from keras_apn.training.signals import SIGNALS, StopSignal


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_noted_and_the_second_does_what_it_always_does(number):
    came = []
    before = signal.signal(number, lambda *_: came.append(number))
    try:
        with StopSignal() as asked:
            assert asked.signal is None
            os.kill(os.getpid(), number)
            assert asked.signal is number
            assert came == []
            os.kill(os.getpid(), number)
            assert came == [number]
    finally:
        signal.signal(number, before)


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with StopSignal():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
