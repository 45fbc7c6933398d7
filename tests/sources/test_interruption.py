import os
import signal

import pytest

from keras_apn.sources import interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_to_stop(number):
    before = signal.getsignal(number)
    with interruption.stop_asked() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.is_set()
        # The second is as ever.
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before


@pytest.fixture
def ctrl_c_interrupts():
    """As in a terminal; a process that a script started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_ctrl_c_interrupts(ctrl_c_interrupts):
    with interruption.stop_asked():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
