"""Where exported files lie, how they get there whole, and how they are found again.

OUTPUT/NAME/VERSION/           the SavedModel, where TF Serving looks for it
OUTPUT/tflite/NAME/VERSION/    the TFLite files, FLAVOUR_QUANTIZATION.tflite
OUTPUT/onnx/NAME/VERSION/      model.onnx
OUTPUT/serving/                what a server is started with
"""

import contextlib
import dataclasses
import glob
import os
import shutil
from collections.abc import Iterator, Sequence

from data_pipeline.common.errors import UserError

FORMATS = ("saved_model", "tflite", "onnx")
# What a TFLite file gives, and how its numbers are stored.
FLAVOURS = ("heatmaps", "joints")
QUANTIZATIONS = ("float32", "float16", "dynamic", "int8")
SAVED_MODEL_FILE, ONNX_FILE = "saved_model.pb", "model.onnx"


def folder(output: str, kind: str, name: str, version: int) -> str:
    """The folder of one of `FORMATS`."""
    return os.path.join(output, *([] if kind == "saved_model" else [kind]), name, str(version))


@contextlib.contextmanager
def written(folders: Sequence[str], overwrite: bool = False) -> Iterator[list[str]]:
    """Folders that appear together when they are whole, or not at all.

    Args:
        folders: paths.
        overwrite: whether they may take the place of what is there.

    Yields:
        A list of empty folders to write to, one for each of `folders`, which take their names at the end.

    Raises:
        UserError: one is there already.
    """
    there = [path for path in folders if os.path.lexists(path)]
    if there and not overwrite:
        raise UserError(f"{there[0]} is there already; give another --version or --output, or --overwrite")
    partial = [f"{path}.partial" for path in folders]
    try:
        for path in partial:
            shutil.rmtree(path, ignore_errors=True)
            os.makedirs(path)
        yield partial
        _replace(partial, folders)
    finally:
        for path in partial:
            shutil.rmtree(path, ignore_errors=True)


def _replace(partial, folders):
    """Renames what is whole; what was there is gone only when all have their names, and is put back otherwise."""
    replaced = [f"{path}.replaced" for path in folders]
    with contextlib.ExitStack() as undo:
        for source, path, old in zip(partial, folders, replaced, strict=True):
            if os.path.lexists(path):
                shutil.rmtree(old, ignore_errors=True)
                os.rename(path, old)
                undo.callback(os.rename, old, path)
            os.rename(source, path)
            undo.callback(os.rename, path, source)
        undo.pop_all()
    for path in replaced:
        shutil.rmtree(path, ignore_errors=True)


@dataclasses.dataclass(frozen=True)
class Artefact:
    """An exported file or folder.

    Attributes:
        format: of `FORMATS`.
        path: of the SavedModel's folder, or of the file.
        flavour: of `FLAVOURS`; empty where it gives both.
        quantization: of `QUANTIZATIONS`.
    """

    format: str
    path: str
    flavour: str = ""
    quantization: str = "float32"

    @property
    def name(self) -> str:
        """What tables call it, as in `tflite joints int8`."""
        return f"{self.format} {self.flavour} {self.quantization}" if self.flavour else self.format

    @property
    def size(self) -> int:
        """In bytes, with everything in the folder."""
        if os.path.isfile(self.path):
            return os.path.getsize(self.path)
        return sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(self.path) for name in names)


def choose(exports: str, name: str | None = None, version: int | None = None) -> tuple[str, int]:
    """The one model in a folder of exports, and its highest version.

    Args:
        exports: what was `--output` of the export.
        name, version: where they are given, what is there of them.

    Returns:
        `(name, version)`, a string and a whole number.

    Raises:
        UserError: there is none, or there are several models.
    """
    there = _models(exports)
    if not there:
        raise UserError(f"{exports} holds no exports; python -m export --output={exports} writes them")
    if name is None and len(there) > 1:
        raise UserError(f"{exports} holds several models; give --name, one of {', '.join(sorted(there))}")
    name = name or next(iter(there))
    if name not in there:
        raise UserError(f"{exports} holds no model {name}; it holds {', '.join(sorted(there))}")
    if version is not None and version not in there[name]:
        versions = ", ".join(map(str, sorted(there[name])))
        raise UserError(f"{exports} holds no version {version} of {name}; it holds {versions}")
    return name, max(there[name]) if version is None else version


def find(exports: str, name: str | None = None, version: int | None = None) -> list[Artefact]:
    """Every `Artefact` of one version of one model, in the order of `FORMATS`; arguments as of `choose`.

    Raises:
        UserError: there is none, or there are several models.
    """
    name, version = choose(exports, name, version)
    return [made for kind in FORMATS for made in _inside(kind, folder(exports, kind, name, version))]


def _models(exports):
    """A dict of name to a set of versions that hold anything."""
    there = {}
    for kind in FORMATS:
        for path in glob.glob(folder(glob.escape(exports), kind, "*", "*")):
            name, version = path.split(os.sep)[-2:]
            if version.isdecimal() and _inside(kind, path):
                there.setdefault(name, set()).add(int(version))
    return there


def _inside(kind, path):
    """The artefacts in one of `folder`'s folders."""
    if kind == "saved_model":
        return [Artefact(kind, path)] * os.path.isfile(os.path.join(path, SAVED_MODEL_FILE))
    if kind == "onnx":
        file = os.path.join(path, ONNX_FILE)
        return [Artefact(kind, file)] * os.path.isfile(file)
    files = {(f, q): os.path.join(path, f"{f}_{q}.tflite") for f in FLAVOURS for q in QUANTIZATIONS}
    return [Artefact(kind, file, *key) for key, file in files.items() if os.path.isfile(file)]
