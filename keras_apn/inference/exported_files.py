"""Files of exported models, and the runtime that each needs; TensorFlow is imported for SavedModels alone."""

import os

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.common.silence import silence
from keras_apn.inference import runtimes
from keras_apn.models import shipped

SAVED_MODEL_FILE = "saved_model.pb"
KINDS = "a SavedModel folder, a .tflite or an .onnx file"


def open_model(path: StrPath) -> runtimes.SavedModel | runtimes.TFLite | runtimes.ONNX:
    """The model in the runtime that its path asks for.

    Args:
        path: a SavedModel folder, or a folder of its numbered versions, of which the highest is taken; a `.tflite` or
            an `.onnx` file.

    Raises:
        UserError: it is none of these, cannot be read, is no pose model, or its runtime is not installed.
    """
    with silence():  # LiteRT tells which delegate it has made.
        return _opened(path)


def _opened(path):
    if os.path.isdir(path):
        return runtimes.SavedModel(find_saved_model(path))
    if not os.path.exists(path):
        raise UserError(
            f"{path} does not exist; give {KINDS}, or the name of a shipped model: {', '.join(shipped.names())}"
        )
    by_ending = {".tflite": runtimes.TFLite, ".onnx": runtimes.ONNX}
    ending = os.path.splitext(path)[1].lower()
    if ending not in by_ending:
        raise UserError(f"{path} is no exported model; give {KINDS}")
    return by_ending[ending](path)


def find_saved_model(folder: str) -> str:
    """The SavedModel in a folder, or its highest numbered version, or that of the one model in it.

    Raises:
        UserError: there is none, or there are several models.
    """
    if os.path.isfile(os.path.join(folder, SAVED_MODEL_FILE)):
        return folder
    if versions := _versions(folder):
        return os.path.join(folder, max(versions, key=int))
    models = [name for name in sorted(os.listdir(folder)) if _versions(os.path.join(folder, name))]
    if len(models) != 1:
        holds = f"several models: {', '.join(models)}" if models else f"no {SAVED_MODEL_FILE}"
        raise UserError(f"{folder} holds {holds}; give {KINDS}")
    return find_saved_model(os.path.join(folder, models[0]))


def _versions(folder):
    """Names of the numbered SavedModels in a folder."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [n for n in names if n.isdecimal() and os.path.isfile(os.path.join(folder, n, SAVED_MODEL_FILE))]
