import os
import pathlib
import subprocess
import sys
import types

import cv2
import numpy as np
import pytest

from data_pipeline import drawing, preview
from data_pipeline.augmentation import augment
from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset, shards
from data_pipeline.skeleton import INDEX, NUM_JOINTS

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def paths(tiny_records):
    return dataset.find(str(tiny_records / "validation-*.tfrecord"))


@pytest.fixture
def values(tiny_records, tmp_path):
    return types.SimpleNamespace(
        records=str(tiny_records / "validation-*.tfrecord"),
        output=str(tmp_path / "new" / "sheet.png"),
        count=24,
        shuffle=False,
        seed=0,
        augmented=False,
        crops=2,
        crop_size=None,
        sigma=1.0,
    )


def _record(joints, occluded=()):
    """A record with a black patch of 56 pixels; its crop of 32 begins at pixel 12 of the patch."""
    places = np.full((NUM_JOINTS, 2), 40.0, np.float32)
    for name, place in joints.items():
        places[INDEX[name]] = place
    annotated = np.isin(np.arange(NUM_JOINTS), [INDEX[name] for name in joints])
    return {
        "patch": np.zeros((56, 56, 3), np.uint8),
        "joints_patch": places,
        "annotated": annotated,
        "visible": annotated & ~np.isin(np.arange(NUM_JOINTS), [INDEX[name] for name in occluded]),
        "occlusion_known": np.True_,
        "head_size_patch": np.float32(4),
        "image": b"photo.jpg",
        "person_index": 3,
    }


def _examples(record, **changes):
    return preview.make_examples(record, {**augment.identity(1), **changes}, crop_size=32)


def test_joints_lie_at_ten_times_their_place_in_a_tile_ten_times_as_large():
    tile = preview.draw_patch(_record({"right_wrist": (20, 30), "left_wrist": (36, 30)}), 560)
    # The centre of pixel 20 is the middle of the tile's pixels 200 to 209.
    assert tuple(tile[305, 205]) == drawing.RIGHT
    assert tuple(tile[305, 365]) == drawing.LEFT


def test_a_joint_that_is_not_annotated_is_not_drawn():
    tile = preview.draw_patch(_record({"right_wrist": (20, 30)}), 560)
    assert tile[380:430, 380:430].max() == 0


def test_an_occluded_joint_is_a_white_ring():
    tile = preview.draw_patch(_record({"right_wrist": (20, 30)}, occluded=["right_wrist"]), 560)
    assert tile[305, 205].max() == 0
    around = tile[290:320, 190:220].reshape(-1, 3)
    assert around.max() == 255
    # White: the channels are alike.
    assert np.ptp(around, axis=-1).max() == 0


def test_the_crops_square_is_outlined():
    tile = preview.draw_patch(_record({}), 560)
    rows, columns = np.nonzero(tile[..., 0] > 128)
    # The crop spans patch pixels 12 to 43, the tile's 120 to 439; the line may be a pixel thicker.
    np.testing.assert_allclose([columns.min(), columns.max(), rows.min(), rows.max()], [120, 439, 120, 439], atol=1)
    assert tile[280, 130:430].max() == 0


def test_an_unaugmented_crop_has_the_joint_at_its_place():
    drawn = preview.draw_crop(_examples(_record({"right_wrist": (20, 28)})), 0, 320)
    # Patch pixel 20 is crop pixel 8, the tile's 80 to 89; patch pixel 28 is crop pixel 16.
    assert tuple(drawn[165, 85]) == drawing.RIGHT


def test_in_a_flipped_crop_the_right_wrist_is_a_left_one_on_the_other_side():
    example = _examples(_record({"right_wrist": (20, 28)}), flip=np.array([True]))
    drawn = preview.draw_crop(example, 0, 320)
    # Crop pixel 8 of 32 becomes 23.
    assert tuple(drawn[165, 235]) == drawing.LEFT
    assert drawn[165, 85].max() == 0


def test_targets_show_the_occluded_joint_twice_and_the_visible_one_once():
    # Patch pixels 25.5 and 41.5 are crop pixels 13.5 and 29.5, the centres of heatmap pixels 3 and 7.
    record = _record({"left_knee": (25.5, 25.5), "right_knee": (41.5, 25.5)}, occluded=["left_knee"])
    pose, occlusion = preview.draw_targets(_examples(record), 0, 320, sigma=1.0)
    np.testing.assert_allclose(pose[140, 140], drawing.LEFT, atol=6)
    np.testing.assert_allclose(pose[140, 300], drawing.RIGHT, atol=6)
    np.testing.assert_allclose(occlusion[140, 140], drawing.LEFT, atol=6)
    assert occlusion[140, 300].max() < 6


def test_a_row_names_what_it_shows():
    record = _record({"right_wrist": (20, 28)})
    pictures, captions = preview.draw_augmented(record, [0, 0], crops=3, crop_size=32, sigma=1.0, side=64)
    assert {picture.shape for picture in pictures} == {(64, 64, 3)}
    assert captions[0] == "photo.jpg, person 3"
    assert captions[2:4] == ["pose targets of 1", "occlusion targets of 1"]
    assert [caption[:2] for caption in (captions[1], *captions[4:])] == ["1:", "2:", "3:"]


def test_a_title_says_that_occlusion_is_not_known():
    unknown = _record({}) | {"occlusion_known": np.False_}
    assert preview.title(unknown) == "photo.jpg, person 3, occlusion not known"
    assert not _examples(unknown)["occlusion_known"].any()


def test_an_augmentation_in_words():
    chosen = {"angle": np.radians([0.0, -30.0]), "scale": np.array([1.0, 1.25]), "flip": np.array([False, True])}
    assert preview.describe(chosen, 1) == "1: -30 deg, side x1.25, flipped"


@pytest.mark.parametrize(("patch_size", "crop_size"), [(448, 256), (224, 128), (56, 32), (300, 172)])
def test_the_crop_is_what_the_patches_are_made_for(patch_size, crop_size):
    assert preview.default_crop_size(patch_size) == crop_size


def test_the_first_people_come_in_order_and_a_random_choice_again(paths):
    def indices(*arguments):
        return [record["image"][-2:].decode() for record in preview.choose(paths, *arguments)]

    assert indices(3, False, 0) == ["12", "13", "14"]
    assert indices(9, False, 0) == ["12", "13", "14", "15", "16"]
    assert indices(5, True, 1) == indices(5, True, 1)
    assert sorted(indices(5, True, 1)) == indices(5, False, 1)


def test_the_sheet_of_patches_is_written(values, capsys):
    preview.main(values)
    # Five people on a row of six, a line of text under them and one above.
    assert cv2.imread(values.output).shape == (20 + 4 + 384 + 20 + 4, 6 * 388 + 4, 3)
    assert capsys.readouterr().out == f"5 people in {values.output}\n"


def test_the_sheet_of_crops_is_written_and_the_same_again(values):
    values.augmented, values.count = True, 2
    preview.main(values)
    first = cv2.imread(values.output)
    assert first.shape == (20 + 2 * (256 + 20 + 4) + 4, 5 * 260 + 4, 3)
    values.output = values.output.replace("sheet.png", "again.png")
    preview.main(values)
    np.testing.assert_array_equal(cv2.imread(values.output), first)
    assert sorted(os.listdir(os.path.dirname(values.output))) == ["again.png", "sheet.png"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"records": "nowhere-*"}, "No records match nowhere"),
        ({"output": "sheet.gif"}, r"--output must end in \.png"),
        ({"crop_size": 30}, "--crop_size must be a multiple of 4"),
        ({"crop_size": 0}, "--crop_size must be a multiple of 4"),
    ],
    ids=["no records", "no picture", "odd crop", "no crop"],
)
def test_a_mistake_is_the_users_and_leaves_no_file(values, changes, message):
    vars(values).update(changes)
    with pytest.raises(UserError, match=message):
        preview.main(values)
    assert not os.path.exists(os.path.dirname(values.output) or values.output)


def test_shards_without_a_record_are_the_users_mistake(values, tmp_path):
    split = {"people": 0, "shards": {shards.name("train", 0, 1): shards.write(tmp_path, "train", 0, 1, [])}}
    shards.describe(tmp_path, {"dataset": "mpii", "metric": "pckh", "patch_size": 56, "splits": {"train": split}})
    values.records = str(tmp_path / "train-*")
    with pytest.raises(UserError, match="hold no people"):
        preview.main(values)


def test_an_output_that_cannot_be_written_is_the_users_mistake(values, tmp_path):
    (tmp_path / "new").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="cannot be written"):
        preview.main(values)


def test_the_program_prints_one_line_and_exits_with_2(tmp_path):
    command = [sys.executable, "-m", "data_pipeline.preview", "--records=x", "--count=0", f"--output={tmp_path}/a.png"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "--count" in done.stderr
    assert list(tmp_path.iterdir()) == []
