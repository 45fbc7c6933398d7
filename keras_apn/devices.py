"""What a training computes on, in one line, and why a GPU that the machine has is not used.

Memory growth, without which TensorFlow takes all of every GPU at its start, is turned on where TensorFlow is started
(`data_pipeline.common.tensorflow_setup`).
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys

import tensorflow as tf

from keras_apn.config import TrainingConfig

GIB = 2**30
DRIVER, PROCESSOR, CONTAINER_MEMORY = "/proc/driver/nvidia", "/proc/cpuinfo", "/sys/fs/cgroup/memory.max"
# Of CUDA 12, which TensorFlow 2.15 and 2.21 are built with: the first driver that runs it.
LEAST_DRIVER = (525, 60)
# What `tensorflow[and-cuda]` brings, whichever of CUDA's libraries it is asked for.
CUDA_PACKAGE = "nvidia-cudnn-cu12"
# Compute capability of the first GPUs with TF32 and bfloat16 (Ampere).
TENSOR_FLOAT = (8, 0)
WAIT = 30.0


def configure(training: TrainingConfig) -> None:
    """Chooses how GPUs multiply float32 (`--tf32`); nothing changes on a CPU."""
    tf.config.experimental.enable_tensor_float_32_execution(training.tf32)


def described(training: TrainingConfig, devices: int = 1, workers: int = 1) -> str:
    """What is trained on: device, memory and precision, in one line.

    Args:
        training: a `config.TrainingConfig`.
        devices: how many share a batch, over all workers.
        workers: how many processes train together.
    """
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    own = devices // workers if workers > 1 else devices
    place = _gpus(gpus, own) if gpus else _processor(own)
    if workers > 1:
        place = f"{devices} devices of {workers} workers, here {place}"
    told = f"Training on {place}, in {_arithmetic(training, gpus)}."
    if training.distribute == "none" and len(gpus) > 1:
        told += f" {len(gpus)} GPUs are here: --distribute=mirrored trains on all."
    return told


def tell(training: TrainingConfig, devices: int, workers: int, line: bool) -> None:
    """Prints `described`, where `line` says so, and on standard error why a GPU that is there is not used."""
    why = unusable()
    if why:
        print(f"warning: {why}", file=sys.stderr)
    if line:
        print(described(training, devices, workers), flush=True)


def unusable() -> str | None:
    """Why TensorFlow lists none of the machine's GPUs of NVIDIA, and what to do, in one line; None if all is well."""
    if tf.config.list_physical_devices("GPU"):
        return None
    found, said = _nvidia_smi("name,driver_version")
    if found is None and not said and not os.path.isdir(DRIVER):
        return None
    if not found:
        why = f"nvidia-smi fails ({said})" if said else "there is no nvidia-smi" if found is None else "it lists no GPU"
        return (
            f"NVIDIA's driver is here, but {why}; training goes on without a GPU. Install the driver again or restart "
            "the machine; a container needs --gpus all and NVIDIA's container toolkit"
        )
    name, driver = found[0]
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and (not hidden.strip() or hidden.strip().startswith("-")):
        why = f"CUDA_VISIBLE_DEVICES='{hidden}' hides it: unset it"
    elif not tf.test.is_built_with_cuda():
        why = f"this TensorFlow is built without CUDA: pip install 'tensorflow[and-cuda]=={tf.__version__}'"
    elif not _installed(CUDA_PACKAGE):
        why = "CUDA's libraries are not installed: pip install '.[cuda]'"
    elif _numbers(driver) < LEAST_DRIVER:
        least = ".".join(map(str, LEAST_DRIVER))
        why = f"its driver {driver} is too old: install {least} or later"
    else:
        why = "TF_CPP_MIN_LOG_LEVEL=0 before the same command makes TensorFlow say what it cannot load"
    return f"{name} is here, and TensorFlow cannot use it; training goes on without it. {why[0].upper()}{why[1:]}"


def _arithmetic(training, gpus):
    """The precision, and what computes it."""
    newer = gpus and gpus[0].get("compute_capability", (0, 0)) >= TENSOR_FLOAT
    precision = training.precision
    if precision == "float32" and newer and training.tf32:
        precision += " by TF32"
    return f"{precision}, compiled by XLA" if training.xla else precision


def _gpus(gpus, used):
    """The GPUs of this process that are trained on, with their memory."""
    name = gpus[0].get("device_name", "a GPU")
    rows, _ = _nvidia_smi("name,memory.total")
    memory = next(
        (f"{int(size) * 2**20 / GIB:.0f} GiB" for own, size in rows or () if own == name and size.isdigit()), None
    )
    grows = os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH", "").lower() == "true"
    told = [memory, "taken as it is needed" if grows else "all of it taken"] if memory else []
    each = f"{used} x {name}" if used > 1 else name
    return f"{each} ({' each, '.join(told) if used > 1 else ', '.join(told)})" if told else each


def _processor(devices):
    """The processors that this process may use, with the memory that it may."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    told = f"{cores} CPU core{'s' if cores > 1 else ''}"
    if devices > 1:
        told = f"{devices} devices on {told}"
    names = re.findall(r"^model name\s*:\s*(.*?)\s*$", _read(PROCESSOR), re.MULTILINE)
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    bound = _read(CONTAINER_MEMORY).strip()
    size = min(size, int(bound)) if bound.isdigit() else size
    return f"{told} ({', '.join([*names[:1], f'{size / GIB:.0f} GiB'])})" if size else told


def _nvidia_smi(fields):
    """`(rows, said)`: what nvidia-smi tells of each GPU; None where it cannot, and what it says where it fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None, ""
    try:
        command = [program, f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"{type(error).__name__}: {error}".splitlines()[0]
    lines = (done.stdout + done.stderr).strip().splitlines() or ["no word"]
    if done.returncode:
        return None, lines[0].rstrip(".")
    return [tuple(map(str.strip, row.split(","))) for row in done.stdout.strip().splitlines()], ""


def _installed(package):
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


def _numbers(version):
    """The first two numbers of a version."""
    found = [int(number) for number in re.findall(r"\d+", version)[:2]]
    return (*found, 0, 0)[:2]


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
