import contextlib
import io
import json

import numpy as np
import pytest

from data_pipeline import skeleton
from data_pipeline.common.errors import UserError
from keras_apn import evaluate
from keras_apn.evaluation import coco
from keras_apn.metrics import oks

COCO17 = skeleton.load("coco17")


@pytest.fixture
def files():
    """Twelve people in five images, and what somebody found of them; two are found twice, one not at all."""
    rng = np.random.default_rng(0)
    annotations, results = [], []
    for n in range(12):
        joints, size = rng.uniform(50, 400, (17, 2)), rng.uniform(40, 200)
        flags = rng.choice([0, 1, 2], 17)
        flags[0] = 2
        person = {"image_id": 1 + n % 5, "category_id": 1}
        annotations.append(
            person
            | {"id": n + 1, "iscrowd": 0, "area": size**2, "bbox": [0, 0, size, size]}
            | {"num_keypoints": int((flags > 0).sum()), "keypoints": coco.keypoints(joints, flags)}
        )
        for _ in range((2, 1, 1, 0)[n % 4]):
            noisy = joints + rng.normal(0, 0.05 * size, (17, 2))
            results.append(person | {"keypoints": coco.keypoints(noisy, np.ones(17)), "score": float(rng.random())})
    truth = {"images": [{"id": n + 1} for n in range(5)], "annotations": annotations, "categories": [{"id": 1}]}
    return truth, results


def by_pycocotools(truth, results, tmp_path):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    for name, value in (("truth", truth), ("results", results)):
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO(str(tmp_path / "truth.json"))
        found = COCOeval(known, known.loadRes(str(tmp_path / "results.json")), "keypoints")
        found.evaluate()
        found.accumulate()
        found.summarize()
    return found


def test_scores_are_pycocotools_own(files, tmp_path):
    expected = by_pycocotools(*files, tmp_path).stats
    found = coco.score(*files, COCO17)
    assert 20 < found["AP"] < 95
    np.testing.assert_allclose([found[name] for name in coco.STATS], 100 * expected)


def test_the_similarity_of_a_person_is_pycocotools_own(files, tmp_path):
    truth, results = files
    first = results[1:2]
    evaluation = by_pycocotools(truth, first, tmp_path)
    (person,) = [a for a in truth["annotations"] if a["id"] == 1]
    own = [a for a in truth["annotations"] if a["image_id"] == first[0]["image_id"]]
    expected = evaluation.ious[(first[0]["image_id"], 1)][0, [a["id"] for a in own].index(person["id"])]
    true, predicted = (np.reshape(of["keypoints"], (1, 17, 3)) for of in (person, first[0]))
    size = np.sqrt([person["area"]])
    given = predicted[..., :2], true[..., :2], size, true[..., 2] > 0
    assert oks.similarity(*given, COCO17)[0] == pytest.approx(expected)


def test_similarity_is_the_mean_over_a_persons_own_joints():
    # Sizes below a pixel, as of crops in shares. The first person's one joint is as far away as its unit: exp(-1 / 2);
    # of the second one's two joints one is right, the other twice as far.
    true, size = np.zeros((2, 17, 2)), np.array([0.5, 0.25])
    predicted, annotated = true.copy(), np.zeros((2, 17), bool)
    annotated[0, 3] = annotated[1, [5, 9]] = True
    predicted[0, 3, 0] = 0.5 * COCO17.scales[3]
    predicted[1, 9, 1] = 2 * 0.25 * COCO17.scales[9]
    predicted[:, 0] = 999
    found = oks.similarity(predicted, true, size, annotated, COCO17)
    assert found.tolist() == pytest.approx([np.exp(-1 / 2), (1 + np.exp(-2)) / 2])


def test_who_has_no_joint_or_no_size_has_no_similarity():
    joints = np.zeros((2, 17, 2))
    annotated = np.ones((2, 17), bool)
    annotated[0] = False
    assert np.isnan(oks.similarity(joints, joints, np.array([1.0, 0.0]), annotated, COCO17)).all()


def people(rng, noise):
    """What `scoring.collect` gives of people in crops that lie somewhere in their images."""
    true = rng.uniform(0, 63, (8, 17, 2))
    scale, shift = rng.uniform(2, 6, 8), rng.uniform(0, 300, (8, 2))
    to_image = np.zeros((8, 2, 3))
    to_image[:, 0, 0] = to_image[:, 1, 1] = scale
    to_image[..., 2] = shift
    return {
        "true": true,
        "predicted": true + rng.normal(0, noise, true.shape),
        "scores": rng.uniform(size=(8, 17)),
        "head_size": np.full(8, 30.0),
        "annotated": rng.random((8, 17)) < 0.9,
        "visible": rng.random((8, 17)) < 0.7,
        "image": np.array([f"{n // 2}.jpg" for n in range(8)], object),
        "crop_to_image": to_image,
    }


def test_people_of_records_who_are_found_exactly_score_100():
    found = coco.of_people(people(np.random.default_rng(1), 0.0), COCO17)
    assert found["AP"] == found["AR"] == pytest.approx(100)


def test_people_of_records_score_less_the_further_they_are_off():
    near, far = (coco.of_people(people(np.random.default_rng(1), noise), COCO17)["AP"] for noise in (1.0, 4.0))
    assert 100 > near > far


def test_the_program_scores_cocos_files(files, tmp_path, capsys, run_program):
    by_pycocotools(*files, tmp_path)
    given = [f"--predictions={tmp_path / 'results.json'}", f"--truth={tmp_path / 'truth.json'}"]
    told = run_program(evaluate, *given)
    assert "AP50" in capsys.readouterr().out
    assert told["coco"] == pytest.approx(coco.score(*files, COCO17))


@pytest.mark.parametrize(
    "damage",
    [
        lambda results: results[0].pop("keypoints"),
        lambda results: results[0].update(image_id=99),
        lambda results: results[0].update(keypoints=[1, 2, 3]),
    ],
    ids=["no keypoints", "another image", "too few joints"],
)
def test_results_of_another_form_are_one_line(files, damage):
    truth, results = files
    damage(results)
    with pytest.raises(UserError, match="must be a list of image_id, category_id, keypoints of 17 joints") as refused:
        coco.score(truth, results, COCO17)
    assert "\n" not in str(refused.value)


def test_no_result_at_all_scores_nothing(files):
    assert coco.score(files[0], [], COCO17)["AP"] == 0


def test_a_skeleton_without_sigmas_has_no_similarity(files):
    with pytest.raises(UserError, match="needs a skeleton whose `unit` is `oks`"):
        coco.score(*files, skeleton.MPII16)
