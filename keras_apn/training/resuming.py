"""How a run begins: anew, from another run's weights, or where it stopped."""

import dataclasses
import os

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath, find_files
from keras_apn import config as configuration
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.inference import pose_estimator
from keras_apn.models import best_weights, shipped
from keras_apn.training import checkpoints
from keras_apn.training.run_state import RunState

# What a run may be resumed with, whatever it was begun with.
FREE = {
    "model": (),
    "data": ("deterministic", "max_damaged", "data_service"),
    "training": (
        *("epochs", "patience", "checkpoint_steps", "keep", "panel_epochs", "not_finite_steps", "xla"),
        *("recompute", "distribute", "synchronized_batch_norm", "reproducible", "tf32"),
    ),
}


def check_resumable(config: configuration.Config, workdir: StrPath) -> None:
    """Raises UserError where the workdir holds a run of other settings than these, those in `FREE` apart."""
    path = os.path.join(workdir, configuration.CONFIG_FILE)
    if not os.path.exists(path):
        return
    old = configuration.load(workdir)
    if configuration.read(workdir)["training"].get("precision") == "float16":
        raise UserError(
            f"{workdir} was trained in float16, which is no more (BUILD_NOTES 51); start from its weights with another "
            f"--workdir and --init_from={workdir}"
        )
    same = configuration.Config(
        **{
            name: dataclasses.replace(getattr(config, name), **{key: getattr(getattr(old, name), key) for key in keys})
            for name, keys in FREE.items()
        }
    )
    same = dataclasses.replace(same, data=dataclasses.replace(same.data, **_moved(old.data, same.data)))
    if old == same:
        return
    changed = [
        f"--{name}={before} there, {after} here"
        for (name, before), after in zip(old.flags().items(), same.flags().values(), strict=True)
        if before != after or (name == "skeleton" and old.model.skeleton != same.model.skeleton)
    ]
    raise UserError(f"{workdir} holds a run of other settings ({'; '.join(changed)}); give another --workdir")


def _moved(old, new):
    """The old globs of records that are no longer there: others may take their place."""
    kept = {
        name: getattr(old, name)
        for name in ("train_records", "validation_records")
        if not find_files(getattr(old, name))
    }
    mixes = [[word.rpartition("=") for word in data.mix.split(",")] for data in (old, new)]
    shares, others = ([share for _, _, share in words] for words in mixes)
    if old.mix and shares == others and not any(find_files(pattern) for pattern, _, _ in mixes[0]):
        kept["mix"] = old.mix
    return kept


def start_from(workdir: StrPath, model: AdversarialPoseNet) -> None:
    """Puts the best weights of another run into a fresh model; P and C keep theirs where that run has none.

    Raises:
        UserError: it is no workdir with weights, or they do not fit.
    """
    for name, network in checkpoints.networks(model).items():
        if name == "generator" or best_weights.find(workdir, name):
            pose_estimator.load_best(network, workdir, name)


def begin(
    model: AdversarialPoseNet,
    run_state: RunState,
    steps: int,
    training: configuration.TrainingConfig,
    workdir: StrPath,
    tell: bool,
) -> None:
    """Tells, if so asked, where a run goes on, or starts it from another's weights where it is new."""
    done = int(model.step.numpy())
    if done and tell:
        within = f", step {done - run_state.epoch * steps} of the next" if done > run_state.epoch * steps else ""
        print(f"Going on in {workdir} after epoch {run_state.epoch}{within}.")
    elif not done and training.init_from:
        start_from(shipped.folder(training.init_from) or training.init_from, model)
