import os
import time

from keras_apn.study import claims


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
