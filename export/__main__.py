"""Exports a run's generator: `python -m export --workdir=runs/mpii --output=exports`.

    OUTPUT/NAME/VERSION/           a SavedModel for TF Serving, and OUTPUT/serving/ to start a server with
    OUTPUT/tflite/NAME/VERSION/    TFLite files for phones, heatmaps or joints, in each of --quantize
    OUTPUT/onnx/NAME/VERSION/      an ONNX file

All of them appear when all are whole. `python -m export.verify` compares them with Keras, `python -m export.benchmark`
times them.
"""

from collections.abc import Callable, Sequence
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import re

from absl import flags

from data_pipeline.common import arguments, outputs, program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.records import dataset
from export.formats import artefacts, calibration, cost, metadata, onnx_, saved_model, tflite
from export.serving import folder as serving
from keras_apn import config as configuration
from keras_apn.evaluation import calibrating
from keras_apn.inference import discriminator_scores, pose_estimator
from keras_apn.models import platt_scaling, shipped


def export(
    estimator: pose_estimator.PoseEstimator,
    formats: Sequence[str],
    output: str,
    about: dict[str, Any],
    *,
    quantize: Sequence[str] = tuple(tflite.QUANTIZATIONS),
    crops: Callable | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Writes all formats, or none.

    Args:
        estimator: a `keras_apn.inference.pose_estimator.PoseEstimator`.
        formats: of `artefacts.FORMATS`.
        output: a folder, made where it is missing.
        about: of `metadata.describe`.
        quantize: of `tflite.QUANTIZATIONS`.
        crops: for int8, a function that gives crops to calibrate on.
        overwrite: whether versions that are there may be replaced.

    Returns:
        The paths written, one a format, and that of `serving/` beside a SavedModel.

    Raises:
        UserError: a version is there already, or there is nothing to calibrate on.
    """
    exporters = {
        "saved_model": saved_model.export,
        "tflite": lambda *given: tflite.export(*given, quantize, crops),  # type: ignore[call-arg]
        "onnx": onnx_.export,
    }
    paths = [artefacts.folder(output, kind, about["name"], about["version"]) for kind in formats]
    if "saved_model" in formats:
        serving.check(output)
    with artefacts.written(paths, overwrite) as partial:
        for kind, folder in zip(formats, partial, strict=True):
            exporters[kind](estimator, folder, about)
    if "saved_model" in formats:
        paths.append(serving.write(output, about["name"], about["version"], estimator.skeleton))
    return paths


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("workdir", None, "the run whose best weights are exported; this or --model")
    flags.DEFINE_string("model", None, f"a model that comes with the package: {', '.join(shipped.names())}")
    flags.DEFINE_string("output", None, "the folder to write to", required=True)
    flags.DEFINE_list("formats", list(artefacts.FORMATS), f"what to write, of {', '.join(artefacts.FORMATS)}")
    flags.DEFINE_list(
        "quantize", list(tflite.QUANTIZATIONS), f"TFLite's arithmetic, of {', '.join(tflite.QUANTIZATIONS)}"
    )
    flags.DEFINE_string(
        "calibration_records", None, "glob of the shards that int8 takes its ranges from; the training records' if not"
    )
    flags.DEFINE_string("name", "adversarial_posenet", "what the model is served as")
    flags.DEFINE_integer("version", 1, "its version", lower_bound=1)
    flags.DEFINE_string(
        "licence", None, f"of the weights, which the exports tell; {metadata.LICENCE}, or that of the --model, if not"
    )
    flags.DEFINE_bool("flip", False, "average with the mirrored image's heatmaps, at twice the cost")
    flags.DEFINE_bool(
        "plausible", False, "give P's calibrated probability that each joint is right too; says what that costs"
    )
    flags.DEFINE_bool("overwrite", False, "replace the version where it is there already")


def workdir_of(values: flags.FlagValues) -> str:
    """The folder of the run, or of the model that comes with the package, that the flags ask for."""
    if bool(values.workdir) == bool(values.model):
        raise UserError("Give either --workdir, a run's folder, or --model, a model that comes with the package")
    found = values.workdir or shipped.folder(values.model)
    if found is None:
        raise UserError(f"--model must be one of {', '.join(shipped.names())}. Received: {values.model}")
    return found


def check(values: flags.FlagValues) -> None:
    """Raises UserError for flags that do not say what to write."""
    for name, known in (("formats", artefacts.FORMATS), ("quantize", tflite.QUANTIZATIONS)):
        given = getattr(values, name)
        if not given or set(given) - set(known):
            raise UserError(f"--{name} must be of {', '.join(known)}. Received: {','.join(given)}")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", values.name) or values.name in (*artefacts.FORMATS, serving.NAME):
        raise UserError(f"--name must be a folder's name, other than those beside it. Received: {values.name}")


def calibration_shards(pattern: str) -> list[str]:
    """The shards that int8 takes its ranges from; raises UserError where there are none."""
    try:
        return dataset.find(pattern)
    except UserError as error:
        way = "give others with --calibration_records, or leave int8 out of --quantize"
        raise UserError(f"int8 takes its ranges from records. {error}; {way}") from error


def plain(workdir: str, flip: bool) -> tuple[pose_estimator.PoseEstimator, None]:
    """`(estimator, None)`: G alone."""
    return pose_estimator.from_workdir(workdir, flip), None


def judged(workdir: str, flip: bool) -> tuple[pose_estimator.PoseEstimator, dict[str, Any]]:
    """`(estimator, what is told of P)`: G with P, calibrated where it has not been; prints what P costs.

    Raises:
        UserError: the run has no P, or it can not be calibrated.
    """
    if not discriminator_scores.has_p(workdir):
        raise UserError(f"{workdir} has no P, which says how plausible joints are; leave --plausible out")
    calibrating.of_run(workdir)
    estimator = discriminator_scores.with_p(workdir, flip)
    spent = cost.measure(estimator)
    print(cost.line(spent))
    _, calibration = platt_scaling.read(workdir) or (None, {})
    return estimator, {"cost": spent, "calibration": calibration}


def main(values: flags.FlagValues) -> None:
    """Writes every format that was asked for, and prints where."""
    for path in written(values):
        print(path)


def from_python(workdir: StrPath | None, output: StrPath, **given: Any) -> list[str]:
    """As `keras_apn.export`."""
    return written(arguments.values(define_flags, {"workdir": workdir, "output": output, **given}))


def written(values: flags.FlagValues) -> list[str]:
    """Loads the weights and writes every format that was asked for; gives the paths."""
    check(values)
    outputs.require_folder(values.output, "output")
    workdir = workdir_of(values)
    formats, quantize = (list(dict.fromkeys(given)) for given in (values.formats, values.quantize))
    shards = None
    if "tflite" in formats and "int8" in quantize:
        shards = calibration_shards(values.calibration_records or configuration.load(workdir).data.train_records)
    estimator, told = (judged if values.plausible else plain)(workdir, values.flip)
    licence = values.licence or shipped.LICENCES.get(values.model, metadata.LICENCE)
    about = metadata.describe(estimator, values.name, values.version, licence, told)
    return export(
        estimator,
        formats,
        values.output,
        about,
        quantize=quantize,
        crops=lambda: calibration.crops(shards, estimator.crop_size, skeleton=estimator.skeleton),
        overwrite=values.overwrite,
    )


if __name__ == "__main__":
    program.run(main, define_flags)
