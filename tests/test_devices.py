"""What is trained on, and why a GPU is not used: of machines that are made up."""

import importlib.metadata
import os
import re
import subprocess
import sys

import pytest
import tensorflow as tf

from keras_apn import config, devices

H100 = "NVIDIA H100 80GB HBM3"


def script(folder, *lines, code=0):
    """An nvidia-smi that answers with these lines."""
    path = folder / "nvidia-smi"
    path.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines) + f"exit {code}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A function that makes up a machine: its GPUs as TensorFlow lists them, what nvidia-smi says, and so on."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "DRIVER", str(tmp_path / "driver"))

    def make(gpus=(), smi=None, code=0, driver=False, cuda=True, packages=True):
        details = [{"device_name": name, "compute_capability": capability} for name, capability in gpus]
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(range(len(details))))
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details[gpu])
        monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: cuda)
        monkeypatch.setattr(devices, "_installed", lambda _: packages)
        if smi is not None:
            script(tmp_path, *smi, code=code)
        if driver:
            (tmp_path / "driver").mkdir()

    return make


def training(**settings):
    return config.TrainingConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "capability", "told"),
    [
        ({}, (9, 0), "float32 by TF32"),
        ({"tf32": False}, (9, 0), "float32"),
        ({}, (7, 5), "float32"),
        ({"precision": "bfloat16", "xla": True}, (9, 0), "bfloat16, compiled by XLA"),
    ],
    ids=["tf32", "notf32", "before Ampere", "bfloat16"],
)
def test_a_gpu_is_told_with_memory_and_precision(machine, settings, capability, told):
    machine(gpus=[(H100, capability)], smi=[f"{H100}, 81559"])
    assert devices.described(training(**settings)) == (
        f"Training on {H100} (80 GiB, taken as it is needed), in {told}."
    )


def test_one_of_several_gpus_says_how_all_are_used(machine, monkeypatch):
    machine(gpus=2 * [(H100, (9, 0))], smi=2 * [f"{H100}, 81559"])
    assert devices.described(training()).endswith(" 2 GPUs are here: --distribute=mirrored trains on all.")
    assert devices.described(training(distribute="mirrored"), devices=2) == (
        f"Training on 2 x {H100} (80 GiB each, taken as it is needed), in float32 by TF32."
    )
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    assert "(80 GiB, all of it taken)" in devices.described(training())


def test_several_workers_are_told_with_what_the_first_has(machine):
    machine(gpus=2 * [(H100, (9, 0))])
    assert devices.described(training(distribute="multi_worker"), devices=4, workers=2) == (
        f"Training on 4 devices of 2 workers, here 2 x {H100}, in float32 by TF32."
    )


def test_a_cpu_is_told_with_its_cores_and_what_memory_it_may_use(machine, monkeypatch, tmp_path):
    machine()
    monkeypatch.setattr(devices, "PROCESSOR", str(tmp_path / "cpuinfo"))
    monkeypatch.setattr(devices, "CONTAINER_MEMORY", str(tmp_path / "memory.max"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: AMD EPYC 9B14 \nprocessor\t: 1\n")
    (tmp_path / "memory.max").write_text(f"{2**30}\n")
    assert devices.described(training()) == "Training on 3 CPU cores (AMD EPYC 9B14, 1 GiB), in float32."
    assert devices.described(training(), 2).startswith("Training on 2 devices on 3 CPU cores (")


@pytest.mark.parametrize(
    ("machines", "visible", "told"),
    [
        ({}, None, None),
        ({"gpus": [(H100, (9, 0))], "smi": [f"{H100}, 550.54"]}, None, None),
        ({"smi": [f"{H100}, 550.54"], "packages": False}, None, r"CUDA's libraries are not installed: .*'\.\[cuda\]'$"),
        ({"smi": [f"{H100}, 550.54"], "cuda": False}, None, r"built without CUDA: .*'tensorflow\[and-cuda\]==2"),
        ({"smi": [f"{H100}, 470.82.01"]}, None, "Its driver 470.82.01 is too old: install 525.60 or later$"),
        ({"smi": [f"{H100}, 550.54"]}, None, "TF_CPP_MIN_LOG_LEVEL=0 before the same command"),
        ({"smi": [f"{H100}, 550.54"]}, "-1", "CUDA_VISIBLE_DEVICES='-1' hides it: unset it$"),
        ({"smi": [f"{H100}, 550.54"]}, "", "CUDA_VISIBLE_DEVICES='' hides it: unset it$"),
        (
            {"smi": ["NVIDIA-SMI has failed.", "Make sure"], "code": 9},
            None,
            r"nvidia-smi fails \(NVIDIA-SMI has failed\).* --gpus all and NVIDIA's container toolkit$",
        ),
        ({"driver": True}, None, "driver is here, but there is no nvidia-smi"),
        ({"smi": [], "driver": True}, None, "driver is here, but it lists no GPU"),
    ],
    ids=[
        *("no GPU", "usable", "no libraries", "no CUDA", "old driver", "unknown", "hidden", "hidden by nothing"),
        *("nvidia-smi fails", "no nvidia-smi", "no GPU in nvidia-smi"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_one_line_with_its_remedy(machine, monkeypatch, capsys, machines, visible, told):
    machine(**machines)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    devices.tell(training(), 1, 1, line=False)
    printed = capsys.readouterr()
    assert printed.out == ""
    if told is None:
        assert printed.err == ""
    else:
        assert printed.err.startswith("warning: ")
        assert printed.err.count("\n") == 1
        assert re.search(told, printed.err.strip())


def test_an_nvidia_smi_that_hangs_is_given_up(machine, monkeypatch, tmp_path):
    machine(smi=[])
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nwhile :; do :; done\n")
    monkeypatch.setattr(devices, "WAIT", 0.2)
    assert "nvidia-smi fails (TimeoutExpired" in devices.unusable()


def test_packages_are_known():
    assert devices._installed("keras")
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("no-such-package")
    assert not devices._installed("no-such-package")


@pytest.mark.parametrize("said", [None, "false"], ids=["by itself", "as the user says"])
def test_programs_take_a_gpus_memory_as_they_need_it(said):
    code = (
        "from data_pipeline.common import tensorflow_setup; import os; print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"
    )
    told = {name: value for name, value in os.environ.items() if name != "TF_FORCE_GPU_ALLOW_GROWTH"}
    told |= {"TF_FORCE_GPU_ALLOW_GROWTH": said} if said else {}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=told)
    assert done.stdout.strip() == (said or "true")


@pytest.mark.parametrize("wanted", [True, False])
def test_tf32_is_chosen(wanted):
    try:
        devices.configure(training(tf32=wanted))
        assert tf.config.experimental.tensor_float_32_execution_enabled() == wanted
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(True)
