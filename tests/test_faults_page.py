"""The tests that docs/faults.md names are there."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]


def test_every_test_that_the_page_names_is_there():
    missing, file = [], None
    for word in re.findall(r"`((?:tests/[^`]+)|(?:test_[^`]+))`", (ROOT / "docs" / "faults.md").read_text("utf-8")):
        path, _, name = word.rpartition("::") if "::" in word else (word, "", "") if "/" in word else ("", "", word)
        file = path or file
        if not (ROOT / file).is_file() or (name and f"def {name}(" not in (ROOT / file).read_text("utf-8")):
            missing.append(word)
    assert file
    assert not missing
