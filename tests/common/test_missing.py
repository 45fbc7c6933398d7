import subprocess
import sys

import pytest

from data_pipeline.common import missing

# As if a package were not installed.
HIDDEN = """
import runpy, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
sys.argv[0] = "-m"
runpy.run_module({program!r}, run_name="__main__", alter_sys=True)
"""


def started(program, package):
    """A program in a process of its own that lacks a package."""
    code = HIDDEN.format(program=program, package=package)
    return subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("program", "package", "wanted"),
    [
        ("keras_apn.train", "tensorflow", "'.[train]'"),
        ("keras_apn.study", "absl", "."),
        ("data_pipeline.build_tfrecords", "cv2", "."),
        ("export", "tf2onnx", "'.[export]'"),
        ("export.client", "numpy", "."),
        ("keras_apn.predict", "tqdm", "."),
        ("benchmarks.kills", "tensorflow", "'.[train]'"),
    ],
)
def test_a_package_that_is_missing_is_one_line(program, package, wanted):
    done = started(program, package)
    assert (done.returncode, done.stdout) == (2, "")
    brings = f"beside the sources, pip install {wanted} or make setup brings it"
    assert done.stderr == f"error: {program} needs the package {package}; {brings}\n"


def test_a_fault_of_the_project_keeps_its_traceback():
    done = started("keras_apn.train", "keras_apn.config")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_nothing_is_touched_where_no_program_runs(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["notebook"])
    before = sys.excepthook
    missing.watch()
    assert sys.excepthook is before
