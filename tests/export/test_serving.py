import os
import re

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import JOINTS
from export.serving import folder, model_list

EDITED = """
model_config_list {
  config { name: "other" base_path: "/elsewhere/other" model_platform: "tensorflow" }
  config {
    name: "posenet"
    base_path: "/moved/posenet"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: 1 versions: 2 versions: 3 } }
    version_labels { key: "stable" value: 2 }
    version_labels { key: "canary" value: 3 }
  }
}
"""


def _models(output):
    with open(os.path.join(output, "serving", "models.config"), encoding="utf-8") as file:
        return text_format.Parse(file.read(), model_server_config_pb2.ModelServerConfig()).model_config_list.config


def _edit(output, text, name="models.config"):
    os.makedirs(os.path.join(output, "serving"), exist_ok=True)
    with open(os.path.join(output, "serving", name), "w", encoding="utf-8") as file:
        file.write(text)


def _told(entry):
    return dict(entry.version_labels), list(entry.model_version_policy.specific.versions)


def test_the_first_version_has_both_labels(tmp_path):
    folder.write(str(tmp_path), "posenet", 4)
    (entry,) = _models(tmp_path)
    assert (entry.name, entry.base_path, entry.model_platform) == ("posenet", "/exports/posenet", "tensorflow")
    assert _told(entry) == ({"stable": 4, "canary": 4}, [4])


@pytest.mark.parametrize(
    ("versions", "labels", "served"),
    [
        ([1, 2], {"stable": 1, "canary": 2}, [1, 2]),
        ([1, 2, 3], {"stable": 1, "canary": 3}, [1, 3]),
        ([1, 2, 2], {"stable": 1, "canary": 2}, [1, 2]),
        ([5, 3], {"stable": 5, "canary": 3}, [3, 5]),
    ],
    ids=["second", "third", "again", "lower"],
)
def test_the_last_version_is_canary_and_stable_stays(tmp_path, versions, labels, served):
    for version in versions:
        folder.write(str(tmp_path), "posenet", version)
    assert _told(_models(tmp_path)[0]) == (labels, served)


def test_what_a_person_has_edited_stays(tmp_path):
    _edit(tmp_path, EDITED)
    folder.write(str(tmp_path), "posenet", 4)
    other, posenet = _models(tmp_path)
    assert other.base_path == "/elsewhere/other"
    assert not other.version_labels
    assert posenet.base_path == "/moved/posenet"
    # Version 1 was put there by hand; 3 was there for its label alone.
    assert _told(posenet) == ({"stable": 2, "canary": 4}, [1, 2, 4])


def test_another_policy_stays(tmp_path):
    _edit(tmp_path, EDITED.replace("specific { versions: 1 versions: 2 versions: 3 }", "latest { num_versions: 2 }"))
    folder.write(str(tmp_path), "posenet", 4)
    policy = _models(tmp_path)[1].model_version_policy
    assert policy.latest.num_versions == 2
    assert policy.WhichOneof("policy_choice") == "latest"


def test_a_second_model_joins_the_first(tmp_path):
    folder.write(str(tmp_path), "posenet", 1)
    folder.write(str(tmp_path), "small", 7)
    assert [(entry.name, _told(entry)[1]) for entry in _models(tmp_path)] == [("posenet", [1]), ("small", [7])]


def test_a_file_that_needs_no_change_is_left_with_its_comments(tmp_path):
    folder.write(str(tmp_path), "posenet", 1)
    path = tmp_path / "serving" / "models.config"
    path.write_text(f"# Mine.\n{path.read_text()}")
    folder.write(str(tmp_path), "posenet", 1)
    assert path.read_text().startswith("# Mine.")


@pytest.mark.parametrize(
    "call", [folder.check, lambda output: folder.write(output, "posenet", 2)], ids=["check", "write"]
)
@pytest.mark.parametrize("text", ["model_config_list { config { nme: 1 } }", "custom_model_config {}"])
def test_a_damaged_list_of_models_is_the_users_mistake_and_stays(tmp_path, call, text):
    _edit(tmp_path, text)
    with pytest.raises(UserError, match=r"models\.config"):
        call(str(tmp_path))
    assert os.listdir(tmp_path / "serving") == ["models.config"]
    assert (tmp_path / "serving" / "models.config").read_text() == text


def test_nothing_is_wrong_with_a_folder_that_is_not_there(tmp_path):
    folder.check(str(tmp_path))
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name", folder.KEPT)
def test_an_edited_file_is_not_written_again(tmp_path, name):
    _edit(tmp_path, "mine", name)
    folder.write(str(tmp_path), "posenet", 1)
    assert (tmp_path / "serving" / name).read_text() == "mine"


def test_the_files_that_the_server_is_started_with_are_there(tmp_path):
    folder.write(str(tmp_path), "posenet", 1)
    compose = (tmp_path / "serving" / "docker-compose.yml").read_text()
    assert re.findall(r"image: (.*)", compose) == [folder.IMAGE]
    # The folder above the compose file's own is what the server sees as the mount.
    assert re.findall(r"- (\S+):ro", compose) == [f"..:{model_list.MOUNT}"]
    given = re.findall(rf"--\w+_file={model_list.MOUNT}/(\S+)", compose)
    assert {os.path.basename(file) for file in given} == {
        "models.config",
        "monitoring.config",
        "batching_parameters.txt",
    }
    for file in given:
        assert (tmp_path / file).is_file()


def test_readme_tells_of_this_model(tmp_path):
    folder.write(str(tmp_path), "small", 1)
    text = (tmp_path / "serving" / "README.md").read_text()
    assert "http://localhost:8501/v1/models/small:predict" in text
    assert ", ".join(JOINTS) in text
    assert "{{" not in text
