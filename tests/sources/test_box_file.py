import json

import pytest

from data_pipeline.common.errors import UserError
from keras_apn.sources import box_file
from keras_apn.sources.box_form import Form

TWO = {"a.jpg": [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]}


def _read(folder, name, text, **form):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return box_file.read(str(path), Form(**form)).boxes


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
    boxes = {"785": TWO["a.jpg"], "x.png": [[1, 2, 3, 4]]}
    assert _read(tmp_path, "b.json", text) == boxes
    told = capsys.readouterr().err
    assert told.startswith(f"{tmp_path / 'b.json'}: of 6 boxes 3 are left out: 1 of a kind other than --category=1")
    for reason in ("1 with a score below --min_score=0.3", "1 without a width or a height"):
        assert reason in told
    assert _read(tmp_path, "b.json", text, min_score=0.0)["785"] == [[1, 2, 3, 4]] + TWO["a.jpg"]
    assert _read(tmp_path, "b.csv", "image,x,y,width,height,score\na.jpg,1,2,3,4,0.2\na.jpg,1,2,0,4,1\n") == {
        "a.jpg": []
    }


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("coco_zero_height_box.json", {"b5.jpg": [[280, 44, 218, 346]]}),
        ("detections_image_id.json", {"785": [[280, 44, 218, 346]]}),
        ("detections_score_category.json", {"000000000785.jpg": [[280, 44, 218, 346]]}),
    ],
)
def test_hostile_files_of_boxes(shared_data, name, found):
    assert box_file.read(str(shared_data(f"hostile/{name}"))).boxes == found


def test_cocos_own_file(shared_data):
    found = box_file.read(str(shared_data("coco/coco_785.json")))
    assert found.boxes == {"000000000785.jpg": [[280.79, 44.73, 218.7, 346.68]]}
    assert found.ids == {"000000000785.jpg": 785}


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "of a spreadsheet"])
def test_csv(tmp_path, mark):
    text = f"{mark}image,score,x,y,width,height\na.jpg,1,1,2,3,4\na.jpg,1,5,6,7,8\n"
    assert _read(tmp_path, "b.csv", text) == TWO


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("b.json", '{"a.jpg": [[1, 2', "b.json is not a whole JSON file"),
        ("b.json", "7", "must be .*Received: 7"),
        ("b.json", '{"a.jpg": 7}', "a.jpg.*must be a list.*Received: 7"),
        ("b.json", '{"a.jpg": [[1, 2, 3]]}', "b.json, a.jpg must be four numbers"),
        ("b.json", '{"a.jpg": [[1, 2, NaN, 4]]}', "finite numbers"),
        ("b.json", '{"a.jpg": [[1, 2, 3, Infinity]]}', "finite numbers"),
        ("b.json", '[{"box": [1, 2, 3, 4]}]', "b.json, entry 0: it must be a dict with one of image"),
        ("b.json", '{"a.jpg": [[1, 2, 0, 4]]}', "b.json, a.jpg must have .* above 0"),
        ("b.json", '[{"image": "a.jpg", "box": [1, 2, 3, 4], "score": "high"}]', r"score.*must be"),
        ("b.json", '{"annotations": [{"image_id": 1}], "images": []}', "annotations.*bbox"),
        (
            "b.json",
            '{"annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}], "images": []}',
            "that of one of the im",
        ),
        ("b.json", '{"a.jpg": [[1, 2, 3, true]]}', "must be a number.*true"),
        ("b.json", '{"a.jpg": [[1, 2, 3, 1' + "0" * 400 + "]]}", "b.json"),
        ("b.json", "[" * 100000, "b.json"),
        ("b.txt", "0 0.5 0.5 0.1", "b.txt, line 1 must be a class and four numbers"),
        ("b.txt", "0 0.5 0.5 0.1 x", "b.txt, line 1 must be four numbers cx,cy,w,h"),
        ("b.txt", "0 320 240 50 60", "b.txt, line 1 must be relative"),
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
        "no image of coco",
        "true",
        "400 digits",
        "deep",
        "short line of yolo",
        "word of yolo",
        "pixels of yolo",
        "no column",
        "empty csv",
        "nan in csv",
        "short line",
    ],
)
def test_a_bad_file_gets_one_clear_line(tmp_path, name, text, words):
    with pytest.raises(UserError, match=words) as caught:
        _read(tmp_path, name, text)
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        box_file.read(str(tmp_path / "b.json"))


def test_boxes_may_be_corners_or_around_a_centre(tmp_path):
    text = json.dumps({"a.jpg": [[10, 20, 40, 60]]})
    assert _read(tmp_path, "b.json", text) == {"a.jpg": [[10, 20, 40, 60]]}
    assert _read(tmp_path, "b.json", text, numbers="xyxy") == {"a.jpg": [[10, 20, 30, 40]]}
    assert _read(tmp_path, "b.json", text, numbers="cxcywh") == {"a.jpg": [[-10, -10, 40, 60]]}
    with pytest.raises(UserError, match="a width and a height above 0"):
        _read(tmp_path, "b.json", json.dumps({"a.jpg": [[10, 20, 9, 60]]}), numbers="xyxy")


def test_boxes_within_0_and_1_are_questioned(tmp_path):
    text = json.dumps({"a.jpg": [[0.1, 0.2, 0.5, 1]], "b.jpg": [[0, 0, 1, 1]]})
    with pytest.raises(UserError, match=r"b\.json: all boxes lie within 0 and 1: give --box_units=relative"):
        _read(tmp_path, "b.json", text)
    for units in ("relative", "pixels"):
        assert _read(tmp_path, "b.json", text, units=units)["a.jpg"] == [[0.1, 0.2, 0.5, 1]]
    assert _read(tmp_path, "b.json", json.dumps({"a.jpg": [[0, 0, 1, 1], [0, 0, 1, 1.5]]}))["a.jpg"][0] == [0, 0, 1, 1]
    with pytest.raises(UserError, match="must be relative, within 0 and 1"):
        _read(tmp_path, "b.json", json.dumps({"a.jpg": [[0.1, 0.2, 3, 1]]}), units="relative")


def test_yolos_labels_are_a_file_a_picture(tmp_path, capsys):
    folder = tmp_path / "labels"
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "a.txt").write_text("0 0.5 0.5 0.25 0.5\n2 0.1 0.1 0.1 0.1\n0 0.5 0.5 0.25 0.5 0.1\n")
    (folder / "b.txt").write_text("\n")
    (folder / "c.txt").write_text("0 0.5 0.5 0.5 0.5 0.1 0.1 2 0.9 0.9 0\n")  # With two joints.
    (folder / "classes.txt").write_text("person\ncar\n")
    found = box_file.read(str(folder))
    assert found.form.relative
    assert found.boxes == {"b": [], "c": [[0.25, 0.25, 0.5, 0.5]], "train/a": [[0.375, 0.25, 0.25, 0.5]]}
    told = capsys.readouterr().err
    assert "of 5 boxes 2 are left out: 1 of a kind other than --category=0" in told
    assert box_file.read(str(folder / "b.txt")).boxes == {"b": []}
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match=r"holds no \.txt files"):
        box_file.read(str(tmp_path / "none"))


def test_a_detector_may_number_people_otherwise(tmp_path):
    text = json.dumps([{"image": "a.jpg", "bbox": [1, 2, 3, 4], "category_id": n} for n in (0, 1)])
    assert len(_read(tmp_path, "b.json", text, category=0)["a.jpg"]) == 1
    named = json.dumps([{"image": "a.jpg", "bbox": [1, 2, 3, 4], "category_id": n} for n in ("person", "car")])
    assert _read(tmp_path, "b.json", named) == {"a.jpg": [[1, 2, 3, 4]]}
