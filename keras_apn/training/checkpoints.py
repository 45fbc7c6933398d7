"""Everything that a training needs to go on where it was, in files that are whole or recognised as not."""

import dataclasses
import json
import os
import re
import shutil
import sys

import keras
import tensorflow as tf

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.training.run_state import RunState

FOLDER, NAME = "checkpoints", "state"
# What TensorFlow raises for files that are cut, altered, missing, or of another model.
DAMAGE = (tf.errors.OpError, ValueError, IndexError, RuntimeError, AssertionError)


def networks(model: AdversarialPoseNet) -> dict[str, keras.Model]:
    """An `AdversarialPoseNet`'s networks by name."""
    names = ("generator", "pose_discriminator", "confidence_discriminator")
    return {name: getattr(model, name) for name in names if getattr(model, name) is not None}


def _optimizers(model):
    names = {
        "generator_optimizer": "optimizer",
        **{name: name for name in ("pose_optimizer", "confidence_optimizer", "adversarial_optimizer")},
    }
    return {name: getattr(model, own) for name, own in names.items() if getattr(model, own) is not None}


class _SavedState(tf.train.experimental.PythonState):
    """A `RunState` in a checkpoint, as JSON."""

    def __init__(self) -> None:
        self.run_state = RunState()

    def serialize(self):
        return json.dumps(dataclasses.asdict(self.run_state))

    def deserialize(self, string_value):
        self.run_state = json_file.decode(string_value, RunState, "the run's standing", not_finite=True)


class Checkpoints:
    """The last checkpoints of a run, in `checkpoints/<step>/`.

    Each holds the networks, their optimizers, the moving average, the step, from which the position in the data, in
    the schedules and in the augmentation follows, and the `RunState`. A folder has its name only when it is whole, and
    TensorFlow checks the sums of what it reads.

    Args:
        model: a compiled `AdversarialPoseNet`.
        workdir: an existing folder.
        keep: how many are kept, at least 1.
        own: the folder that is written to instead, by a worker that may change nothing in the workdir.
    """

    def __init__(self, model: AdversarialPoseNet, workdir: StrPath, keep: int = 3, own: StrPath | None = None) -> None:
        self.model, self.keep, self.saved_state = model, keep, _SavedState()
        self.source, self.folder = (os.path.join(place, FOLDER) for place in (workdir, own or workdir))
        # "standing" is what checkpoints have always called the run state.
        held = {"step": model.step, "standing": self.saved_state, **networks(model), **_optimizers(model)}
        if model.average is not None:
            held["average"] = model.average.values
        self.checkpoint = tf.train.Checkpoint(**held)

    def restore(self) -> RunState:
        """Puts the newest whole checkpoint into the model; damaged ones are told on standard error and removed.

        A worker that may change nothing passes them over.

        Returns:
            Its `RunState`; a fresh one where there is no checkpoint.

        Raises:
            UserError: there are checkpoints, and none can be read.
        """
        paths, writes = _newest_first(self.source), self.source == self.folder
        for path in paths:
            try:
                self.checkpoint.read(os.path.join(path, NAME)).assert_consumed()
            except DAMAGE as error:
                if writes:
                    print(f"warning: {path} is damaged; the one before it is tried ({_reason(error)})", file=sys.stderr)
                continue
            for damaged in paths[: paths.index(path)] if writes else ():
                shutil.rmtree(damaged)
            return self.saved_state.run_state
        if paths:
            raise UserError(f"None of the checkpoints in {self.source} can be read; give another --workdir")
        return self.saved_state.run_state

    def save(self, run_state: RunState) -> None:
        """Writes the model and a `RunState` as they are now; those before it stay whole whatever happens.

        Raises:
            UserError: it cannot be written, as on a full disk.
        """
        self.saved_state.run_state, step = run_state, int(self.model.step.numpy())
        path = os.path.join(self.folder, str(step))
        partial = f"{path}.partial"
        try:
            shutil.rmtree(partial, ignore_errors=True)
            self.checkpoint.write(os.path.join(partial, NAME))
            shutil.rmtree(path, ignore_errors=True)
            os.rename(partial, path)
        except (tf.errors.OpError, OSError) as error:
            kept = _newest_first(self.folder)
            which = f"{kept[0]} is whole, and a second start goes on from it" if kept else "there is none before it"
            raise UserError(f"The checkpoint of step {step} cannot be written ({_reason(error)}); {which}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        for old in _newest_first(self.folder)[self.keep :]:
            shutil.rmtree(old)


def _newest_first(folder):
    """Paths of the checkpoints in a folder."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    steps = sorted((int(n) for n in names if n.isdecimal() and os.path.isdir(os.path.join(folder, n))), reverse=True)
    return [os.path.join(folder, str(step)) for step in steps]


def _reason(error):
    """The first line of what TensorFlow says, without the name of its operation."""
    said = re.sub(r"^\{\{[^}]*\}\}\s*", "", str(error).strip()).removesuffix(" [Op:SaveV2]")
    return (said or type(error).__name__).splitlines()[0]
