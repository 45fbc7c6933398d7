"""README's table of what the method gives is what the study measured."""

import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
STUDY = json.loads((ROOT / "docs" / "studies" / "mpii-photographs" / "study.json").read_text("utf-8"))
ROWS = {
    "G alone (multi-task)": "alone",
    "**with P and C**": "full",
    "single-task G alone": "single-task",
    "single-task G with P and C": "single-task-full",
    "with P, without C": "p-alone",
    "with C, without P": "c-alone",
    "P and C as printed (`--discriminator_design=encoder_decoder`)": "encoder-decoders",
    "G alone, 30 epochs": "alone-30-epochs",
    "G alone, 36 epochs": "alone-36-epochs",
    "with P and C, 30 epochs": "full-30-epochs",
    "Algorithm 1 as printed (`--mode=alternating`)": "alternating",
    "the same updates, nobody pulls": "alternating-no-pull",
    "alpha and beta as printed (`--balance=fixed`)": "printed-balance",
    "the same of sums (`--reduction=sum`)": "printed-balance-and-sum",
    "the printed minimax (`--pull=minimax`)": "minimax",
}
TITLES = ("mean_14", "hidden wrist", "hidden elbow", "impossible limbs, %")


@pytest.fixture(scope="module")
def table():
    """The cells of README's rows, by what each row is called."""
    text = (ROOT / "README.md").read_text("utf-8").split("## What the method gives")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {name.strip(): [cell.strip() for cell in cells] for name, *cells in lines if name.strip() in ROWS}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_the_studys(table, name):
    row = STUDY["rows"][ROWS[name]]
    seeds, score, more, *others = table[name]
    assert int(seeds) == len(row["seeds"])
    assert [float(cell) for cell in (score, *others)] == pytest.approx([row["mean"][t] for t in TITLES], abs=0.05001)
    if ROWS[name] == STUDY["baseline"]:
        assert more == ""
        return
    told = [float(word.replace("\N{MINUS SIGN}", "-")) for word in re.findall(r"[+\N{MINUS SIGN}][0-9.]+", more)]
    difference = row["to_baseline"]["mean_14"]
    assert told == pytest.approx([difference["value"], *difference["interval"]], abs=0.05001)
