import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import geometry
from data_pipeline.common.errors import UserError
from data_pipeline.records import patch
from data_pipeline.skeleton import MIRROR
from keras_apn.inference import pose_estimator
from keras_apn.inference.photographs import cropping
from keras_apn.models.generator import build_generator


def _square(box, height=100, width=200):
    center, side = cropping.square_of_box(tf.constant(box, tf.float32), height, width)
    return center.numpy().tolist(), float(side)


def test_no_box_is_the_whole_image():
    assert _square([0, 0, 0, 0]) == ([99.5, 49.5], 200.0)


def test_a_box_gets_a_margin_of_a_quarter():
    # Columns 10 to 29 have their middle at 19.5, rows 20 to 59 at 39.5.
    assert _square([10, 20, 20, 40]) == ([19.5, 39.5], 50.0)


def test_crop_of_the_same_size_is_the_image_itself():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    crop = cropping.crop_image(image, tf.constant([15.5, 15.5]), tf.constant(32.0), 32)
    np.testing.assert_allclose(crop.numpy() * 255, image, atol=1e-3)


def test_crop_outside_the_image_is_black():
    image = np.full((16, 16, 3), 255, np.uint8)
    crop = cropping.crop_image(image, tf.constant([-8.5, 7.5]), tf.constant(16.0), 16).numpy()
    assert crop.max() == 0.0


@pytest.mark.parametrize("side", [40, 64, 200], ids=["enlarged", "same", "shrunk"])
def test_crops_agree_with_what_training_sees(side):
    # A smooth picture, so that the two resampling methods may differ only by their rounding.
    y, x = np.mgrid[:240, :240]
    image = np.stack([x, y, 120 + 100 * np.sin(x / 30) * np.cos(y / 25)], -1).astype(np.uint8)
    square = geometry.square_around((119.5, 119.5), side)
    trained = patch.cut(image, *square, 64) / 255.0
    served = cropping.crop_image(image, tf.constant([119.5, 119.5]), tf.constant(float(side)), 64).numpy()
    assert np.abs(trained - served)[4:-4, 4:-4].max() < 0.02


def test_joints_come_back_to_the_image():
    center, side = tf.constant([[50.0, 20.0]]), tf.constant([64.0])
    # The crop is 32 pixels wide: one of its pixels is two of the image's.
    joints = cropping.joints_to_image(tf.constant([[[15.5, 15.5], [16.5, 14.5]]]), center, side, 32)
    np.testing.assert_allclose(joints.numpy(), [[[50.0, 20.0], [52.0, 18.0]]])


@pytest.fixture(scope="module")
def generator():
    model = build_generator(crop_size=32, stacks=1, features=8, levels=2)
    # Heads start near zero; larger ones make differences that a test can see.
    model.get_layer("stack1_pose_maps_conv").kernel.assign(
        np.random.default_rng(0).normal(size=(1, 1, 8, 16)).astype(np.float32)
    )
    return model


@pytest.fixture
def crops():
    return tf.constant(np.random.default_rng(1).uniform(size=(2, 32, 32, 3)).astype(np.float32))


def test_flip_test_of_a_mirrored_input_is_the_mirrored_answer(generator, crops):
    estimator = pose_estimator.PoseEstimator(generator, flip=True)
    straight, mirrored = estimator.heatmaps(crops), estimator.heatmaps(crops[:, :, ::-1])
    for task, maps in straight.items():
        expected = np.take(maps.numpy()[:, :, ::-1], MIRROR, axis=-1)
        np.testing.assert_allclose(mirrored[task].numpy(), expected, atol=1e-5)


def test_without_flip_the_mirrored_answer_differs(generator, crops):
    estimator = pose_estimator.PoseEstimator(generator)
    straight, mirrored = estimator.heatmaps(crops)["pose"], estimator.heatmaps(crops[:, :, ::-1])["pose"]
    assert np.abs(mirrored.numpy() - np.take(straight.numpy()[:, :, ::-1], MIRROR, axis=-1)).max() > 1e-2


def test_photographs_of_different_sizes_in_one_batch_equal_each_alone(generator):
    rng = np.random.default_rng(2)
    images = [rng.integers(0, 256, shape).astype(np.uint8) for shape in ((40, 60, 3), (90, 30, 3))]
    encoded = [tf.io.encode_png(images[0]), tf.io.encode_jpeg(images[1])]
    boxes = tf.constant([[5.0, 6.0, 20.0, 30.0], [0.0, 0.0, 0.0, 0.0]])
    estimator = pose_estimator.PoseEstimator(generator)
    together = estimator.joints_in_image(tf.stack(encoded), boxes)
    for n in range(2):
        alone = estimator.joints_in_image(encoded[n][None], boxes[n : n + 1])
        for name, values in alone.items():
            np.testing.assert_allclose(together[name][n].numpy(), values[0].numpy(), atol=1e-4)


def test_single_task_has_no_occlusion(crops):
    model = build_generator(crop_size=32, stacks=1, features=8, levels=2, occlusion=False)
    assert set(pose_estimator.PoseEstimator(model).joints_in_crop(crops)) == {"joints", "scores"}


def test_a_folder_that_is_no_workdir_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="is not a workdir"):
        pose_estimator.from_workdir(str(tmp_path))


def test_a_workdir_without_weights_is_the_users_mistake(tmp_path, tiny_config):
    tiny_config.save(str(tmp_path))
    with pytest.raises(UserError, match="holds no weights yet"):
        pose_estimator.from_workdir(str(tmp_path))
