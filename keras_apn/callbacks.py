"""What happens around epochs: checkpoints to go on from, the best weights, one line of progress."""

import json
import os
import time

import keras
import tensorflow as tf

from data_pipeline.files import write_json

STATE_FILE = "state.json"
BEST = "best"


def networks(model):
    """An `AdversarialPoseNet`'s networks by name."""
    found = {"generator": model.generator}
    if model.adversarial:
        found["pose_discriminator"] = model.pose_discriminator
        found["confidence_discriminator"] = model.confidence_discriminator
    return found


def best_path(workdir, network):
    """Where a workdir keeps the best weights of a network."""
    return os.path.join(workdir, BEST, f"{network}.weights.h5")


def _checkpoint(model):
    optimizers = {"generator_optimizer": model.optimizer}
    if model.adversarial:
        optimizers["pose_optimizer"] = model.pose_optimizer
        optimizers["confidence_optimizer"] = model.confidence_optimizer
    return tf.train.Checkpoint(step=model.step, **networks(model), **optimizers)


class Checkpoints(keras.callbacks.Callback):
    """Saves everything that training needs to go on after each epoch, and the best weights of the networks.

    The workdir gets `checkpoints/` (the last `keep`), `best/<network>.weights.h5` and `state.json` with the epoch done
    and the best score. Each is written under another name first.

    Args:
        workdir: an existing folder.
        monitor: the validation score to be best in; higher is better.
        keep: number of checkpoints kept.
    """

    def __init__(self, workdir, monitor="val_pckh", keep=3):
        super().__init__()
        self.workdir, self.monitor, self.keep = workdir, monitor, keep
        self.state = {"epoch": 0, "best": None, "best_epoch": None}

    def restore(self, model):
        """Puts the newest checkpoint into a compiled model; returns the epochs done, 0 where there is none."""
        self.manager = tf.train.CheckpointManager(
            _checkpoint(model), os.path.join(self.workdir, "checkpoints"), max_to_keep=self.keep
        )
        path = os.path.join(self.workdir, STATE_FILE)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.state = json.load(file)
            # The one that belongs to the state: a crash between the two leaves a newer one.
            done = os.path.join(self.manager.directory, f"ckpt-{self.state['epoch']}")
            self.manager.checkpoint.restore(done).assert_consumed()
        return self.state["epoch"]

    def on_epoch_end(self, epoch, logs=None):
        score = float((logs or {})[self.monitor])
        if self.state["best"] is None or score > self.state["best"]:
            self._save_best()
            self.state.update(best=score, best_epoch=epoch + 1)
        self.state["epoch"] = epoch + 1
        self.manager.save(checkpoint_number=epoch + 1)
        write_json(os.path.join(self.workdir, STATE_FILE), self.state)

    def _save_best(self):
        os.makedirs(os.path.join(self.workdir, BEST), exist_ok=True)
        for name, network in networks(self.model).items():
            path = best_path(self.workdir, name)
            partial = path.replace(".weights.h5", ".partial.weights.h5")
            network.save_weights(partial)
            os.replace(partial, path)


class Progress(keras.callbacks.Callback):
    """Prints one line an epoch: scores, the best so far, and the time left of the whole training."""

    def __init__(self, checkpoints, epochs, first_epoch):
        super().__init__()
        self.checkpoints, self.epochs, self.first_epoch = checkpoints, epochs, first_epoch

    def on_train_begin(self, logs=None):
        self.begun = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1 - self.first_epoch
        left = (time.monotonic() - self.begun) / done * (self.epochs - epoch - 1)
        state = self.checkpoints.state
        print(
            f"epoch {epoch + 1}/{self.epochs}  loss {logs['loss']:.5f}  PCKh {100 * logs['val_pckh']:.2f}"
            f"  best {100 * state['best']:.2f} (epoch {state['best_epoch']})  time left {_clock(left)}",
            flush=True,
        )


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
