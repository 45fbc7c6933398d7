"""Measures the input pipeline: `python -m benchmarks.input_pipeline --json=pipeline.json`.

In one process that is kept to one core, by turns:

- `decode_only`: decoding the records' JPEG patches and nothing else, the ceiling of any pipeline over them;
- `pipeline`: the host's part of this project, `dataset.load`;
- `conventional`: whole photographs read, warped and labelled on the host, as public hourglass loaders do;
- `conventional_uint8`: the lightest such loader in common use. `benchmarks/peers/conventional.py` describes both.

The unit is images per second of processor time, all threads together, which is what one core gives when it has nothing
else to do; what the clock on the wall said meanwhile is kept beside it. In another process, on all cores and whatever
accelerator is there, it measures the pipeline as a whole and the device's part: augmentation, crops and target maps.

`--epochs=N` measures memory instead: the resident memory after each of N passes over the records.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import contextlib
import dataclasses
import itertools
import multiprocessing
import os
import statistics
import tempfile
import time

import numpy as np
import tensorflow as tf
from absl import flags

from benchmarks import input_report, pictures
from benchmarks.peers import conventional
from data_pipeline import geometry, heatmaps
from data_pipeline.augmentation import augment
from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json
from data_pipeline.records import dataset, record_format
from data_pipeline.skeleton import MPII16
from export.timing import latency

PATCH_SIZE, CROP_SIZE, SIGMA = 448, 256, 1.0


@dataclasses.dataclass(frozen=True)
class Work:
    """What is to be measured, and how.

    Attributes:
        folder: of photographs and records, as `pictures.build` leaves it.
        people: the `person.Person` of each photograph.
        batch_size: images in a batch.
        shuffle: size of the shuffle buffer in records.
        seconds: how long a measurement lasts at least, after as long a warm-up at most.
        repeats: measurements of each stage.
    """

    folder: str
    people: list
    batch_size: int
    shuffle: int
    seconds: float
    repeats: int


def patches(paths: Sequence[str]) -> list[bytes]:
    """The encoded patches of records, a list of bytes."""
    wanted = record_format.features(len(MPII16))
    features = (tf.io.parse_single_example(record, wanted) for record in tf.data.TFRecordDataset(paths))
    return [feature["patch/encoded"].numpy() for feature in features]


def decode_only(work: Work) -> Iterator:
    """Endless batches of one number an image, so that decoding is all that costs anything."""
    encoded = tf.data.Dataset.from_tensor_slices(patches(pictures.shard_paths(work.folder)[:1])).repeat()

    def corner(patch):
        return tf.io.decode_jpeg(patch, channels=3)[0, 0, 0]

    return iter(encoded.map(corner, num_parallel_calls=tf.data.AUTOTUNE).batch(work.batch_size))


def pipeline(work: Work) -> Iterator:
    """Endless batches as training reads them."""
    paths = pictures.shard_paths(work.folder)
    return iter(dataset.endless(paths, patch_size=PATCH_SIZE, batch_size=work.batch_size, shuffle=work.shuffle))


def _conventional(work, load):
    rng = np.random.default_rng(0)
    while True:
        people = [work.people[index] for index in rng.integers(len(work.people), size=work.batch_size)]
        samples = [load(work.folder, person, conventional.draw(rng), CROP_SIZE) for person in people]
        yield {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}


STAGES = {
    "decode_only": decode_only,
    "pipeline": pipeline,
    "conventional": lambda work: _conventional(work, conventional.load),
    "conventional_uint8": lambda work: _conventional(work, conventional.load_uint8),
}


def rate(batches: Iterator, batch_size: int, seconds: float) -> tuple[float, float]:
    """Images per second of processor time and of the clock, `(core, wall)`, after a warm-up."""
    until = time.perf_counter() + seconds
    for _ in itertools.takewhile(lambda _: time.perf_counter() < until, batches):
        pass
    wall, core, count = time.perf_counter(), time.process_time(), 0
    # Both clocks, so that a core that others use too is measured for as long as an idle one.
    while time.perf_counter() - wall < seconds or time.process_time() - core < seconds:
        next(batches)
        count += batch_size
    return count / (time.process_time() - core), count / (time.perf_counter() - wall)


def by_turns(work: Work) -> dict[str, list[tuple[float, float]]]:
    """Every stage, `work.repeats` times by turns: dict of stage to its list of `(core, wall)`."""
    tf.config.set_visible_devices([], "GPU")
    measured = {name: [] for name in STAGES}
    for _ in range(work.repeats):
        for name, stage in STAGES.items():
            measured[name].append(rate(stage(work), work.batch_size, work.seconds))
    return measured


@tf.function
def device_part(batch: dict[str, tf.Tensor], seed: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """What the device makes of a batch of patches: crops and the maps that G learns from them."""
    chosen = augment.sample(tf.shape(batch["patch"])[0], seed, augment.Ranges())
    made = augment.make_crops(batch, chosen, CROP_SIZE)
    places = [made[name] for name in ("joints_heatmap", "annotated", "visible")]
    return made["crop"], *heatmaps.targets(*places, CROP_SIZE // geometry.STRIDE, SIGMA)  # type: ignore[call-arg]


def on_device(work: Work) -> list[float]:
    """The device's part of a batch that is already there, in milliseconds, `work.repeats` times."""
    batch = {name: tf.identity(values) for name, values in next(pipeline(work)).items()}
    seeds = [tf.constant([0, n]) for n in range(8)]

    def milliseconds():
        start, count = time.perf_counter(), 0
        while not count or time.perf_counter() - start < work.seconds / 2:
            for seed in seeds:
                crop, *_ = device_part(batch, seed)
            # An accelerator works behind Python's back; reading from the last result waits for it.
            np.asarray(crop[0, 0, 0])
            count += len(seeds)
        return 1000 * (time.perf_counter() - start) / count

    milliseconds()
    return [milliseconds() for _ in range(work.repeats)]


def unpinned(work: Work) -> dict[str, Any]:
    """What all cores give: images per second of the pipeline, and the device's part in milliseconds a batch."""
    names = [device.name for device in tf.config.list_logical_devices("GPU")] or ["CPU"]
    return {
        "pipeline_all_cores": rate(pipeline(work), work.batch_size, work.seconds)[1],
        "device_ms_per_batch": on_device(work),
        "device": names[0],
        "cores": os.cpu_count(),
    }


def memory(work: Work, epochs: int) -> list[tuple[float, float]]:
    """Resident memory after each of some passes over the records, as training reads them: list of `(now, peak)`."""
    steps = dataset.describe(pictures.shard_paths(work.folder))["people"] // work.batch_size
    batches, measured = pipeline(work), []
    for _ in range(epochs):
        for _ in itertools.islice(batches, steps):
            pass
        measured.append(latency.memory())
    return measured


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keeps this thread, and processes that it starts, to one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def apart(function: Callable, *arguments: Any) -> Any:
    """Calls a function in a new process, which imports TensorFlow under the caller's affinity."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def sizes(work: Work) -> dict[str, float]:
    """Mean kilobytes of a photograph and of a record's patch."""
    files = [os.path.getsize(os.path.join(work.folder, person.image)) for person in work.people]
    encoded = [len(patch) for patch in patches(pictures.shard_paths(work.folder)[:1])]
    return {"photograph_kb": statistics.mean(files) / 1000, "patch_kb": statistics.mean(encoded) / 1000}


def throughput(work: Work) -> dict[str, Any]:
    """Measures all stages; the report of `input_report.summary` with `sizes`."""
    with one_core():
        measured = apart(by_turns, work)
    return {**input_report.summary(measured, apart(unpinned, work)), **sizes(work), "batch_size": work.batch_size}


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_integer("photographs", 64, "photographs to make", lower_bound=1)
    flags.DEFINE_integer("records", 2000, "records made of them", lower_bound=pictures.SHARDS)
    flags.DEFINE_integer("batch_size", 16, "images in a batch", lower_bound=1)
    flags.DEFINE_integer("shuffle", 1024, "size of the shuffle buffer in records", lower_bound=1)
    flags.DEFINE_integer("repeats", 5, "measurements of each stage", lower_bound=1)
    flags.DEFINE_float("seconds", 2.5, "least duration of a measurement", lower_bound=0.01)
    flags.DEFINE_integer("epochs", 0, "measure memory over so many passes instead", lower_bound=0)
    flags.DEFINE_string("json", None, "a file to write the measurements to")


def main(values: flags.FlagValues) -> None:
    """Makes the photographs, measures, prints and writes."""
    if not hasattr(os, "sched_setaffinity"):
        raise UserError("This benchmark needs Linux, where a process can be kept to one core")
    if values.records < values.batch_size:
        raise UserError(f"--records must be at least --batch_size={values.batch_size}. Received: {values.records}")
    with tempfile.TemporaryDirectory() as folder:
        people = pictures.build(folder, values.photographs, values.records, PATCH_SIZE)
        work = Work(folder, people, values.batch_size, values.shuffle, values.seconds, values.repeats)
        if values.epochs:
            measured = apart(memory, work, values.epochs)
            for epoch, (now, peak) in enumerate(measured, 1):
                print(f"epoch {epoch}: {now:.0f} MB resident, {peak:.0f} MB at most")
            report = {"rss_mb": [now for now, _ in measured], "peak_rss_mb": [peak for _, peak in measured]}
        else:
            report = throughput(work)
            print(input_report.table(report, STAGES))
    if values.json:
        write_json(values.json, report)


if __name__ == "__main__":
    program.run(main, define_flags)
