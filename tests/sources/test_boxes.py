import pytest

from data_pipeline.common.errors import UserError
from keras_apn.sources import boxes

BOX, OTHER = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]


def _listed(**by_name):
    return boxes.Boxes(listed={name.replace("_", "."): chosen for name, chosen in by_name.items()}, path="b.json")


def test_without_a_box_the_whole_picture_is_the_person():
    assert boxes.from_flags(None, None).of_pictures(["a.jpg", "b.jpg"]) == [[None], [None]]


@pytest.mark.parametrize("words", [["1,2,3,4;5,6,7,8"], ["1,2,3,4", "5,6,7,8"]], ids=["semicolon", "two flags"])
def test_boxes_of_the_flag_hold_for_every_picture(words):
    assert boxes.from_flags(words, None).of_pictures(["a.jpg", "b.jpg"]) == [[BOX, OTHER]] * 2


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
    assert _listed(a_jpg=[BOX]).of_pictures(["/f/a.jpg", "/f/b.jpg"]) == [[BOX], []]


def test_the_longest_name_that_a_path_ends_in_counts():
    chosen = boxes.Boxes(listed={"a.jpg": [BOX], "f/a.jpg": [OTHER], "xf/a.jpg": []}, path="b.json")
    assert chosen.of_pictures(["/r/f/a.jpg", "/r/g/a.jpg"]) == [[OTHER], [BOX]]


def test_a_name_of_two_pictures_is_the_users_mistake():
    with pytest.raises(UserError, match=r"b\.json: a\.jpg may be /f/a\.jpg or /g/a\.jpg"):
        _listed(a_jpg=[BOX]).of_pictures(["/f/a.jpg", "/g/a.jpg"])


def test_a_file_of_other_pictures_is_the_users_mistake():
    with pytest.raises(UserError, match=r"b\.json names none of the pictures; it names a\.jpg, they are as /f/b\.jpg"):
        _listed(a_jpg=[BOX]).of_pictures(["/f/b.jpg"])


def test_a_file_may_number_the_frames_of_a_video():
    of = boxes.Boxes(listed={"0": [BOX], "007": [OTHER]}).of_frames(100, 100)
    assert [of(number) for number in (0, 1, 7)] == [[BOX], [], [OTHER]]


def test_boxes_of_the_flag_hold_for_every_frame():
    of = boxes.from_flags(["1,2,3,4"], None).of_frames(100, 100)
    assert [of(number) for number in (0, 99)] == [[BOX], [BOX]]


def test_a_video_has_no_names():
    with pytest.raises(UserError, match=r"b\.json names a\.jpg; for a video it names frames by their number"):
        _listed(a_jpg=[BOX]).of_frames(100, 100)


@pytest.mark.parametrize(
    ("chosen", "where"),
    [(boxes.Boxes(alike=(BOX, OTHER)), "the frames"), (boxes.Boxes(listed={"12": [OTHER]}), "frame 12")],
    ids=["flag", "file"],
)
def test_boxes_outside_the_frames_are_told_before_the_first(chosen, where):
    with pytest.raises(UserError, match=f"The box 5,6,7,8 lies outside {where} of 5 x 9 pixels"):
        chosen.of_frames(9, 5)
