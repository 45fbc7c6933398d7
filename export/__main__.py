"""Exports a run's generator: `python -m export --workdir=runs/mpii --output=exports --formats=saved_model`."""

from data_pipeline import quiet  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

from absl import flags

from data_pipeline import program
from data_pipeline.errors import UserError
from export import artefacts, metadata, saved_model
from keras_apn import inference

EXPORTERS = {"saved_model": saved_model.export}


def export(estimator, formats, output, about, overwrite=False):
    """Writes all formats, or none.

    Args:
        estimator: a `keras_apn.inference.PoseEstimator`.
        formats: of `artefacts.FORMATS`.
        output: a folder, made where it is missing.
        about: of `metadata.describe`.
        overwrite: whether versions that are there may be replaced.

    Returns:
        The paths written, one a format.

    Raises:
        UserError: a version is there already.
    """
    paths = [artefacts.folder(output, kind, about["name"], about["version"]) for kind in formats]
    with artefacts.written(paths, overwrite) as partial:
        for kind, folder in zip(formats, partial, strict=True):
            EXPORTERS[kind](estimator, folder, about)
    return paths


def define_flags():
    """The program's flags."""
    flags.DEFINE_string("workdir", None, "the run whose best weights are exported", required=True)
    flags.DEFINE_string("output", None, "the folder to write to", required=True)
    flags.DEFINE_list("formats", list(EXPORTERS), f"what to write, of {', '.join(EXPORTERS)}")
    flags.DEFINE_string("name", "adversarial_posenet", "what the model is served as")
    flags.DEFINE_integer("version", 1, "its version", lower_bound=1)
    flags.DEFINE_string("licence", metadata.LICENCE, "of the weights, which the exports tell")
    flags.DEFINE_bool("flip", False, "average with the mirrored image's heatmaps, at twice the cost")
    flags.DEFINE_bool("overwrite", False, "replace the version where it is there already")


def main(values):
    """Loads the weights and writes every format that was asked for."""
    unknown = sorted(set(values.formats) - set(EXPORTERS))
    if unknown or not values.formats:
        raise UserError(f"--formats must be of {', '.join(EXPORTERS)}. Received: {','.join(values.formats)}")
    formats = list(dict.fromkeys(values.formats))
    estimator = inference.from_workdir(values.workdir, values.flip)
    about = metadata.describe(estimator, values.name, values.version, values.licence)
    for kind, path in zip(formats, export(estimator, formats, values.output, about, values.overwrite), strict=True):
        print(f"{kind}: {path}")


if __name__ == "__main__":
    program.run(main, define_flags)
