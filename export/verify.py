"""Compares every export with Keras: `python -m export.verify --workdir=runs/mpii --exports=exports`.

Each file runs in its own runtime, on the CPU, and gets the very crops that Keras gets, of the run's validation people,
rounded to 8 bits once for all. The bounds:

- float32 (SavedModel, ONNX, TFLite): heatmaps within 1e-4 of Keras's, and so the scores; joints within 0.01 crop pixel,
  but for ties: places that Keras's own map has equally high to within 1e-4. They have their own column.
- P's `plausible`, where it was exported: float32 within 1e-3 of Keras's, others within 0.1 in the mean.
- float16, dynamic, int8: at most 0.2, 0.5 and 1.0 points of the records' metric lost (PCKh, or PCK on LSP).

Exit code 1 where a bound is passed.
"""

from collections.abc import Callable, Sequence

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import collections

import numpy as np
import tensorflow as tf
from absl import flags

from data_pipeline.common import outputs, program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json
from data_pipeline.records import dataset
from data_pipeline.skeleton import MPII16, Skeleton
from export.formats import artefacts, descriptions
from export.timing import provenance
from export.verification import agreement, verdict
from keras_apn import config as configuration
from keras_apn.evaluation import scoring
from keras_apn.inference import discriminator_scores, exported_models, pose_estimator

BOUND_PASSED = 1
TRUTH = ("true", "head_size", "annotated", "visible", "occlusion_known")


def keras_answers(estimator: pose_estimator.PoseEstimator) -> Callable[[tf.Tensor], dict[str, np.ndarray]]:
    """Keras's heatmaps and joints in one graph: crops [B, S, S, 3] float32 to a dict of arrays."""

    @tf.function(reduce_retracing=True)
    def graph(crops):
        return pose_estimator.everything(estimator, crops)

    return lambda crops: _arrays(graph(crops))


def export_answers(finder: exported_models.ExportedEstimator, crops: np.ndarray) -> dict[str, np.ndarray]:
    """All that an export gives: joints in any case, and heatmaps where it has them.

    Args:
        finder: an `exported_models.ExportedEstimator`.
        crops: [B, S, S, 3] float32.

    Returns:
        A dict of arrays, as of `keras_answers`.
    """
    maps = finder.heatmaps(crops) if "pose" in finder.model.outputs else {}
    # Where it has no joints they are what its maps say.
    found = finder.joints_in_crop(crops) if "joints" in finder.model.outputs else pose_estimator.joints_in_maps(maps)
    return _arrays({**maps, **found})


def _arrays(tensors):
    return {name: values.numpy() for name, values in tensors.items()}


def open_all(
    found: Sequence[artefacts.Artefact], crop_size: int, skeleton: Skeleton = MPII16
) -> dict[str, exported_models.ExportedEstimator]:
    """Every artefact in its runtime: `exported_models.ExportedEstimator` by name.

    Raises:
        UserError: one cannot be read, takes crops of another size, or finds other joints.
    """
    finders = {}
    for artefact in found:
        finders[artefact.name] = exported_models.load(artefact.path)
        size = finders[artefact.name].crop_size
        if size != crop_size:
            raise UserError(f"{artefact.path} takes crops of {size} pixels, and the workdir's model of {crop_size}")
        own = finders[artefact.name].skeleton
        if own.joints != skeleton.joints:
            raise UserError(f"{artefact.path} finds {own.name}'s joints, the workdir's model {skeleton.name}'s")
    return finders


def compare(
    estimator: pose_estimator.PoseEstimator,
    finders: dict[str, exported_models.ExportedEstimator],
    paths: Sequence[str],
    batch_size: int = 16,
    people: int | None = None,
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Runs Keras and every export over records once.

    Args:
        estimator: the `pose_estimator.PoseEstimator` that was exported.
        finders: from `open_all`.
        paths: shards.
        batch_size: people in a batch.
        people: how many of the records' first people; None for all.

    Returns:
        `(rows, truth)`: by name, and `keras` first, `agreement.compare`'s dict over all people, of Keras `predicted`
        alone; and a dict of `TRUTH`, as of `scoring.collect`.

    Raises:
        UserError: an export does not give what the estimator gives, so it is of another model.
    """
    of_keras, rows, truth, seen = keras_answers(estimator), collections.defaultdict(list), [], 0
    for example in scoring.examples(paths, estimator.crop_size, batch_size, skeleton=estimator.skeleton):
        left = None if people is None else people - seen
        crops = (tf.round(example["crop"] * 255.0) / 255.0)[:left]
        truth.append({name: example[name].numpy()[:left] for name in TRUTH})
        seen += len(crops)
        expected = of_keras(crops)
        rows["keras"].append({"predicted": expected["joints"]})
        for name, finder in finders.items():
            given = export_answers(finder, crops)
            _require_tasks(name, given, expected, "joints" in finder.model.outputs)
            rows[name].append(agreement.compare(expected, given, verdict.MAPS))
        if seen == people:
            break
    return {name: _joined(parts) for name, parts in rows.items()}, _joined(truth)


def _require_tasks(name, given, expected, has_joints):
    if ("occluded" in given) != ("occluded" in expected):
        lacks = "no" if "occluded" in expected else "an"
        raise UserError(f"{name} has {lacks} occlusion, unlike the workdir's model: it is another model's export")
    # What its maps say, where it has no joints of its own.
    if has_joints and ("plausible" in given) != ("plausible" in expected):
        raise UserError(f"{name} differs from other exports in `plausible`; export all of them in one way")


def _joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("workdir", None, "the run that was exported", required=True)
    flags.DEFINE_string("exports", None, "the folder of exports, what was --output", required=True)
    flags.DEFINE_string("name", None, "of the model, where --exports holds several")
    flags.DEFINE_integer("version", None, "of the model; the highest by default", lower_bound=1)
    flags.DEFINE_string("records", None, "glob of the shards to compare on; the run's validation shards by default")
    flags.DEFINE_integer("people", None, "the records' first so many people; all by default", lower_bound=1)
    flags.DEFINE_integer("batch_size", 16, "people in a batch", lower_bound=1)
    flags.DEFINE_string("json", None, "a file to write all numbers to")


def main(values: flags.FlagValues) -> int | None:
    """Finds, compares, prints and writes."""
    outputs.require_file(values.json, "json")
    # One kind of arithmetic: LiteRT and ONNX Runtime run on the CPU, and a GPU rounds to fewer bits.
    tf.config.set_visible_devices([], "GPU")
    config = configuration.load(values.workdir)
    name, version = artefacts.choose(values.exports, values.name, values.version)
    found = artefacts.find(values.exports, name, version)
    judged = descriptions.plausible(found)
    of_workdir = discriminator_scores.with_p if judged else pose_estimator.from_workdir
    estimator = of_workdir(values.workdir, descriptions.flip_test(found))
    records = values.records or config.data.validation_records
    paths = dataset.find(records)
    finders = open_all(found, estimator.crop_size, estimator.skeleton)
    rows, truth = compare(estimator, finders, paths, values.batch_size, values.people)
    report = verdict.judge(rows, truth, found, dataset.describe(paths)["metric"], estimator.skeleton)
    versions = provenance.versions()
    print(f"{name} {version}, {report['people']} people, {provenance.line(versions)}")
    print(verdict.table(report))
    if values.json:
        inputs = {key: getattr(values, key) for key in ("workdir", "exports", "batch_size")}
        inputs |= {"name": name, "version": version, "records": records, "flip_test": estimator.flip}
        write_json(values.json, {"command": inputs, "versions": versions, "bounds": verdict.BOUNDS, **report})
    return BOUND_PASSED if any(row["failed"] for row in report["artefacts"]) else None


if __name__ == "__main__":
    program.run(main, define_flags)
