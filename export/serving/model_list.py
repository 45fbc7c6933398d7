"""`models.config`: which models a server loads, which of their versions, and the versions' labels.

A version that is written becomes `canary`; `stable` stays where it is, and moves when a person edits the file. The
versions that are served are those with a label, and what else a person has put there.
"""

import os

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath

STABLE, CANARY = "stable", "canary"
# Where the compose file mounts the folder of the exports.
MOUNT = "/exports"


def read(path: StrPath) -> model_server_config_pb2.ModelServerConfig:
    """The `ModelServerConfig` of a file, an empty one where there is no file.

    Raises:
        UserError: it cannot be read as one, or holds no list of models.
    """
    models = model_server_config_pb2.ModelServerConfig()
    if not os.path.exists(path):
        return models
    try:
        with open(path, encoding="utf-8") as file:
            text_format.Parse(file.read(), models)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}); mend it, or delete it to have it written anew") from error
    if models.WhichOneof("config") == "custom_model_config":
        raise UserError(f"{path} has a custom_model_config; give another --output, or delete it")
    return models


def with_version(models: model_server_config_pb2.ModelServerConfig, name: str, version: int) -> None:
    """Adds a version of a model; other models, and what is not said here, stay as they are.

    A label's old version is no longer served where nothing else names it. A policy other than `specific`, which only a
    person can have put there, stays.

    Args:
        models: a `ModelServerConfig`, which is changed.
        name: of the model.
        version: that was written.
    """
    entry = next((entry for entry in models.model_config_list.config if entry.name == name), None)
    if entry is None:
        entry = models.model_config_list.config.add(name=name, base_path=f"{MOUNT}/{name}", model_platform="tensorflow")
        entry.model_version_policy.specific.SetInParent()
    left = entry.version_labels.get(CANARY)
    entry.version_labels[CANARY] = version
    if STABLE not in entry.version_labels:
        entry.version_labels[STABLE] = version
    if entry.model_version_policy.WhichOneof("policy_choice") == "specific":
        served = set(entry.model_version_policy.specific.versions) - {left} | set(entry.version_labels.values())
        entry.model_version_policy.specific.versions[:] = sorted(served)


def text(models: model_server_config_pb2.ModelServerConfig) -> str:
    """A `ModelServerConfig` as a server reads it."""
    return text_format.MessageToString(models)
