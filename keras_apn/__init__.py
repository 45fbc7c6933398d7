"""Adversarial PoseNet (Chen et al., ICCV 2017): networks, training, metrics and the programs around them.

`keras_apn.load("apn-mobile")` gives a trained estimator. Imports `data_pipeline`; its packages say what they import of
each other.
"""

from typing import Any


def load(name: str, flip: bool = False) -> Any:
    """A trained model, ready to find joints.

    Args:
        name: of a model that comes with the package, as "apn-mobile", or a workdir of `keras_apn.train`.
        flip: average with the mirrored crop's heatmaps, at twice the cost.

    Returns:
        A `keras_apn.inference.pose_estimator.PoseEstimator`: `joints_in_image` takes encoded photographs and boxes,
        `joints_in_crop` crops, `heatmaps` gives what G predicts.

    Raises:
        UserError: there is no such model, and no such workdir.
    """
    # TensorFlow is imported by whoever asks for a model, not by whoever imports a part of the package.
    from keras_apn.inference import pose_estimator
    from keras_apn.models import shipped

    return pose_estimator.from_workdir(shipped.folder(name) or name, flip)
