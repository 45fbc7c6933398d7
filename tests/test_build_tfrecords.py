import functools
import json
import types

import cv2
import numpy as np
import pytest
import scipy.io
import tensorflow as tf
from absl import flags

from data_pipeline import build_tfrecords, dataset
from data_pipeline.errors import UserError

PEOPLE = 20


@pytest.fixture(scope="module")
def call():
    """Calls the program in this process: parses its flags by themselves, then calls `main`."""

    def run(*arguments):
        values = flags.FlagValues()
        names = ("DEFINE_bool", "DEFINE_integer", "DEFINE_string", "DEFINE_enum")
        define = {name: functools.partial(getattr(flags, name), flag_values=values) for name in names}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(build_tfrecords, "flags", types.SimpleNamespace(**define))
            build_tfrecords.define_flags()
        values(["build_tfrecords", *map(str, arguments)])
        return build_tfrecords.main(values)

    return run


def photograph(index):
    """An even grey that tells the person."""
    return np.full((60, 60, 3), 100 + 5 * index, np.uint8)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """LSPET's layout with photographs of the first people: each person's arm is as long as their number tells."""
    folder = tmp_path_factory.mktemp("lspet")
    joints = np.zeros((14, 3, 10000))
    joints[8, :, :PEOPLE] = np.array([21, 11, 1])[:, None]
    joints[7, :, :PEOPLE] = [np.full(PEOPLE, 21), 21 + np.arange(PEOPLE), np.ones(PEOPLE)]
    joints[6, :, :5] = np.array([21, 51, 1])[:, None]
    scipy.io.savemat(folder / "joints.mat", {"joints": joints}, do_compression=True)
    (folder / "images").mkdir()
    for index in range(PEOPLE):
        cv2.imwrite(str(folder / "images" / f"im{index + 1:05d}.jpg"), photograph(index))
    return folder


def lspet(source, images=None):
    """The flags that say what to read."""
    return [
        "--dataset=lspet",
        f"--annotations={source / 'joints.mat'}",
        f"--images={images or source / 'images'}",
        "--patch_size=56",
        "--workers=1",
        "--shards=2",
    ]


@pytest.fixture(scope="module")
def built(call, source, tmp_path_factory):
    output = tmp_path_factory.mktemp("built")
    call(*lspet(source), f"--output={output}")
    return output


def people(folder, split):
    """Names of a split's photographs, in the order of its records."""
    paths = dataset.find(str(folder / f"{split}-*.tfrecord"))
    batches = dataset.load(paths, patch_size=56, batch_size=4, names=True)
    return [name.decode() for batch in batches for name in batch["image"].numpy()]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_build_leaves_whole_shards_and_their_description(built):
    assert names(built) == [
        "dataset.json",
        "train-00000-of-00002.tfrecord",
        "train-00001-of-00002.tfrecord",
        "validation-00000-of-00002.tfrecord",
        "validation-00001-of-00002.tfrecord",
    ]


def test_everybody_is_in_one_split_once(built):
    found = people(built, "train") + people(built, "validation")
    assert sorted(found) == [f"im{index + 1:05d}.jpg" for index in range(PEOPLE)]


def test_a_tenth_of_lspet_is_held_out_for_validation(built):
    assert (len(people(built, "train")), len(people(built, "validation"))) == (18, 2)


def test_training_people_are_mixed_and_others_keep_their_order(built):
    train, validation = people(built, "train"), people(built, "validation")
    assert train != sorted(train)
    assert validation == sorted(validation)


def test_each_record_shows_its_photograph(built):
    batches = dataset.load(dataset.find(str(built / "train-*.tfrecord")), patch_size=56, batch_size=18, names=True)
    batch = next(iter(batches))
    numbers = np.array([int(name[2:7]) - 1 for name in batch["image"].numpy()])
    shown = [np.median(patch[patch > 50]) for patch in batch["patch"].numpy()]
    np.testing.assert_allclose(shown, 100 + 5 * numbers, atol=2)


def test_the_description_counts_what_was_written(built):
    described = json.loads((built / "dataset.json").read_text())
    assert (described["dataset"], described["metric"], described["patch_size"]) == ("lspet", "pck", 56)
    assert described["source"] == {"annotations": "joints.mat", "images": "images"}
    splits = described["splits"]
    assert splits["train"]["people"] + splits["validation"]["people"] == PEOPLE
    # Right shoulder and elbow of all, right wrist of five; LSPET does not tell occlusion.
    assert splits["train"]["joints_annotated"] + splits["validation"]["joints_annotated"] == 2 * PEOPLE + 5
    assert splits["train"]["joints_occluded"] == 0
    assert sum(splits["train"]["shards"].values()) == splits["train"]["people"]
    assert described["skipped"]["person without a measurable limb"] == 10000 - PEOPLE


def test_existing_shards_are_not_overwritten(call, source, built):
    before = {path.name: path.read_bytes() for path in built.iterdir()}
    with pytest.raises(UserError, match="holds 2 train shards; delete them or give another --output"):
        call(*lspet(source), f"--output={built}")
    assert {path.name: path.read_bytes() for path in built.iterdir()} == before


@pytest.fixture
def damaged(source, tmp_path):
    """The photographs, of which one is cut short and one is missing."""
    images = tmp_path / "images"
    images.mkdir()
    for path in (source / "images").iterdir():
        (images / path.name).write_bytes(path.read_bytes())
    whole = (images / "im00003.jpg").read_bytes()
    (images / "im00003.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "im00007.jpg").unlink()
    return images


def test_a_cut_photograph_stops_the_build_and_gets_into_no_shard(call, source, damaged, tmp_path):
    (damaged / "im00007.jpg").write_bytes((source / "images" / "im00007.jpg").read_bytes())
    with pytest.raises(UserError, match=r"im00003\.jpg is damaged or no image; download it again") as caught:
        call(*lspet(source, damaged), f"--output={tmp_path / 'out'}", "--shards=4")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "out").iterdir())


def test_missing_and_cut_photographs_are_left_out_where_that_is_allowed(call, source, damaged, tmp_path, capsys):
    call(*lspet(source, damaged), f"--output={tmp_path / 'out'}", "--allow_missing", "--validation_people=0")
    found = people(tmp_path / "out", "train")
    assert len(found) == PEOPLE - 2
    assert not {"im00003.jpg", "im00007.jpg"} & set(found)
    described = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert described["skipped"]["photograph missing"] == 1
    assert described["splits"]["train"]["photograph unreadable"] == 1
    assert described["splits"]["train"]["people"] == PEOPLE - 2
    assert "1 of 20 photographs are missing" in capsys.readouterr().err


def somebody(count):
    return [types.SimpleNamespace(image=f"{index}.jpg") for index in range(count)]


@pytest.fixture
def nearly_all(tmp_path):
    """A folder of 198 photographs, 0.jpg to 197.jpg."""
    for index in range(198):
        (tmp_path / f"{index}.jpg").touch()
    return str(tmp_path)


def test_up_to_one_in_a_hundred_missing_photographs_are_counted_and_told(nearly_all, capsys):
    kept = build_tfrecords.with_photographs(somebody(200), nearly_all, allow_missing=False)
    assert kept == list(range(198))
    output, errors = capsys.readouterr()
    assert errors == f"2 of 200 photographs are missing from {nearly_all}, 198.jpg for one; they are left out\n"
    assert output == ""


def test_more_missing_photographs_are_refused(nearly_all):
    with pytest.raises(UserError, match=r"3 of 201 photographs are missing .*198\.jpg for one; complete the folder"):
        build_tfrecords.with_photographs(somebody(201), nearly_all, allow_missing=False)


def test_more_missing_photographs_can_be_allowed(nearly_all):
    assert len(build_tfrecords.with_photographs(somebody(300), nearly_all, allow_missing=True)) == 198


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images=nowhere", "--output=out"], "nowhere is no folder; give --images"),
        (["--annotations=nowhere.mat", "--output=out"], r"No readable file nowhere\.mat"),
        (["--dataset=lsp", "--output=out"], "looks like LSPET's .*; use --dataset=lspet"),
        (["--dataset=mpii", "--output=out"], "looks like LSPET's .*; use --dataset=lspet"),
        ([], "--dataset=lspet needs --output"),
        (["--output=out", "--split=test"], "lspet has no test people here; it has train, validation"),
        (["--output=out", "--validation_people=20"], "--validation_people=20 leaves none of the 20 people to train on"),
    ],
    ids=["no images", "no annotations", "LSPET as LSP", "LSPET as MPII", "no output", "no such split", "all held out"],
)
def test_bad_input_is_one_clear_line_and_writes_nothing(call, source, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        call(*lspet(source), *arguments)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset=synthetic", "--output=out"], "--dataset=synthetic needs --limit"),
        (["--dataset=mpii", "--output=out"], "--dataset=mpii needs --annotations"),
    ],
    ids=["how many people", "annotations"],
)
def test_what_a_dataset_needs_is_asked_for(call, arguments, message):
    with pytest.raises(UserError, match=message):
        call(*arguments)


def test_a_dry_run_prints_json_alone_and_writes_nothing(call, source, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call(*lspet(source), "--dry_run", "--output=out")
    assert json.loads(capsys.readouterr().out)["people"] == PEOPLE
    assert names(tmp_path) == []


def test_a_dry_run_counts_the_asked_split_alone(call, source, capsys):
    call(*lspet(source), "--dry_run", "--split=validation", "--validation_people=3")
    assert json.loads(capsys.readouterr().out)["people"] == 3


def test_a_dry_run_of_synthetic_people_counts_their_joints(call, capsys):
    call("--dataset=synthetic", "--limit=2", "--dry_run")
    found = json.loads(capsys.readouterr().out)
    assert found["people"] == 2
    assert 16 < found["joints_annotated"] <= 32


def test_a_dry_run_of_the_real_release(call, shared_data, capsys):
    call("--dataset=mpii", f"--annotations={shared_data('mpii/release_validation.mat')}", "--dry_run")
    found = json.loads(capsys.readouterr().out)
    assert (found["people"], found["joints_annotated"], found["joints_occluded"]) == (2958, 44240, 10243)


def test_limit_takes_the_first_people(call, source, capsys):
    call(*lspet(source), "--dry_run", "--limit=3")
    assert json.loads(capsys.readouterr().out)["people"] == 3


SPLITS = ["train"] * 50 + ["test"] * 5


def test_hold_out_moves_as_many_training_people_as_stated():
    found = build_tfrecords.hold_out(SPLITS, 7, seed=0)
    assert (found.count("train"), found.count("validation"), found.count("test")) == (43, 7, 5)
    assert found[50:] == ["test"] * 5


def test_hold_out_follows_its_seed():
    assert build_tfrecords.hold_out(SPLITS, 7, seed=1) == build_tfrecords.hold_out(SPLITS, 7, seed=1)
    assert build_tfrecords.hold_out(SPLITS, 7, seed=1) != build_tfrecords.hold_out(SPLITS, 7, seed=2)


def test_holding_nobody_out_changes_nothing():
    assert build_tfrecords.hold_out(SPLITS, 0, seed=0) == SPLITS


@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_read_photograph_gives_rgb(tmp_path, extension):
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 0] = 200
    path = str(tmp_path / f"image.{extension}")
    cv2.imwrite(path, image[..., ::-1])
    found = build_tfrecords.read_photograph(path)
    assert (found.shape, found.dtype) == ((4, 6, 3), np.uint8)
    assert np.abs(found.astype(int) - image).max() < 4


def test_read_photograph_makes_three_channels_of_grey(tmp_path):
    path = str(tmp_path / "grey.jpg")
    cv2.imwrite(path, np.full((4, 6), 77, np.uint8))
    found = build_tfrecords.read_photograph(path)
    assert found.shape == (4, 6, 3)
    assert (found == found[..., :1]).all()


@pytest.mark.parametrize("content", [b"", b"<html>Not found</html>", None], ids=["empty", "html", "cut"])
def test_read_photograph_refuses_what_is_not_a_whole_image(tmp_path, content):
    path = tmp_path / "image.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    path.write_bytes(tf.io.encode_jpeg(noise).numpy()[:900] if content is None else content)
    with pytest.raises(UserError, match=r"image\.jpg is damaged or no image"):
        build_tfrecords.read_photograph(str(path))
