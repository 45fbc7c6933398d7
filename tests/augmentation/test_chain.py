"""From a photograph's pixels to a decoded joint and back: record, patch, augmented crop, target, decoding."""

import math

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline import geometry, heatmaps
from data_pipeline.augmentation import augment
from data_pipeline.decode import decode
from data_pipeline.readers.person import Person
from data_pipeline.records import record_format
from data_pipeline.skeleton import INDEX, MIRROR

PATCH, CROP = 112, 64
HEATMAP = CROP // geometry.STRIDE
WRIST = INDEX["right_wrist"]


@st.composite
def scenes(draw):
    """A photograph's size, a crop in it, and a joint that every augmentation keeps in the crop."""
    size = draw(st.integers(120, 300)), draw(st.integers(120, 300))
    side = draw(st.floats(60, 160))
    center = np.array([draw(st.floats(30, edge - 30)) for edge in size])
    away, angle = draw(st.floats(0, 0.3)) * side, draw(st.floats(0, 2 * math.pi))
    joint = center + away * np.array([math.cos(angle), math.sin(angle)])
    return size, center, side, np.clip(joint, 4, np.array(size) - 5)


augmentations = st.fixed_dictionaries(
    {"angle": st.floats(-math.pi / 6, math.pi / 6), "scale": st.floats(0.75, 1.25), "flip": st.booleans()}
)


def example(scene, change):
    """The augmented crop of a photograph with a bright dot at the wrist, and the map from crop to image pixels."""
    (width, height), center, side, joint = scene
    row, column = np.mgrid[:height, :width]
    # As wide as a heatmap pixel, so that no scale loses it.
    spread = geometry.STRIDE * side / CROP
    dot = 255 * np.exp(-((column - joint[0]) ** 2 + (row - joint[1]) ** 2) / (2 * spread**2))
    photograph = np.repeat(np.round(dot)[..., None], 3, axis=-1).astype(np.uint8)
    person = Person(
        image="photograph.jpg",
        person_index=0,
        split="train",
        joints_image=np.tile(joint, (16, 1)).astype(np.float32),
        annotated=np.arange(16) == WRIST,
        visible=np.arange(16) == WRIST,
        head_size=side / 10,
        center_image=center.astype(np.float32),
        side_image=side,
    )
    batch = record_format.parse(tf.constant([record_format.encode(person, photograph, PATCH, "train")]), PATCH)
    chosen = {
        "angle": tf.constant([change["angle"]], tf.float32),
        "scale": tf.constant([change["scale"]], tf.float32),
        "flip": tf.constant([change["flip"]]),
        "gain": tf.ones([1, 3]),
    }
    return augment.make_crops(batch, chosen, CROP), batch["patch_to_image"][0].numpy()


@settings(max_examples=40)
@given(scenes(), augmentations)
def test_a_joint_comes_back_within_half_a_heatmap_pixel(scene, change):
    crops, patch_to_image = example(scene, change)
    pose, _ = heatmaps.targets(crops["joints_heatmap"], crops["annotated"], crops["visible"], HEATMAP, 1.0)
    joints_heatmap, peaks = decode(pose)
    wrist = MIRROR[WRIST] if change["flip"] else WRIST
    assert np.argmax(peaks[0]) == wrist
    joint_patch = geometry.apply(crops["crop_to_patch"][0], geometry.heatmap_to_crop(joints_heatmap[0, wrist]).numpy())
    joint_image = geometry.apply(patch_to_image, joint_patch[None])[0]
    heatmap_pixel = geometry.STRIDE * change["scale"] * scene[2] / CROP
    assert np.linalg.norm(joint_image - scene[3]) <= 0.5 * heatmap_pixel


@settings(max_examples=40)
@given(scenes(), augmentations)
def test_the_crop_shows_the_joint_where_the_target_is(scene, change):
    crops, _ = example(scene, change)
    crop = crops["crop"].numpy()[0].mean(-1) ** 2
    row, column = np.mgrid[:CROP, :CROP]
    near = crop > 0.3 * crop.max()
    seen = np.array([(crop * near * column).sum(), (crop * near * row).sum()]) / (crop * near).sum()
    wrist = MIRROR[WRIST] if change["flip"] else WRIST
    told = geometry.heatmap_to_crop(crops["joints_heatmap"][0, wrist]).numpy()
    assert np.linalg.norm(seen - told) <= 0.5 * geometry.STRIDE
