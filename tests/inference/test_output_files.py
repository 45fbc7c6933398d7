import json
import os

import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import JOINTS
from keras_apn.inference import output_files
from keras_apn.sources.pictures import Picture


def _found(x=1.0, **more):
    return {"joints": np.full((16, 2), x, np.float32), "scores": np.full(16, 0.25, np.float32), **more}


def _picture(name="a.jpg", people=1):
    return Picture({"image": name}, np.zeros((40, 60, 3), np.uint8), {n: [0.0, 0.0, 9.0, 9.0] for n in range(people)})


def test_a_person_as_a_dict():
    found = _found(1.23456, occluded=np.full(16, 0.5, np.float32), plausible=np.full(16, 0.9, np.float32))
    person = output_files.describe({"image": "a.jpg"}, 2, None, found)
    assert [joint.pop("name") for joint in person["joints"]] == list(JOINTS)
    assert person == {
        "image": "a.jpg",
        "person": 2,
        "box": None,
        "joints": [{"x": 1.23, "y": 1.23, "score": 0.25, "occluded": 0.5, "plausible": 0.9}] * 16,
    }


def test_a_diverged_model_is_told():
    with pytest.raises(UserError, match="not finite"):
        output_files.describe({}, 0, None, _found(float("nan")))


def test_all_people_are_drawn_into_one_picture():
    both = output_files.draw(_picture(people=0), [_found(10.0), _found(30.0)])
    first, second = (output_files.draw(_picture(people=0), [_found(x)]) for x in (10.0, 30.0))
    assert first.any()
    np.testing.assert_array_equal(both, np.maximum(first, second))


def test_a_line_a_person_in_order(tmp_path):
    people = output_files.write(
        [(_picture("a.jpg", 2), [_found(1.0), _found(2.0)]), (_picture("b.jpg"), [_found(3.0)])], tmp_path
    )
    lines = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    assert people == 3
    told = [(line["image"], line["person"], line["joints"][0]["x"]) for line in lines]
    assert told == [("a.jpg", 0, 1.0), ("a.jpg", 1, 2.0), ("b.jpg", 0, 3.0)]


def test_the_file_appears_when_it_is_whole(tmp_path):
    def pairs():
        yield _picture(), [_found()]
        assert os.listdir(tmp_path) == ["predictions.partial.jsonl"]
        yield _picture(), [_found()]

    output_files.write(pairs(), tmp_path)
    assert os.listdir(tmp_path) == ["predictions.jsonl"]


def test_where_finding_fails_nothing_is_left(tmp_path):
    def pairs():
        yield _picture(), [_found()]
        raise UserError("the disk is gone")

    with pytest.raises(UserError, match="the disk is gone"):
        output_files.write(pairs(), tmp_path)
    assert os.listdir(tmp_path) == []
