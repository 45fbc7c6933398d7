"""A trained model in Python: `keras_apn.load`, `predict` and `draw`."""

import io
import pathlib
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

import keras_apn
from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import INDEX, JOINTS
from data_pipeline.synthetic import scenes
from keras_apn.inference import discriminator_scores, pose_estimator
from keras_apn.inference.photographs import cropping
from keras_apn.models import shipped
from keras_apn.people import model
from keras_apn.people.person import Person

SIZE = 32


@pytest.fixture
def seen():
    """The batches of crops that a model was shown."""
    return []


@pytest.fixture
def finder(seen):
    """A model that puts joint n at crop pixel (n, 2 n), scores the crop's mean and has no P."""

    def find(crops):
        seen.append(crops)
        joints = np.stack([np.arange(16), 2 * np.arange(16)], -1).astype(np.float32)
        scores = crops.mean((1, 2, 3))[:, None].repeat(16, 1)
        return {"joints": np.repeat(joints[None], len(crops), 0), "scores": scores, "occluded": scores / 2}

    return model.Model(find, SIZE)


def picture(height=64, width=48, value=255):
    return np.full((height, width, 3), value, np.uint8)


def encoded(image, kind="PNG"):
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, kind)
    return file.getvalue()


def test_people_are_in_image_pixels_in_the_boxes_order(finder):
    # A box of 12.8 pixels makes a crop of 16: two crop pixels an image pixel.
    first, second = finder.predict(picture(), boxes=[[10, 20, 12.8, 4], [0, 0, 12.8, 12.8]])
    assert first.box == (10, 20, 12.8, 4)
    corner = np.array([10 + 6.4, 20 + 2]) - 8
    np.testing.assert_allclose(
        first.joints, corner + (np.stack([np.arange(16), 2 * np.arange(16)], -1) + 0.5) / 2 - 0.5
    )
    np.testing.assert_allclose(second.joints - first.joints, [[6.4 - 16.4, 6.4 - 22]] * 16, atol=1e-5)
    assert first.plausible is None
    wrist = first.named["left_wrist"]
    assert (wrist.x, wrist.y) == tuple(first.joints[INDEX["left_wrist"]])
    assert (wrist.score, wrist.plausible) == (pytest.approx(1.0), None)
    assert wrist.occluded == pytest.approx(0.5)
    assert list(first.named) == list(JOINTS)


def test_without_a_box_it_is_the_whole_image(finder, seen):
    (person,) = finder.predict(picture(64, 64), find=False)
    assert person.box is None
    np.testing.assert_allclose(person.joints[1], [1.0 * 2 + 0.5, 2.0 * 2 + 0.5])
    assert seen[0].shape == (1, SIZE, SIZE, 3)
    assert seen[0].dtype == np.float32


def test_an_image_may_be_an_array_a_path_or_bytes(finder, tmp_path):
    image = scenes.sample(0, 3)[1]
    (tmp_path / "a.png").write_bytes(encoded(image))
    each = [image, str(tmp_path / "a.png"), tmp_path / "a.png", encoded(image)]
    scores = [finder.predict(source, find=False)[0].scores[0] for source in each]
    assert scores == [scores[0]] * 4


def test_lists_give_lists_in_batches_over_images(finder, seen):
    images = [picture(value=v) for v in (0, 51, 102)]
    boxes = [[[0, 0, 40, 40]] * 2, [], [[5, 5, 20, 20]] * 3]
    found = finder.predict(images, boxes, batch_size=2)
    assert [len(people) for people in found] == [2, 0, 3]
    assert [len(batch) for batch in seen] == [2, 2, 1]
    assert [person.scores[0] > 0.2 for people in found for person in people] == [False] * 2 + [True] * 3
    assert [len(people) for people in finder.predict(images)] == [1, 1, 1]
    assert finder.predict([]) == []
    assert finder.predict(picture(), boxes=[]) == []
    assert len(finder.predict(picture(), boxes=np.array([[0, 0, 9, 9]]))) == 1


@pytest.mark.parametrize(
    ("image", "boxes", "message"),
    [
        (np.zeros((4, 4), np.uint8), None, r"must be \[H, W, 3\] uint8 RGB. Received: \(4, 4\) uint8"),
        (np.zeros((4, 4, 3)), None, "uint8 RGB. Received: .* float64"),
        (np.zeros((0, 4, 3), np.uint8), None, "uint8 RGB"),
        ("nowhere.jpg", None, "nowhere.jpg does not exist"),
        (b"no picture", None, "What was given as bytes is damaged or no picture"),
        (7, None, "must be an array, a path or bytes. Received: int"),
        (picture(), [[1, 2, 3]], "a box must be four numbers"),
        (picture(), [1, 2, 3, 4], r"must be a list of \[x, y, width, height\]"),
        (picture(), [[1, 2, 0, 4]], "above 0"),
        (picture(), [[500, 2, 3, 4]], "lies outside the image of 48 x 64 pixels"),
        ([picture()], [], "a list for each of 1 images. Received: 0"),
    ],
)
def test_what_is_no_image_or_box_is_one_clear_line(finder, image, boxes, message):
    with pytest.raises(UserError, match=message) as caught:
        finder.predict(image, boxes)
    assert "\n" not in str(caught.value)


def test_a_cut_picture_is_refused(finder):
    with pytest.raises(UserError, match="is damaged or no picture"):
        finder.predict(encoded(scenes.sample(0, 3)[1], "JPEG")[:2000])


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("judged", [False, True])
def test_a_run_says_what_its_estimator_does(tiny_workdir, flip, judged):
    # The tiny run has G's weights alone; what is shipped has P too.
    name, folder = ("apn-mobile", shipped.folder("apn-mobile")) if judged else (tiny_workdir, str(tiny_workdir))
    image, box = scenes.sample(0, 5)[1], [40.0, 30.0, 200.0, 220.0]
    loaded = keras_apn.load(name, flip)
    (person,) = loaded.predict(image, [box])
    estimator = (discriminator_scores if judged else pose_estimator).from_workdir(folder, flip)
    (crop,), _, _ = cropping.crop_person(image, np.float32(box), loaded.crop_size)
    expected = estimator.joints_in_crop(crop[None])
    # Of nearly flat maps rounding may choose another peak.
    assert np.median(np.abs(person.scores - expected["scores"][0])) < 1e-4
    if judged:
        np.testing.assert_allclose(person.plausible, expected["plausible"][0], atol=1e-3)
    else:
        assert person.plausible is None


def test_drawing_leaves_the_image_as_it_was():
    image = picture()
    joints = np.full((16, 2), 20.0, np.float32)
    person = Person(None, joints, np.ones(16, np.float32))
    drawn = keras_apn.draw(image, [person])
    assert (image == 255).all()
    assert (drawn != 255).any()
    same = keras_apn.draw(image, [])
    assert same is not image
    np.testing.assert_array_equal(same, image)


WITHOUT_TENSORFLOW = """
import importlib.util, sys
import numpy as np

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "keras", "tensorflow_addons"):
            raise ImportError(f"{name} is blocked")

find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "tensorflow" else find(name, *rest)
sys.meta_path.insert(0, Blocked())
import keras_apn

people = keras_apn.load(sys.argv[1], flip=True).predict(sys.argv[2])
assert keras_apn.draw(sys.argv[2], people).any()
assert "tensorflow" not in sys.modules
np.save(sys.argv[3], people[0].joints)
"""


def test_exports_do_without_tensorflow(tmp_path):
    photograph = tmp_path / "a.png"
    photograph.write_bytes(encoded(scenes.sample(0, 5)[1]))
    expected = keras_apn.load("apn-mobile", flip=True).predict(photograph)[0].joints
    onnx = shipped.onnx_file(shipped.folder("apn-mobile"))
    for name in ("apn-mobile", onnx):
        subprocess.run(
            [sys.executable, "-c", WITHOUT_TENSORFLOW, name, str(photograph), str(tmp_path / "found.npy")],
            check=True,
            cwd=pathlib.Path(keras_apn.__file__).parents[1],
        )
        np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, atol=1e-2)
