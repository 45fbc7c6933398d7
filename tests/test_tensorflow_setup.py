import os
import subprocess
import sys

import pytest

from data_pipeline.common import tensorflow_setup


def test_silence_holds_back_what_c_writes_too(capfd):
    with tensorflow_setup.silence():
        os.write(2, b"from C\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_silence_gives_all_back_where_an_exception_passes(capfd):
    def load():
        os.write(2, b"why it failed\n")
        raise ImportError

    with pytest.raises(ImportError), tensorflow_setup.silence():
        load()
    assert capfd.readouterr().err == "why it failed\n"


def test_tensorflow_starts_without_a_word():
    code = "from data_pipeline.common import tensorflow_setup; import tensorflow as tf; print(int(tf.constant(1) + 1))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")
