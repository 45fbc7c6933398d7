import functools
import os
import subprocess
import sys

import exporting
import pytest

from data_pipeline.common.errors import UserError
from export import benchmark
from export.formats import artefacts, onnx_, tflite
from export.timing import latency
from keras_apn.inference import runtimes

pytestmark = pytest.mark.usefixtures("find_the_project")
TIMED = {"batch", "p50_ms", "p90_ms", "p99_ms", "images_per_s", "calls", "peak_mb", "over_keras"}


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Exports of a tiny G: an ONNX model and TFLite files in float32."""
    path, estimator = tmp_path_factory.mktemp("exports"), exporting.estimator()
    for kind, export in (("onnx", onnx_.export), ("tflite", functools.partial(tflite.export, quantize=("none",)))):
        folder = artefacts.folder(str(path), kind, "posenet", 1)
        os.makedirs(folder)
        export(estimator, folder, exporting.about(estimator))
    return path


@pytest.fixture
def run(run_program):
    """Runs the program with flags and returns the JSON that it wrote."""
    return functools.partial(run_program, benchmark)


@pytest.mark.slow
@pytest.mark.lane(only="addons")
def test_every_model_is_measured_in_its_own_process(run, exports, tiny_workdir, capsys):
    told = run(
        f"--exports={exports}", f"--workdir={tiny_workdir}", "--batches=1,3", "--seconds=0.02", "--rounds=1",
        "--threads=1",
    )  # fmt: skip
    names = ["keras heatmaps", "keras joints", "tflite heatmaps float32", "tflite joints float32", "onnx"]
    assert [row["name"] for row in told["models"]] == names
    assert [row["answer"] for row in told["models"]] == ["pose", "joints", "pose", "joints", "joints"]
    for row in told["models"]:
        assert [timed["batch"] for timed in row["batches"]] == [1, 3]
        for timed in row["batches"]:
            assert set(timed) == TIMED
            assert 0 < timed["p50_ms"] <= timed["p90_ms"] <= timed["p99_ms"]
            assert timed["calls"] >= latency.LEAST_CALLS
            assert timed["images_per_s"] > 0
            assert timed["over_keras"] == pytest.approx(1) or not row["name"].startswith("keras")
            assert timed["peak_mb"] >= row["imported_mb"] > 10
        assert row["cold_start_s"] > 0
    # TensorFlow is not imported to run what does not need it.
    imported = {row["name"]: row["imported_mb"] for row in told["models"]}
    assert imported["onnx"] < imported["keras joints"] / 2
    assert told["command"]["threads"] == 1
    assert told["command"]["name"] == "posenet"
    assert told["machine"]["cores"] == os.cpu_count()
    assert told["versions"]["onnxruntime"]
    assert set(told["rounds"]) == set(names)
    printed = capsys.readouterr().out.splitlines()
    assert "1 threads of" in printed[0]
    assert all(len(line) <= 100 for line in printed[1:])
    assert [line[:23].strip() for line in printed[4:]] == [word for name in names for word in (name, "")]


def measured(p50, load_s=0.25, peak=100.0):
    timed = {"batch": 1, "p50_ms": p50, "p90_ms": 2 * p50, "p99_ms": 3 * p50, "images_per_s": 1000 / p50, "calls": 7}
    return {
        "import_s": 1.0,
        "load_s": load_s,
        "first_s": 0.5,
        "imported_mb": 50.0,
        "batches": [{**timed, "peak_mb": peak}],
    }


ASKED = {
    "keras joints": {"kind": "keras", "path": "w", "answer": "joints", "flip": False},
    "onnx": {"kind": "onnx", "path": "m.onnx", "answer": "joints"},
}


def test_medians_over_rounds_and_ratios_within_them():
    # The machine drifts: medians are 10 and 10, and in the rounds one is 0.5, 0.5 and 2 times the other.
    times = {"keras joints": (10.0, 20.0, 10.0), "onnx": (5.0, 10.0, 20.0)}
    rows = benchmark.summary(ASKED, {name: [measured(p50) for p50 in each] for name, each in times.items()})
    assert [row["name"] for row in rows] == ["keras joints", "onnx"]
    assert [row["batches"][0]["p50_ms"] for row in rows] == [10, 10]
    assert [row["batches"][0]["p99_ms"] for row in rows] == [30, 30]
    assert [row["batches"][0]["over_keras"] for row in rows] == [1, 0.5]
    assert rows[1]["cold_start_s"] == 0.75
    assert rows[1]["imported_mb"] == 50


def test_without_keras_there_is_no_ratio():
    rows = benchmark.summary(ASKED, {"onnx": [measured(5.0), measured(6.0)]})
    assert rows[0]["batches"][0]["over_keras"] is None
    assert benchmark.table(rows).splitlines()[-1].split() == [
        "onnx", "0.75", "50", "100", "1", "5.50", "11.00", "16.50", "183.3", "-",
    ]  # fmt: skip


def test_models_take_turns_and_are_told_how_to_run():
    calls = []

    def run(**arguments):
        calls.append(arguments)
        return measured(5.0)

    found = benchmark.by_turns(ASKED, 2, run, threads=3, batches=[1], seconds=0.5)
    assert [call["kind"] for call in calls] == ["keras", "onnx", "keras", "onnx"]
    assert all(call["threads"] == 3 and call["batches"] == [1] and call["seconds"] == 0.5 for call in calls)
    assert {name: len(rounds) for name, rounds in found.items()} == {"keras joints": 2, "onnx": 2}


@pytest.mark.parametrize(
    ("workdir", "names"),
    [
        (None, ["saved_model", "tflite heatmaps int8"]),
        ("w", ["keras heatmaps", "keras joints", "saved_model", "tflite"]),
    ],
)
def test_keras_is_there_for_each_kind_of_answer(workdir, names):
    found = [artefacts.Artefact("saved_model", "a"), artefacts.Artefact("tflite", "b", "heatmaps", "int8")]
    asked = benchmark.models(found, workdir, flip=True)
    assert [name.replace(" heatmaps int8", "") if workdir else name for name in asked] == names
    assert asked["saved_model"] == {"kind": "saved_model", "path": "a", "answer": "joints"}
    if workdir:
        assert asked["keras heatmaps"] == {"kind": "keras", "path": "w", "answer": "pose", "flip": True}


def test_percentiles_by_hand():
    # 101 calls of 0 to 100 ms.
    told = latency.summary([n / 1000 for n in range(101)], batch=8)
    assert told["p50_ms"] == pytest.approx(50)
    assert told["p90_ms"] == pytest.approx(90)
    assert told["p99_ms"] == pytest.approx(99)
    assert told["calls"] == 101
    assert told["images_per_s"] == pytest.approx(8 * 101 / 5.05)


def test_litert_gets_its_threads(monkeypatch):
    asked = {}

    class Interpreter:
        def __init__(self, model_path, num_threads):
            asked[model_path] = num_threads
            raise ValueError("enough")

    monkeypatch.setattr(runtimes, "_interpreter", lambda: Interpreter)
    with pytest.raises(UserError, match="enough"):
        latency.load("tflite", "m.tflite", threads=3)
    assert asked == {"m.tflite": 3}


def test_onnx_runtime_gets_its_threads(exports):
    path = str(exports / "onnx" / "posenet" / "1" / "model.onnx")
    model = latency.load("onnx", path, threads=3)
    assert model.session.get_session_options().intra_op_num_threads == 3
    assert model.session.get_session_options().inter_op_num_threads in (0, 1)


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_tensorflow_gets_its_threads():
    code = """if True:
        from export.timing import latency
        latency.prepare("saved_model", 3)
        import tensorflow as tf
        print(tf.config.threading.get_intra_op_parallelism_threads(), tf.config.get_visible_devices("GPU"))"""
    assert python(code) == ["3", "[]"]


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_other_runtimes_are_measured_without_tensorflow(kind):
    code = f"""if True:
        import sys
        from export.timing import latency
        latency.prepare("{kind}", 1)
        print("tensorflow" in sys.modules)
    """
    assert python(code) == ["False"]


def test_a_process_that_fails_tells_why(tmp_path):
    how = {"answer": "joints", "threads": 1, "batches": [1], "seconds": 0.01}
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(UserError, match=r"^\S*m\.onnx cannot be read as an ONNX model"):
        latency.apart(kind="onnx", path=str(tmp_path / "m.onnx"), **how)
    with pytest.raises(RuntimeError, match="KeyError: 'coreml'"):
        latency.apart(kind="coreml", path="m", **how)


@pytest.mark.parametrize(("words", "expected"), [(["8", "1"], [1, 8]), (["2", " 2"], [2])], ids=["sorted", "each once"])
def test_batches(words, expected):
    assert benchmark.require_batches(words) == expected


@pytest.mark.parametrize("words", [[], ["0"], ["1", "x"], ["-1"], ["1.5"]])
def test_batches_that_are_none(words):
    with pytest.raises(UserError, match="--batches must be whole numbers of at least 1"):
        benchmark.require_batches(words)
