"""Skips that must not go unseen: with `APN_STRICT_SKIPS=1` a test that is skipped for another reason fails the session.

`conftest.py` takes the hooks from here.
"""

import os

import pytest

VARIABLE = "APN_STRICT_SKIPS"
# What may be missing where everything that the tests need has been brought: data, and what the other lane alone has.
ALLOWED = (
    "needs the real data",
    "needs TensorFlow Addons",
    "Keras 2 trains on several machines",
    "Keras 3 trains on one machine",
    "the other lane has left nothing yet",
)
unexpected = {}


def _note(report):
    if not report.skipped or not os.environ.get(VARIABLE) or hasattr(report, "wasxfail"):
        return
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    reason = str(told).removeprefix("Skipped: ")
    if not any(allowed in reason for allowed in ALLOWED):
        unexpected[report.nodeid] = reason


def pytest_runtest_logreport(report):
    """Notes a test that was skipped."""
    _note(report)


def pytest_collectreport(report):
    """Notes a module that was skipped whole."""
    _note(report)


def pytest_sessionfinish(session):
    """Fails a session that was all well but for skips."""
    if unexpected and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    """Says which tests were skipped, and why that counts."""
    for test, reason in unexpected.items():
        terminalreporter.write_line(
            f"UNEXPECTED SKIP {test}: {reason}; install it, or allow it in tests/strict_skips.py"
        )
