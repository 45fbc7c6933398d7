import functools
import json
import shutil
import types

import cv2
import numpy as np
import pytest
import scipy.io
from absl import flags

from data_pipeline import build_tfrecords
from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset

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
        "build.json",
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
    for entry in splits.values():
        assert (entry["people_occlusion_unknown"], entry["joints_occluded"]) == (entry["people"], 0)
    assert sum(splits["train"]["shards"].values()) == splits["train"]["people"]
    assert described["skipped"]["person without a measurable limb"] == 10000 - PEOPLE


def test_a_second_build_finds_all_done(call, source, built):
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in built.glob("*.tfrecord")}
    described = (built / "dataset.json").read_text()
    call(*lspet(source), f"--output={built}")
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in built.glob("*.tfrecord")} == before
    assert (built / "dataset.json").read_text() == described


def test_a_damaged_shard_alone_is_built_again(call, source, built, tmp_path):
    shutil.copytree(built, tmp_path / "copy")
    shard = tmp_path / "copy" / "train-00001-of-00002.tfrecord"
    content = bytearray(shard.read_bytes())
    content[500] ^= 1
    shard.write_bytes(content)
    other = (tmp_path / "copy" / "train-00000-of-00002.tfrecord").stat().st_mtime_ns
    call(*lspet(source), f"--output={tmp_path / 'copy'}")
    assert shard.read_bytes() == (built / shard.name).read_bytes()
    assert (tmp_path / "copy" / "train-00000-of-00002.tfrecord").stat().st_mtime_ns == other


def test_a_build_of_other_settings_is_refused(call, source, built):
    with pytest.raises(UserError, match=r"another build \(--patch_size=56 there, 64 here\); delete it or give another"):
        call(*lspet(source), f"--output={built}", "--patch_size=64")


def test_a_build_of_other_people_is_refused(call, source, built):
    with pytest.raises(UserError, match=r"another build \(other train people; other validation people\)"):
        call(*lspet(source), f"--output={built}", "--limit=10")


def test_splits_can_be_built_one_after_the_other(call, source, built, tmp_path):
    for split in ("validation", "train"):
        call(*lspet(source), f"--output={tmp_path / 'out'}", f"--split={split}")
    assert names(tmp_path / "out") == names(built)
    for path in built.glob("*.tfrecord"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    described = [json.loads((folder / "dataset.json").read_text()) for folder in (built, tmp_path / "out")]
    assert described[0] == described[1]


def test_several_workers_leave_what_one_does(call, source, built, tmp_path, capsys):
    for index in (1, 0):
        call(*lspet(source), f"--output={tmp_path / 'out'}", f"--worker_index={index}", "--worker_count=2")
        if index:
            assert capsys.readouterr().out == "2 of 4 shards are still to be built by other workers\n"
            assert "dataset.json" not in names(tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        path.name: path.read_bytes() for path in built.iterdir()
    }


def test_a_damaged_build_file_is_one_clear_line(call, source, tmp_path):
    (tmp_path / "build.json").write_text('{"seed": 0,')
    with pytest.raises(UserError, match=r"build\.json.*; delete it") as caught:
        call(*lspet(source), f"--output={tmp_path}")
    assert "\n" not in str(caught.value)


def test_an_output_that_is_a_file_is_one_clear_line(call, source, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match=r"out.* cannot be written"):
        call(*lspet(source), f"--output={tmp_path / 'out'}")
    assert (tmp_path / "out").read_text() == "mine"


def test_another_workers_damaged_shard_is_not_described(call, source, tmp_path, capsys):
    for index in (0, 1):
        call(*lspet(source), f"--output={tmp_path / 'out'}", f"--worker_index={index}", "--worker_count=2")
    (tmp_path / "out" / "dataset.json").unlink()
    shard = tmp_path / "out" / "train-00001-of-00002.tfrecord"
    shard.write_bytes(shard.read_bytes()[:700])
    call(*lspet(source), f"--output={tmp_path / 'out'}", "--worker_index=0", "--worker_count=2")
    assert "1 of 4 shards are still to be built" in capsys.readouterr().out
    assert "dataset.json" not in names(tmp_path / "out")


def test_several_processes_leave_what_one_does(call, source, built, tmp_path):
    call(*lspet(source), f"--output={tmp_path / 'out'}", "--workers=2")
    for path in built.iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


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
    with pytest.raises(UserError, match=r"im00003\.jpg is damaged or no picture; download it again") as caught:
        call(*lspet(source, damaged), f"--output={tmp_path / 'out'}", "--shards=4")
    assert "\n" not in str(caught.value)
    assert "dataset.json" not in names(tmp_path / "out")
    # What was whole by then is kept, and with the photograph mended the build goes on.
    assert not list((tmp_path / "out").glob("*.partial"))
    (damaged / "im00003.jpg").write_bytes((source / "images" / "im00003.jpg").read_bytes())
    call(*lspet(source, damaged), f"--output={tmp_path / 'out'}", "--shards=4")
    assert len(people(tmp_path / "out", "train")) == 18


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images=nowhere", "--output=out"], "nowhere is no folder; give --images"),
        (["--annotations=nowhere.mat", "--output=out"], r"No readable file nowhere\.mat"),
        (["--dataset=lsp", "--output=out"], "looks like LSPET's .*; use --dataset=lspet"),
        (["--dataset=mpii", "--output=out"], "looks like LSPET's .*; use --dataset=lspet"),
        ([], "--dataset=lspet needs --output"),
        (["--output=out", "--split=test"], "lspet has no test people here; it has train, validation"),
        (["--output=out", "--worker_index=2", "--worker_count=2"], "--worker_index=2 must be below --worker_count=2"),
        (["--output=out", "--validation_people=20"], "--validation_people=20 leaves none of the 20 people to train on"),
    ],
    ids=[
        "no images",
        "no annotations",
        "LSPET as LSP",
        "LSPET as MPII",
        "no output",
        "no such split",
        "no such worker",
        "all held out",
    ],
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


def test_a_dry_run_tells_of_how_many_people_occlusion_is_not_known(call, source, capsys):
    call(*lspet(source), "--dry_run")
    assert json.loads(capsys.readouterr().out)["people_occlusion_unknown"] == PEOPLE


def test_a_dry_run_of_synthetic_people_counts_their_joints(call, capsys):
    call("--dataset=synthetic", "--limit=2", "--dry_run")
    found = json.loads(capsys.readouterr().out)
    assert found["people"] == 2
    assert found["people_occlusion_unknown"] == 0
    assert 16 < found["joints_annotated"] <= 32


def test_a_dry_run_of_the_real_release(call, shared_data, capsys):
    call("--dataset=mpii", f"--annotations={shared_data('mpii/release_validation.mat')}", "--dry_run")
    found = json.loads(capsys.readouterr().out)
    assert (found["people"], found["joints_annotated"], found["joints_occluded"]) == (2958, 44240, 10243)


def test_limit_takes_the_first_people(call, source, capsys):
    call(*lspet(source), "--dry_run", "--limit=3")
    assert json.loads(capsys.readouterr().out)["people"] == 3


SPLITS = ["train"] * 50 + ["test"] * 5
ALONE = list(range(55))


def test_hold_out_moves_as_many_training_people_as_stated():
    found = build_tfrecords.hold_out(ALONE, SPLITS, 7, seed=0)
    assert (found.count("train"), found.count("validation"), found.count("test")) == (43, 7, 5)
    assert found[50:] == ["test"] * 5


def test_hold_out_follows_its_seed():
    assert build_tfrecords.hold_out(ALONE, SPLITS, 7, seed=1) == build_tfrecords.hold_out(ALONE, SPLITS, 7, seed=1)
    assert build_tfrecords.hold_out(ALONE, SPLITS, 7, seed=1) != build_tfrecords.hold_out(ALONE, SPLITS, 7, seed=2)


def test_holding_nobody_out_changes_nothing():
    assert build_tfrecords.hold_out(ALONE, SPLITS, 0, seed=0) == SPLITS


def test_hold_out_keeps_the_people_of_a_photograph_together():
    people = [types.SimpleNamespace(image=f"{i // 3}.jpg") for i in range(30)]
    found = build_tfrecords.hold_out(people, ["train"] * 30, 7, seed=0)
    assert found.count("validation") == 9
    assert all(len(set(found[i : i + 3])) == 1 for i in range(0, 30, 3))


def test_hold_out_refuses_to_take_the_last_photograph():
    people = [types.SimpleNamespace(image="one.jpg")] * 5
    with pytest.raises(UserError, match="--validation_people=2 leaves none of the 5 people"):
        build_tfrecords.hold_out(people, ["train"] * 5, 2, seed=0)
