import pathlib
import subprocess
import sys

import pytest

from data_pipeline import service
from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset

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
