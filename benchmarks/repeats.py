"""Are two runs equal to the bit? `python -m benchmarks.repeats --presets=2x256 --modes=joint,alternating`.

The same few steps of training, on the CPU, in several processes; then the weights of all networks are compared. That
small networks are equal says little of large ones, whose graphs TensorFlow rewrites (BUILD_NOTES 35). Exit code 1 where
two processes differ.
"""

from collections.abc import Iterable, Sequence

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import collections
import os

from absl import flags

from benchmarks import clock, presets
from data_pipeline.common import program
from keras_apn.config import PRECISIONS


def groups(digests: Iterable[str]) -> list[int]:
    """How many of some digests are the same: the sizes of the groups of equal ones, the largest first."""
    return sorted(collections.Counter(digests).values(), reverse=True)


def verdict(sizes: Sequence[int]) -> str:
    """`groups`' answer in words."""
    if len(sizes) == 1:
        return f"{sizes[0]} processes, equal to the bit"
    return f"DIFFERENT: of {sum(sizes)} processes at most {sizes[0]} are equal"


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_list("presets", ["2x256"], f"of {', '.join(presets.PRESETS)}")
    flags.DEFINE_list("modes", ["joint"], f"what a step trains, of {', '.join(presets.MODES)}")
    flags.DEFINE_integer("batch", 4, "people in a batch", lower_bound=1)
    flags.DEFINE_integer("steps", 3, "steps that each process trains, at least 3", lower_bound=3)
    flags.DEFINE_integer("processes", 3, "for each preset and mode", lower_bound=2)
    flags.DEFINE_enum("precision", "float32", PRECISIONS, "of the networks' arithmetic")
    flags.DEFINE_bool("recompute", False, "compute each stack of G again for its gradient")
    flags.DEFINE_integer("threads", os.cpu_count(), "that each process may use", lower_bound=1)


def main(values: flags.FlagValues) -> int:
    """Trains, compares and tells."""
    modes = presets.require(values.modes, presets.MODES, "modes")
    how = {name: getattr(values, name) for name in ("batch", "precision", "recompute", "threads")}
    # `clock.timed` calls once to build, some to warm up, and then as often as it is told.
    how |= {"xla": False, "steps": values.steps - 1 - clock.WARM_UP}
    equal = True
    for preset in presets.require(values.presets, presets.PRESETS, "presets"):
        for mode in modes:
            # No GPU: their sums have no order that is fixed.
            environment = {"CUDA_VISIBLE_DEVICES": "-1"}
            trained = [
                clock.apart("benchmarks.fit_step", environment, preset=preset, mode=mode, **how)["weights"]
                for _ in range(values.processes)
            ]
            sizes = groups(trained)
            equal = equal and len(sizes) == 1
            print(f"{preset} {mode}: {verdict(sizes)}", flush=True)
    return 0 if equal else 1


if __name__ == "__main__":
    program.run(main, define_flags)
