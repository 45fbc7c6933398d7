"""A study from its plan to its page, with trainings of seconds in processes of their own."""

import contextlib
import json
import os
import subprocess
import sys
import types

import pytest

from data_pipeline.common import claims
from data_pipeline.common.errors import UserError
from keras_apn import config
from keras_apn.study import plan, runner, score

pytestmark = pytest.mark.usefixtures("find_the_project")
SMALL = ("--crop_size=32", "--stacks=1", "--features=8", "--levels=1", "--discriminator_features=4", "--batch_size=4")


def call(*arguments, cwd):
    command = [sys.executable, "-m", "keras_apn.study", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def told(tiny_records, tmp_path):
    """A plan of two rows."""
    where = [f"--{split}_records={tiny_records}/{split}-*.tfrecord" for split in ("train", "validation")]
    content = {
        "title": "Two rows",
        "records": f"{tiny_records}/validation-*.tfrecord",
        "flags": ["--dataset=synthetic", *where, *SMALL, "--epochs=1"],
        "trainings": {"alone": ["--nodiscriminators"], "full": []},
    }
    (tmp_path / "plan.json").write_text(json.dumps(content))
    return tmp_path


@pytest.mark.slow
@pytest.mark.lane(only="addons")
def test_a_study_from_its_plan_to_its_page(told):
    code, out, errors = call("--plan=plan.json", "--output=study", cwd=told)
    assert (code, errors) == (0, "")
    assert out.splitlines()[-1] == "2 of 2 runs in study/study.html"
    assert sorted(os.listdir(told / "study" / "results")) == ["alone-seed0.json", "full-seed0.json"]
    assert not os.listdir(told / "study" / "claims")
    found = json.loads((told / "study" / "study.json").read_text())
    assert list(found["rows"]) == ["alone", "full"]
    assert found["people"] == 5
    assert found["rows"]["full"]["mean"]["moved joints"] is not None
    assert "More than alone" in (told / "study" / "study.html").read_text()
    # What is done is not done again.
    before = {path: path.stat().st_mtime_ns for path in (told / "study" / "runs").rglob("*")}
    code, out, _ = call("--plan=plan.json", "--output=study", cwd=told)
    assert (code, len(out.splitlines())) == (0, 1)
    assert {path: path.stat().st_mtime_ns for path in (told / "study" / "runs").rglob("*")} == before


@pytest.fixture
def calls(monkeypatch):
    """What would be run, in place of running it: a dict of the end of a command to its exit code and last line."""
    made, ends = [], {}

    class Ended:
        def __init__(self, code):
            self.returncode = code

    def run(command, stdout, **_):
        made.append(command[2:])
        code, line = next((end for word, end in ends.items() if word in " ".join(command)), (0, ""))
        stdout.write(line)
        stdout.flush()
        if command[2] == "keras_apn.study.score" and code == 0:
            with open(json.loads(command[3])["output"], "w", encoding="utf-8") as file:
                file.write("{}")
        return Ended(code)

    monkeypatch.setattr(runner.subprocess, "run", run)
    return made, ends


def small_plan(*names):
    return plan.Plan("", "r/*", tuple(plan.Training(name, 3, ("--a=1",)) for name in names))


def test_a_run_is_trained_and_scored(calls, tmp_path):
    made, _ = calls
    lines = []
    assert runner.run_all(small_plan("one"), str(tmp_path), tell=lines.append) == []
    workdir = f"{tmp_path}/runs/one-seed3"
    assert made[0] == ["keras_apn.train", "--a=1", "--seed=3", f"--workdir={workdir}"]
    assert made[1][0] == "keras_apn.study.score"
    assert json.loads(made[1][1])["workdir"] == workdir
    assert lines == ["one-seed3: training", "one-seed3: done"]


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_run_starts_from_another_once_that_is_scored(calls, tmp_path, at_once):
    made, _ = calls
    first, then = plan.Training("first", 3, ()), plan.Training("then", 3, (), "first")
    assert runner.run_all(plan.Plan("", "r/*", (first, then)), str(tmp_path), at_once, lambda line: None) == []
    assert made[2] == [
        "keras_apn.train",
        "--seed=3",
        f"--workdir={tmp_path}/runs/then-seed3",
        f"--init_from={tmp_path}/runs/first-seed3",
    ]
    assert "init_from" not in json.loads(made[1][1])
    assert json.loads(made[3][1])["init_from"] == "first"


def test_nothing_starts_from_what_failed(calls, tmp_path):
    made, ends = calls
    ends["first-seed3"] = (1, "Traceback")
    both = (plan.Training("first", 3, ()), plan.Training("then", 3, (), "first"))
    failures = runner.run_all(plan.Plan("", "r/*", both), str(tmp_path), tell=lambda line: None)
    assert failures[1] == "then-seed3: starts from first-seed3, which has no result yet; start the study again"
    assert len(made) == 1


def test_what_fails_is_told_and_the_others_go_on(calls, tmp_path):
    made, ends = calls
    ends["--workdir=" + str(tmp_path / "runs" / "bad-seed3")] = (2, "Warning\nerror: --a is unknown\n")
    ends["fault-seed3"] = (1, "Traceback")
    failures = runner.run_all(small_plan("bad", "fault", "good"), str(tmp_path), tell=lambda line: None)
    assert failures == [
        "bad-seed3: keras_apn.train ended with 2: --a is unknown",
        f"fault-seed3: keras_apn.train ended with 1: see {tmp_path}/logs/fault-seed3.log",
    ]
    assert os.listdir(tmp_path / "results") == ["good-seed3.json"]
    assert len(made) == 4


def test_what_another_process_does_is_left_to_it(calls, tmp_path):
    os.makedirs(tmp_path / "claims")
    lines = []
    with claims.claim(str(tmp_path / "claims"), "one-seed3"):
        runner.run_all(small_plan("one", "two"), str(tmp_path), tell=lines.append)
    assert lines == ["one-seed3: another process works on it", "two-seed3: training", "two-seed3: done"]


def test_ctrl_c_ends_the_study(calls, tmp_path):
    _, ends = calls
    ends["one-seed3"] = (130, "Stopped by SIGINT")
    with pytest.raises(KeyboardInterrupt):
        runner.run_all(small_plan("one", "two"), str(tmp_path), tell=lambda line: None)
    assert not os.listdir(tmp_path / "results")
    assert not os.listdir(tmp_path / "claims")


@pytest.mark.parametrize(
    ("state", "patience", "whole"),
    [
        ({"epoch": 5, "best_epoch": 5}, 0, True),
        ({"epoch": 4, "best_epoch": 1}, 0, False),
        ({"epoch": 4, "best_epoch": 1}, 3, True),
        ({"epoch": 4, "best_epoch": 2}, 3, False),
        ({}, 3, False),
    ],
    ids=["whole", "stopped", "ended early", "stopped before that", "never begun"],
)
def test_a_run_that_was_stopped_is_no_result(state, patience, whole):
    settings = config.Config(training=config.TrainingConfig(epochs=5, patience=patience))
    run = types.SimpleNamespace(workdir="w", config=settings, state=state)
    with contextlib.nullcontext() if whole else pytest.raises(UserError, match=r"w was stopped after \d of 5 epochs"):
        score.require_whole(run)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output=o"], "plan"),
        (["--plan=none.json", "--output=o"], "none.json cannot be read (No such file or directory); give a plan like"),
        (["--plan=plan.json", "--output=plan.json/o"], "--output=plan.json/o cannot be written (Not a directory)"),
        (["--plan=plan.json", "--output=o", "--at_once=0"], "--at_once"),
    ],
)
def test_a_mistake_is_one_line_and_2(told, arguments, message):
    code, _, errors = call(*arguments, cwd=told)
    assert code == 2
    assert len(errors.splitlines()) == 1
    assert message in errors


def test_a_study_without_a_result_says_so(told):
    code, out, errors = call("--plan=plan.json", "--output=o", "--norun", cwd=told)
    assert (code, out, errors) == (0, "No run of alone is done yet, which the others are compared with\n", "")
