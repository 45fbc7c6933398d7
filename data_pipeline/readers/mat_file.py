"""The MATLAB files that MPII, LSP and LSPET come in: recognised by what they hold, so that a mix-up is named.

scipy reads them in a process of its own, as it crashes on some damaged files.
"""

import os
import pathlib

import numpy as np
import scipy.io

from data_pipeline.common import apart
from data_pipeline.common.files import StrPath
from data_pipeline.readers.person import AnnotationError

# Variable and shape by which each dataset's official file is known, and the file's name.
LAYOUTS = {
    "mpii": ("RELEASE", (1, 1)),
    "lsp": ("joints", (3, 14, 2000)),
    "lspet": ("joints", (14, 3, 10000)),
}
FILES = {"mpii": "mpii_human_pose_v1_u12_1.mat", "lsp": "joints.mat", "lspet": "joints.mat"}


def load(path: StrPath, dataset: str) -> np.ndarray:
    """Loads the one variable of a dataset's official annotation file.

    Args:
        path: the file.
        dataset: a key of `LAYOUTS`.

    Returns:
        The variable as `scipy.io.loadmat` gives it: nothing squeezed, structs as record arrays.

    Raises:
        AnnotationError: no file, not a MATLAB file, one that is cut short, or one of another dataset.
    """
    require_file(path, f"{dataset.upper()}'s {FILES[dataset]}")
    found, value = _opened(path, dataset, *LAYOUTS[dataset])
    if value is None:
        raise AnnotationError(_mismatch(path, dataset, found))
    return value


def recognise(path: StrPath) -> str:
    """The key of `LAYOUTS` whose official file this is; raises AnnotationError where it is none of them."""
    found, _ = _opened(require_file(path, "an annotation file"), "mpii")
    for dataset, layout in LAYOUTS.items():
        if layout in [entry[:2] for entry in found]:
            return dataset
    holds = ", ".join(f"{variable} {shape}" for variable, shape, _ in found) or "nothing"
    raise AnnotationError(f"{path} is not the annotation file of {', '.join(LAYOUTS)}. Received: {holds}")


def require_file(path: StrPath, what: str) -> pathlib.Path:
    """The path as a `pathlib.Path`; raises AnnotationError, which asks for `what`, if no file can be read there."""
    path = pathlib.Path(path)
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise AnnotationError(f"No readable file {path}; give the path of {what}")
    return path


def open_here(path: str, variable: str | None, shape: tuple[int, ...] | None) -> tuple[list, np.ndarray | None]:
    """`(what the file holds, the value of a variable of that shape)`; for `apart.call` alone."""
    found = scipy.io.whosmat(path, appendmat=False)
    if (variable, shape) not in [entry[:2] for entry in found]:
        return found, None
    return found, scipy.io.loadmat(path, appendmat=False, variable_names=[variable])[variable]


def _opened(path, dataset, variable=None, shape=None):
    try:
        return apart.call(__name__, "open_here", str(path), variable, shape)
    except apart.Failed as error:
        raise AnnotationError(
            f"{path} is not a whole MATLAB 5 file ({error}); download {dataset.upper()}'s {FILES[dataset]} again"
        ) from error


def _mismatch(path, dataset, found):
    """One line that says what the file looks like instead."""
    expected = _describe(dataset.upper(), *LAYOUTS[dataset])
    for other, (variable, shape) in LAYOUTS.items():
        if (variable, shape) in [entry[:2] for entry in found]:
            looks_like = _describe(other.upper(), variable, shape)
            return f"{path} looks like {looks_like}, not {expected}; use --dataset={other}"
    holds = ", ".join(f"{variable} {shape}" for variable, shape, _ in found) or "nothing"
    return f"{path} must hold {expected}; use its {FILES[dataset]}. Received: {holds}"


def _describe(name, variable, shape):
    return f"{name}'s {variable} {shape}"
