"""Exports a run's generator: `python -m export --workdir=runs/mpii --output=exports --formats=saved_model`."""

from data_pipeline import quiet  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

from absl import flags

from data_pipeline import program
from data_pipeline.errors import UserError
from export import saved_model
from keras_apn import inference

EXPORTERS = {"saved_model": saved_model.export}


def define_flags():
    """The program's flags."""
    flags.DEFINE_string("workdir", None, "the run whose best weights are exported", required=True)
    flags.DEFINE_string("output", None, "the folder to write to", required=True)
    flags.DEFINE_list("formats", list(EXPORTERS), f"what to write, of {', '.join(EXPORTERS)}")
    flags.DEFINE_string("name", "adversarial_posenet", "what the model is served as")
    flags.DEFINE_integer("version", 1, "its version", lower_bound=1)
    flags.DEFINE_bool("flip", False, "average with the mirrored image's heatmaps, at twice the cost")


def main(values):
    """Loads the weights and writes every format that was asked for."""
    unknown = sorted(set(values.formats) - set(EXPORTERS))
    if unknown or not values.formats:
        raise UserError(f"--formats must be of {', '.join(EXPORTERS)}. Received: {','.join(values.formats)}")
    estimator = inference.from_workdir(values.workdir, values.flip)
    for name in values.formats:
        print(f"{name}: {EXPORTERS[name](estimator, values.output, values.name, values.version)}")


if __name__ == "__main__":
    program.run(main, define_flags)
