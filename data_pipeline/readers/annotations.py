"""The annotation files that can be read, by the name of their data set."""

from data_pipeline.common.files import StrPath
from data_pipeline.readers import coco, conversion, lsp, mat_file, mpii, yolo
from data_pipeline.readers.person import Annotations, collect
from data_pipeline.skeleton import Skeleton

READERS = {"mpii": mpii.read, "lsp": lsp.read_lsp, "lspet": lsp.read_lspet, "coco": coco.read, "yolo": yolo.read}
# Those whose files say which joints they have, and are read into a skeleton; the others' people are converted.
OWN_JOINTS = ("coco", "yolo")
# Those that have training people alone.
ONE_SPLIT = ("lspet",)
NO_JOINTS = "person without a joint of the skeleton"

# The metric that results on each are published in.
METRICS = {"mpii": "pckh", "lsp": "pck", "lspet": "pck"}


def read(name: str, path: StrPath, split: str | None = None, skeleton: Skeleton | None = None) -> Annotations:
    """The people of an annotation file.

    Args:
        name: a key of `READERS`.
        path: the file.
        split: one of `person.SPLITS`, whose people are wanted; None for all. A file of COCO's form is of one split.
        skeleton: whose joints are wanted, found by their names; None for those of the file.

    Returns:
        `Annotations` in the skeleton; whoever has none of its joints is left out and counted.

    Raises:
        UserError: the file cannot be read as what it was said to be, or has none of the skeleton's joints.
    """
    if name in OWN_JOINTS:
        return READERS[name](path, split, skeleton)  # type: ignore[call-arg, operator]
    found = READERS[name](path, None if name in ONE_SPLIT else split)  # type: ignore[operator]
    if skeleton is None or skeleton == found.skeleton:
        return found
    changed = [conversion.in_skeleton(person, found.skeleton.joints, skeleton) for person in found.people]
    there = iter(conversion.completed([person for person in changed if person.annotated.any()]))
    again = collect((next(there) if person.annotated.any() else NO_JOINTS for person in changed), None)
    return Annotations(again.people, found.skipped + again.skipped, skeleton)


def recognise(path: StrPath) -> str:
    """The name of the data set whose annotations a file holds; raises AnnotationError where it is none of them."""
    return "mpii" if str(path).endswith((".json", ".json.gz")) else mat_file.recognise(path)
