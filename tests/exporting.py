"""Exports of tiny generators, for the tests of what is exported."""

import os

import keras
import numpy as np

from data_pipeline.skeleton import MPII16
from export.formats import metadata, saved_model
from keras_apn.inference import pose_estimator
from keras_apn.models.generator import build_generator


def generator(seed=0, **sizes):
    """A tiny G whose maps have something to find: its heads do not start near zero."""
    keras.utils.set_random_seed(seed)
    model = build_generator(**{"crop_size": 32, "stacks": 1, "features": 8, "levels": 2, **sizes})
    for layer in model.layers:
        if layer.name.endswith("_maps_conv"):
            layer.kernel.assign(np.random.default_rng(seed).normal(size=layer.kernel.shape).astype(np.float32))
    return model


def write_saved_model(estimator, output, name="posenet", version=1):
    """Writes `output/name/version`, a SavedModel of an `pose_estimator.PoseEstimator`, and returns its path."""
    path = os.path.join(output, name, str(version))
    os.makedirs(path)
    saved_model.export(estimator, path, metadata.describe(estimator, name, version))
    return path


def about(estimator, name="posenet", version=1):
    """What an export tells of itself."""
    return metadata.describe(estimator, name, version)


def estimator(seed=0, flip=False, skeleton=MPII16, **sizes):
    """A tiny `pose_estimator.PoseEstimator`."""
    return pose_estimator.PoseEstimator(generator(seed, joints=len(skeleton), **sizes), flip, skeleton=skeleton)
