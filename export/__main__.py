"""Exports a run's generator: `python -m export --workdir=runs/mpii --output=exports --formats=saved_model`."""

from data_pipeline import program  # isort: skip  It quiets TensorFlow, so it comes before.

from absl import flags

from data_pipeline.errors import UserError
from export import saved_model
from keras_apn import inference

EXPORTERS = {"saved_model": saved_model.export}

WORKDIR = flags.DEFINE_string("workdir", None, "the run whose best weights are exported", required=True)
OUTPUT = flags.DEFINE_string("output", None, "the folder to write to", required=True)
FORMATS = flags.DEFINE_list("formats", list(EXPORTERS), f"what to write, of {', '.join(EXPORTERS)}")
NAME = flags.DEFINE_string("name", "adversarial_posenet", "what the model is served as")
VERSION = flags.DEFINE_integer("version", 1, "its version", lower_bound=1)
FLIP = flags.DEFINE_bool("flip", False, "average with the mirrored image's heatmaps, at twice the cost")


def main():
    """Loads the weights and writes every format that was asked for."""
    unknown = sorted(set(FORMATS.value) - set(EXPORTERS))
    if unknown or not FORMATS.value:
        raise UserError(f"--formats must be of {', '.join(EXPORTERS)}. Received: {','.join(FORMATS.value)}")
    estimator = inference.from_workdir(WORKDIR.value, FLIP.value)
    for name in FORMATS.value:
        print(f"{name}: {EXPORTERS[name](estimator, OUTPUT.value, NAME.value, VERSION.value)}")


if __name__ == "__main__":
    program.run(main)
