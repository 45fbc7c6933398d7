import os
import socket
import subprocess
import sys
import time

import pytest

from data_pipeline.common import claims
from data_pipeline.common.errors import UserError


def test_who_comes_first_has_it_until_the_end(tmp_path):
    with claims.claim(str(tmp_path), "run") as first:
        assert first
        with claims.claim(str(tmp_path), "run") as second, claims.claim(str(tmp_path), "other") as other:
            assert not second
            assert other
    assert not list(tmp_path.iterdir())
    with claims.claim(str(tmp_path), "run") as again:
        assert again


def test_a_claim_that_nobody_renews_is_taken_over(tmp_path):
    path = tmp_path / "run"
    path.write_text("gone 1\n")
    with claims.claim(str(tmp_path), "run") as own:
        assert not own
    assert path.exists()
    before = time.time() - claims.GIVEN_UP - 1
    os.utime(path, (before, before))
    with claims.claim(str(tmp_path), "run") as own:
        assert own
        assert os.listdir(tmp_path) == ["run"]


def test_a_claim_is_renewed(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "RENEWED", 0.01)
    with claims.claim(str(tmp_path), "run"):
        os.utime(tmp_path / "run", (1, 1))
        until = time.monotonic() + 10
        while os.path.getmtime(tmp_path / "run") == 1 and time.monotonic() < until:
            time.sleep(0.01)
        assert os.path.getmtime(tmp_path / "run") > 1


def test_a_claim_of_a_process_that_is_no_more_is_taken_over(tmp_path):
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (tmp_path / "run").write_text(f"{socket.gethostname()} {ended.stdout.decode()}")
    with claims.claim(str(tmp_path), "run") as own:
        assert own


@pytest.mark.parametrize(
    "text",
    ["", "elsewhere 1\n", f"{socket.gethostname()} {os.getpid()}\n", f"{socket.gethostname()} {10**40}\n", "\0\xff"],
    ids=["empty", "another machine", "this process", "no process", "garbage"],
)
def test_a_claim_of_one_that_may_be_at_work_is_left_alone(tmp_path, text):
    (tmp_path / "run").write_text(text)
    with claims.claim(str(tmp_path), "run") as own:
        assert not own


def test_a_folder_is_kept_to_one_process(tmp_path):
    with claims.alone(str(tmp_path), "run", "workdir"):
        with pytest.raises(UserError) as caught, claims.alone(str(tmp_path), "run", "workdir"):
            pass
        assert f"Another process works in {tmp_path} ({socket.gethostname()} {os.getpid()})" in str(caught.value)
        assert "give another --workdir" in str(caught.value)
    with claims.alone(str(tmp_path), "run", "workdir"):
        pass
