"""Training on all GPUs of a machine, or on several machines: who takes part, who reads what, and who writes."""

import contextlib
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec
import tensorflow as tf

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn.config import Config, TrainingConfig
from keras_apn.training import run_records, signals
from keras_apn.training.run_records import Share

VARIABLE = "TF_CONFIG"
EXAMPLE = '{"cluster": {"worker": ["first:12345", "second:12345"]}, "task": {"type": "worker", "index": 0}}'
# What TensorFlow raises where another worker does not answer any more.
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)
# Whole numbers up to this are exact in float32, in which workers tell each other theirs.
MOST = 2**24


class Task(msgspec.Struct):
    """Which of a cluster's processes this is."""

    type: str
    index: int | Annotated[str, msgspec.Meta(pattern=r"^\d{1,9}$")]  # Some schedulers write it as text.


class Cluster(msgspec.Struct):
    """What TF_CONFIG holds: the addresses of each kind of process, and which of them this is."""

    cluster: dict[str, list[str]]
    task: Task


def place_in_cluster(text: str | None) -> tuple[int, int]:
    """Where TF_CONFIG places this process.

    Args:
        text: the variable's value, or None where it is not set.

    Returns:
        `(index, count)` among the workers, the chief first.

    Raises:
        UserError: it is missing, or describes no worker of a cluster.
    """
    if not text:
        raise UserError(f"--distribute=multi_worker needs {VARIABLE}, on each machine with its own index: {EXAMPLE}")
    told = json_file.decode(text, Cluster, VARIABLE, way=f"it must be like {EXAMPLE}")
    jobs, kind, index = told.cluster, told.task.type, int(told.task.index)
    counts = {job: len(jobs.get(job, [])) for job in ("chief", "worker")}
    if set(jobs) - set(counts) or kind not in counts:
        raise UserError(f"{VARIABLE} may name a chief and workers only. Received: {sorted({*jobs, kind})}")
    if not 0 <= index < counts[kind]:
        raise UserError(f"{VARIABLE} has no {kind} {index} in its cluster; it has {counts[kind]}, counted from 0")
    return index + (counts["chief"] if kind == "worker" else 0), sum(counts.values())


class Workers:
    """The processes that train together; one, without `--distribute`.

    Must be made before TensorFlow does anything.

    Args:
        training: a `config.TrainingConfig`.

    Attributes:
        strategy: the `tf.distribute.Strategy`.
        index, count: of this process among the workers.
        devices: how many compute a batch together, over all workers.

    Raises:
        UserError: the settings do not go together, or with what there is.
    """

    def __init__(self, training: TrainingConfig) -> None:
        self.distributed, self.index, self.count = training.distribute != "none", 0, 1
        if training.distribute == "multi_worker":
            self.index, self.count = place_in_cluster(os.environ.get(VARIABLE))
        self.strategy = make_strategy(training.distribute)
        self.devices = self.strategy.num_replicas_in_sync
        check(training, self.devices)
        self._told = tf.function(self._tell)

    @property
    def writes(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.index == 0

    @property
    def share(self) -> Share:
        """What this worker's devices are given of every batch."""
        return Share(self.index, self.count, self.devices)

    @contextlib.contextmanager
    def folder(self, workdir: StrPath) -> Iterator[StrPath]:
        """Gives the workdir to the worker that writes, and to the others a folder that goes when they end.

        What is written is read from all devices, so that every worker has to take part.
        """
        if self.writes:
            os.makedirs(workdir, exist_ok=True)
            yield workdir
        else:
            with tempfile.TemporaryDirectory() as own:
                yield own

    @contextlib.contextmanager
    def training(self, workdir: StrPath) -> Iterator[tuple[StrPath, signals.StopSignal]]:
        """Gives the folder to write to and the `StopSignal` of a training; a lost worker is one clear line."""
        told = self.told if self.count > 1 else None
        with self.together(), self.folder(workdir) as own, signals.StopSignal(told) as stop:
            yield own, stop

    def batches(self, config: Config, records: run_records.Records, start: int) -> tf.data.Dataset:
        """This worker's share of the training batches behind the first `start`."""
        service = config.data.data_service or None
        return self.spread(lambda share: run_records.batches(config, records, start, share, service=service))

    def validation(self, config: Config, held_out: run_records.Records) -> tuple[tf.data.Dataset, int]:
        """`(batches, steps)` of a validation; every worker sees its share, and all of them the same scores."""
        steps = run_records.held_out_steps(config, held_out)
        if not self.distributed:
            return run_records.held_out(config, held_out), steps
        return self.spread(lambda share: run_records.held_out_share(config, held_out, share)), steps

    def spread(self, load: Callable[[Share], tf.data.Dataset]) -> tf.data.Dataset:
        """A data set for `loop`, from a function that gives the batches of a `run_records.Share`."""
        if not self.distributed:
            return load(self.share)
        return self.strategy.distribute_datasets_from_function(lambda _: load(self.share))

    def told(self, number: int) -> list[int]:
        """What every worker says, from 0 to `MOST` - 1, by its index; all of them must ask at once."""
        if self.count == 1:
            return [number]
        numbers = self.strategy.experimental_local_results(self._told(tf.constant(number, tf.float32)))[0]
        return [int(each) for each in numbers.numpy()[:: self.devices // self.count]]

    def _tell(self, number):
        def of_all(number):
            replica = tf.distribute.get_replica_context()
            own = number * tf.one_hot(replica.replica_id_in_sync_group, self.devices)
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, own)

        return self.strategy.run(of_all, (number,))

    def check_agreement(self, config: Config, step: int) -> None:
        """Raises UserError where the workers were given other settings, or go on from another step, than this one."""
        settings = zlib.crc32(json.dumps(config.as_json(), sort_keys=True).encode()) % MOST
        if len(set(self.told(settings))) > 1:
            raise UserError("The workers were given different settings; start all of them with the same command")
        steps = self.told(step % MOST)
        if len(set(steps)) > 1:
            raise UserError(f"The workers would go on after steps {steps}; --workdir must be a folder that all see")

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Within this context a worker that is lost is one clear line."""
        try:
            yield
        except LOST as error:
            if self.count == 1:
                raise
            raise UserError(
                f"Another worker does not answer any more ({type(error).__name__}); start all of them again, and they "
                "go on from the last checkpoint"
            ) from error


def make_strategy(name: str) -> tf.distribute.Strategy:
    """The `tf.distribute.Strategy` of a `--distribute`; TensorFlow's default one for none.

    Raises:
        UserError: the cluster cannot be joined.
    """
    if name == "multi_worker":
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except tf.errors.OpError as error:
            raise UserError(
                f"The cluster of {VARIABLE} cannot be joined ({error.message.strip()}); its address must be this "
                "machine's, and the port free"
            ) from error
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def check(training: TrainingConfig, devices: int) -> None:
    """Raises UserError where a `config.TrainingConfig` cannot be trained on so many devices."""
    if devices == 1:
        return
    each, over = divmod(training.batch_size, devices)
    if over:
        raise UserError(f"--batch_size={training.batch_size} is no multiple of the {devices} devices that share it")
    if each % training.accumulate:
        raise UserError(
            f"--accumulate={training.accumulate} does not divide the {each} people of a batch that each device gets"
        )
    if training.accumulate > 1 and training.synchronized_batch_norm:
        raise UserError("--synchronized_batch_norm needs --accumulate=1: the parts of a batch cannot be synchronised")
    if training.recompute and training.synchronized_batch_norm:
        raise UserError("--synchronized_batch_norm needs --norecompute: what is computed again cannot be synchronised")
    if training.xla:
        raise UserError("--xla needs --distribute=none: XLA cannot compile what devices tell each other")
