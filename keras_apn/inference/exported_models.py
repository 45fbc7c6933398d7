"""Exported models, each in its own runtime, behind the interface of `pose_estimator.PoseEstimator`."""

from typing import Any

import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn.inference import exported_files, pose_estimator, runtimes, test_time_augmentation


class ExportedEstimator:
    """An exported G that finds joints as `pose_estimator.PoseEstimator` does.

    Args:
        model: of `runtimes`.
        flip, scales: as of `PoseEstimator`, on top of what the export does itself; they need a model that gives
            heatmaps.

    Raises:
        UserError: heatmaps are needed, and the model gives joints alone.
    """

    def __init__(
        self,
        model: runtimes.SavedModel | runtimes.TFLite | runtimes.ONNX,
        flip: bool = False,
        scales: tuple[float, ...] = test_time_augmentation.ONE_SCALE,
    ) -> None:
        self.flip, self.scales = flip, tuple(scales)
        self.model, self.crop_size, self.skeleton = model, model.crop_size, model.skeleton
        self.averages = flip or self.scales != test_time_augmentation.ONE_SCALE
        if self.averages and "pose" not in model.outputs:
            raise UserError("--flip and --scales need heatmaps, and this export gives joints alone")

    def heatmaps(self, crops: Any) -> dict[str, tf.Tensor]:
        """Heatmaps, averaged, as `pose_estimator.PoseEstimator.heatmaps` gives them."""
        return test_time_augmentation.average(self._maps, crops, self.flip, self.scales, self.skeleton)

    def _maps(self, crops):
        found = self.model(crops, "pose")
        return {name: tf.constant(found[name]) for name in ("pose", "occlusion") if name in found}

    def joints_in_crop(self, crops: Any) -> dict[str, tf.Tensor]:
        """Joints of crops.

        Args:
            crops: [B, crop_size, crop_size, 3] float32 within 0 and 1, rounded to 8 bits where the model takes those;
                with several scales a list of such, one a scale.

        Returns:
            A dict of tensors as `PoseEstimator.joints_in_crop` gives it: the model's own joints, or what its heatmaps
            say where it has no joints or they are averaged.
        """
        if self.averages or "joints" not in self.model.outputs:
            return pose_estimator.joints_in_maps(self.heatmaps(crops))
        found = self.model(crops, "joints")
        return {name: tf.constant(found[name]) for name in sorted(runtimes.BELONG["joints"]) if name in found}

    def joints_in_image(self, image_bytes: tf.Tensor, boxes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Joints of encoded photographs; arguments and answer as of `pose_estimator.joints_in_image`."""
        return pose_estimator.joints_in_image(self, image_bytes, boxes)


def load(
    path: StrPath, flip: bool = False, scales: tuple[float, ...] = test_time_augmentation.ONE_SCALE
) -> ExportedEstimator:
    """Loads an exported model.

    Args:
        path: a SavedModel folder, or a folder of its numbered versions, of which the highest is taken; a `.tflite` or
            an `.onnx` file.
        flip, scales: as of `ExportedEstimator`.

    Returns:
        An `ExportedEstimator`.

    Raises:
        UserError: it is none of these, cannot be read, is no pose model, or its runtime is not installed.
    """
    return ExportedEstimator(exported_files.open_model(path), flip, scales)
