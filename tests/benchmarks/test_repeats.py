import itertools
import types

import keras
import numpy as np
import pytest

from benchmarks import fit_step, repeats


def values(**changed):
    """The program's flags."""
    told = {"presets": ["tiny"], "modes": ["joint", "alternating"], "processes": 2, "batch": 2, "steps": 3}
    return types.SimpleNamespace(**told, precision="float32", recompute=False, threads=1, **changed)


@pytest.mark.parametrize(
    ("digests", "code", "lines"),
    [
        ("aabb", 0, ["tiny joint: 2 processes, equal to the bit", "tiny alternating: 2 processes, equal to the bit"]),
        ("abcc", 1, ["tiny joint: DIFFERENT: of 2 processes at most 1 are equal", "tiny alternating: 2 processes"]),
    ],
    ids=["equal", "different"],
)
def test_what_processes_trained_is_compared(monkeypatch, capsys, digests, code, lines):
    found, asked = itertools.cycle(digests), []

    def apart(module, environment, **arguments):
        asked.append((module, arguments["mode"], arguments["steps"]))
        return {"weights": next(found)}

    monkeypatch.setattr(repeats.clock, "apart", apart)
    assert repeats.main(values()) == code
    for printed, expected in zip(capsys.readouterr().out.splitlines(), lines, strict=True):
        assert printed.startswith(expected)
    # Two of three steps are the clock's own.
    assert asked == 2 * [("benchmarks.fit_step", "joint", 1)] + 2 * [("benchmarks.fit_step", "alternating", 1)]


def test_one_bit_changes_the_digest():
    inputs = keras.Input((2,))
    network = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model = types.SimpleNamespace(networks=types.SimpleNamespace(by_key={"g": network}))
    before, weights = fit_step.digest(model), network.get_weights()
    assert fit_step.digest(model) == before
    network.set_weights([np.nextafter(weights[0], np.float32(9)), weights[1]])
    assert fit_step.digest(model) != before
