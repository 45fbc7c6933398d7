import pytest

from data_pipeline.common.errors import UserError
from keras_apn.sources import boxes
from keras_apn.sources.box_file import Listed
from keras_apn.sources.box_form import Form

BOX, OTHER = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]


def _of(listed, **form):
    return boxes.Boxes(listed=Listed(listed), path="b.json", form=Form(**form))


def _listed(**by_name):
    return _of({name.replace("_", "."): chosen for name, chosen in by_name.items()})


def test_without_a_box_the_whole_picture_is_the_person():
    assert boxes.from_flags(None, None).of_pictures(["a.jpg", "b.jpg"]) == [([None], None)] * 2


@pytest.mark.parametrize("words", [["1,2,3,4;5,6,7,8"], ["1,2,3,4", "5,6,7,8"]], ids=["semicolon", "two flags"])
def test_boxes_of_the_flag_hold_for_every_picture(words):
    assert boxes.from_flags(words, None).of_pictures(["a.jpg", "b.jpg"]) == [([BOX, OTHER], None)] * 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("1,2,3", "must be four numbers"),
        ("1,2,x,4", "must be four numbers"),
        ("", "must be four numbers"),
        ("1,2,0,4", "a width and a height above 0"),
        ("nan,2,3,4", "finite numbers"),
    ],
    ids=["three", "word", "nothing", "empty", "nan"],
)
def test_a_bad_box_is_the_users_mistake(words, message):
    with pytest.raises(UserError, match=f"--box {message}|--box must have .*{message}"):
        boxes.from_flags([words], None)


def test_the_flag_and_a_file_exclude_each_other():
    with pytest.raises(UserError, match="either --box or --boxes"):
        boxes.from_flags(["1,2,3,4"], "b.json")


@pytest.mark.parametrize(
    ("box", "outside"),
    [
        ([99, 0, 9, 9], False),
        ([100, 0, 9, 9], True),
        ([0, 50, 9, 9], True),
        ([-9, 0, 9, 9], True),
        ([0, -9, 9, 10], False),
        (None, False),
    ],
    ids=["last column", "right", "below", "left", "first row", "whole"],
)
def test_a_box_must_show_something_of_the_picture(box, outside):
    if not outside:
        boxes.check_inside(box, 50, 100, "the picture a.jpg")
        return
    with pytest.raises(UserError, match=r"lies outside the picture a\.jpg of 100 x 50 pixels"):
        boxes.check_inside(box, 50, 100, "the picture a.jpg")


def test_a_picture_that_a_file_does_not_name_has_nobody():
    assert _listed(a_jpg=[BOX]).of_pictures(["/f/a.jpg", "/f/b.jpg"]) == [([BOX], None), ([], None)]


def test_the_longest_name_that_a_path_ends_in_counts():
    chosen = _of({"a.jpg": [BOX], "f/a.jpg": [OTHER], "xf/a.jpg": []})
    assert chosen.of_pictures(["/r/f/a.jpg", "/r/g/a.jpg"]) == [([OTHER], None), ([BOX], None)]


def test_a_name_may_do_without_its_ending_or_be_cocos_number():
    chosen = _of({"f/a": [BOX], "785": [OTHER]})
    chosen.listed.ids["785"] = 785
    found = chosen.of_pictures(["/r/f/a.png", "/r/000000000785.jpg", "/r/a.png", "/r/7850.jpg"])
    assert found == [([BOX], None), ([OTHER], 785), ([], None), ([], None)]


def test_a_name_of_two_pictures_is_the_users_mistake():
    with pytest.raises(UserError, match=r"b\.json: a\.jpg may be /f/a\.jpg or /g/a\.jpg"):
        _listed(a_jpg=[BOX]).of_pictures(["/f/a.jpg", "/g/a.jpg"])


def test_a_file_of_other_pictures_is_the_users_mistake():
    with pytest.raises(UserError, match=r"b\.json names none of the pictures; it names a\.jpg, they are as /f/b\.jpg"):
        _listed(a_jpg=[BOX]).of_pictures(["/f/b.jpg"])


def test_a_file_may_number_the_frames_of_a_video():
    of = _of({"0": [BOX], "007": [OTHER]}).of_frames(100, 100)
    assert [of(number) for number in (0, 1, 7)] == [[BOX], [], [OTHER]]


def test_boxes_of_the_flag_hold_for_every_frame():
    of = boxes.from_flags(["1,2,3,4"], None).of_frames(100, 100)
    assert [of(number) for number in (0, 99)] == [[BOX], [BOX]]


def test_a_video_has_no_names():
    with pytest.raises(UserError, match=r"b\.json names a\.jpg; for a video it names frames by their number"):
        _listed(a_jpg=[BOX]).of_frames(100, 100)


def test_yolos_labels_number_a_videos_frames_from_1():
    of = _of({"clip_1": [BOX], "clip_12": [OTHER]}).of_frames(100, 100, "clip.mp4")
    assert [of(number) for number in (0, 1, 11)] == [[BOX], [], [OTHER]]
    with pytest.raises(UserError, match="names other_1; for a video"):
        _of({"other_1": [BOX]}).of_frames(100, 100, "clip.mp4")


def test_boxes_outside_all_frames_are_told_before_the_first():
    with pytest.raises(UserError, match="The box 5,6,7,8 lies outside the frames of 5 x 9 pixels"):
        boxes.Boxes(alike=(BOX, OTHER)).of_frames(9, 5)


@pytest.mark.parametrize(
    ("box", "form", "words"),
    [
        ([10, 10, 50, 40], {}, None),
        (None, {}, None),
        ([10, 10, 1.9, 40], {}, "is smaller than 2 pixels"),
        ([10, 10, 40, 1], {}, "is smaller than 2 pixels"),
        ([80, 10, 60, 40], {"numbers": "xywh"}, "lies mostly outside the picture of 100 x 50 pixels"),
        ([60, 10, 60, 40], {"numbers": "xywh"}, None),
        ([60, 10, 90, 40], {}, "give --box_format=xyxy, or --box_format=xywh if it is meant so"),
        ([60, 10, 90, 40], {"numbers": "xywh"}, "lies mostly outside"),
        ([60, 10, 42, 40], {}, None),
        ([500, 10, 42, 40], {}, "lies outside"),
    ],
    ids=["sound", "none", "narrow", "low", "outside", "half", "corners", "said", "a bit out", "all out"],
)
def test_questionable_boxes(box, form, words):
    of = boxes.Boxes(form=Form(**form))
    if words is None:
        assert of.placed(box, 50, 100, "the picture") == box
        return
    with pytest.raises(UserError, match=words):
        of.placed(box, 50, 100, "the picture")


def test_relative_boxes_are_shares_of_their_picture():
    assert _of({}, units="relative").placed([0.25, 0.5, 0.5, 0.25], 40, 200, "it") == [50, 20, 100, 10]
    chosen = boxes.from_flags(["0.1,0.2,0.3,0.4"], None, Form(units="relative", numbers="xyxy"))
    assert chosen.placed(chosen.alike[0], 100, 200, "it") == pytest.approx([20, 20, 40, 20])
    with pytest.raises(UserError, match="--box: all boxes lie within 0 and 1"):
        boxes.from_flags(["0.1,0.2,0.3,0.4"], None)
