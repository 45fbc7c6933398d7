"""Where exported files lie, how they get there whole, and how they are found again.

OUTPUT/NAME/VERSION/           the SavedModel, where TF Serving looks for it
OUTPUT/tflite/NAME/VERSION/    the TFLite files, FLAVOUR_QUANTIZATION.tflite
OUTPUT/onnx/NAME/VERSION/      model.onnx
OUTPUT/serving/                what a server is started with
"""

import contextlib
import os
import shutil

from data_pipeline.errors import UserError

FORMATS = ("saved_model", "tflite", "onnx")


def folder(output, kind, name, version):
    """The folder of one of `FORMATS`."""
    return os.path.join(output, *([] if kind == "saved_model" else [kind]), name, str(version))


@contextlib.contextmanager
def written(folders, overwrite=False):
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
