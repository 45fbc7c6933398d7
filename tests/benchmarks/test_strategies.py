import pytest

from benchmarks import strategies


def test_medians_are_put_over_those_without_a_strategy():
    found = strategies.summary(
        {"none": [(1.0, 2.0), (9.0, 9.0), (2.0, 4.0)], "mirrored": [(2.2, 4.0), (2.1, 5.0), (2.0, 6.0)]}
    )
    assert found["none"] == {"clock_s": 2.0, "processor_s": 4.0, "clock": 1.0, "work": 1.0}
    assert found["mirrored"] == pytest.approx({"clock_s": 2.1, "processor_s": 5.0, "clock": 1.05, "work": 1.25})


def test_steps_take_turns():
    calls = []
    steps = {name: lambda name=name: calls.append(name) for name in ("none", "mirrored")}
    taken = strategies.by_turns(steps, 2)
    assert calls == ["none", "mirrored"] * 2
    assert {name: len(times) for name, times in taken.items()} == {"none": 2, "mirrored": 2}
    assert all(clock >= 0 and work >= 0 for times in taken.values() for clock, work in times)
