import json

import pytest

from data_pipeline.common.errors import UserError
from keras_apn.study import plan


@pytest.fixture
def read(tmp_path):
    def call(told):
        path = tmp_path / "plan.json"
        path.write_text(told if isinstance(told, str) else json.dumps(told))
        return plan.read(str(path))

    return call


WHOLE = {"records": "r/*", "flags": ["--epochs=1"], "seeds": [0, 2], "trainings": {"alone": ["--a"], "full": []}}


def test_the_first_seed_of_all_rows_comes_first(read):
    found = read({**WHOLE, "title": "Two"})
    assert [training.key for training in found.trainings] == ["alone-seed0", "full-seed0", "alone-seed2", "full-seed2"]
    assert found.trainings[2].flags == ("--epochs=1", "--a")
    assert (found.title, found.records, found.names) == ("Two", "r/*", ["alone", "full"])


def test_a_row_may_have_seeds_of_its_own(read):
    found = read({**WHOLE, "trainings": {"alone": [], "once": {"flags": ["--b"], "seeds": [7]}}})
    assert [training.key for training in found.trainings] == ["alone-seed0", "once-seed7", "alone-seed2"]


def test_a_row_may_start_from_another(read):
    found = read({**WHOLE, "trainings": {"first": [], "then": {"flags": ["--b"], "init_from": "first"}}})
    begun = [(training.key, training.init_from) for training in found.trainings]
    assert begun == [("first-seed0", None), ("then-seed0", "first"), ("first-seed2", None), ("then-seed2", "first")]


@pytest.mark.parametrize(
    "trainings",
    [
        {"then": {"init_from": "first"}, "first": []},
        {"then": {"init_from": "then"}},
        {"first": {"seeds": [2]}, "then": {"init_from": "first"}},
    ],
    ids=["below", "itself", "another seed"],
)
def test_a_row_starts_from_one_above_it_that_has_its_seeds(read, trainings):
    message = "training 'then' starts from '(first|then)', which must stand above it and have its seed 0$"
    with pytest.raises(UserError, match=message):
        read({**WHOLE, "trainings": trainings})


def test_the_example_is_a_plan(read):
    assert len(read(plan.EXAMPLE).trainings) == 6


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("{", "is not a whole JSON file"),
        ("[]", "the whole: must be an object"),
        ({"trainings": []}, "entry 'trainings': must be an object"),
        ({**WHOLE, "epochs": 3}, "unknown field `epochs`"),
        ({**WHOLE, "records": None}, "entry 'records': must be text. Received: null"),
        ({**WHOLE, "trainings": {}}, "entry 'trainings': must be an object of length >= 1"),
        ({**WHOLE, "trainings": {"../up": []}}, "name is of letters"),
        ({**WHOLE, "trainings": {"a": ["--seed=3"]}}, "without --seed and --workdir. Received: --seed=3"),
        ({**WHOLE, "trainings": {"a": ["epochs=3"]}}, "flags must be like"),
        ({**WHOLE, "trainings": {"a": {"flag": []}}}, r"entry 'trainings\['a'\]': contains unknown field `flag`"),
        ({**WHOLE, "flags": "--a"}, "entry 'flags': must be a list"),
        ({**WHOLE, "seeds": 3}, "entry 'seeds': must be a list"),
        ({**WHOLE, "seeds": [True]}, r"entry 'seeds\[0\]': must be a whole number"),
        ({**WHOLE, "seeds": []}, "entry 'seeds': must be a list of length >= 1"),
    ],
)
def test_what_is_no_plan_is_one_clear_line(read, told, message):
    with pytest.raises(UserError, match=message) as caught:
        read(told)
    assert "\n" not in str(caught.value)


def test_a_plan_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match="give a plan like"):
        plan.read(str(tmp_path / "none.json"))
