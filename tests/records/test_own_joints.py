"""From a labelling tool's export to records: what Label Studio and Ultralytics write, built and read back."""

import functools
import json
import types

import cv2
import numpy as np
import pytest
from absl import flags

from data_pipeline import build_tfrecords, export_coco
from data_pipeline import skeleton as skeletons
from data_pipeline.common.errors import UserError
from data_pipeline.readers import coco
from data_pipeline.records import dataset

NAMES = ["tip", "left side", "right side", "stem", "base"]
PHOTOGRAPHS = 12


def call(module, *arguments):
    values = flags.FlagValues()
    names = ("DEFINE_bool", "DEFINE_integer", "DEFINE_string", "DEFINE_enum")
    define = {name: functools.partial(getattr(flags, name), flag_values=values) for name in names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "flags", types.SimpleNamespace(**define, FlagValues=flags.FlagValues))
        module.define_flags()
    values(["program", *map(str, arguments)])
    return module.main(values)


def draw(path, seed):
    """A photograph of 160 x 120 pixels with a leaf's five joints, (5, 2)."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rng.integers(0, 255, (120, 160, 3), np.uint8))
    return np.array([[80, 20], [60, 50], [100, 50], [80, 90], [80, 100]]) + rng.integers(-9, 9, (5, 2))


def seen(n):
    """Each joint's visibility in photograph n: the fourth is hidden in every third."""
    return [2, 2, 2, 1 if n % 3 == 0 else 2, 0 if n == 1 else 2]


def label_studio(folder):
    """What Label Studio's export of key points in COCO's form holds; its photographs."""
    images, people = [], []
    for n in range(PHOTOGRAPHS):
        joints = draw(folder / "images" / f"{n:02d}-leaf.jpg", n)
        images.append({"id": n, "width": 160, "height": 120, "file_name": f"images\\{n:02d}-leaf.jpg"})
        values = [
            number for (x, y), v in zip(joints, seen(n), strict=True) for number in ((x, y, v) if v else (0, 0, 0))
        ]
        people.append(
            {"id": n, "image_id": n, "category_id": 0, "segmentation": [], "bbox": [50, 10, 60, 100], "ignore": 0}
            | {
                "iscrowd": 0,
                "area": 6000.0,
                "keypoints": list(map(float, values)),
                "num_keypoints": sum(map(bool, seen(n))),
            }
        )
    category = {"id": 0, "name": "leaf", "supercategory": "leaf", "keypoints": NAMES, "skeleton": [[1, 4], [4, 5]]}
    told = {"images": images, "categories": [category], "annotations": people, "info": {"contributor": "Label Studio"}}
    (folder / "result.json").write_text(json.dumps(told, indent=2))


def ultralytics(folder):
    """The same as Ultralytics has it."""
    for n in range(PHOTOGRAPHS):
        split = "val" if n >= 9 else "train"
        joints = draw(folder / "images" / split / f"{n}.jpg", n) / (160, 120)
        (folder / "labels" / split).mkdir(parents=True, exist_ok=True)
        numbers = [f"{x:.6f} {y:.6f} {v}" for (x, y), v in zip(joints, seen(n), strict=True)]
        (folder / "labels" / split / f"{n}.txt").write_text(f"0 0.5 0.5 0.375 0.833333 {' '.join(numbers)}\n")
    (folder / "data.yaml").write_text(
        "path: .\ntrain: images/train\nval: images/val\nkpt_shape: [5, 3]\nflip_idx: [0, 2, 1, 3, 4]\n"
    )


def loaded(pattern):
    paths = dataset.find(str(pattern))
    told = dataset.describe(paths)
    batches = dataset.load(paths, patch_size=told["patch_size"], batch_size=50, names=True, skeleton=told["skeleton"])
    return told, next(iter(batches.as_numpy_iterator()))


@pytest.fixture(scope="module")
def leaves(tmp_path_factory):
    """Records of a Label Studio export, and its folder."""
    folder = tmp_path_factory.mktemp("leaves")
    label_studio(folder)
    call(build_tfrecords, "--dataset=coco", f"--annotations={folder / 'result.json'}", f"--images={folder}",
         f"--output={folder / 'records'}", "--patch_size=112", "--workers=1", "--shards=1")  # fmt: skip
    return folder


def test_label_studios_export_becomes_records(leaves):
    told, train = loaded(leaves / "records" / "train-*")
    _, held_out = loaded(leaves / "records" / "validation-*")
    assert (len(train["image"]), len(held_out["image"])) == (11, 1)
    assert told["skeleton"].joints == tuple(NAMES)
    assert told["skeleton"].mirror == (0, 2, 1, 3, 4)
    assert (told["metric"], told["dataset"]) == ("pck_box", "coco")
    assert train["occlusion_known"].all()
    for name, visible, annotated in zip(train["image"], train["visible"], train["annotated"], strict=True):
        n = int(name.decode().split("/")[1][:2])
        assert visible.tolist() == [v == 2 for v in seen(n)]
        assert annotated.tolist() == [v > 0 for v in seen(n)]


def test_ultralytics_folder_becomes_the_same_records(tmp_path, leaves):
    ultralytics(tmp_path)
    call(build_tfrecords, "--dataset=yolo", f"--annotations={tmp_path / 'data.yaml'}", "--patch_size=112",
         f"--output={tmp_path / 'records'}", "--workers=1", "--shards=1")  # fmt: skip
    told, train = loaded(tmp_path / "records" / "train-*")
    assert (told["skeleton"].mirror, len(train["image"])) == ((0, 2, 1, 3, 4), 9)
    _, of_coco = loaded(leaves / "records" / "train-*")
    place = {int(name.decode().split("/")[1][:2]): n for n, name in enumerate(of_coco["image"])}
    shared = [(n, place[int(name.decode().split("/")[2][:-4])]) for n, name in enumerate(train["image"])
              if int(name.decode().split("/")[2][:-4]) in place]  # fmt: skip
    mine, other = map(list, zip(*shared, strict=True))
    np.testing.assert_allclose(train["joints_patch"][mine], of_coco["joints_patch"][other], atol=0.01)
    np.testing.assert_array_equal(train["visible"][mine], of_coco["visible"][other])


def test_a_test_split_is_held_out_by_photograph_and_seed(leaves, tmp_path):
    for output in ("a", "b"):
        call(build_tfrecords, "--dataset=coco", f"--annotations={leaves / 'result.json'}", f"--images={leaves}",
             f"--output={tmp_path / output}", "--patch_size=16", "--workers=1", "--shards=1", "--seed=3",
             "--validation_people=2", "--test_people=3")  # fmt: skip
    names = {}
    for split, count in (("train", 7), ("validation", 2), ("test", 3)):
        assert len(names.setdefault(split, loaded(tmp_path / "a" / f"{split}-*")[1]["image"])) == count
        assert names[split].tolist() == loaded(tmp_path / "b" / f"{split}-*")[1]["image"].tolist()
    assert len(set(np.concatenate(list(names.values())))) == PHOTOGRAPHS


def test_a_file_may_be_of_one_split(leaves, tmp_path):
    call(build_tfrecords, "--dataset=coco", f"--annotations={leaves / 'result.json'}", f"--images={leaves}",
         f"--output={tmp_path}", "--patch_size=16", "--workers=1", "--shards=1", "--split=validation")  # fmt: skip
    assert len(loaded(tmp_path / "validation-*")[1]["image"]) == PHOTOGRAPHS


def test_photographs_without_their_folder_are_found_by_name(leaves, tmp_path):
    call(build_tfrecords, "--dataset=coco", f"--annotations={leaves / 'result.json'}", f"--images={leaves / 'images'}",
         f"--output={tmp_path}", "--patch_size=16", "--workers=1", "--shards=1")  # fmt: skip
    assert b"/" not in loaded(tmp_path / "train-*")[1]["image"][0]


@pytest.mark.parametrize("patches", [False, True], ids=["of photographs", "of patches"])
def test_a_coco_file_of_records_is_read_back_equal(leaves, tmp_path, patches):
    extra = [f"--patches={tmp_path / 'patches'}"] if patches else []
    call(export_coco, f"--records={leaves / 'records' / 'train-*'}", f"--output={tmp_path / 'a.json'}", *extra)
    _, expected = loaded(leaves / "records" / "train-*")
    found = coco.read(tmp_path / "a.json")
    assert found.skeleton.joints == tuple(NAMES)
    assert not found.skipped
    for n, person in enumerate(found.people):
        scale = 1.0 if patches else expected["patch_to_image"][n][0, 0]
        joints = expected["joints_patch"][n]
        if not patches:
            joints = joints @ expected["patch_to_image"][n][:, :2].T + expected["patch_to_image"][n][:, 2]
            assert person.image == expected["image"][n].decode()
        else:
            assert cv2.imread(str(tmp_path / "patches" / person.image)).shape == (112, 112, 3)
        there = expected["annotated"][n]
        np.testing.assert_array_equal(person.annotated, there)
        np.testing.assert_array_equal(person.visible, expected["visible"][n])
        np.testing.assert_allclose(person.joints_image[there], joints[there], atol=1e-2)
        assert person.head_size == pytest.approx(expected["head_size_patch"][n] * scale, rel=1e-3)
        assert person.side_image == pytest.approx(112 / 1.75 * scale, rel=0.02)


def test_drawn_people_are_written_and_read_back(tmp_path):
    for name in ("mpii16", "coco17"):
        call(build_tfrecords, "--dataset=synthetic", "--limit=4", f"--skeleton={name}", f"--output={tmp_path / name}",
             "--patch_size=112", "--workers=1", "--shards=1", "--validation_people=0")  # fmt: skip
        call(export_coco, f"--records={tmp_path / name / 'train-*'}", f"--output={tmp_path / name / 'a.json'}",
             f"--patches={tmp_path / name / 'patches'}")  # fmt: skip
        _, expected = loaded(tmp_path / name / "train-*")
        found = coco.read(tmp_path / name / "a.json")
        assert found.skeleton == skeletons.load(name)
        np.testing.assert_allclose(
            [person.head_size for person in found.people], expected["head_size_patch"], rtol=1e-3
        )
        for n, person in enumerate(found.people):
            np.testing.assert_array_equal(person.visible, expected["visible"][n])


def test_an_output_that_cannot_be_written_is_refused_first(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        call(export_coco, "--records=nowhere", f"--output={tmp_path / 'file' / 'a.json'}")
