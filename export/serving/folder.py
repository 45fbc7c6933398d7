"""`serving/`: a folder beside the models, with all that a server is started with.

Files that are there stay, as a person may have edited them; `models.config` gets the new version besides, and
`README.md`, which only tells, is written anew.
"""

import os
from typing import Any

import jinja2

from data_pipeline.common.files import StrPath, write_whole
from data_pipeline.skeleton import MPII16, Skeleton
from export.formats import warmup
from export.serving import model_list

NAME = "serving"
MODELS, README = "models.config", "README.md"
KEPT = ("batching_parameters.txt", "monitoring.config", "docker-compose.yml")
# Reads SavedModels of its own TensorFlow and older ones, hence those of both lanes of requirements.txt.
IMAGE = "tensorflow/serving:2.21.0"


def check(output: StrPath) -> None:
    """Raises UserError where `write` could not; for before a long export."""
    model_list.read(os.path.join(output, NAME, MODELS))


def write(output: StrPath, name: str, version: int, skeleton: Skeleton = MPII16) -> str:
    """Writes the files for a version of a model that lies in `output/name/version`.

    Args:
        output: the folder of the exports.
        name, version: of the SavedModel that was written.
        skeleton: whose joints it finds.

    Returns:
        The folder's path.

    Raises:
        UserError: `models.config` is there and damaged.
    """
    folder = os.path.join(output, NAME)
    models, before = (model_list.read(os.path.join(folder, MODELS)) for _ in range(2))
    model_list.with_version(models, name, version)
    os.makedirs(folder, exist_ok=True)
    facts: dict[str, Any] = {"name": name, "image": IMAGE, "mount": model_list.MOUNT}
    facts |= {"batch_sizes": warmup.BATCH_SIZES, "joints": skeleton.joints}
    for file in KEPT:
        if not os.path.exists(os.path.join(folder, file)):
            write_whole(os.path.join(folder, file), _rendered(file, facts))
    write_whole(os.path.join(folder, README), _rendered(README, facts))
    if models != before:  # Comments are lost where it is written.
        write_whole(os.path.join(folder, MODELS), model_list.text(models))
    return folder


def _rendered(file, facts):
    loader = jinja2.PackageLoader("export.serving", "templates")
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.get_template(f"{file}.jinja").render(facts)
