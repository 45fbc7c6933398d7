import pytest

from keras_apn import config
from keras_apn.models import networks
from keras_apn.optimization import optimizers
from keras_apn.training.build import build_model

SIZES = {"crop_size": 32, "stacks": 1, "features": 4, "levels": 1, "discriminator_features": 4}


def rate(optimizer, step):
    """The learning rate at a step, of a schedule or a constant."""
    schedule = optimizer._learning_rate
    return float(schedule(step)) if callable(schedule) else float(schedule)


def test_the_papers_optimizer():
    optimizer = optimizers.configured(config.TrainingConfig(), 2.5e-4, 100)
    assert type(optimizer).__name__ == "RMSprop"
    assert float(optimizer.learning_rate) == pytest.approx(2.5e-4)
    assert (optimizer.rho, optimizer.momentum) == (0.99, 0)


def test_adam_can_be_chosen():
    assert type(optimizers.configured(config.TrainingConfig(optimizer="adam"), 1e-3, 100)).__name__ == "Adam"


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({}, {0: 1, 60: 1, 110: 1}),
        ({"learning_rate_schedule": "cosine"}, {0: 1, 55: 0.5, 110: 0}),
        ({"warmup_steps": 10}, {0: 0, 5: 0.5, 10: 1, 60: 1, 110: 1}),
        ({"warmup_steps": 10, "learning_rate_schedule": "cosine"}, {0: 0, 5: 0.5, 10: 1, 60: 0.5, 110: 0}),
    ],
    ids=["constant", "cosine", "constant after warm-up", "cosine after warm-up"],
)
def test_learning_rate_over_110_steps(settings, rates):
    optimizer = optimizers.configured(config.TrainingConfig(**settings), 1e-3, 110)
    found = {step: 1e3 * rate(optimizer, step) for step in rates}
    assert found == pytest.approx(rates, abs=1e-4)


def built(model=None, **training):
    settings = config.Config(
        model=config.ModelConfig(**{**SIZES, **(model or {})}), training=config.TrainingConfig(**training)
    )
    return build_model(settings, steps_per_epoch=7)


@pytest.fixture(scope="module")
def default():
    return built(epochs=3, learning_rate=1e-3, discriminator_learning_rate=1e-4)


def test_the_networks_have_the_sizes_of_the_configuration(default):
    assert default.generator.input_shape == (None, 32, 32, 3)
    assert set(default.generator.output) == {"stack1_pose", "stack1_occlusion"}
    assert default.generator.get_layer("stack1_bottom_add").output.shape[-1] == 4
    assert default.pose_discriminator.get_layer("judge").get_layer("body_add").output.shape[-1] == 4
    # C has half of P's width.
    assert default.confidence_discriminator.get_layer("body_add").output.shape[-1] == 2


def test_the_papers_design_can_be_chosen():
    model = built({"discriminator_design": "encoder_decoder", "pose_context": "image"})
    assert set(model.pose_discriminator.input) == {"image", "pose", "occlusion"}
    assert model.pose_discriminator.get_layer("judge").get_layer("body_bottom_add").output.shape[-1] == 4
    assert model.confidence_discriminator.get_layer("body_bottom_add").output.shape[-1] == 2


def test_p_or_c_can_be_left_out():
    p_alone, c_alone = (
        networks.discriminators(config.ModelConfig(**SIZES, **{name: False}))
        for name in ("confidence_discriminator", "pose_discriminator")
    )
    assert [network is not None for network in (*p_alone, *c_alone)] == [True, False, False, True]


@pytest.mark.parametrize(("mode", "updates"), [("joint", 1), ("alternating", 2)])
def test_a_cosine_of_p_and_c_spans_all_their_updates(mode, updates):
    # 3 epochs of 7 steps.
    model = built(mode=mode, epochs=3, learning_rate_schedule="cosine", discriminator_learning_rate=1e-3)
    for optimizer in (model.pose_optimizer, model.confidence_optimizer):
        assert rate(optimizer, updates * 21) == pytest.approx(0, abs=1e-9)
        assert rate(optimizer, updates * 10.5) == pytest.approx(5e-4)


def test_each_network_has_its_learning_rate(default):
    rates = [float(o.learning_rate) for o in (default.optimizer, default.pose_optimizer, default.confidence_optimizer)]
    assert rates == pytest.approx([1e-3, 1e-4, 1e-4])


def test_total_steps_are_all_epochs_steps(default):
    assert default.total_steps == 21


def test_no_discriminators_in_a_run_without():
    model = built({"discriminators": False})
    assert model.pose_discriminator is None
    assert model.confidence_discriminator is None
    assert not model.networks.discriminators


def test_the_seed_decides_the_first_weights():
    def first(seed):
        return built({"discriminators": False}, seed=seed).generator.get_weights()[0]

    assert (first(1) == first(1)).all()
    assert (first(1) != first(2)).any()
