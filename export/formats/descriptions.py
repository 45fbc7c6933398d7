"""What exports tell of themselves, whatever their format."""

import os
from collections.abc import Sequence
from typing import Any

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError
from export.formats import onnx_, saved_model, tflite
from export.formats.artefacts import Artefact


def _of_saved_model(path):
    path = os.path.join(path, saved_model.METADATA)
    if not os.path.exists(path):
        raise UserError(f"{path} is missing; python -m export writes SavedModels that have it")
    return json_file.read(path, dict[str, Any], way="python -m export writes it again")


READERS = {"saved_model": _of_saved_model, "tflite": tflite.read_metadata, "onnx": onnx_.read_metadata}


def read(artefact: Artefact) -> dict[str, Any]:
    """The dict of `metadata.describe` that an `artefacts.Artefact` carries; UserError where it carries none."""
    return READERS[artefact.format](artefact.path)


def plausible(found: Sequence[Artefact]) -> bool:
    """Whether any of the artefacts says how plausible joints are."""
    return any("plausible" in read(artefact) for artefact in found)


def flip_test(found: Sequence[Artefact]) -> bool:
    """Whether artefacts average with the mirrored crop.

    Raises:
        UserError: one does not tell, or they differ.
    """
    told = {artefact.name: read(artefact)["flip_test"] for artefact in found}
    if len(set(told.values())) > 1:
        flipped, plain = (", ".join(name for name in told if told[name] is flip) for flip in (True, False))
        raise UserError(f"{flipped}: exported with --flip; {plain}: without; export all of them in one way")
    return next(iter(told.values()))
