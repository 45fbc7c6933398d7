"""The trained models that come with the package, by name."""

import os

from data_pipeline.common.files import StrPath

SHIPPED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "shipped")
# Of their weights, by their names: what was learned from photographs has the photographs' terms.
LICENCES = {"apn-mobile": "research use, as MPII's and LSPET's photographs"}


def names() -> list[str]:
    """What `folder` knows."""
    return sorted(name for name in os.listdir(SHIPPED) if os.path.isdir(os.path.join(SHIPPED, name)))


def onnx_file(folder: str) -> str:
    """The ONNX file in the folder of a shipped model."""
    return os.path.join(folder, f"{os.path.basename(folder)}.onnx")


def folder(name: StrPath) -> str | None:
    """The workdir of a shipped model; None where no model has this name, or something here does."""
    if os.path.exists(name) or str(name) not in names():
        return None
    return os.path.join(SHIPPED, str(name))
