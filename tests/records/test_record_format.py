import cv2
import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import geometry
from data_pipeline.readers.person import Person
from data_pipeline.records import example_proto, patch, record_format

PATCH = 56


def person(**changes):
    joints = np.stack([np.arange(16) * 3.5 + 10, 60 - np.arange(16) * 2.25], axis=-1).astype(np.float32)
    values = {
        "image": "somebody.jpg",
        "person_index": 3,
        "split": "train",
        "joints_image": joints,
        "annotated": np.ones(16, bool),
        "visible": np.arange(16) % 3 > 0,
        "head_size": 6.5,
        "center_image": np.array([40.2, 33.9], np.float32),
        "side_image": 60.0,
    }
    return Person(**{**values, **changes})


def photograph(height=80, width=100):
    """Smooth, so that JPEG keeps it: red grows with x, green with y."""
    row, column = np.mgrid[:height, :width]
    return np.stack([2 * column, 2 * row, np.full_like(row, 128)], axis=-1).astype(np.uint8)


def round_trip(somebody, image=None, patch_size=PATCH, split="train"):
    encoded = record_format.encode(somebody, photograph() if image is None else image, patch_size, split)
    return {name: value.numpy()[0] for name, value in record_format.parse(tf.constant([encoded]), patch_size).items()}


def to_image(record, points_patch):
    return geometry.apply(record["patch_to_image"], points_patch)


def test_joints_come_back_in_image_pixels():
    record = round_trip(person())
    np.testing.assert_allclose(to_image(record, record["joints_patch"]), person().joints_image, atol=1e-3)


def test_flags_come_back():
    record = round_trip(person(annotated=np.arange(16) != 4, visible=np.arange(16) > 8))
    np.testing.assert_array_equal(record["annotated"], np.arange(16) != 4)
    np.testing.assert_array_equal(record["visible"], np.arange(16) > 8)


@pytest.mark.parametrize("known", [True, False])
def test_whether_occlusion_is_known_comes_back(known):
    record = round_trip(person(occlusion_known=known))
    assert record["occlusion_known"].dtype == bool
    assert record["occlusion_known"] == known


def test_records_without_the_flag_are_read_as_of_known_occlusion():
    values = patch.values(person(occlusion_known=False), photograph(), PATCH, "train")
    del values["occlusion_known"]
    assert record_format.parse(tf.constant([example_proto.serialize(values)]), PATCH)[
        "occlusion_known"
    ].numpy().tolist() == [True]


def test_names_come_back():
    record = round_trip(person())
    assert (record["image"], record["person_index"]) == (b"somebody.jpg", 3)


def test_the_head_size_comes_back_in_patch_pixels():
    # The square is 1.75 x 60 = 105 pixels wide, shown by 56.
    assert round_trip(person())["head_size_patch"] == pytest.approx(6.5 * 56 / 105)


def test_joints_that_are_not_annotated_are_zeros():
    annotated = np.arange(16) != 4
    record = round_trip(person(annotated=annotated, visible=annotated))
    assert not record["joints_patch"][4].any()
    assert record["joints_patch"][5].any()


def test_joints_outside_the_image_survive():
    joints = person().joints_image.copy()
    joints[:2] = [[-30.5, 20], [500, -80]]
    record = round_trip(person(joints_image=joints))
    np.testing.assert_allclose(to_image(record, record["joints_patch"]), joints, atol=1e-3)


def test_the_patch_shows_what_the_map_says():
    record = round_trip(person(side_image=30.0))
    middle = to_image(record, np.array([[20, 20], [20, 35], [35, 35]]))
    shown = record["patch"][[20, 35, 35], [20, 20, 35]].astype(float)
    np.testing.assert_allclose(shown, np.stack([2 * middle[:, 0], 2 * middle[:, 1], np.full(3, 128)], -1), atol=4)


def test_the_patch_is_centred_on_the_person():
    record = round_trip(person(center_image=np.array([40.0, 30.0]), side_image=60.0))
    # 105 pixels about (40, 30), whole ones: columns -12 to 92.
    np.testing.assert_allclose(to_image(record, np.array([[27.5, 27.5]])), [[40, 30]], atol=1e-4)


def test_a_person_without_a_place_gets_the_whole_image():
    record = round_trip(person(center_image=None, side_image=None))
    # The crop is the longer side of 100 pixels about the middle of 100 x 80; the patch 175 pixels.
    np.testing.assert_allclose(to_image(record, np.array([[27.5, 27.5]])), [[49.5, 39.5]], atol=0.51)
    assert record["patch_to_image"][0, 0] == pytest.approx(175 / 56)


def test_a_patch_is_black_outside_the_image():
    white = np.full((80, 100, 3), 255, np.uint8)
    shown = round_trip(person(center_image=np.array([0.0, 40.0]), side_image=32.0), white)["patch"]
    # 56 pixels about x = 0, as many as the patch has: columns -28 to 27.
    assert (shown[:, :24] < 30).all()
    assert (shown[:, 32:] > 225).all()


def test_a_patch_wholly_outside_the_image_is_black():
    assert not round_trip(person(center_image=np.array([900.0, -500.0])))["patch"].any()


def test_a_patch_of_448_keeps_a_crop_of_256_pixel_by_pixel():
    image = np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8)
    left, top, side = geometry.square_around((240, 250), 256 * geometry.PATCH_RATIO)
    assert side == 448
    cut = patch.cut(image, left, top, side, 448)
    np.testing.assert_array_equal(cut, image[top : top + 448, left : left + 448])


def test_cut_smooths_before_it_shrinks():
    stripes = np.zeros((40, 40, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (patch.cut(stripes, 0, 0, 40, 10) == 100).all()


def test_the_patch_is_rgb():
    red = np.zeros((80, 100, 3), np.uint8)
    red[..., 0] = 200
    middle = round_trip(person(side_image=20.0), red)["patch"][28, 28]
    assert middle[0] > 180
    assert middle[1:].max() < 20


def test_a_patch_of_another_size_is_refused():
    encoded = record_format.encode(person(), photograph(), PATCH, "train")
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="not compatible"):
        record_format.parse(tf.constant([encoded]), PATCH + 1)


def test_encoding_is_deterministic():
    assert record_format.encode(person(), photograph(), PATCH, "train") == record_format.encode(
        person(), photograph(), PATCH, "train"
    )


def test_a_record_is_a_jpeg_with_the_documented_features():
    features = tf.train.Example.FromString(
        record_format.encode(person(), photograph(), PATCH, "validation")
    ).features.feature
    assert set(features) == set(record_format.features(16))
    assert features["split"].bytes_list.value[0] == b"validation"
    jpeg = features["patch/encoded"].bytes_list.value[0]
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (PATCH, PATCH, 3)


def test_batches_of_known_and_unknown_size_are_decoded_alike():
    encoded = tf.constant([record_format.encode(person(head_size=n), photograph(), PATCH, "train") for n in (1.0, 2.0)])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def parse(serialized):
        return record_format.parse(serialized, PATCH)

    known, unknown = record_format.parse(encoded, PATCH), parse(encoded)
    for name, values in known.items():
        np.testing.assert_array_equal(values, unknown[name])
    assert known["patch"].shape == (2, PATCH, PATCH, 3)
