import json

import pytest

from data_pipeline.common.errors import UserError
from keras_apn.sources import box_file

TWO = {"a.jpg": [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]}


def _read(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return box_file.read(str(path))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"a.jpg": [[1, 2, 3, 4], [5, 6, 7, 8]]}, TWO),
        ({"a.jpg": [1, 2, 3, 4]}, {"a.jpg": [[1, 2, 3, 4]]}),
        ({"a.jpg": []}, {"a.jpg": []}),
        ({"./f//a.jpg": []}, {"f/a.jpg": []}),
        ([{"image": "a.jpg", "box": [1, 2, 3, 4]}, {"file_name": "a.jpg", "bbox": [5, 6, 7, 8], "score": 0.9}], TWO),
        ([{"frame": 7, "box": [1, 2, 3, 4]}], {"7": [[1, 2, 3, 4]]}),
        ([], {}),
    ],
    ids=["dict", "one box", "nobody", "path", "list", "frame", "empty"],
)
def test_json(tmp_path, content, expected):
    assert _read(tmp_path, "b.json", json.dumps(content)) == expected


def test_of_cocos_annotations_people_count_but_no_crowds(tmp_path):
    entry = {"image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0}
    content = {
        "images": [{"id": 9, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}],
        "annotations": [entry, {**entry, "category_id": 2}, {**entry, "iscrowd": 1}],
    }
    assert _read(tmp_path, "b.json", json.dumps(content)) == {"a.jpg": [[1, 2, 3, 4]]}


def test_detectors_results_are_people_they_are_sure_of(tmp_path, capsys):
    person = {"image_id": 785, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.9}
    car, doubt, flat = {**person, "category_id": 3}, {**person, "score": 0.01}, {**person, "bbox": [1, 2, 3, 0.0]}
    text = json.dumps([person, car, doubt, flat, {**person, "bbox": [5, 6, 7, 8]}, {**person, "image_id": "x.png"}])
    boxes = {"000000000785.jpg": TWO["a.jpg"], "x.png": [[1, 2, 3, 4]]}
    assert _read(tmp_path, "b.json", text) == boxes
    told = capsys.readouterr().err
    assert told.startswith(f"{tmp_path / 'b.json'}: of 6 boxes 3 are left out: 1 of a category_id other than 1")
    for reason in ("1 with a score below --min_score=0.3", "1 without a width or a height"):
        assert reason in told
    assert box_file.read(str(tmp_path / "b.json"), min_score=0.0)["000000000785.jpg"] == [[1, 2, 3, 4]] + TWO["a.jpg"]
    assert _read(tmp_path, "b.csv", "image,x,y,width,height,score\na.jpg,1,2,3,4,0.2\na.jpg,1,2,0,4,1\n") == {
        "a.jpg": []
    }


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("coco_zero_height_box.json", {"b5.jpg": [[280, 44, 218, 346]]}),
        ("detections_image_id.json", {"000000000785.jpg": [[280, 44, 218, 346]]}),
        ("detections_score_category.json", {"000000000785.jpg": [[280, 44, 218, 346]]}),
    ],
)
def test_hostile_files_of_boxes(shared_data, name, found):
    assert box_file.read(str(shared_data(f"hostile/{name}"))) == found


def test_cocos_own_file(shared_data):
    found = box_file.read(str(shared_data("coco/coco_785.json")))
    assert found == {"000000000785.jpg": [[280.79, 44.73, 218.7, 346.68]]}


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "of a spreadsheet"])
def test_csv(tmp_path, mark):
    text = f"{mark}image,score,x,y,width,height\na.jpg,1,1,2,3,4\na.jpg,1,5,6,7,8\n"
    assert _read(tmp_path, "b.csv", text) == TWO


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("b.json", '{"a.jpg": [[1, 2', "cannot be read as JSON"),
        ("b.json", "7", "must hold a dict or a list"),
        ("b.json", '{"a.jpg": 7}', "b.json, a.jpg: it must be a list of boxes"),
        ("b.json", '{"a.jpg": [[1, 2, 3]]}', "b.json, a.jpg must be four numbers"),
        ("b.json", '{"a.jpg": [[1, 2, NaN, 4]]}', "finite numbers"),
        ("b.json", '{"a.jpg": [[1, 2, 3, Infinity]]}', "finite numbers"),
        ("b.json", '[{"box": [1, 2, 3, 4]}]', "b.json, entry 0: it must be a dict with one of image"),
        ("b.json", '{"a.jpg": [[1, 2, 0, 4]]}', "b.json, a.jpg must have .* above 0"),
        ("b.json", '[{"image": "a.jpg", "box": [1, 2, 3, 4], "score": "high"}]', "entry 0: score must be a number"),
        ("b.json", '{"annotations": [{"image_id": 1}], "images": []}', "not as COCO's files are"),
        ("b.csv", "image,x,y,width\n", "height is missing"),
        ("b.csv", "", "image is missing"),
        ("b.csv", "image,x,y,width,height\na.jpg,1,2,3,4\na.jpg,1,2,nan,4\n", "b.csv, line 3 must have finite numbers"),
        ("b.csv", "image,x,y,width,height\na.jpg,1,2\n", "b.csv, line 2 must be four numbers"),
    ],
    ids=[
        "cut short",
        "number",
        "no list",
        "three",
        "nan",
        "infinite",
        "no name",
        "no width",
        "no score",
        "no coco",
        "no column",
        "empty csv",
        "nan in csv",
        "short line",
    ],
)
def test_a_bad_file_gets_one_clear_line(tmp_path, name, text, words):
    with pytest.raises(UserError, match=words):
        _read(tmp_path, name, text)


def test_a_missing_file_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        box_file.read(str(tmp_path / "b.json"))
