import os
import subprocess
import sys

import pytest

from benchmarks import memory
from data_pipeline.common.errors import UserError

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells a process's memory")


def test_resident_counts_what_is_held():
    before = memory.resident(os.getpid())
    held = bytearray(os.urandom(1 << 20) * 64)
    assert memory.resident(os.getpid()) - before == pytest.approx(len(held) / 1e6, rel=0.2)


def test_growth_is_from_the_third_epoch_on():
    assert memory.growth([1, 50, 100, 90, 110]) == pytest.approx(0.1)


def test_too_few_epochs_are_one_clear_line():
    with pytest.raises(UserError, match=r"^The training had 3 epochs to go; at least 4 are needed$"):
        memory.growth([1, 2, 3])


def test_a_training_that_fails_is_one_clear_line():
    command = [sys.executable, "-m", "benchmarks.memory", "--training=--train_records=nowhere/*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error: The training ended with exit code 2; what it printed says why" in done.stderr
    assert "nowhere" in done.stderr
