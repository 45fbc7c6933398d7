import subprocess
import sys

import pytest
from absl import flags

from data_pipeline.common import help_text
from keras_apn import config, config_flags


@pytest.fixture
def own(monkeypatch):
    """Flags of a program alone."""
    values = flags.FlagValues()
    flags.DEFINE_string("input", None, "a folder of pictures that are looked through", flag_values=values)
    flags.DEFINE_bool("overlays", True, "draw them", flag_values=values)
    flags.DEFINE_enum("mode", "joint", ("joint", "alternating"), "of updates", flag_values=values)
    monkeypatch.setattr(help_text, "_own_flags", values.flags_by_module_dict)
    return values


def test_each_flag_stands_with_its_default_and_choices(own):
    lines = help_text.text(width=100).splitlines()
    assert any(line.split() == ["--[no]overlays", "draw", "them", "(on", "by", "default)"] for line in lines)
    assert any("--mode=joint" in line and "<joint|alternating>: of updates" in line for line in lines)
    assert any(line.split()[:2] == ["--input=...", "a"] for line in lines)


def test_groups_stand_in_their_order_under_their_titles(own):
    told = help_text.text({"Updates": ["mode"], "Pictures": ["input", "overlays"]}, width=100)
    places = [told.index(word) for word in ("Updates:", "--mode", "Pictures:", "--input", "--[no]overlays")]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_screen(own, width):
    told = help_text.text(width=width)
    about = help_text.FLAGFILE
    assert all(len(line) <= width for line in told[told.index(about) + len(about) :].splitlines())


def test_every_setting_is_in_one_group():
    names = [field for section in config.Config().as_json().values() for field in section]
    assert sorted(name for own in config_flags.GROUPS.values() for name in own) == sorted(names)


@pytest.mark.slow
@pytest.mark.lane(only="addons")
@pytest.mark.parametrize("word", ["--help", "-h"])
def test_train_lists_all_its_flags(word):
    done = subprocess.run([sys.executable, "-m", "keras_apn.train", word], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"--{name}" in done.stdout or f"--[no]{name}" in done.stdout for name in config.Config().flags())
    assert all(f"{title}:" in done.stdout for title in config_flags.GROUPS)
    assert "absl" not in done.stdout
