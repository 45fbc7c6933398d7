import dataclasses
import json
import pathlib

import pytest
from absl import flags

from data_pipeline.common.errors import UserError
from keras_apn import config, config_flags
from keras_apn.config import Config, DataConfig, ModelConfig, TrainingConfig
from keras_apn.training import run_records

ROOT = pathlib.Path(__file__).parents[1]


def test_defaults_are_the_papers():
    found = Config()
    assert (found.model.crop_size, found.model.stacks, found.model.features) == (256, 4, 512)
    assert (found.data.rotation, found.data.scale, found.data.sigma) == (30, 0.25, 1)
    training = found.training
    assert (training.optimizer, training.learning_rate, training.epochs) == ("rmsprop", 2.5e-4, 230)
    assert (training.alpha, training.beta) == (1 / 220, 1 / 180)


@pytest.mark.parametrize(
    ("section", "name", "value", "rule"),
    [
        (ModelConfig, "crop_size", 7, "at least 8"),
        (ModelConfig, "stacks", 0, "at least 1"),
        (ModelConfig, "features", 1, "at least 2"),
        (ModelConfig, "levels", 0, "at least 1"),
        (ModelConfig, "discriminator_features", 1, "at least 2"),
        (DataConfig, "dataset", "flic", "one of mpii, lsp, lspet, coco, yolo, synthetic"),
        (DataConfig, "rotation", 30.5, "at most 30"),
        (DataConfig, "rotation", -1.0, "at least 0"),
        (DataConfig, "scale", 0.3, "at most 0.25"),
        (DataConfig, "flip", 1.1, "at most 1"),
        (DataConfig, "color", -0.1, "at least 0"),
        (DataConfig, "sigma", 0.0, "above 0"),
        (DataConfig, "shuffle", 0, "at least 1"),
        (TrainingConfig, "epochs", 0, "at least 1"),
        (TrainingConfig, "batch_size", 0, "at least 1"),
        (TrainingConfig, "steps_per_epoch", -1, "at least 0"),
        (TrainingConfig, "seed", -1, "at least 0"),
        (TrainingConfig, "optimizer", "sgd", "one of rmsprop, adam"),
        (TrainingConfig, "learning_rate", 0.0, "above 0"),
        (TrainingConfig, "discriminator_learning_rate", 0.0, "above 0"),
        (TrainingConfig, "learning_rate_schedule", "step", "one of constant, cosine, plateau"),
        (TrainingConfig, "warmup_steps", -1, "at least 0"),
        (TrainingConfig, "mode", "both", "one of joint, alternating"),
        (TrainingConfig, "balance", "even", "one of share, fixed"),
        (TrainingConfig, "pose_share", -0.1, "at least 0"),
        (TrainingConfig, "confidence_share", -0.1, "at least 0"),
        (TrainingConfig, "alpha", -0.1, "at least 0"),
        (TrainingConfig, "beta", -0.1, "at least 0"),
        (TrainingConfig, "reduction", "median", "one of mean, sum"),
        (TrainingConfig, "foreground_weight", -1.0, "at least 0"),
        (TrainingConfig, "delta", 0.0, "above 0"),
        (TrainingConfig, "delta_start", 0.0, "above 0"),
        (TrainingConfig, "epsilon", 0.0, "above 0"),
        (TrainingConfig, "epsilon_start", 0.0, "above 0"),
        (TrainingConfig, "threshold_schedule", "step", "one of constant, linear, cosine"),
    ],
)
def test_a_value_that_breaks_its_rule_is_named(section, name, value, rule):
    with pytest.raises(UserError, match=rf"^--{name} must be {rule}\. Received: {value}$"):
        section(**{name: value})


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (ModelConfig, "crop_size", 64),
        (DataConfig, "rotation", 0.0),
        (DataConfig, "rotation", 30.0),
        (DataConfig, "flip", 1.0),
        (TrainingConfig, "pose_share", 0.0),
        (TrainingConfig, "steps_per_epoch", 0),
    ],
)
def test_a_value_at_its_limit_is_allowed(section, name, value):
    assert getattr(section(**{name: value}), name) == value


@pytest.mark.parametrize(("crop_size", "levels", "multiple"), [(250, 4, 64), (96, 4, 64), (32, 4, 64), (20, 2, 16)])
def test_the_crop_must_halve_down_to_the_coarsest_level(crop_size, levels, multiple):
    message = rf"--crop_size must be a multiple of 4 \* 2\*\*levels = {multiple}\. Received: {crop_size}"
    with pytest.raises(UserError, match=message):
        ModelConfig(crop_size=crop_size, levels=levels)


def test_leaving_out_p_and_c_each_is_refused():
    with pytest.raises(UserError, match="leave none; give --nodiscriminators"):
        config.ModelConfig(pose_discriminator=False, confidence_discriminator=False)
    config.ModelConfig(pose_discriminator=False)
    config.ModelConfig(confidence_discriminator=False)
    config.ModelConfig(discriminators=False, pose_discriminator=False, confidence_discriminator=False)


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().model.stacks = 2


def test_every_setting_says_what_it_is():
    for section in config.SECTIONS.values():
        assert all(field.metadata["help"] for field in dataclasses.fields(section))


def test_names_are_used_once_over_all_sections():
    names = [field.name for section in config.SECTIONS.values() for field in dataclasses.fields(section)]
    assert len(names) == len(set(names))


def test_flags_not_given_are_the_defaults(parse_flags):
    assert config_flags.from_flags(parse_flags()) == Config()


def test_each_kind_of_flag_reaches_its_field(parse_flags):
    found = config_flags.from_flags(
        parse_flags("--stacks=2", "--sigma=1.5", "--nodiscriminators", "--mode=alternating", "--train_records=x-*")
    )
    assert found == Config(
        ModelConfig(stacks=2, discriminators=False),
        DataConfig(sigma=1.5, train_records="x-*"),
        TrainingConfig(mode="alternating"),
    )


def test_the_preset_of_lsp_mixes_three_data_sets_by_their_people(parse_flags, monkeypatch):
    lines = (ROOT / "lsp.flags").read_text().splitlines()
    given = [line for line in lines if line.startswith("--") and "--workdir" not in line]
    settings = config_flags.from_flags(parse_flags(*given))
    people = {
        f"data/{name}/train-*.tfrecord": count for name, count in (("lsp", 1000), ("lspet", 10000), ("mpii", 22246))
    }
    monkeypatch.setattr(run_records.dataset, "find", lambda pattern: pattern)

    def surveyed(pattern, tolerated, skeleton, mapped=False):
        return run_records.Records([], None, people[pattern], 448), skeleton

    monkeypatch.setattr(run_records, "_surveyed", surveyed)
    first = run_records.survey(settings, settings.data.train_records, 0.0)
    records = run_records.mixed(settings, first)
    whole = sum(people.values())
    assert records.proportions == pytest.approx([count / whole for count in people.values()], abs=0.002)
    # An epoch shows as many people as there are.
    shown = run_records.steps_in_epoch(settings, records) * settings.training.batch_size
    assert shown == pytest.approx(whole, rel=0.01)


def test_a_flag_refuses_another_choice(parse_flags):
    with pytest.raises(flags.IllegalFlagValueError, match="--mode"):
        parse_flags("--mode=both")


def test_a_flag_that_breaks_a_rule_is_a_users_mistake(parse_flags):
    with pytest.raises(UserError, match="--stacks must be at least 1"):
        config_flags.from_flags(parse_flags("--stacks=0"))


def test_a_saved_configuration_is_loaded_again(tmp_path):
    settings = Config(
        ModelConfig(stacks=2, single_task=True), DataConfig(sigma=1.5), TrainingConfig(alpha=1 / 3, mode="alternating")
    )
    settings.save(tmp_path)
    assert config.load(tmp_path) == settings
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def damaged(change):
    raw = Config().as_json()
    change(raw)
    return json.dumps(raw)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        damaged(lambda raw: raw["model"].update(colour="red")),
        damaged(lambda raw: raw.pop("training")),
        damaged(lambda raw: raw.update(model=[])),
    ],
    ids=["empty", "cut", "a list", "no sections", "unknown setting", "a section missing", "a section is a list"],
)
def test_a_damaged_configuration_is_one_clear_line(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=r"config\.json.*damaged or from another version") as caught:
        config.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_configuration_is_no_workdir(tmp_path):
    with pytest.raises(UserError, match=r"is not a workdir of keras_apn\.train"):
        config.load(tmp_path / "nowhere")


def test_a_saved_value_that_breaks_its_rule_is_named(tmp_path):
    (tmp_path / "config.json").write_text(damaged(lambda raw: raw["model"].update(stacks=0)))
    with pytest.raises(UserError, match=r"--stacks must be at least 1\. Received: 0"):
        config.load(tmp_path)


def test_a_run_in_float16_of_before_is_read(tmp_path):
    config.Config().save(tmp_path)
    path = tmp_path / "config.json"
    raw = json.loads(path.read_text())
    raw["training"]["precision"] = "float16"
    path.write_text(json.dumps(raw))
    assert config.load(tmp_path).training.precision == "bfloat16"


def sections():
    return config.Config().as_json()


@pytest.mark.parametrize(
    ("section", "field"), [(section, field) for section, fields in sections().items() for field in fields]
)
def test_a_setting_of_another_type_is_one_line(tmp_path, section, field):
    for value in (None, [], {}, 1e999) if isinstance(sections()[section][field], str) else (None, [], {}, "1", 1e999):
        told = sections()
        told[section][field] = value
        (tmp_path / "config.json").write_text(json.dumps(told))
        with pytest.raises(UserError, match=rf"config\.json.*{field}|not a whole JSON file") as caught:
            config.load(tmp_path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["levels", "stacks", "features", "crop_size", "discriminator_features"])
def test_a_huge_network_is_refused_at_once(tmp_path, name):
    told = sections()
    told["model"][name] = 10**12
    (tmp_path / "config.json").write_text(json.dumps(told))
    with pytest.raises(UserError, match=f"--{name} must be at most"):
        config.load(tmp_path)


@pytest.mark.parametrize("value", [float("inf"), float("nan")], ids=str)
def test_a_learning_rate_is_finite(value):
    with pytest.raises(UserError, match=f"^--learning_rate must be finite. Received: {value}$"):
        TrainingConfig(learning_rate=value)
