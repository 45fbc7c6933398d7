import json
import os

import cv2
import numpy as np
import pytest
import tensorflow as tf

from benchmarks import input_pipeline, input_report, pictures
from benchmarks.peers import conventional
from data_pipeline import geometry, heatmaps
from data_pipeline.augmentation import augment
from data_pipeline.records import dataset
from data_pipeline.skeleton import MIRROR


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Two photographs, eight records of them, and measurements as short as can be."""
    folder = str(tmp_path_factory.mktemp("pipeline"))
    people = pictures.build(folder, 2, 8, input_pipeline.PATCH_SIZE)
    return input_pipeline.Work(folder, people, batch_size=2, shuffle=4, seconds=0.01, repeats=1)


@pytest.fixture(scope="module")
def first(work):
    """The first photograph's record as the project's own crop without augmentation, a dict of batches of one."""
    paths = pictures.shard_paths(work.folder)
    batches = dataset.load(paths, patch_size=input_pipeline.PATCH_SIZE, batch_size=1, names=True)
    [batch] = [batch for batch in batches if batch["image"][0] == b"0000000.jpg"]
    return augment.make_crops(batch, augment.identity(1), input_pipeline.CROP_SIZE)


@pytest.fixture(params=[conventional.load, conventional.load_uint8], ids=["float", "uint8"])
def load(request):
    return request.param


def test_photographs_have_mpiis_size(work):
    sizes = [cv2.imread(os.path.join(work.folder, person.image)).shape for person in work.people]
    assert sizes == [(720, 1280, 3)] * 2


def test_photographs_are_the_same_each_time():
    assert np.array_equal(pictures.photograph(3)[1], pictures.photograph(3)[1])


def test_there_are_as_many_records_as_were_asked_for(work):
    assert dataset.describe(pictures.shard_paths(work.folder))["people"] == 8


def test_conventional_joints_are_where_the_projects_are(work, first, load):
    sample = load(work.folder, work.people[0], conventional.unchanged(), input_pipeline.CROP_SIZE)
    annotated = work.people[0].annotated
    # The records' square is rounded to whole pixels of the photograph.
    expected = first["joints_heatmap"][0].numpy()
    assert np.abs(sample["joints_heatmap"] - expected)[annotated].max() < 0.15


def test_conventional_crop_shows_what_the_projects_does(work, first, load):
    sample = load(work.folder, work.people[0], conventional.unchanged(), input_pipeline.CROP_SIZE)
    crop = sample["crop"].transpose(1, 2, 0) + conventional.MEAN
    apart = np.abs(cv2.blur(crop, (9, 9)) - cv2.blur(first["crop"][0].numpy(), (9, 9)))
    # Outside the photograph both are black, but not from the same fraction of a pixel on.
    assert np.median(apart) < 0.02


def test_conventional_heatmaps_peak_at_the_projects_joints(work, first, load):
    sample = load(work.folder, work.people[0], conventional.unchanged(), input_pipeline.CROP_SIZE)
    inside = heatmaps.inside(first["joints_heatmap"], 64)[0].numpy() & work.people[0].annotated
    peaks = [np.unravel_index(np.argmax(heatmap), heatmap.shape)[::-1] for heatmap in sample["pose"]]
    assert np.abs(np.array(peaks) - first["joints_heatmap"][0].numpy())[inside].max() < 0.65


def test_conventional_flip_is_the_mirrored_crop(work, load):
    person, turn = work.people[0], conventional.unchanged()
    plain = load(work.folder, person, turn, input_pipeline.CROP_SIZE)
    mirrored = load(work.folder, person, {**turn, "flip": True}, input_pipeline.CROP_SIZE)
    assert np.abs(plain["crop"][:, :, ::-1] - mirrored["crop"]).mean() < 1e-3
    expected = 63 - plain["joints_heatmap"][list(MIRROR), 0]
    assert mirrored["joints_heatmap"][:, 0] == pytest.approx(expected, abs=1e-3)


def test_the_crops_centre_stays_under_rotation_and_scale():
    matrix = conventional.image_to_crop((300.0, 200.0), 400.0, 25.0, 256)
    assert geometry.apply(matrix, [(300, 200)])[0] == pytest.approx([127.5, 127.5])


def test_a_heatmap_is_a_window_of_49_pixels_around_the_nearest_one():
    drawn = conventional.heatmap((10.4, 20.6), 64)
    assert drawn[21, 10] == 1
    assert np.count_nonzero(drawn) == 49
    assert drawn[21, 11] == pytest.approx(np.exp(-0.5))


@pytest.mark.parametrize("joint", [None, (-4.0, 5.0), (5.0, 67.0)], ids=["absent", "left", "below"])
def test_a_heatmap_without_its_joint_is_empty(joint):
    assert not conventional.heatmap(joint, 64).any()


def test_a_heatmap_at_the_edge_keeps_what_is_inside():
    assert np.count_nonzero(conventional.heatmap((0.0, 63.0), 64)) == 16


def test_only_hidden_joints_have_an_occlusion_map():
    joints = np.full((3, 2), 8.0)
    pose, occlusion = conventional.targets(joints, [True, True, False], [True, False, False], 16)
    assert pose.max((1, 2)).tolist() == [1, 1, 0]
    assert occlusion.max((1, 2)).tolist() == [0, 1, 0]


@pytest.mark.parametrize("stage", ["conventional", "conventional_uint8"])
def test_conventional_batches_hold_what_training_needs(work, stage):
    batch = next(input_pipeline.STAGES[stage](work))
    assert {name: values.shape for name, values in batch.items()} == {
        "crop": (2, 3, 256, 256),
        "joints_heatmap": (2, 16, 2),
        "pose": (2, 16, 64, 64),
        "occlusion": (2, 16, 64, 64),
    }


def test_the_devices_part_makes_crops_and_both_maps(work):
    batch = next(input_pipeline.pipeline(work))
    shapes = [tuple(made.shape) for made in input_pipeline.device_part(batch, tf.constant([0, 0]))]
    assert shapes == [(2, 256, 256, 3), (2, 64, 64, 16), (2, 64, 64, 16)]


def test_a_report_has_every_rate_and_goes_into_json(work):
    measured = {
        name: [input_pipeline.rate(stage(work), work.batch_size, work.seconds)]
        for name, stage in input_pipeline.STAGES.items()
    }
    whole = {"pipeline_all_cores": 1.0, "device_ms_per_batch": [3.0, 1.0, 2.0], "device": "CPU", "cores": 2}
    report = {**input_report.summary(measured, whole), **input_pipeline.sizes(work), "batch_size": 2}
    assert json.loads(json.dumps(report)) == report
    assert all(report[name] > 0 for name in input_pipeline.STAGES)
    assert report["device_ms_per_batch"] == 2
    assert "conventional_uint8" in input_report.table(report, input_pipeline.STAGES)


def test_a_report_compares_medians():
    rates = {
        "decode_only": [100.0, 110.0, 10.0],
        "pipeline": [90.0, 1.0, 95.0],
        "conventional": [9.0, 9.0, 2.0],
        "conventional_uint8": [18.0, 18.0, 2.0],
    }
    measured = {name: [(core, 1.0) for core in cores] for name, cores in rates.items()}
    report = input_report.summary(measured, {"device_ms_per_batch": [1.0]})
    assert report["pipeline_share_of_decode"] == pytest.approx(0.9)
    assert report["pipeline_over_conventional"] == pytest.approx(10)
    assert report["pipeline_over_conventional_uint8"] == pytest.approx(5)


def test_memory_is_measured_after_each_epoch(work):
    measured = input_pipeline.memory(work, 3)
    assert len(measured) == 3
    assert all(0 < now <= peak for now, peak in measured)
