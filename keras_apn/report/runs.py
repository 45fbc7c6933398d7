"""The runs that a report compares: their settings, what each finds in the same people, and how it scores."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset
from data_pipeline.skeleton import Skeleton
from keras_apn import config as configuration
from keras_apn.adversarial import discrimination
from keras_apn.evaluation import scoring
from keras_apn.inference import discriminator_scores, pose_estimator
from keras_apn.metrics import normalisers, pck
from keras_apn.metrics.plausibility import Ranges
from keras_apn.report import misses
from keras_apn.training import history
from keras_apn.training.callbacks import STATE_FILE


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A trained run and what it finds.

    Attributes:
        name: how the report calls it.
        workdir: its folder.
        config: its `config.Config`.
        epochs: what `history.read` gives.
        state: `epoch`, `best` and `best_epoch` of its training; empty where it is not known.
        estimator: its `pose_estimator.PoseEstimator`.
        judge: its `discriminator_scores.JudgedEstimator`, or None where it was trained without P and C.
        found: what `scoring.collect` gives, with `plausible` and `confident` [N, J] where there is a judge.
        normalised: [N, J] distances in the metric's unit, NaN where nothing is counted.
        scores: what `scoring.score` gives, `misses` as `misses.shares` does, and `discriminators`, those of
            `discrimination.Discrimination`, or None where there is no judge.
    """

    name: str
    workdir: str
    config: configuration.Config
    epochs: list
    state: dict
    estimator: pose_estimator.PoseEstimator
    judge: discriminator_scores.JudgedEstimator | None
    found: dict
    normalised: np.ndarray
    scores: dict

    @property
    def skeleton(self) -> Skeleton:
        """Whose joints it finds."""
        return self.estimator.skeleton

    @property
    def parameters(self) -> int:
        """Of G."""
        return self.estimator.generator.count_params()


def label(workdirs: Sequence[str], names: Sequence[str] = ()) -> list[str]:
    """A name for every workdir.

    Args:
        workdirs: paths.
        names: as many names, or none: then the folders' names, or the paths where two folders have the same.

    Raises:
        UserError: there is no workdir, one is given twice, or the names do not fit.
    """
    if not workdirs:
        raise UserError("--workdirs needs at least one workdir of keras_apn.train")
    places = [os.path.realpath(path) for path in workdirs]
    twice = next((path for path, place in zip(workdirs, places, strict=True) if places.count(place) > 1), None)
    if twice is not None:
        raise UserError(f"--workdirs names {twice} twice")
    if names and (len(names) != len(workdirs) or len(set(names)) != len(names) or not all(names)):
        raise UserError(f"--names must be {len(workdirs)} different names. Received: {','.join(names)}")
    folders = [os.path.basename(place) for place in places]
    return list(names) or (folders if len(set(folders)) == len(folders) else list(workdirs))


def shared_records(
    workdirs: Sequence[str], configs: Sequence[configuration.Config], pattern: str | None = None
) -> list[str]:
    """The shards that all runs are scored on: those that match a glob, or everyone's validation records.

    Raises:
        UserError: there are none, the runs were validated on different ones, or find different joints.
    """
    first = configs[0].model.skeleton
    for workdir, config in zip(workdirs, configs, strict=True):
        if config.model.skeleton.joints != first.joints:
            raise UserError(
                f"{workdirs[0]} finds the joints of {first.name}, {workdir} of {config.model.skeleton.name}"
            )
    if pattern:
        return dataset.find(pattern)
    each = [dataset.find(config.data.validation_records) for config in configs]
    for workdir, paths in zip(workdirs, each, strict=True):
        if [os.path.realpath(path) for path in paths] != [os.path.realpath(path) for path in each[0]]:
            raise UserError(
                f"{workdirs[0]} and {workdir} were validated on different records; give --records, a glob of the "
                "shards that all are to be scored on"
            )
    return each[0]


def load(name: str, workdir: str, flip: bool = False) -> Run:
    """A run that has not been tried yet: without `found`, `normalised` and `scores`.

    Raises:
        UserError: it is no workdir, or its weights or its history are missing or damaged.
    """
    config, judge = configuration.load(workdir), None
    if config.model.discriminators:
        judge = discriminator_scores.from_workdir(workdir, flip)
    estimator = judge or pose_estimator.from_workdir(workdir, flip)
    epochs = history.read(workdir)
    return Run(
        name,
        workdir,
        config,
        epochs,
        _state(workdir),
        estimator,
        judge,
        {},
        np.zeros((0, len(config.model.skeleton))),
        {},
    )


def _state(workdir):
    path = os.path.join(workdir, STATE_FILE)
    if not os.path.exists(path):
        return {}
    return json_file.read(path, dict[str, int | float | None], way="delete it", not_finite=True)


def score(run: Run, paths: Sequence[str], metric: str, ranges: Ranges | None, batch_size: int = 16) -> Run:
    """The same run with what it finds in records.

    Args:
        run: from `load`.
        paths: shards.
        metric: a key of `pck.THRESHOLDS`.
        ranges: the `plausibility.Ranges` of training poses, or None.
        batch_size: people in a batch.
    """
    finder = pose_estimator.Compiled(run.judge or run.estimator)
    found = scoring.collect(paths, finder.crop_size, batch_size, finder)
    skeleton = run.skeleton
    unit = normalisers.normaliser(metric, found["head_size"], found["true"], found["annotated"], skeleton)
    normalised = pck.distances(found["predicted"], found["true"], unit, found["annotated"])
    places = found["predicted"], found["true"], unit, found["annotated"]
    kinds = misses.classify(*places, pck.THRESHOLDS[metric], skeleton)
    known = run.judge and discrimination.measure(run.judge.networks, run.config, paths, batch_size)
    scores = scoring.score(found, metric, ranges, skeleton)
    scores |= {"misses": misses.shares(kinds, skeleton), "discriminators": known}
    return dataclasses.replace(run, found=found, normalised=normalised, scores=scores)
