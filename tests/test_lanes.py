"""What one lane of requirements.txt exports, the other must run, with the same joints.

`APN_EXCHANGE` names a folder that both lanes share: each leaves an export and its answers there, and each runs what it
finds of the other's. `make test-lanes` sets it.
"""

import os
import pathlib

import exporting
import keras
import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.synthetic import scenes

OWN = f"keras-{keras.__version__}"
EXCHANGE = os.environ.get("APN_EXCHANGE")

pytestmark = pytest.mark.skipif(not EXCHANGE, reason="APN_EXCHANGE names no folder; `make test-lanes` sets it")


def photographs():
    """Four encoded pictures, JPEG and PNG, and a box or none for each."""
    pictures = [scenes.sample(7, n)[1] for n in range(4)]
    encoders = (tf.io.encode_jpeg, tf.io.encode_png)
    encoded = [encoders[n % 2](picture).numpy() for n, picture in enumerate(pictures)]
    boxes = [[40, 30, 150, 200], [0, 0, 0, 0], [0, 0, 0, 0], [25.5, 60.5, 100, 90]]
    return encoded, np.array(boxes, np.float32)


@pytest.fixture(scope="module")
def written():
    """The folder of this lane's export and answers, made where an earlier run has not left it."""
    path = pathlib.Path(EXCHANGE) / OWN
    if path.exists():
        return path
    encoded, boxes = photographs()
    path.mkdir()
    estimator = exporting.estimator(crop_size=64, stacks=2, features=16, levels=3)
    exporting.write_saved_model(estimator, path)
    answers = estimator.joints_in_image(tf.constant(encoded), tf.constant(boxes))
    # Last, and at once: the other lane may be looking.
    np.savez(path / "partial.npz", encoded=np.array(encoded, object), boxes=boxes, **answers)
    (path / "partial.npz").rename(path / "answers.npz")
    return path


def assert_same_joints(path):
    """Runs the export in a lane's folder and compares its answers with those beside it."""
    told = np.load(path / "answers.npz", allow_pickle=True)
    serve = tf.saved_model.load(str(path / "posenet" / "1")).signatures["serving_default"]
    found = serve(image_bytes=tf.constant(told["encoded"].tolist()), boxes=tf.constant(told["boxes"]))
    np.testing.assert_allclose(found["joints"], told["joints"], atol=1e-3)
    for name in ("scores", "occluded"):
        np.testing.assert_allclose(found[name], told[name], atol=1e-4)


def test_an_export_runs_in_its_own_lane(written):
    assert_same_joints(written)


def test_an_export_of_the_other_lane_gives_the_same_joints(written):
    others = [path for path in written.parent.iterdir() if path != written and (path / "answers.npz").exists()]
    if not others:
        pytest.skip("the other lane has left nothing yet")
    for path in others:
        assert_same_joints(path)
