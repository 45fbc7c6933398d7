import sys
import threading
import types

import pytest
from absl import flags

from data_pipeline.common import arguments
from data_pipeline.common.errors import UserError


def define_flags():
    flags.DEFINE_string("workdir", "run", "")
    flags.DEFINE_integer("epochs", 3, "", lower_bound=1)
    flags.DEFINE_float("rate", 0.5, "")
    flags.DEFINE_bool("flip", False, "")
    flags.DEFINE_enum("mode", "joint", ["joint", "alternating"], "")
    flags.DEFINE_list("scales", ["1"], "")
    flags.DEFINE_multi_string("box", None, "")


def test_what_is_not_given_is_the_default():
    values = arguments.values(define_flags, {"epochs": None})
    assert (values.workdir, values.epochs, values.rate, values.flip, values.mode) == ("run", 3, 0.5, False, "joint")
    assert (values.scales, values.box) == (["1"], None)


def test_values_are_those_of_a_command_line():
    given = {"workdir": "a b", "epochs": 7, "rate": 1, "flip": True, "scales": [0.85, 1], "box": ["1,2", "3,4"]}
    values = arguments.values(define_flags, given)
    assert (values.workdir, values.epochs, values.rate, values.flip) == ("a b", 7, 1.0, True)
    assert (values.scales, values.box) == (["0.85", "1"], ["1,2", "3,4"])
    assert arguments.values(define_flags, {"flip": False}).flip is False


def test_a_file_of_flags_is_overridden(tmp_path):
    (tmp_path / "my.flags").write_text("--epochs=9\n# words\n--flip\n")
    values = arguments.values(define_flags, {"epochs": 2}, tmp_path / "my.flags")
    assert (values.epochs, values.flip) == (2, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epoch": 1}, "There is no `epoch` to set here. It can be box, epochs, flip"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": "many"}, "epochs"),
        ({"mode": "both"}, "mode"),
        ({"epochs": True}, "`epochs` is no yes or no"),
    ],
    ids=["unknown", "range", "type", "choice", "bool"],
)
def test_a_bad_value_is_one_line(given, said):
    with pytest.raises(UserError, match=said) as caught:
        arguments.values(define_flags, given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "no text"])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, content):
    if content:
        (tmp_path / "my.flags").write_bytes(content)
    with pytest.raises(UserError, match=r"my\.flags cannot be read as a file of flags"):
        arguments.values(define_flags, {}, tmp_path / "my.flags")


def test_the_processs_own_flags_stay_as_they_are():
    before = dict(flags.FLAGS._flags()), flags.DEFINE_string
    arguments.values(define_flags, {})
    assert (dict(flags.FLAGS._flags()), flags.DEFINE_string) == before


def test_two_threads_have_flags_of_their_own():
    found = {}

    def ask(n):
        for _ in range(20):
            found[n] = arguments.values(define_flags, {"epochs": n}).epochs

    threads = [threading.Thread(target=ask, args=(n,)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {1: 1, 2: 2, 3: 3}


def test_a_module_is_called(monkeypatch):
    module = types.ModuleType("called")
    module.other = 5
    monkeypatch.setitem(sys.modules, "called", module)

    def double(value, *, twice=False):
        """Doubles."""
        return 2 * value * (1 + twice)

    arguments.make_callable("called", double)
    assert (module(3), module(3, twice=True), module.other) == (6, 12, 5)
    assert type(module).__doc__ == "Doubles."
