import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
CONFTEST = (
    "from strict_skips import pytest_collectreport, pytest_runtest_logreport, pytest_sessionfinish, "
    "pytest_terminal_summary\n"
)
SKIPS = 'import pytest\n\n\ndef test_it():\n    pytest.skip("{reason}")\n'
WHOLE = 'import pytest\n\npytest.skip("{reason}", allow_module_level=True)\n'


@pytest.fixture
def session(tmp_path):
    """Runs a session of one test that is skipped and one that passes; returns its exit code and output."""

    def run(module, reason, strict):
        (tmp_path / "conftest.py").write_text(CONFTEST)
        (tmp_path / "test_one.py").write_text(module.format(reason=reason))
        (tmp_path / "test_other.py").write_text("def test_other():\n    pass\n")
        environment = {**os.environ, "PYTHONPATH": str(HERE), "APN_STRICT_SKIPS": strict}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "."]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize("module", [SKIPS, WHOLE], ids=["a test", "a module"])
def test_a_skip_for_another_reason_fails_a_strict_session(session, module):
    code, said = session(module, "needs a thing", strict="1")
    assert code == 1
    assert "UNEXPECTED SKIP test_one.py" in said
    assert "needs a thing; install it, or allow it" in said


@pytest.mark.parametrize(
    ("reason", "strict"),
    [("needs the real data there", "1"), ("needs TensorFlow Addons", "1"), ("needs a thing", "")],
    ids=["data", "the other lane", "not strict"],
)
def test_other_sessions_pass(session, reason, strict):
    code, said = session(SKIPS, reason, strict)
    assert code == 0
    assert "UNEXPECTED" not in said
