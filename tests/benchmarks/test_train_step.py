import functools
import importlib.util
import math
import subprocess
import sys

import pytest

from benchmarks import clock, presets, train_step
from data_pipeline.common.errors import UserError
from keras_apn.models import networks

pytestmark = pytest.mark.usefixtures("find_the_project")
NUMBERS = {
    *("images_per_second", "step_s", "first_step_s", "build_s", "imported_mb", "peak_mb"),
    *("processor_s", "ratio_processor", "ratio_measured", "ratio_arithmetic", "ratio_excess", "gflop", "share_of_peak"),
}


@pytest.fixture
def run(run_program):
    """Runs the program with flags and returns the JSON that it wrote."""
    return functools.partial(run_program, train_step)


@pytest.mark.slow
@pytest.mark.lane(only="addons")
def test_steps_are_measured_in_processes_of_their_own(run, capsys):
    told = run(
        "--presets=tiny", "--batches=2", "--modes=generator_only,joint", "--steps=1", "--rounds=1", "--threads=1"
    )  # fmt: skip
    assert [(row["preset"], row["batch"], row["mode"]) for row in told["rows"]] == [
        ("tiny", 2, "generator_only"),
        ("tiny", 2, "joint"),
    ]
    for row in told["rows"]:
        assert set(row) == {"preset", "batch", "mode", *NUMBERS}
        assert all(row[name] > 0 for name in NUMBERS)
        assert row["images_per_second"] == pytest.approx(2 / row["step_s"])
        assert row["peak_mb"] > row["imported_mb"] > 100
        assert row["ratio_excess"] == pytest.approx(row["ratio_measured"] / row["ratio_arithmetic"])
        assert row["share_of_peak"] == pytest.approx(
            row["gflop"] / row["step_s"] / told["machine"]["matrix_product_gflops"]
        )
    alone, joint = told["rows"]
    assert alone["ratio_measured"] == alone["ratio_arithmetic"] == 1
    assert joint["ratio_measured"] == pytest.approx(joint["step_s"] / alone["step_s"])
    # Operations for one image, which test_arithmetic.py counts in the steps' own graphs.
    assert joint["ratio_arithmetic"] == pytest.approx(4679296 / 1567872)
    assert told["command"]["threads"] == 1
    assert all(one["loss"] > 0 for entry in told["rounds"][1:] for one in entry["rounds"])
    printed = capsys.readouterr().out.splitlines()
    assert "1 threads of" in printed[0]
    assert "matrix product" in printed[1]
    assert all(len(line) <= 100 for line in printed[2:])
    assert [line.split()[:3] for line in printed[-2:]] == [["tiny", "2", "generator_only"], ["tiny", "2", "joint"]]


def one(step_s, gflop=10.0):
    seconds = {"step_s": step_s, "processor_s": 1.5, "first_step_s": 9.0, "build_s": 1.0}
    return {**seconds, "gflop": gflop, "imported_mb": 200.0, "peak_mb": 900.0}


def measured(**times):
    found = {
        ("demo", 4, mode): [one(s, 30.0 if mode == "joint" else 10.0) for s in each] for mode, each in times.items()
    }
    peaks = [{"gflops": 20.0}] * len(next(iter(times.values())))
    return {train_step.MATRIX_PRODUCT: peaks, **found}


def test_medians_over_rounds_and_ratios_within_them():
    # The machine drifts: both medians are 2 and 8, and in the rounds one is 4, 4 and 2 times the other.
    alone, joint = train_step.summary(measured(generator_only=(1.0, 2.0, 4.0), joint=(4.0, 8.0, 8.0)))
    assert (alone["step_s"], joint["step_s"]) == (2, 8)
    assert (alone["images_per_second"], joint["images_per_second"]) == (2, 0.5)
    assert (joint["ratio_measured"], joint["ratio_arithmetic"]) == (4, 3)
    assert joint["ratio_excess"] == pytest.approx(4 / 3)
    # 10 GFLOP in 2 seconds, of 20 a second.
    assert alone["share_of_peak"] == pytest.approx(0.25)


def test_without_g_alone_there_is_no_ratio():
    (row,) = rows = train_step.summary(measured(joint=(1.0,)))
    assert row["ratio_measured"] is row["ratio_arithmetic"] is row["ratio_excess"] is None
    assert train_step.table(rows).splitlines()[-1].split() == [
        "demo", "4", "joint", "4.00", "1.000", "9.0", "900", "-", "-", "-", "150.0%",
    ]  # fmt: skip


def test_torch_is_counted_as_g_alone():
    found = measured(generator_only=(1.0,), torch_channels_last=(2.0,))
    del found["demo", 4, "torch_channels_last"][0]["gflop"]
    row = train_step.summary(found)[1]
    assert (row["gflop"], row["ratio_measured"], row["ratio_arithmetic"]) == (10, 2, 1)


def test_cases_take_turns():
    calls = []
    asked = train_step.cases(["tiny", "demo"], [4], ["joint"])
    found = train_step.by_turns(asked, 2, lambda case: calls.append(case) or len(calls))
    assert calls == 2 * [train_step.MATRIX_PRODUCT, ("tiny", 4, "joint"), ("demo", 4, "joint")]
    assert found["demo", 4, "joint"] == [3, 6]


def test_the_first_step_and_the_warm_up_do_not_count(monkeypatch):
    times, work = iter([0, 100, 100, 110, 110, 111, 111, 114]), iter([0, 50, 50, 60, 60, 62, 62, 68])
    monkeypatch.setattr(clock.time, "perf_counter", lambda: next(times))
    monkeypatch.setattr(clock.time, "process_time", lambda: next(work))
    calls = []
    timed = clock.timed(lambda: calls.append(None), 2)
    assert timed == {"first_step_s": 100, "step_s": 2, "processor_s": 4, "steps_s": [1, 3]}
    assert len(calls) == 4


def test_a_process_that_fails_tells_why():
    how = {
        "mode": "joint",
        "batch": 1,
        "precision": "float32",
        "xla": False,
        "recompute": False,
        "threads": 1,
        "steps": 1,
    }
    with pytest.raises(UserError, match=r"^--presets must be of .* Received: huge$"):
        clock.apart("benchmarks.fit_step", preset="huge", **how)
    with pytest.raises(RuntimeError, match="unexpected keyword argument 'cores'"):
        clock.apart("benchmarks.matrix_product", cores=1)


def test_a_wrong_preset_is_one_clear_line():
    command = [sys.executable, "-m", "benchmarks.train_step", "--presets=tiny,huge"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == f"error: --presets must be of {', '.join(presets.PRESETS)}. Received: huge\n"


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--batches=0", "--batches must be whole numbers of at least 1, as in 4,16. Received: 0"),
        ("--batches=four", "--batches must be whole numbers of at least 1, as in 4,16. Received: four"),
        ("--modes=single", "--modes must be of generator_only, joint, alternating. Received: single"),
    ],
)
def test_what_the_user_can_mend(run, flag, message):
    with pytest.raises(UserError) as raised:
        run("--presets=tiny", flag)
    assert str(raised.value) == message


def test_torch_that_is_missing_is_named(run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^--torch needs PyTorch: pip install torch==2\.13\.0 'setuptools<82'$"):
        run("--presets=tiny", "--torch")


def test_torch_needs_an_equal_step(run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    for flag in ("--modes=joint", "--precision=bfloat16"):
        with pytest.raises(UserError, match="--torch is compared with generator_only in float32"):
            run("--presets=tiny", "--torch", flag)


@pytest.mark.parametrize("preset", ["tiny", "demo"])
def test_g_in_torch_has_the_parameters_of_g(torch_python, find_the_project, preset):
    how = {"preset": preset, "batch": 1, "layout": "channels_last", "threads": 1, "steps": 1}
    found = clock.apart("benchmarks.peers.torch_reference", python=torch_python, **how)
    generator = networks.generator(presets.config(preset).model)
    # As many are trained, and as many follow the batches.
    assert found["parameters"] == sum(math.prod(variable.shape) for variable in generator.trainable_variables)
    assert found["statistics"] == generator.count_params() - found["parameters"]
    assert found["loss"] > 0
