import dataclasses
import pathlib
import subprocess
import sys

import pytest

from data_pipeline import service
from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset
from keras_apn.training import run_records

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def address():
    """The `grpc://` address of a service in a process of its own."""
    command = [sys.executable, "-m", "data_pipeline.service", "--port=0", "--host=localhost"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip().rsplit("=", 1)[1]
    finally:
        process.kill()
        process.wait()


def test_another_process_reads_the_records(address, tiny_records):
    assert address.startswith("grpc://localhost:")
    paths = dataset.find(str(tiny_records / "train-*.tfrecord"))
    batches = dataset.load(paths, patch_size=56, batch_size=4, shuffle=100, names=True, service=address)
    names = [name for batch in batches for name in batch["image"].numpy().tolist()]
    assert sorted(names) == [f"synthetic-0-{index:07d}".encode() for index in range(12)]


def test_a_port_that_is_taken_is_one_clear_line():
    servers, address = service.start(0, None, "localhost")
    port = int(address.rsplit(":", 1)[1])
    with pytest.raises(UserError, match=rf"Port {port} cannot be used \(.*\); give another --port"):
        service.start(port, None, "localhost")
    del servers


def test_two_workers_read_a_mixture_in_its_proportions(tiny_config):
    """As `--mix` with `--data_service`: both workers are given orders, and shares hold over what both give."""
    data = dataclasses.replace(tiny_config.data, mix=f"{tiny_config.data.validation_records}=0.25")
    settings = dataclasses.replace(tiny_config, data=data)
    records, _ = run_records.of_run(settings)
    first, address = service.start(0, None, "localhost")
    second, _ = service.start(0, address, "localhost")
    held_out = run_records.survey(settings, data.validation_records, 0.0)
    own = {
        name
        for batch in dataset.load(held_out.segments, patch_size=56, batch_size=4, names=True)
        for name in people(batch)
    }
    batches = run_records.batches(settings, records, 0, service=f"grpc://{address}", names=True).take(50)
    taken = [person for batch in batches for person in people(batch)]
    assert len(taken) == 200
    # Each worker mixes by itself, and begins where it begins.
    assert 0.2 < sum(person in own for person in taken) / len(taken) < 0.3
    assert len(set(taken) - own) == 12
    assert all(worker._num_tasks() == 1 for worker in (first[-1], second[-1]))


def people(batch):
    """The people of a batch."""
    return list(zip(batch["image"].numpy().tolist(), batch["person_index"].numpy().tolist(), strict=True))
