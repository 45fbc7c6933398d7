"""The package as `pip install .` makes it, its extras and its one command."""

import pathlib
import shutil
import subprocess
import sys
import sysconfig

import pytest
from packaging.requirements import Requirement

from data_pipeline.synthetic import scenes
from keras_apn import apn

ROOT = pathlib.Path(__file__).parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")


def applies(requirement, version):
    return requirement.marker is None or requirement.marker.evaluate({"python_version": version, "extra": ""})


def pinned(version):
    """The versions of requirements.txt by package, for a Python."""
    lines = ((line.partition("#")[0]).strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    found = [Requirement(line) for line in lines if line]
    return {r.name: next(iter(r.specifier)).version for r in found if applies(r, version)}


def declared():
    """The requirements of pyproject.toml, all extras, but for extras of its own."""
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return [Requirement(line) for line in lines if not line.startswith("keras-apn[")]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is of Python 3.11")
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_tested_is_what_installs(version):
    pins, ours = pinned(version), [r for r in declared() if applies(r, version)]
    assert {r.name for r in ours} <= set(pins)
    assert not [str(r) for r in ours if pins[r.name] not in r.specifier]
    development = {"pytest", "pytest-xdist", "hypothesis", "ruff", "mypy"}
    assert set(pins) - development == {r.name for r in ours}


def test_tensorboard_starts():
    # TensorBoard 2.15 imports pkg_resources, which setuptools has no more from 82 on.
    done = subprocess.run(
        [sys.executable, "-m", "tensorboard.main", "--version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    ours = next(r for r in declared() if r.name == "setuptools")
    assert applies(ours, "3.11")
    assert "82.0.0" not in ours.specifier


@pytest.mark.parametrize("arguments", [[], ["--help"], ["help"]])
def test_the_command_lists_its_programs(monkeypatch, capsys, arguments):
    monkeypatch.setattr(sys, "argv", ["apn", *arguments])
    apn.main()
    printed = capsys.readouterr().out
    assert all(f"  {name} " in printed for name in apn.PROGRAMS)


def test_what_is_no_program_is_one_clear_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["apn", "fly"])
    with pytest.raises(SystemExit) as ended:
        apn.main()
    assert ended.value.code == 2
    assert "'fly' is no program; apn --help" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.lane(only="current")
@pytest.mark.parametrize("name", list(apn.PROGRAMS))
def test_every_program_is_run_by_its_name(name):
    help_text = subprocess.run(
        [sys.executable, "-m", "keras_apn.apn", name, "--help"], capture_output=True, text=True, check=False, cwd=ROOT
    ).stdout
    assert "--flagfile=FILE" in help_text


USED = """
import importlib.util, sys
import keras_apn
assert importlib.util.find_spec("tensorflow") is None
people = keras_apn.load("apn-mobile").predict(sys.argv[1], boxes=[[20, 20, 200, 250]])
assert people[0].named["left_wrist"].occluded is not None
keras_apn.draw(sys.argv[1], people)
print(keras_apn.__file__)
"""


@pytest.mark.slow
@pytest.mark.lane(only="current")
def test_a_wheel_finds_people_in_an_environment_without_tensorflow(tmp_path):
    from data_pipeline import drawing

    drawing.write_picture(tmp_path / "a.png", scenes.sample(0, 3)[1])
    # Of a copy, as it is built beside its sources.
    source, ignored = (
        tmp_path / "source",
        shutil.ignore_patterns(".*", "build", "runs", "data", "node_modules", "tests"),
    )
    shutil.copytree(ROOT, source, ignore=ignored)
    own = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", own], check=True)
    python = own / ("Scripts" if sysconfig.get_platform().startswith("win") else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", source], check=True)
    found = subprocess.run(
        [python, "-c", USED, tmp_path / "a.png"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert str(own) in found.stdout
    ended = subprocess.run([python.with_name("apn"), "train"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
