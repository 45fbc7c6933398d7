"""Files of named arrays as other tools write them: MATLAB 5 and 7.3, HDF5, npz. Told apart by what they hold.

They are read in a process of its own, as the libraries crash on some damaged files, and a small one can declare arrays
of any size.
"""

import h5py
import numpy as np
import scipy.io

from data_pipeline.common import apart
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
MATLAB_73 = b"MATLAB 7.3 MAT-file"
KINDS = "a MATLAB file (.mat), HDF5 (.h5) or .npz"
# Of memory for a file's arrays and what reads them; predictions of all of MPII's people have 13 MB.
MOST_BYTES = 2**31


def load(path: StrPath) -> dict[str, np.ndarray]:
    """Reads all arrays of numbers in a file.

    Args:
        path: of the file, whatever its name ends in.

    Returns:
        A dict of name to array, each with its axes in the order in which the tool that wrote it names them. (MATLAB
        7.3 keeps them in HDF5 the other way round.)

    Raises:
        UserError: no such file, none of these kinds, or one that is damaged.
    """
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; give {KINDS}") from error
    try:
        return apart.call(__name__, "load_here", str(path), most_bytes=MOST_BYTES)
    except apart.Failed as error:
        raise UserError(f"{path} is not a whole file of its kind ({error}); give {KINDS}") from error


def load_here(path: str) -> dict[str, np.ndarray]:
    """What `load` gives, read in this process; for `apart.call` alone."""
    with open(path, "rb") as file:
        start = file.read(512)
    return {name: np.asarray(value) for name, value in _reader(start)(path).items() if _is_numeric(value)}


def take(arrays: dict[str, np.ndarray], name: str, path: StrPath) -> np.ndarray:
    """One array by its name; a UserError that says what there is instead where it is missing."""
    if name not in arrays:
        holds = ", ".join(f"{other} {value.shape}" for other, value in arrays.items()) or "no array of numbers"
        raise UserError(f"{path} must hold `{name}`. Received: {holds}")
    return arrays[name]


def _reader(start):
    """The function that reads a file which begins so."""
    if start.startswith(MATLAB_73):
        return lambda path: {name: value.T for name, value in _hdf5(path).items()}
    if start.startswith(HDF5_SIGNATURE):
        return _hdf5
    if start.startswith(b"PK"):
        return _npz
    return _matlab


def _hdf5(path):
    with h5py.File(path, "r") as file:
        return {name: value[()] for name, value in file.items() if isinstance(value, h5py.Dataset) and value.shape}


def _npz(path):
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _matlab(path):
    found = scipy.io.loadmat(path, appendmat=False)
    return {name: value for name, value in found.items() if not name.startswith("__")}


def _is_numeric(value):
    return np.asarray(value).dtype.kind in "iufb"
