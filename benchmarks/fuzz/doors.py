"""The doors that outside input comes through, each with a good input and the function that reads one."""

import contextlib
import dataclasses
import io
import json
import os
import random
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import scipy.io

from benchmarks.fuzz import mutations
from data_pipeline import skeleton
from data_pipeline.common import images
from data_pipeline.readers import coco, lsp, mpii, yolo
from data_pipeline.records import shards
from keras_apn import config
from keras_apn.evaluation import array_file
from keras_apn.models import platt_scaling
from keras_apn.sources import box_file
from keras_apn.study import plan


@dataclasses.dataclass(frozen=True)
class Door:
    """A door.

    Attributes:
        file: what the input is called, in a folder of its own.
        sample: makes a good input: bytes, or a value that becomes JSON.
        read: reads the file at a path.
        dear: whether an input takes a process of its own, about a second.
        change: changes the bytes of a good input.
    """

    file: str
    sample: Callable[[], Any]
    read: Callable[[str], Any]
    dear: bool = False
    change: Callable[[bytes, random.Random], bytes] = mutations.of_bytes

    def input(self, rng: random.Random) -> bytes:
        """A changed input."""
        good = self.sample()
        return self.change(good, rng) if isinstance(good, bytes) else mutations.of_json(good, rng)


def _mpii():
    joints = [[10.0 + n, 20.0 + n, 1.0] for n in range(16)]
    person = {"img_paths": "a.jpg", "people_index": 1.0, "isValidation": 0.0, "joint_self": joints}
    return [{**person, "objpos": [59.0, 25.0], "scale_provided": 1.2}, {**person, "objpos": None, "scale_provided": 3}]


def _hrnet():
    joints = [[10.0 + n, 20.0 + n] for n in range(16)]
    return [{"image": "a.jpg", "center": [50.0, 60.0], "scale": 2.0, "joints": joints, "joints_vis": [1] * 16}] * 2


def _coco():
    person = {"image_id": 1, "category_id": 1, "keypoints": [9, 9, 2, 20, 30, 1], "num_keypoints": 2, "iscrowd": 0}
    return {
        "images": [{"id": 1, "file_name": "a/b.jpg"}],
        "categories": [{"id": 1, "name": "leaf", "keypoints": ["tip", "stem"], "skeleton": [[1, 2]]}],
        "annotations": [{**person, "bbox": [5, 5, 40, 50], "area": 800.0}, {**person, "bbox": [5, 5, 0, 0]}],
    }


def _yaml():
    return b"path: .\ntrain: list.txt\nkpt_shape: [3, 3]\nflip_idx: [0, 2, 1]\nkpt_names: [a, b, c]\n"


def _labels():
    return b"0 0.5 0.5 0.4 0.8 0.25 0.5 2 0.75 0.5 1 0 0 0\n0 0.5 0.5 0.4 0.8 0.1 0.2 2 0.3 0.4 1 0.5 0.5 2\n"


def _read_labels(path):
    """A label file beside its photograph and data.yaml."""
    folder = os.path.dirname(path)
    PIL.Image.new("RGB", (8, 6)).save(os.path.join(folder, "a.png"))
    with open(os.path.join(folder, "list.txt"), "w", encoding="utf-8") as file:
        file.write("a.png\n")
    told = os.path.join(folder, "data.yaml")
    with open(told, "wb") as file:
        file.write(_yaml())
    return yolo.read(told)


def _read_yaml(path):
    with open(os.path.join(os.path.dirname(path), "list.txt"), "w", encoding="utf-8") as file:
        file.write("a.png\n")
    return yolo.read(path)


def _description():
    entry = {"people": 5, "shards": {"train-00000-of-00001.tfrecord": 5}}
    told = {"dataset": "mpii", "metric": "pckh", "patch_size": 448, "skeleton": skeleton.MPII16.as_json()}
    return {**told, "splits": {"train": entry}}


def _read_description(path):
    return skeleton.of_description(shards.read_description(path))


def _picture(kind):
    stream = io.BytesIO()
    values = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    PIL.Image.fromarray(values).save(stream, kind)
    return stream.getvalue()


def _matlab(name, values):
    stream = io.BytesIO()
    scipy.io.savemat(stream, {name: values}, do_compression=False)
    return stream.getvalue()


def _detections():
    found = {"image_id": 1, "bbox": [5, 5, 40, 50], "score": 0.9, "category_id": 1}
    return [found, {**found, "image_id": 2}, {"image": "a.jpg", "box": [1, 2, 3, 4]}]


def _read_quietly(path):
    """The boxes of a file, without what is told of those that are left out."""
    with contextlib.redirect_stderr(io.StringIO()):
        return box_file.read(path)


def _cluster():
    from keras_apn.training import distribution  # As history, it brings TensorFlow, which other doors do without.

    return json.loads(distribution.EXAMPLE)


def _read_cluster(path):
    from keras_apn.training import distribution

    with open(path, "rb") as file:
        return distribution.place_in_cluster(file.read().decode("utf-8", "replace"))


def _read_calibration(path):
    """A run's calibration, where it keeps it."""
    folder = os.path.join(os.path.dirname(path), "run")
    os.makedirs(os.path.dirname(platt_scaling.path(folder)), exist_ok=True)
    shutil.copyfile(path, platt_scaling.path(folder))
    return platt_scaling.read(folder)


def _history():
    epochs = ({"epoch": n, "seconds": 3.5, "loss": 0.1, "val_pckh": 50.0} for n in (1, 2))
    return "".join(json.dumps(epoch) + "\n" for epoch in epochs).encode()


def _read_history(path):
    from keras_apn.training import history

    return history.read(os.path.dirname(path))


def _arrays():
    stream = io.BytesIO()
    np.savez(stream, preds=np.zeros((3, 16, 2)))
    return stream.getvalue()


def _predictions():
    return _matlab("preds", np.zeros((3, 16, 2)))


def _lsp():
    return _matlab("joints", np.zeros((3, 14, 2000), np.uint8))


DOORS = {
    "mpii": Door("a.json", _mpii, mpii.read),
    "hrnet": Door("a.json", _hrnet, mpii.read),
    "coco": Door("a.json", _coco, coco.read),
    "yolo": Door("data.yaml", _yaml, _read_yaml),
    "labels": Door("a.txt", _labels, _read_labels),
    "dataset": Door("dataset.json", _description, _read_description),
    "config": Door(
        "config.json",
        lambda: json.loads(json.dumps(config.Config().as_json())),
        lambda p: config.load(os.path.dirname(p)),
    ),
    "plan": Door("plan.json", lambda: json.loads(plan.EXAMPLE), plan.read),
    "skeleton": Door("s.json", lambda: skeleton.load("coco17").as_json(), skeleton.load),
    "jpeg": Door("a.jpg", lambda: _picture("JPEG"), images.decode),
    "png": Door("a.png", lambda: _picture("PNG"), images.decode, change=mutations.of_png),
    "boxes": Door("a.json", _detections, _read_quietly),
    "csv": Door(
        "a.csv", lambda: b"image,x,y,width,height,score\na.jpg,1,2,30,40,0.5\nb.jpg,5,6,7,8,1\n", _read_quietly
    ),
    "cluster": Door("a.json", _cluster, _read_cluster),
    "calibration": Door("a.json", lambda: {"scale": 0.9, "offset": -0.1, "people": 900}, _read_calibration),
    "history": Door("history.jsonl", _history, _read_history),
    "arrays": Door("a.npz", _arrays, array_file.load, dear=True),
    "predictions": Door("a.mat", _predictions, array_file.load, dear=True),
    "lsp": Door("joints.mat", _lsp, lsp.read_lsp, dear=True),
}
