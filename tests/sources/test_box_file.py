import json
import math

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
        "annotations": [
            {**entry, "category_id": 2, "bbox": [5, 5, 5, 5]},
            {**entry, "iscrowd": 1, "bbox": [6, 6, 6, 6]},
            entry,
        ],
    }
    (tmp_path / "b.json").write_text(json.dumps(content))
    found = box_file.read(str(tmp_path / "b.json"))
    assert found.boxes == {"a.jpg": [[1, 2, 3, 4]]}
    assert found.ids == {"a.jpg": 9}
    content["annotations"][0] = {**entry, "image_id": 8}
    with pytest.raises(UserError, match=r"b\.json, annotation 0: image_id must be .* Received: 8"):
        _read(tmp_path, "b.json", json.dumps(content))


def test_cocos_annotations_without_categories_are_people(tmp_path):
    entry = {"image_id": 9, "category_id": 7, "bbox": [1, 2, 3, 4]}
    content = {"images": [{"id": 9, "file_name": "a.jpg"}], "annotations": [entry]}
    assert _read(tmp_path, "b.json", json.dumps(content)) == {"a.jpg": [[1, 2, 3, 4]]}
    content["annotations"].append({**entry, "bbox": [1, 2, math.inf, 4]})
    with pytest.raises(UserError, match=r"b\.json, annotation 1 must have finite numbers"):
        _read(tmp_path, "b.json", json.dumps(content))


def test_names_of_windows_are_those_of_pictures(tmp_path):
    assert _read(tmp_path, "b.json", json.dumps({"train\\a.jpg": []})) == {"train/a.jpg": []}


def test_a_detectors_numbers_of_pictures_are_kept(tmp_path):
    entries = [
        {"file_name": "a.jpg", "image_id": 9, "bbox": [1, 2, 3, 4]},
        {"file_name": "b.jpg", "bbox": [1, 2, 3, 4]},
    ]
    (tmp_path / "b.json").write_text(json.dumps(entries))
    assert box_file.read(str(tmp_path / "b.json")).ids == {"a.jpg": 9}
    entries[1]["bbox"] = [1, 2, -math.inf, 4]
    with pytest.raises(UserError, match=r"b\.json, entry 1 must have finite numbers"):
        _read(tmp_path, "b.json", json.dumps(entries))


def test_what_is_left_out_is_counted_by_reason(tmp_path, capsys):
    entries = [("car", 1, 4), ("person", 0.29, 4), ("person", 0.1, 4), ("person", 0.3, 4), ("person", None, 0)]
    found = [
        {"image": "a.jpg", "bbox": [1, 2, 3, height], "category_id": kind, "score": score}
        for kind, score, height in entries
    ]
    assert _read(tmp_path, "b.json", json.dumps(found)) == {"a.jpg": [[1, 2, 3, 4]]}
    assert capsys.readouterr().err == (
        f"{tmp_path / 'b.json'}: of 5 boxes 4 are left out: 1 of a kind other than --category=1, people's, "
        "2 with a score below --min_score=0.3, 1 without a width or a height\n"
    )


@pytest.mark.parametrize("kind", [3, "3", "person"])
def test_people_of_a_category_of_ones_own(tmp_path, kind):
    text = json.dumps([{"image": "a.jpg", "bbox": [n, 2, 3, 4], "category_id": k} for n, k in ((1, kind), (5, 2))])
    assert _read(tmp_path, "b.json", text, category=3) == {"a.jpg": [[1, 2, 3, 4]]}


def test_a_csv_file_as_people_write_them(tmp_path):
    # Spaces behind commas, a name in quotes with a comma and a line's end in it, scores left open.
    text = 'image, x, y, width, height, score\n"a, \r\nb.jpg", 1, 2, 3, 4,\n, 5, 6, 7, 8, 1\n'
    (tmp_path / "b.csv").write_bytes(text.encode())
    found = box_file.read(str(tmp_path / "b.csv")).boxes
    assert found == {"a, \r\nb.jpg": [[1, 2, 3, 4]], ".": [[5, 6, 7, 8]]}
    with pytest.raises(
        UserError, match=r"b\.csv must begin with a header that has image,x,y,width,height; x is missing"
    ):
        _read(tmp_path, "b.csv", "image\n")
    with pytest.raises(UserError, match=r"b\.csv, line 2: score must be a number\. Received: high"):
        _read(tmp_path, "b.csv", "image,x,y,width,height,score\na.jpg,1,2,3,4,high\n")


@pytest.mark.parametrize("name", ["b.csv", "b.txt"])
def test_a_file_that_is_no_text_or_not_there_is_one_line(tmp_path, name):
    with pytest.raises(UserError, match=rf"{name} cannot be read \(No such file or directory\); "):
        box_file.read(str(tmp_path / name))
    (tmp_path / name).write_bytes(b"\xff\xfe")
    with pytest.raises(
        UserError, match=rf"{name} (cannot be read as CSV: .*utf-8|is no text in UTF-8; give --boxes YOLO)"
    ):
        box_file.read(str(tmp_path / name))


@pytest.mark.parametrize(
    ("numbers", "units", "box", "message"),
    [
        (None, None, [1, 2, 3], r"x must be four numbers x,y,w,h\. Received: 1,2,3"),
        ("xyxy", None, "1234567", r"x must be four numbers x1,y1,x2,y2\. Received: 1234567"),
        ("cxcywh", None, [None] * 4, r"x must be four numbers cx,cy,w,h\. Received: None,None,None,None"),
        (None, None, [1, 2, 3, 1e6], r"x must have finite numbers below 1e\+06\. Received: 1,2,3,1000000\.0"),
        (None, None, [1, 2, 0, 4], r"x must have a width and a height above 0\. Received: 1,2,0,4"),
        (None, "relative", [0, 0, 1, 2.01], r"x must be relative, .* --box_units=pixels\. Received: 0,0,1,2\.01"),
        (None, None, ["9" * 99, 2, 3], "Received: 9{80} \\.\\.\\."),
    ],
    ids=["three", "corners", "nothing", "large", "flat", "relative", "long"],
)
def test_a_box_that_is_none_says_what_was_wanted_and_given(numbers, units, box, message):
    with pytest.raises(UserError, match=f"^{message}$" if message.startswith("x") else f"{message}$"):
        Form(numbers, units).box(box, "x")


def test_a_relative_box_may_stick_out():
    assert Form(units="relative").box([0, -1, 2, 2], "x") == [0, -1, 2, 2]


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
    (folder / "._c.txt").write_bytes(b"\xff")  # macOS's own, beside each file.
    found = box_file.read(str(folder))
    assert found.form.relative
    assert found.boxes == {"b": [], "c": [[0.25, 0.25, 0.5, 0.5]], "train/a": [[0.375, 0.25, 0.25, 0.5]]}
    told = capsys.readouterr().err
    assert "of 5 boxes 2 are left out: 1 of a kind other than --category=0" in told
    assert box_file.read(str(folder / "b.txt")).boxes == {"b": []}
    # As a spreadsheet saves it, of a detector that names its kinds.
    (folder / "b.txt").write_text("\ufeffperson 0.5 0.5 0.5 0.5\ncar 0.1 0.1 0.1 0.1\n", encoding="utf-8")
    assert box_file.read(str(folder / "b.txt")).boxes == {"b": [[0.25, 0.25, 0.5, 0.5]]}
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match=r"holds no \.txt files"):
        box_file.read(str(tmp_path / "none"))


def test_a_detector_may_number_people_otherwise(tmp_path):
    text = json.dumps([{"image": "a.jpg", "bbox": [1, 2, 3, 4], "category_id": n} for n in (0, 1)])
    assert len(_read(tmp_path, "b.json", text, category=0)["a.jpg"]) == 1
    named = json.dumps([{"image": "a.jpg", "bbox": [1, 2, 3, 4], "category_id": n} for n in ("person", "car")])
    assert _read(tmp_path, "b.json", named) == {"a.jpg": [[1, 2, 3, 4]]}
