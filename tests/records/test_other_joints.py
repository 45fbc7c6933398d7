"""Records of other skeletons than MPII's, and mixtures of several."""

import json

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import skeleton
from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset, framing, record_format, shards
from data_pipeline.synthetic import scenes

COCO17, LSP14 = skeleton.load("coco17"), skeleton.load("lsp14")
PATCH = 56


def write(folder, own, people):
    """Two shards of so many drawn people of a skeleton, with their description."""
    folder.mkdir()
    counts = {}
    for number in range(2):
        encoded = [
            record_format.encode(*scenes.sample(0, n, skeleton=own), PATCH, "train") for n in range(number, people, 2)
        ]
        name = shards.name("train", number, 2)
        counts[name] = shards.write(folder, "train", number, 2, encoded)
    told = {"dataset": "synthetic", "metric": own.metric, "patch_size": PATCH, "skeleton": own.as_json()}
    (folder / shards.DESCRIPTION).write_text(json.dumps(told | {"splits": {"train": {"shards": counts}}}))
    return sorted(str(path) for path in folder.glob("*.tfrecord"))


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Shards by the name of their skeleton, of the same people."""
    folder = tmp_path_factory.mktemp("other")
    return {own.name: write(folder / own.name, own, 6) for own in (skeleton.MPII16, COCO17, LSP14)}


def test_records_have_the_joints_of_their_skeleton(paths):
    described = dataset.describe(paths["coco17"])
    assert described["skeleton"] == COCO17
    (batch,) = dataset.load(paths["coco17"], patch_size=PATCH, batch_size=6, skeleton=COCO17)
    assert batch["joints_patch"].shape == (6, 17, 2)
    assert batch["annotated"].shape == batch["visible"].shape == (6, 17)


def test_records_of_another_skeleton_are_refused_with_what_to_give(paths):
    described = dataset.describe(paths["lsp14"])
    dataset.require_skeleton(described, LSP14)
    with pytest.raises(UserError, match=r"of lsp14 \(14 joints\), wanted is mpii16 .*--skeleton=.*dataset\.json"):
        dataset.require_skeleton(described, skeleton.MPII16)


def mixed(paths, wanted, *others, **options):
    stored = [wanted, *(skeleton.load(name) for name in others)]
    groups = [paths[own.name] for own in stored]
    shares = [1 / len(groups)] * len(groups)
    given = {"patch_size": PATCH, "batch_size": 6, "names": True, "skeleton": wanted, "stored": stored}
    return next(iter(dataset.endless(groups, proportions=shares, **given, **options)))


def test_a_mixture_finds_joints_by_their_names_and_masks_what_one_lacks(paths):
    batch = {name: value.numpy() for name, value in mixed(paths, skeleton.MPII16, "coco17", "lsp14").items()}
    assert batch["joints_patch"].shape == (6, 16, 2)
    (own,) = dataset.load(paths["mpii16"], patch_size=PATCH, batch_size=6, names=True)
    truth = {name: n for n, name in enumerate(own["image"].numpy())}
    pelvis, head, wrist = (skeleton.INDEX[name] for name in ("pelvis", "head_top", "left_wrist"))
    seen = set()
    for n, name in enumerate(batch["image"]):
        expected, annotated = own["joints_patch"][truth[name]].numpy(), own["annotated"][truth[name]].numpy()
        lacks = [joint for joint in (pelvis, head) if annotated[joint] and not batch["annotated"][n][joint]]
        seen.add(len(lacks))
        known = batch["annotated"][n]
        np.testing.assert_allclose(batch["joints_patch"][n][known], expected[known], atol=1e-3)
        np.testing.assert_array_equal(batch["joints_patch"][n][~known], 0)
        assert known[wrist] == annotated[wrist]
    # MPII's people lack nothing, LSP's the pelvis, COCO's the head's top too.
    assert seen == {0, 1, 2}


def test_one_data_set_can_be_read_as_another_skeleton(paths):
    serialized = tf.constant([frame.record for path in paths["mpii16"] for frame in framing.read(path)])
    found = record_format.parse(serialized, PATCH, COCO17, skeleton.MPII16)
    assert found["annotated"].shape == (6, 17)
    assert not found["annotated"].numpy()[:, COCO17.index["nose"]].any()
    plain = record_format.parse(serialized, PATCH)
    np.testing.assert_array_equal(
        found["joints_patch"].numpy()[:, COCO17.index["left_knee"]],
        plain["joints_patch"].numpy()[:, skeleton.INDEX["left_knee"]],
    )
