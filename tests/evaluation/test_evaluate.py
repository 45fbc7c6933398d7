import dataclasses
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys

import exporting
import h5py
import numpy as np
import pytest
import scipy.io

from data_pipeline.common.errors import UserError
from data_pipeline.readers import lsp
from data_pipeline.skeleton import INDEX
from keras_apn import evaluate
from keras_apn.inference import pose_estimator
from keras_apn.models import best_weights, networks

ROOT = pathlib.Path(__file__).parents[2]
COLUMN_KEYS = ["head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
RATES = [*COLUMN_KEYS, "mean_14", "pooled_14", "pooled_16", "auc"]
SECTIONS = [
    *("pckh@0.5", "visible", "occluded", "curve", "people", "error_head_sizes", "occlusion_ap", "implausible"),
    "right",
]
# The known answers of the real hourglass predictions.
KNOWN = dict(zip(RATES, (96.79, 95.19, 90.08, 85.32, 87.48, 84.26, 80.73, 88.64, 89.09, 89.90), strict=False))
KNOWN_SPLIT = {"visible": {"wrist": 93.45, "elbow": 95.10}, "occluded": {"wrist": 60.54, "elbow": 72.04}}


@pytest.fixture
def run(run_program):
    """Runs the program with flags and returns the JSON that it wrote."""
    return functools.partial(run_program, evaluate)


@pytest.fixture(scope="module")
def real(shared_data):
    """Real predictions (2958, 16, 2), and the flag that names their truth."""
    values = scipy.io.loadmat(shared_data("mpii/predictions_hg_s8_b1.mat"))["preds"]
    return values, f"--truth={shared_data('mpii/detections_our_format.mat')}"


def assert_known(told):
    assert list(told) == SECTIONS
    assert list(told["pckh@0.5"]) == RATES
    assert {name: told["pckh@0.5"][name] for name in KNOWN} == pytest.approx(KNOWN, abs=0.01)
    for seen, expected in KNOWN_SPLIT.items():
        assert told[seen] == pytest.approx(expected, abs=0.01)
    assert told["people"] == 2958


def test_real_predictions_have_their_known_score(run, real, shared_data, capsys):
    told = run(f"--predictions={shared_data('mpii/predictions_hg_s8_b1.mat')}", real[1])
    assert_known(told)
    assert told["occlusion_ap"] is told["implausible"] is None
    printed = capsys.readouterr().out
    assert "96.79     95.19     90.08     85.32     87.48     84.26     80.73     88.64     89.09     89.90" in printed


def write_hdf5(path, values):
    with h5py.File(path, "w") as file:
        file["preds"] = values


@pytest.mark.parametrize(
    ("name", "write", "order"),
    [
        ("p.h5", write_hdf5, (0, 1, 2)),
        ("p.npz", lambda path, values: np.savez(path, preds=values.astype(np.float64)), (0, 1, 2)),
        ("p.mat", lambda path, values: scipy.io.savemat(path, {"preds": values}), (1, 2, 0)),
        ("p.h5", write_hdf5, (2, 1, 0)),
    ],
    ids=["h5", "npz", "mat, people last", "h5, turned round"],
)
def test_the_same_predictions_in_another_file_score_the_same(run, real, tmp_path, name, write, order):
    write(tmp_path / name, real[0].transpose(order))
    assert_known(run(f"--predictions={tmp_path / name}", real[1]))


def test_without_annotations_the_split_is_not_known(run, real, tmp_path, capsys):
    np.savez(tmp_path / "p.npz", preds=real[0])
    (tmp_path / "alone.mat").write_bytes(pathlib.Path(real[1].removeprefix("--truth=")).read_bytes())
    told = run(f"--predictions={tmp_path / 'p.npz'}", f"--truth={tmp_path / 'alone.mat'}")
    assert told["pckh@0.5"]["wrist"] == pytest.approx(85.32, abs=0.01)
    assert told["visible"] == told["occluded"] == {"wrist": None, "elbow": None}
    assert "by visibility: not known" in capsys.readouterr().out


def upright(people):
    """LSP's (3, 14, people): |left shoulder - right hip| is 100 pixels, all visible but the left wrists."""
    x = np.array([40, 40, 40, 100, 100, 100, 0, 20, 40, 100, 120, 140, 70, 70.0])
    y = np.array([300, 230, 180, 180, 230, 300, 180, 140, 100, 100, 140, 180, 90, 50.0])
    joints = np.stack([x, y, np.zeros(14)])
    joints[2, 11] = 1
    return np.repeat(joints[..., None], people, axis=2)


def write_lsp(folder, truth, predicted):
    scipy.io.savemat(folder / "joints.mat", {"joints": truth})
    np.savez(folder / "p.npz", preds=predicted)
    return f"--predictions={folder / 'p.npz'}", f"--truth={folder / 'joints.mat'}"


def test_lsp_by_hand(run, tmp_path):
    truth = upright(2000)
    predicted = truth[:2, :, 1000:].transpose(2, 1, 0).copy()
    # 0.2 of 100 pixels: 20 off counts, 21 does not. Person 1001's left wrist, and 250 people's right ankles, are lost.
    predicted[1, 6] += (0, 20)
    predicted[0, 11] += (0, 21)
    predicted[:250, 0] += (0, 100)
    told = run(*write_lsp(tmp_path, truth, predicted))
    table = told["pck@0.2"]
    assert told["people"] == 1000
    assert table["head"] == table["shoulder"] == table["elbow"] == table["hip"] == table["knee"] == 100
    assert table["wrist"] == pytest.approx((100 + 99.9) / 2)
    assert table["ankle"] == pytest.approx((75 + 100) / 2)
    assert table["mean_14"] == pytest.approx(100 * (14000 - 251) / 14000)
    assert table["pooled_14"] == pytest.approx(100 * (14000 - 251) / 14000)
    assert told["visible"] == {"wrist": 100, "elbow": 100}
    assert told["occluded"] == {"wrist": pytest.approx(99.9), "elbow": None}


def test_the_first_thousand_of_lsp_are_not_scored_against_the_last(run, tmp_path):
    truth = upright(2000)
    truth[0, :, :1000] += 500
    arguments = write_lsp(tmp_path, truth, truth[:2, :, :1000].transpose(2, 1, 0))
    assert run(*arguments)["pck@0.2"]["pooled_14"] == 0


@pytest.mark.parametrize("first", [0, 1000], ids=["all", "test"])
def test_the_truth_of_lsp_scores_100_against_itself(run, shared_data, tmp_path, first):
    truth = scipy.io.loadmat(shared_data("lsp/joints.mat"))["joints"]
    told = run(*write_lsp(tmp_path, truth, truth[:2, :, first:].transpose(2, 1, 0)))
    assert set(told["pck@0.2"].values()) == {100.0}
    assert told["visible"] == told["occluded"] == {"wrist": 100, "elbow": 100}
    assert told["people"] == 2000 - first


def test_16_joints_are_scored_on_lsp_too_and_by_either_metric(run, shared_data, tmp_path):
    truth = scipy.io.loadmat(shared_data("lsp/joints.mat"))["joints"]
    predicted = np.zeros((1000, 16, 2))
    predicted[:, lsp.ORDER] = truth[:2, :, 1000:].transpose(2, 1, 0)
    predicted[:, INDEX["left_wrist"]] += 1e4
    told = run(*write_lsp(tmp_path, truth, predicted), "--metric=pckh")
    assert told["pckh@0.5"]["wrist"] == 50
    assert told["pckh@0.5"]["mean_14"] == pytest.approx(100 * 13 / 14)


def test_a_runs_json_has_stable_keys(run, tiny_workdir, tmp_path, capsys):
    sheet = tmp_path / "s.png"
    told = run(f"--workdir={tiny_workdir}", "--baseline", "--batch_size=4", f"--sheet={sheet}")
    assert list(told) == [*SECTIONS, "discriminators", "mean_pose"]
    assert list(told["mean_pose"]) == SECTIONS
    assert told["discriminators"] == {"pose": None, "confidence": None}
    assert list(told["pckh@0.5"]) == RATES
    assert told["people"] == 5
    assert set(told["implausible"]) == {"limbs", "symmetry", "either", "truth"}
    assert {*COLUMN_KEYS, "mean_14"} < set(told["occlusion_ap"])
    assert told["mean_pose"]["occlusion_ap"] is None
    printed = capsys.readouterr().out
    assert "pckh@0.5" in printed
    assert "mean pose" in printed
    assert sheet.stat().st_size > 1000


def test_a_run_is_scored_without_its_training_records(run, tiny_workdir, tmp_path, capsys):
    copy = tmp_path / "workdir"
    shutil.copytree(tiny_workdir, copy)
    told = json.loads((copy / "config.json").read_text())
    told["data"]["train_records"] = "gone/train-*.tfrecord"
    (copy / "config.json").write_text(json.dumps(told))
    assert run(f"--workdir={copy}")["implausible"] is None
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "No records match gone/train-*.tfrecord; plausibility is left out"
    assert told[1:] == [f"No weights in {best_weights.path(copy, 'pose_discriminator')}; P and C are left out"]


def test_any_batch_size_gives_the_same_scores(run, tiny_workdir):
    whole, ragged = (run(f"--workdir={tiny_workdir}", f"--batch_size={batch}") for batch in (5, 3))
    # Networks round otherwise in batches of other sizes; of what is counted nothing changes.
    rights = [told.pop("right") for told in (whole, ragged)]
    assert whole == ragged
    assert list(rights[0]) == list(rights[1]) == ["peak"]


MEASURES = {
    "pose": ["auc", "peak_auc", "moved_auc", "calibration", "toward"],
    "confidence": ["auc", "peak_auc", "amplitude", "calibration", "toward"],
}


@pytest.mark.parametrize("present", [("pose", "confidence"), ("pose",), ("confidence",), ()], ids=" and ".join)
def test_a_run_says_how_good_its_discriminators_are(run, tiny_workdir, tiny_config, tmp_path, capsys, present):
    wanted = {f"{name}_discriminator": name in present for name in MEASURES} if present else {"discriminators": False}
    # A G that nobody trained finds a joint by luck alone, and its maps are all about as far from the true ones.
    settings = dataclasses.replace(
        tiny_config,
        model=dataclasses.replace(tiny_config.model, **wanted),
        training=dataclasses.replace(tiny_config.training, delta=3.0, epsilon=1.0),
    )
    shutil.copytree(tiny_workdir / "best", tmp_path / "best")
    settings.save(tmp_path)
    for network in networks.discriminators(settings.model):
        if network is not None:
            network.save_weights(best_weights.path(tmp_path, network.name))
    told = run(f"--workdir={tmp_path}", "--batch_size=4")["discriminators"]
    printed = capsys.readouterr()
    assert not printed.err
    # Five people are too few to calibrate P on, which is said once.
    assert printed.out.count("P is not calibrated: ") == ("pose" in present)
    assert list(told) == list(MEASURES)
    for name, scores in told.items():
        line = [words for words in printed.out.splitlines() if words.startswith(f"{name[0].upper()}: G ")]
        if name not in present:
            assert scores is None
            assert not line
            continue
        assert list(scores) == MEASURES[name]
        assert all(0 <= scores[measure] <= 1 for measure in scores if measure != "amplitude" and scores[measure])
        assert 0 <= scores["calibration"] <= 1
        (words,) = line
        assert f"calibration {scores['calibration']:.3f}" in words
    if "pose" in present:
        assert None not in told["pose"].values()
    if "confidence" in present:
        assert told["confidence"]["amplitude"] != 0


def test_flip_and_scales_are_taken(run, tiny_workdir):
    told = run(f"--workdir={tiny_workdir}", "--flip", "--scales=0.85,1,1.15")
    assert told["people"] == 5


def test_an_export_scores_what_its_run_scores(run, tiny_workdir, tiny_records, tmp_path):
    exporting.write_saved_model(pose_estimator.from_workdir(str(tiny_workdir)), tmp_path)
    expected = run(f"--workdir={tiny_workdir}")
    assert run(f"--workdir={tiny_workdir}", f"--model={tmp_path / 'posenet'}")["people"] == 5
    # Without a run there are no training poses to compare with. Crops are rounded to bytes, so a peak may move.
    alone = run(f"--model={tmp_path / 'posenet'}", f"--records={tiny_records}/validation-*.tfrecord")
    assert alone["implausible"] is None
    assert alone["error_head_sizes"]["mean"] == pytest.approx(expected["error_head_sizes"]["mean"], abs=0.3)


def test_records_that_are_not_there_are_the_users_mistake(run, tiny_workdir):
    with pytest.raises(UserError, match="No records match"):
        run(f"--workdir={tiny_workdir}", "--records=nowhere-*.tfrecord")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--workdir, --model, or --predictions with --truth"),
        (("--predictions=p.mat",), "--predictions needs --truth"),
        (("--predictions=p.mat", "--truth=t.mat", "--workdir=w"), "--workdir has no meaning with --predictions"),
        (("--predictions=p.mat", "--truth=t.mat", "--scales=1,1.2"), "--scales has no meaning with --predictions"),
        (("--workdir=w", "--truth=t.mat"), "--truth has no meaning here"),
        (("--model=m.onnx",), "--model needs --records, or the --workdir"),
        (("--model=m.onnx", "--records=r", "--baseline"), "--baseline has no meaning here"),
        (("--model=nowhere.onnx", "--records=r"), "nowhere.onnx does not exist"),
        (("--workdir=w", "--scales=nine"), "w is not a workdir"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_flags_that_do_not_say_what_to_score(run, arguments, message):
    with pytest.raises(UserError, match=message):
        run(*arguments)


def nan_predictions(folder):
    np.savez(folder / "p.npz", preds=np.full((1000, 14, 2), np.nan))


def wrong_shape(folder):
    np.savez(folder / "p.npz", preds=np.zeros((7, 14, 2)))


def unreadable(folder):
    (folder / "p.npz").write_bytes(b"PK nothing")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (nan_predictions, "predictions must be finite"),
        (wrong_shape, "must be of 2000 or 1000 people"),
        (unreadable, "is not a whole file"),
        (lambda folder: None, "p.npz cannot be read"),
    ],
    ids=["nan", "shape", "unreadable", "missing"],
)
def test_bad_predictions_get_one_clear_line(tmp_path, spoil, words):
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": upright(2000)})
    spoil(tmp_path)
    command = [sys.executable, "-m", "keras_apn.evaluate", f"--predictions={tmp_path}/p.npz"]
    result = subprocess.run(
        [*command, f"--truth={tmp_path}/joints.mat"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line


@pytest.mark.parametrize("shape", [(2, 14, 1000), (14, 2, 1000), (1000, 14, 2)], ids=str)
@pytest.mark.parametrize("name", ["preds", "pred", "keypoints"])
def test_lsps_truth_in_the_shapes_that_predictions_are_published_in_scores_100(run, shared_data, tmp_path, shape, name):
    truth = scipy.io.loadmat(shared_data("lsp/joints.mat"))["joints"]
    test = truth[:2, :, 1000:]  # (2, 14, 1000)
    order = tuple({2: 0, 14: 1, 1000: 2}[size] for size in shape)
    scipy.io.savemat(tmp_path / "published.mat", {name: test.transpose(order)})
    told = run(f"--predictions={tmp_path / 'published.mat'}", f"--truth={shared_data('lsp/joints.mat')}")
    assert told["pck@0.2"]["pooled_14"] == 100
    assert told["people"] == 1000
