import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.records import example_proto

VALUES = {
    "patch/encoded": b"\xff\xd8 jpeg",
    "patch/to_image": np.array([[0.5, 0, 3.25], [0, 0.5, -7]]),
    "joints/annotated": np.arange(16) != 4,
    "joints/visible": np.arange(16) > 8,
    "head_size": 6.1,
    "person_index": 3,
}


def test_the_bytes_are_tensorflows():
    message = tf.train.Example()
    for name, value in VALUES.items():
        feature = message.features.feature[name]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        elif name in ("head_size", "patch/to_image"):
            feature.float_list.value.extend(np.ravel(value).tolist())
        else:
            feature.int64_list.value.extend(np.ravel(value).astype(int).tolist())
    assert example_proto.serialize(VALUES) == message.SerializeToString(deterministic=True)


def test_tensorflow_reads_what_was_written():
    features = tf.train.Example.FromString(example_proto.serialize(VALUES)).features.feature
    assert set(features) == set(VALUES)
    assert features["patch/encoded"].bytes_list.value[0] == VALUES["patch/encoded"]
    np.testing.assert_allclose(features["patch/to_image"].float_list.value, VALUES["patch/to_image"].ravel())
    assert list(features["joints/visible"].int64_list.value) == VALUES["joints/visible"].astype(int).tolist()


@pytest.mark.parametrize(
    ("flag", "unknown", "occluded"),
    [({"occlusion_known": True}, 0, 8), ({"occlusion_known": False}, 1, 0), ({}, 0, 8)],
    ids=["known", "not known", "made before the flag"],
)
def test_people_and_joints_are_counted(flag, unknown, occluded):
    assert example_proto.counts(example_proto.serialize({**VALUES, **flag})) == {
        "people": 1,
        "people_occlusion_unknown": unknown,
        "joints_annotated": 15,
        "joints_occluded": occluded,
    }
