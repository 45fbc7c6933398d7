"""What the container files say, as far as it is known without building them; the public workflow builds them."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FILES = sorted((ROOT / "containers").glob("Dockerfile*"))


def text(name):
    """A container file with its lines that go on joined."""
    return (ROOT / "containers" / name).read_text().replace("\\\n", " ")


@pytest.mark.parametrize(("cuda", "wanted"), [("[and-cuda]", "tensorflow[and-cuda]=="), ("", "tensorflow==")])
def test_what_is_installed_is_pinned_headless_and_without_the_tests_tools(tmp_path, cuda, wanted):
    (command,) = re.findall(r"(sed .*? requirements\.txt) > ", text("Dockerfile"))
    environment = {**os.environ, "CUDA": cuda}
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    lines = [line for line in done.stdout.splitlines() if re.match(r"\w", line)]
    assert sum(line.startswith(wanted) for line in lines) == 2
    names = [re.split(r"[=\[]", line)[0] for line in lines]
    assert {"opencv-python-headless", "keras", "ai-edge-litert", "tensorflow-serving-api"} <= set(names)
    assert not {"opencv-python", "pytest", "ruff"} & set(names)
    assert all("==" in line for line in lines)


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_what_is_copied_is_there_and_not_left_out(path):
    content = text(path.name)
    defaults = dict(re.findall(r"^ARG (\w+)=(\S+)$", content, re.MULTILINE))
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", content, re.MULTILINE):
        for name in re.sub(r"\$\{(\w+)\}", lambda found: defaults[found[1]], source).split():
            assert (ROOT / name).exists()
    left_out = (ROOT / ".dockerignore").read_text().split()
    # What the package is built of.
    assert not {"README.md", "LICENSE", "keras_apn", "export", "data_pipeline", "benchmarks"} & set(left_out)


def test_the_workflow_builds_every_container_file():
    workflow = (ROOT / ".github" / "workflows" / "containers.yml").read_text()
    assert all(re.search(rf"--file containers/{re.escape(path.name)} ", workflow) for path in FILES)
