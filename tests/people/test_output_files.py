import contextlib
import json
import os

import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import JOINTS
from keras_apn.people import output_files
from keras_apn.people.person import Person
from keras_apn.sources.pictures import Picture


def _found(x=1.0, box=None, **more):
    return Person(box, np.full((16, 2), x, np.float32), np.full(16, 0.25, np.float32), **more)


def _picture(name="a.jpg", people=1):
    return Picture({"image": name}, np.zeros((40, 60, 3), np.uint8), {n: [0.0, 0.0, 9.0, 9.0] for n in range(people)})


def test_a_person_as_a_dict():
    found = _found(1.23456, occluded=np.full(16, 0.5, np.float32), plausible=np.full(16, 0.9, np.float32))
    person = output_files.describe({"image": "a.jpg"}, 2, found)
    assert [joint.pop("name") for joint in person["joints"]] == list(JOINTS)
    assert person == {
        "image": "a.jpg",
        "person": 2,
        "box": None,
        "joints": [{"x": 1.23, "y": 1.23, "score": 0.25, "occluded": 0.5, "plausible": 0.9}] * 16,
    }


def test_a_diverged_model_is_told():
    with pytest.raises(UserError, match="not finite"):
        output_files.describe({}, 0, _found(float("nan")))


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


def test_cocos_results_load_in_pycocotools(tmp_path):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    joints = [f"joint {n}" for n in range(16)]
    truth = {
        "images": [{"id": 785, "file_name": "000000000785.jpg"}, {"id": 9, "file_name": "b.jpg"}],
        "categories": [{"id": 1, "name": "person", "keypoints": joints, "skeleton": []}],
        "annotations": [
            {"id": n, "image_id": image, "category_id": 1, "iscrowd": 0, "area": 400.0, "bbox": [0, 0, 20, 20]}
            | {"num_keypoints": 16, "keypoints": [x, x, 2] * 16}
            for n, image, x in ((1, 785, 3.0), (2, 9, 5.0))
        ],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    known = Picture({"image": "b.jpg"}, np.zeros((40, 60, 3), np.uint8), {0: None}, image_id=9)
    answers = [(_picture("000000000785.jpg"), [_found(3.0)]), (known, [_found(5.0)])]
    assert output_files.write(answers, tmp_path, format="coco") == 2
    results = json.loads((tmp_path / "predictions.json").read_text())
    assert [result["image_id"] for result in results] == [785, 9]
    assert results[1]["keypoints"] == [5.0, 5.0, 0.25] * 16
    assert results[1]["score"] == 0.25
    ground = COCO(str(tmp_path / "truth.json"))
    scored = COCOeval(ground, ground.loadRes(str(tmp_path / "predictions.json")), "keypoints")
    scored.params.kpt_oks_sigmas = np.full(16, 0.05)
    scored.evaluate()
    scored.accumulate()
    scored.summarize()
    assert scored.stats[0] == pytest.approx(1.0)


def test_a_pictures_number_is_the_files_or_that_of_its_name():
    def of(label, image_id=None):
        return output_files.image_id(Picture(label, None, {}, image_id))

    assert of({"image": "f/000000000785.jpg"}) == 785
    assert of({"image": "f/a.7.jpg"}) == "a.7"
    assert of({"image": "1.jpg"}, "of the file") == "of the file"
    assert of({"video": "a.mp4", "frame": 0}, 0) == 0


@pytest.mark.parametrize("format", ["lines", "coco"])
@pytest.mark.parametrize("people", [0, 1, 3])
def test_what_was_found_before_an_interruption_is_kept_and_whole(tmp_path, format, people):
    def pairs():
        for _ in range(people):
            yield _picture(), [_found()]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        output_files.write(pairs(), tmp_path, format=format)
    text = (tmp_path / output_files.FILES[format]).read_text()
    found = json.loads(text) if format == "coco" else [json.loads(line) for line in text.splitlines()]
    assert len(found) == people


def test_a_drawing_that_cannot_be_written_is_an_error_but_the_lines_are_whole(tmp_path):
    @contextlib.contextmanager
    def overlays(folder):
        def full(picture, drawn):
            raise OSError(28, "No space left on device", "clip.mp4")

        yield full

    with pytest.raises(OSError, match="No space left"):
        output_files.write([(_picture(), [_found()])] * 2, tmp_path, overlays)
    assert (tmp_path / "predictions.jsonl").read_text().count("\n") == 2


def test_an_output_that_cannot_be_written_is_told_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "out" / "predictions.json").mkdir(parents=True)
    output_files.require_writable(tmp_path / "new" / "deep", "lines")
    output_files.require_writable(tmp_path / "out", "lines")
    for output, format, words in (
        (tmp_path / "file" / "out", "lines", "file/out cannot be written"),
        (tmp_path / "file", "lines", "file cannot be written"),
        (tmp_path / "out", "coco", "is a folder"),
    ):
        with pytest.raises(UserError, match=words):
            output_files.require_writable(output, format)


def test_people_who_are_followed_keep_their_numbers(tmp_path):
    people = [_found(3.0, number=4), _found(5.0, number=7)]
    output_files.write([(_picture(people=0), people)], tmp_path)
    lines = (tmp_path / "predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["person"] for line in lines] == [4, 7]
    assert output_files.coco_result(_picture("1.jpg"), people[0])["track_id"] == 4
    assert (output_files.draw(_picture(people=0), people) != output_files.draw(_picture(people=0), [])).any()


def test_where_finding_fails_nothing_is_left(tmp_path):
    def pairs():
        yield _picture(), [_found()]
        raise UserError("the disk is gone")

    with pytest.raises(UserError, match="the disk is gone"):
        output_files.write(pairs(), tmp_path)
    assert os.listdir(tmp_path) == []
