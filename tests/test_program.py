import os
import pathlib
import subprocess
import sys

import pytest
from absl import flags

from data_pipeline.common import program

ROOT = pathlib.Path(__file__).parents[1]
SCRIPT = """
from absl import flags
from data_pipeline.common import program
from data_pipeline.common.errors import UserError


def define_flags():
    flags.DEFINE_integer("number", 1, "a number", lower_bound=0)
    flags.DEFINE_enum("colour", "red", ("red", "blue"), "a colour")
    flags.DEFINE_string("do", "", "what to do")


def main(values):
    print("number", values.number)
    if values.do == "mistake":
        raise UserError("The first line\\n  and the second; mend it")
    if values.do == "fault":
        raise RuntimeError("ours")
    if values.do == "unwritable":
        open("/nowhere/at/all", "w")
    if values.do == "interrupt":
        raise KeyboardInterrupt
    return 3 if values.do == "three" else None


program.run(main, define_flags)
"""


@pytest.fixture
def call(tmp_path):
    """Runs the script above; returns its exit code, standard output and standard error."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def run(*arguments, **environment):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        done = subprocess.run(
            [sys.executable, script, *arguments], capture_output=True, text=True, env=environment, check=False
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_success_is_0_and_silent(call):
    assert call("--number=7") == (0, "number 7\n", "")


def test_a_program_may_choose_its_exit_code(call):
    assert call("--do=three")[0] == 3


def test_an_interrupt_is_130_without_a_traceback(call):
    code, _, errors = call("--do=interrupt")
    assert (code, errors) == (130, "")


def test_a_users_mistake_is_one_line_and_2(call):
    assert call("--do=mistake") == (2, "number 1\n", "error: The first line and the second; mend it\n")


def test_a_fault_of_the_project_is_one_line_too(call):
    code, _, errors = call("--do=fault")
    assert code == 1
    assert errors == (
        "error: RuntimeError: ours. This is a fault of the program; APN_TRACEBACK=1 shows where it happened\n"
    )


def test_a_file_that_cannot_be_written_is_one_line_and_2(call):
    code, _, errors = call("--do=unwritable")
    assert code == 2
    assert errors == ("error: /nowhere/at/all: No such file or directory; APN_TRACEBACK=1 shows where it happened\n")


def test_the_traceback_of_a_fault_can_be_seen(call):
    code, _, errors = call("--do=fault", APN_TRACEBACK="1")
    assert code == 1
    assert "Traceback" in errors
    assert "RuntimeError: ours" in errors


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--number=-1"], "number"),
        (["--number=many"], "number"),
        (["--colour=green"], "colour"),
        (["--numbr=1"], "numbr"),
        (["stray"], "'stray'"),
        (["--flagfile=nowhere.flags"], "nowhere.flags"),
        (["--number=1e5000"], "number"),
        (["--number=" + "1" * 5000], "number"),
    ],
    ids=[
        *("out of range", "no number", "no choice", "unknown flag", "stray word", "no flag file"),
        *("no whole number", "5000 digits"),
    ],
)
def test_flags_that_do_not_parse_are_one_line_and_2(call, arguments, named):
    code, output, errors = call(*arguments)
    assert (code, output) == (2, "")
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert named in errors


def test_a_flag_file_that_is_not_utf8_is_one_line(call, tmp_path):
    (tmp_path / "latin1.flags").write_bytes("--do=m\u00fcll\n".encode("latin-1"))
    code, output, errors = call(f"--flagfile={tmp_path / 'latin1.flags'}")
    assert (code, output) == (2, "")
    assert errors.startswith("error: A file of --flagfile is not UTF-8 text")
    assert errors.count("\n") == 1


def test_long_lines_are_cut(call):
    _, _, errors = call("--colour=" + "x" * 100_000)
    assert len(errors) < 2500


def test_the_home_folder_replaces_a_leading_tilde(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    values = flags.FlagValues()
    flags.DEFINE_string("output", None, "a file", flag_values=values)
    flags.DEFINE_string("mix", None, "globs", flag_values=values)
    flags.DEFINE_list("workdirs", None, "folders", flag_values=values)
    values(["program", "--output=~/a", "--mix=~/b=0.5,c~=0.1", "--workdirs=~/d,~/e"])
    program._find_home(values)
    assert (values.output, values.mix) == ("/home/me/a", "/home/me/b=0.5,c~=0.1")
    assert values.workdirs == ["/home/me/d", "/home/me/e"]
