"""The flags by which `predict` is told where people are."""

from absl import flags

from keras_apn.sources import box_form


def define() -> None:
    """Defines the flags of boxes."""
    flags.DEFINE_multi_string(
        "box",
        None,
        "x,y,w,h around a person, pixels from the picture's corner, in every picture or frame; for several people "
        "several times or with semicolons between; one person is looked for if not given",
    )
    flags.DEFINE_string(
        "boxes",
        None,
        "a file of boxes instead. JSON: a dict of names to lists of boxes, a detector's list of dicts with image "
        "(or file_name, or COCO's image_id) and box (or bbox), or COCO's annotations. CSV: with the header "
        "image,x,y,width,height. YOLO's labels: a folder of .txt files. A name means a picture whose path ends in it; "
        "in a video it is a frame's number from 0. Pictures that it does not name are left out",
    )
    flags.DEFINE_enum(
        "box_format",
        None,
        list(box_form.FORMATS),
        "what the numbers of --box and --boxes are: corner and size, two corners, or centre and size; xywh if not "
        "given, and a box that fits its picture only as two corners is asked about",
    )
    flags.DEFINE_enum(
        "box_units",
        None,
        list(box_form.UNITS),
        "whether they are pixels or shares of the picture's width and height; pixels if not given, and boxes that all "
        "lie within 0 and 1 are asked about",
    )
    flags.DEFINE_float(
        "min_score", box_form.MIN_SCORE, "boxes of a detector that have a score below it are left out", 0.0, 1.0
    )
    flags.DEFINE_integer(
        "category", None, "the number of people among a detector's kinds of things; 1 if not given, in YOLO's labels 0"
    )


def form(values: flags.FlagValues) -> box_form.Form:
    """What the numbers of the boxes mean, as the flags say."""
    return box_form.Form(values.box_format, values.box_units, values.min_score, values.category)
