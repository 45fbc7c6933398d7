import json

import pytest

from benchmarks.plans import reading
from data_pipeline.common.errors import UserError

# 50 KB and 1 ms a record.
COSTS = {"disk_bytes": 50e3, "decoded_bytes": 600e3, "read_s": 1e-3, "survey_s": 1e-5}


def test_a_plan_is_arithmetic():
    found = reading.plan(100_000_000, COSTS, disk_mb=500.0)
    assert found["disk_tb"] == pytest.approx(5.0)
    assert found["shards"] == 9766
    assert found["pass_h"][1] == pytest.approx(1e5 / 3600)
    assert found["pass_h"][128] == pytest.approx(1e5 / 3600 / 128)
    # The disk sets the pace where looking through costs less: 0.1 ms a record.
    assert found["survey_h"] == pytest.approx(1e4 / 3600)


def test_a_slow_disk_sets_the_pace():
    assert reading.plan(1000, COSTS, disk_mb=10.0)["pass_h"][1] == pytest.approx(5.0 / 3600)
    assert reading.plan(10, COSTS, disk_mb=10.0)["shards"] == 8


def test_what_feeds_devices():
    found = reading.feeding(20_000, COSTS)
    assert found == pytest.approx({"images_s": 20_000, "cores": 20, "encoded_gbit": 8, "decoded_gbit": 96})


def test_records_are_measured_and_planned_for(run_program, tiny_records, capsys):
    told = run_program(reading, f"--records={tiny_records}/train-*", "--seconds=0.1", "--batch_size=4", "--people=1000")
    assert told["costs"]["decoded_bytes"] == 3 * 56 * 56
    assert all(value > 0 for value in told["costs"].values())
    (size,) = (path.stat().st_size for path in tiny_records.glob("train-*"))
    assert told["costs"]["disk_bytes"] == pytest.approx(size / 12)
    assert [row["people"] for row in told["plans"]] == [1000]
    assert "1,000" in capsys.readouterr().out


def test_measurements_can_be_taken_from_before(run_program, tmp_path):
    (tmp_path / "before.json").write_text(json.dumps({"costs": COSTS}))
    told = run_program(reading, f"--costs={tmp_path / 'before.json'}", "--images_per_second=2500")
    assert told["feeding"]["cores"] == pytest.approx(20)


def test_what_is_no_number_is_one_clear_line(run_program):
    with pytest.raises(
        UserError, match=r"^--people and --readers must be whole numbers of at least 1\. Received: many$"
    ):
        run_program(reading, "--people=many")


@pytest.mark.slow
@pytest.mark.lane(only="addons")
def test_a_service_is_measured(tiny_records, find_the_project):
    paths = sorted(map(str, tiny_records.glob("train-*.tfrecord")))
    found = reading.served(paths, 2, batch_size=4, shuffle=8, seconds=0.1)
    assert found["images_s"] > 0
    assert found["trainer_s"] > 0
