"""Requests for a server's REST port: photographs with boxes that it answers, and what it must refuse."""

import base64
import dataclasses
import io
import json
from typing import Any

import numpy as np
import PIL.Image

from data_pipeline.synthetic import scenes

WHOLE = [0.0, 0.0, 0.0, 0.0]


@dataclasses.dataclass(frozen=True)
class Request:
    """What is sent to `:predict`.

    Attributes:
        name: in reports.
        body: JSON, or what only looks like it.
        people: who are asked for; None for what must be refused.
    """

    name: str
    body: bytes
    people: int | None = None


def encoded(image: np.ndarray, kind: str, **options: Any) -> bytes:
    """A picture, [H, W, 3] uint8 RGB, as a file of Pillow's format."""
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def body(images: list[bytes], boxes: list[list[float]], **others: Any) -> bytes:
    """A request of columns as TensorFlow Serving takes it."""
    columns = {"image_bytes": [{"b64": base64.b64encode(image).decode()} for image in images], "boxes": boxes}
    return json.dumps({"inputs": columns, **others}).encode()


def good(seed: int = 0) -> list[Request]:
    """Drawn people in JPEG and PNG files of several sizes, one to four boxes each."""
    found = []
    kinds: list[tuple[str, tuple[int, int], dict[str, Any]]] = [
        ("JPEG", (640, 480), {}),
        ("PNG", (320, 427), {}),
        ("JPEG", (1280, 960), {"progressive": True}),
        ("JPEG", (2000, 1500), {"quality": 90}),
    ]
    for n, (kind, size, options) in enumerate(kinds):
        drawn = PIL.Image.fromarray(scenes.sample(seed, n)[1]).resize(size)
        width, height = size
        boxes = [WHOLE, [width / 4, height / 8, width / 2, 0.8 * height], [-9.0, 9.0, width / 3, height / 2], WHOLE]
        image = encoded(np.asarray(drawn), kind, **options)
        found.append(Request(f"{kind} {width} x {height}, {n + 1} people", body([image], boxes[: n + 1]), n + 1))
    return found


def bad(seed: int = 0) -> list[Request]:
    """What clients send by mistake or by malice; a server must refuse each, and soon."""
    image = scenes.sample(seed, 0)[1]
    jpeg, png, progressive = encoded(image, "JPEG"), encoded(image, "PNG"), encoded(image, "JPEG", progressive=True)
    frame, scan = progressive.index(b"\xff\xc2"), progressive.rindex(b"\xff\xda")
    scans = progressive[:scan] + progressive[scan:-2] * 300 + progressive[-2:]
    large = scans[: frame + 5] + b"\x20\x00\x40\x00" + scans[frame + 9 :]
    images = {
        "no image": b"hello",
        "no bytes": b"",
        "cut JPEG": jpeg[: len(jpeg) // 2],
        "cut PNG": png[:-20],
        "filling alone": jpeg[:2] + b"\xff" * 200_000,
        "empty segments": jpeg[:2] + b"\xff\xfe\0\2" * 50_000 + jpeg[2:],
        "300 scans of 134 million pixels": large,
        "600 scans": progressive[:scan] + progressive[scan:-2] * 600 + progressive[-2:],
        "PNG of 2^32 pixels a side": png[:16] + b"\xff" * 8 + png[24:],
        "GIF": encoded(image, "GIF"),
    }
    boxes = {
        "box outside": [[9e4, 0.0, 5.0, 5.0]],
        "box of no number": [[float("nan"), 0.0, 5.0, 5.0]],
        "box without height": [[1.0, 1.0, 5.0, 0.0]],
        "129 boxes": [WHOLE] * 129,
        "no box": [],
        "box of three": [[1.0, 2.0, 3.0]],
    }
    crops = {"flat": [[[0, 0, 0]]], "of another size": [[[[0, 0, 0]] * 3] * 3], "scalar": 7}
    return [
        *(Request(name, body([data], [WHOLE])) for name, data in images.items()),
        *(Request(name, body([jpeg], given)) for name, given in boxes.items()),
        *(Request(f"crops: {name}", _crops(given)) for name, given in crops.items()),
        Request("heatmaps of nothing", _crops([], "heatmaps")),
        Request("another signature", body([jpeg], [WHOLE], signature_name="nobody")),
        Request("no JSON", b"{"),
        Request("deep JSON", b"[" * 20_000),
        Request("a list", b"[1, 2]"),
        Request("nothing", b""),
    ]


def _crops(crops, signature="crops"):
    return json.dumps({"signature_name": signature, "inputs": {"crops": crops}}).encode()
