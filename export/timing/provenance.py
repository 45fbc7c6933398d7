"""What measurements were made with: versions and the machine."""

import importlib.metadata
import os
import platform
from typing import Any

PACKAGES = {
    "tensorflow": "tensorflow",
    "keras": "keras",
    "litert": "ai-edge-litert",
    "onnxruntime": "onnxruntime",
    "numpy": "numpy",
}


def versions() -> dict[str, str | None]:
    """Versions of Python and of each of `PACKAGES`, None where it is not installed; a dict of strings."""
    return {"python": platform.python_version(), **{name: _version(package) for name, package in PACKAGES.items()}}


def machine() -> dict[str, Any]:
    """The machine that measures: a dict of its processor's name and its number of cores."""
    return {"processor": _processor(), "cores": os.cpu_count()}


def line(known: dict[str, str | None]) -> str:
    """Versions as a line of text, without what is not installed."""
    return ", ".join(f"{name} {version}" for name, version in known.items() if version)


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor():
    """Linux tells its name in a file; elsewhere Python may know."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [text.split(":", 1)[1].strip() for text in file if text.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
