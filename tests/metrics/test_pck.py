import numpy as np
import pytest
import scipy.io
import tensorflow as tf

from data_pipeline import skeleton as skeletons
from data_pipeline.readers import mpii
from data_pipeline.skeleton import COLUMNS, INDEX, JOINTS_14, MPII16
from keras_apn.metrics import normalisers, pck, running_pck

HEAD, NECK = INDEX["head_top"], INDEX["upper_neck"]
PELVIS, THORAX = INDEX["pelvis"], INDEX["thorax"]
RIGHT_WRIST, LEFT_WRIST = INDEX["right_wrist"], INDEX["left_wrist"]


def normalised(people=1, **distances):
    """(people, 16) zeros, with a row of distances for each named joint; None is not annotated."""
    values = np.zeros((people, 16))
    for name, column in distances.items():
        values[:, INDEX[name]] = [np.nan if value is None else value for value in column]
    return values


def test_distances_are_in_units_of_each_persons_normaliser():
    true = np.zeros((2, 16, 2))
    found = pck.distances(true + np.array([3, 4]), true, np.array([10.0, 2.5]), np.ones((2, 16), bool))
    np.testing.assert_allclose(found, [[0.5] * 16, [2.0] * 16])


def test_distances_of_what_is_not_annotated_are_nan():
    annotated = np.arange(16)[None] != 4
    found = pck.distances(np.zeros((1, 16, 2)), np.zeros((1, 16, 2)), np.ones(1), annotated)
    assert np.flatnonzero(np.isnan(found)).tolist() == [4]


def test_a_person_without_a_size_counts_nowhere():
    found = pck.distances(np.zeros((2, 16, 2)), np.zeros((2, 16, 2)), np.array([0.0, 1.0]), np.ones((2, 16), bool))
    assert np.isnan(found).all(axis=1).tolist() == [True, False]


@pytest.mark.parametrize(("away", "percent"), [(0.499, 100), (0.5, 100), (0.501, 0)], ids=["under", "at", "over"])
def test_a_joint_at_the_threshold_counts(away, percent):
    assert pck.rates(normalised(head_top=[away]), 0.5)["head"] == percent


def test_columns_are_the_mean_of_left_and_right():
    # Right wrists: 1 of 1 annotated; left wrists: 1 of 2.
    table = pck.rates(normalised(2, right_wrist=[0, None], left_wrist=[0, 9]), 0.5)
    assert table["wrist"] == 75
    assert table["elbow"] == 100


def test_the_three_means_differ():
    # Two people. Only one right wrist is annotated, and it is lost; a left wrist is lost; all pelves are lost.
    table = pck.rates(normalised(2, right_wrist=[9, None], left_wrist=[9, 0], pelvis=[9, 9]), 0.5)
    assert table["mean_14"] == pytest.approx(100 * (12 + 0 + 0.5) / 14)
    assert table["pooled_14"] == pytest.approx(100 * (28 - 1 - 2) / (28 - 1))
    assert table["pooled_16"] == pytest.approx(100 * (32 - 1 - 4) / (32 - 1))


def test_a_joint_that_is_annotated_nowhere_is_in_no_mean():
    table = pck.rates(normalised(right_wrist=[None], left_wrist=[None], head_top=[9]), 0.5)
    assert table["wrist"] is None
    assert table["mean_14"] == pytest.approx(100 * 11 / 12)
    assert table["pooled_14"] == pytest.approx(100 * 11 / 12)


def test_nothing_annotated_gives_no_number():
    assert set(pck.rates(np.full((1, 16), np.nan), 0.5).values()) == {None}


def test_pck_divides_by_left_shoulder_to_right_hip():
    joints = np.zeros((1, 16, 2))
    joints[0, INDEX["left_shoulder"]], joints[0, INDEX["right_hip"]] = (40, 10), (10, 50)
    annotated = np.ones((1, 16), bool)
    assert normalisers.torso_size(joints, annotated).tolist() == [50]
    # 10 pixels are 0.2 of 50, and count.
    found = pck.distances(joints + np.array([10, 0]), joints, normalisers.torso_size(joints, annotated), annotated)
    assert pck.rates(found, pck.THRESHOLDS["pck"])["pooled_14"] == 100


@pytest.mark.parametrize("missing", ["left_shoulder", "right_hip"])
def test_pck_counts_nobody_whose_torso_is_not_annotated(missing):
    joints, annotated = np.full((1, 16, 2), np.arange(16)[:, None]), np.ones((1, 16), bool)
    annotated[0, INDEX[missing]] = False
    assert normalisers.torso_size(joints, annotated).tolist() == [0]


def test_the_curve_and_its_area():
    # Seven of 14 joints are right on, seven a quarter off: 50 percent below 0.25 and 100 from there on.
    values = normalised()
    values[0, list(JOINTS_14[:7])] = 0.25
    curve = pck.curve(values, 0.5)
    thresholds, percents = curve["thresholds"], curve["mean_14"]
    assert (thresholds[0], thresholds[25], thresholds[-1]) == (0, 0.25, 0.5)
    assert percents == [50] * 25 + [100] * 26
    assert curve["pooled_14"] == percents
    # Fifty strips: 24 of 50, one of 75 where it rises, 25 of 100.
    assert pck.area(thresholds, percents) == pytest.approx((24 * 50 + 75 + 25 * 100) / 50)


def test_a_score_has_the_columns_of_its_skeleton():
    coco = skeletons.load("coco17")
    found = pck.score(np.full((3, 17), 0.1), np.ones((3, 17), bool), "pck", skeleton=coco)
    assert list(found["pck@0.2"]) == list(coco.titles)
    assert found["pck@0.2"][coco.mean] == 100
    assert set(found["curve"]) < {"thresholds", *coco.titles}
    assert set(found["visible"]) == set(coco.by_visibility)


def test_score_splits_wrists_and_elbows_by_visibility():
    values = normalised(2, right_wrist=[0, 9], left_wrist=[9, None], right_elbow=[0.5, 0.6])
    visible = np.ones((2, 16), bool)
    visible[1, RIGHT_WRIST], visible[0, LEFT_WRIST], visible[1, INDEX["right_elbow"]] = False, False, False
    table = pck.score(values, visible)
    assert table["visible"] == {"wrist": 100, "elbow": 100}
    assert table["occluded"] == {"wrist": 0, "elbow": 0}
    assert table["people"] == 2
    assert table["pckh@0.5"]["head"] == 100


def test_the_area_of_nothing_annotated_is_no_number():
    curve = pck.curve(np.full((1, 16), np.nan), 0.5)
    assert pck.area(curve["thresholds"], curve["mean_14"]) is None


def test_score_without_visibility_has_no_split():
    table = pck.score(normalised(2), None)
    assert table["visible"] == table["occluded"] == {"wrist": None, "elbow": None}
    assert list(table["pckh@0.5"]) == list(MPII16.titles)


def test_the_split_leaves_out_people_whose_occlusion_is_not_known():
    values = normalised(3, right_wrist=[0, 9, 9])
    visible = np.ones((3, 16), bool)
    visible[2, LEFT_WRIST] = False
    # Right and left wrists of the first two: three of four are found; with the third, whose one is hidden, of five.
    assert pck.by_visibility(values, visible, 0.5)["visible"]["wrist"] == 60
    table = pck.score(values, visible, occlusion_known=np.array([True, True, False]))
    assert (table["visible"]["wrist"], table["occluded"]["wrist"]) == (75, None)
    assert table["people"] == 3
    nobody = pck.score(values, visible, occlusion_known=np.zeros(3, bool))
    assert nobody["visible"] == nobody["occluded"] == {"wrist": None, "elbow": None}


def test_errors_are_over_the_annotated_ones_of_14_joints():
    # Of 14 joints one is not annotated, one is 13 off, one 1.3 off; pelvis and thorax count nowhere.
    values = normalised(right_wrist=[None], left_wrist=[13], head_top=[1.3], pelvis=[99], thorax=[99])
    assert pck.errors(values) == {"mean": pytest.approx(1.1), "median": 0}
    assert pck.errors(np.full((1, 16), np.nan)) == {"mean": None, "median": None}


def test_score_of_no_occluded_joint_has_no_number():
    assert pck.score(normalised(), np.ones((1, 16), bool))["occluded"] == {"wrist": None, "elbow": None}


def random_people(people=23, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 60, (people, 16, 2)).astype(np.float32)
    found = true + rng.normal(size=true.shape, scale=2).astype(np.float32)
    return found, true, rng.uniform(3, 8, people).astype(np.float32), rng.random((people, 16)) < 0.8


@pytest.mark.parametrize("batch", [1, 7, 10, 23])
@pytest.mark.parametrize("mean", ["mean_14", "pooled_14", "pooled_16"])
def test_the_keras_metrics_over_ragged_batches_are_the_answer_over_all(batch, mean):
    found, true, head_size, annotated = random_people()
    annotated[:, RIGHT_WRIST] = False  # A joint that no one has annotated is in no mean.
    head_size[3] = 0  # A person without a size counts nowhere.
    torso = normalisers.torso_size(true, annotated)
    assert (torso == 0).any()
    for metric, sizes, more in (
        (running_pck.PCKh(mean=mean), head_size, (head_size,)),
        (running_pck.PCK(mean=mean), torso, ()),
    ):
        for start in range(0, 23, batch):
            part = slice(start, start + batch)
            metric.update_state(*(tf.constant(v[part]) for v in (found, true, *more, annotated)))
        expected = pck.rates(pck.distances(found, true, sizes, annotated), metric.threshold)[mean]
        assert 20 < expected < 95
        assert 100 * float(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_the_keras_metric_has_the_table_of_all_its_batches():
    found, true, head_size, annotated = random_people()
    annotated[:, RIGHT_WRIST] = annotated[:, HEAD] = False
    metric = running_pck.PCKh()
    for part in (slice(0, 9), slice(9, 23)):
        metric.update_state(*(tf.constant(v[part]) for v in (found, true, head_size, annotated)))
    expected = pck.rates(pck.distances(found, true, head_size, annotated), 0.5)
    assert metric.table() == pytest.approx(expected)
    assert expected["head"] is None
    each = metric.by_joint()
    assert each["right_wrist"] is each["head_top"] is None
    assert each["left_wrist"] == pytest.approx(expected["wrist"])
    assert (each["left_knee"] + each["right_knee"]) / 2 == pytest.approx(expected["knee"])


def test_the_keras_metric_forgets():
    metric = running_pck.PCKh()
    metric.update_state(*map(tf.constant, random_people()))
    metric.reset_state()
    assert float(metric.result()) == 0


@pytest.fixture(scope="module")
def real(shared_data):
    """Distances of real predictions, and which joints are visible."""
    truth = scipy.io.loadmat(shared_data("mpii/detections_our_format.mat"))
    predicted = scipy.io.loadmat(shared_data("mpii/predictions_hg_s8_b1.mat"))["preds"]
    boxes = truth["headboxes_src"]
    head_size = 0.6 * np.linalg.norm(boxes[1] - boxes[0], axis=0)
    annotated = truth["jnt_missing"].T == 0
    return pck.distances(predicted, truth["pos_gt_src"].transpose(2, 0, 1), head_size, annotated)


@pytest.mark.parametrize(
    ("name", "percent"),
    [
        ("head", 96.79),
        ("shoulder", 95.19),
        ("elbow", 90.08),
        ("wrist", 85.32),
        ("hip", 87.48),
        ("knee", 84.26),
        ("ankle", 80.73),
        ("mean_14", 88.64),
        ("pooled_14", 89.09),
        ("pooled_16", 89.90),
    ],
)
def test_real_predictions_have_their_known_score(real, name, percent):
    assert len(real) == 2958
    assert pck.rates(real, 0.5)[name] == pytest.approx(percent, abs=0.01)


def test_real_predictions_by_visibility(real, shared_data):
    annotations = mpii.read(shared_data("mpii/mpii_annotations.json.gz"), split="validation")
    visible = np.stack([person.visible for person in annotations.people])
    table = pck.by_visibility(real, visible, 0.5)
    assert table["visible"] == pytest.approx({"wrist": 93.45, "elbow": 95.10}, abs=0.01)
    assert table["occluded"] == pytest.approx({"wrist": 60.54, "elbow": 72.04}, abs=0.01)
    elbows = ~np.isnan(real[:, list(COLUMNS["elbow"])]) & ~visible[:, list(COLUMNS["elbow"])]
    assert elbows.sum() == 1277
