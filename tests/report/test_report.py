import dataclasses
import html.parser
import json
import os
import types

import keras
import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from keras_apn import config
from keras_apn.metrics import plausibility
from keras_apn.models import best_weights, networks
from keras_apn.report import __main__ as report
from keras_apn.report import page

OURS = "with P & C"


def make_run(folder, settings):
    """A workdir as training leaves it, with weights that nobody trained."""
    keras.utils.set_random_seed(0)
    folder.mkdir()
    settings.save(folder)
    os.makedirs(os.path.dirname(best_weights.path(folder, "generator")))
    built = dict(
        zip(("pose_discriminator", "confidence_discriminator"), networks.discriminators(settings.model), strict=True)
    )
    for name, network in {"generator": networks.generator(settings.model), **built}.items():
        if network is not None:
            network.save_weights(best_weights.path(folder, name))
    return str(folder)


def flags(workdirs, output, **given):
    values = {"workdirs": workdirs, "output": str(output), "names": [], "records": None, "flip": False}
    return types.SimpleNamespace(**{**values, "gallery": 1, "panels": 1, **given})


@pytest.fixture(scope="module")
def workdirs(tiny_config, tmp_path_factory):
    """Two runs: single-task without P and C, and everything with a history."""
    folder = tmp_path_factory.mktemp("runs")
    alone = config.ModelConfig(crop_size=32, stacks=1, features=8, levels=2, single_task=True, discriminators=False)
    runs = [
        make_run(folder / "alone", config.Config(alone, tiny_config.data, tiny_config.training)),
        make_run(folder / "everything", tiny_config),
    ]
    lines = [{"epoch": n, "seconds": 1.0, "loss": 1 / n, "val_pckh": 0.1 * n, "gradient_ratio_p": 0.2} for n in (1, 2)]
    (folder / "everything" / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return runs


@pytest.fixture(scope="module")
def made(workdirs, tmp_path_factory):
    """The report of both: the page and the scores."""
    folder = tmp_path_factory.mktemp("made") / "report"
    report.main(flags(workdirs, folder, names=["alone", OURS]))
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "scores.json"]
    return (folder / "report.html").read_text(), json.loads((folder / "scores.json").read_text())


class Links(html.parser.HTMLParser):
    """What a page loads or points to, and its pictures."""

    def __init__(self):
        super().__init__()
        self.tags, self.places, self.pictures, self.ids = set(), [], [], set()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.add(tag)
        self.ids.add(given.get("id"))
        self.places += [given[name] for name in ("src", "href", "srcset", "poster", "action") if name in given]
        if tag == "img":
            self.pictures.append(given)


@pytest.fixture(scope="module")
def links(made):
    found = Links()
    found.feed(made[0])
    return found


def test_the_page_needs_no_network(made, links):
    assert all(place.startswith(("data:image/", "#")) for place in links.places)
    assert not links.tags & {"script", "link", "iframe", "object", "base"}
    assert "http" not in made[0]
    assert "@import" not in made[0]
    assert "url(" not in made[0]


def test_every_picture_says_what_it_shows(links):
    spoken = [picture for picture in links.pictures if picture.get("class") != "swatch"]
    assert len(spoken) > 20
    assert all(len(picture["alt"]) > 10 for picture in spoken)


def test_links_within_the_page_arrive(links):
    assert {place[1:] for place in links.places if place.startswith("#")} <= links.ids


def test_the_page_holds_names_and_numbers(made):
    text, scores = made
    assert "with P &amp; C" in text
    assert "with P & C" not in text
    for name in ("alone", OURS):
        assert f"{scores['runs'][name]['pckh@0.5']['mean_14']:.1f}" in text
    for section in ("Is it better?", "Where?", "get wrong?", "Figure 5", "Figure 9", "Table 3", "Figure 8"):
        assert section in text
    assert "Trained without P and C." in text
    assert "alone: no history of epochs" in text
    assert "P&#39;s gradient over L_G&#39;s" in text
    assert "--single_task" in text


def test_the_scores_are_those_of_evaluate_with_what_compares_them(made, workdirs):
    _, scores = made
    assert scores["metric"] == "pckh"
    assert [run["workdir"] for run in scores["runs"].values()] == workdirs
    assert scores["runs"][OURS]["people"] == 5
    assert scores["runs"]["alone"]["occlusion_ap"] is None
    one, other = (scores["runs"][name]["pckh@0.5"]["mean_14"] for name in ("alone", OURS))
    assert scores["comparison"]["to_first"][OURS]["mean_14"]["value"] == pytest.approx(other - one)


def test_the_page_says_how_good_p_and_c_are(made):
    text, scores = made
    assert scores["runs"]["alone"]["discriminators"] is None
    found = scores["runs"][OURS]["discriminators"]
    assert set(found["pose"]) == {"auc", "peak_auc", "moved_auc", "calibration", "toward"}
    assert "How well do P and C know good joints from bad ones?" in text
    for name in ("auc", "moved_auc", "calibration"):
        assert f"{found['pose'][name]:.3f}" in text
    assert "C: logit, maps times 1.2" in text


def test_a_single_run_makes_a_page_too(workdirs, tmp_path):
    report.main(flags(workdirs[1:], tmp_path, gallery=0, panels=0))
    text = (tmp_path / "report.html").read_text()
    assert "How good is it?" in text
    assert "Is it better?" not in text
    assert "everything" in text


def test_a_page_that_fails_leaves_the_old_one(workdirs, tmp_path, monkeypatch):
    (tmp_path / "report.html").write_text("old")
    monkeypatch.setattr(page, "render", lambda context: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.main(flags(workdirs[:1], tmp_path, gallery=0, panels=0))
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "old"


def test_no_such_workdir(tmp_path):
    with pytest.raises(UserError, match="not a workdir"):
        report.main(flags([str(tmp_path / "nowhere")], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_workdir_without_weights(tiny_config, tmp_path):
    tiny_config.save(tmp_path)
    with pytest.raises(UserError, match="no weights yet"):
        report.main(flags([str(tmp_path)], tmp_path / "out"))


def test_different_records_need_the_flag(workdirs, tiny_config, tiny_records, tmp_path):
    data = config.DataConfig(dataset="synthetic", validation_records=str(tiny_records / "train-*.tfrecord"))
    config.Config(tiny_config.model, data, tiny_config.training).save(tmp_path)
    with pytest.raises(UserError, match="different records; give --records"):
        report.main(flags([workdirs[0], str(tmp_path)], tmp_path / "out"))


def test_an_output_that_is_a_file(workdirs, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="--output"):
        report.main(flags(workdirs, tmp_path / "out"))


def test_training_people_that_are_not_here_have_no_ranges(tiny_config):
    data = config.DataConfig(train_records="nowhere-*.tfrecord")
    assert plausibility.of_training(config.Config(data=data)) is None
    assert np.isfinite(plausibility.of_training(tiny_config).longest).any()


def test_seeds_of_a_setting_are_compared_as_one(workdirs, tiny_config, tmp_path):
    again = dataclasses.replace(tiny_config.training, seed=tiny_config.training.seed + 1)
    other = make_run(tmp_path / "everything-2", config.Config(tiny_config.model, tiny_config.data, again))
    names = ["alone", "full-1", "full-2"]
    report.main(flags([*workdirs, other], tmp_path / "report", names=names, panels=0, gallery=0))
    text = (tmp_path / "report" / "report.html").read_text()
    told = json.loads((tmp_path / "report" / "scores.json").read_text())["comparison"]["seeds"]
    assert told["full"]["runs"] == names[1:]
    for part in ("Over seeds", "full (2)", "In the mean over seeds"):
        assert part in text
