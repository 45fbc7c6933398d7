import pytest

from keras_apn.training.run_state import RunState


def test_a_fresh_run_has_nothing():
    fresh = RunState()
    assert fresh.summary() == {"epoch": 0, "best": None, "best_epoch": None}
    assert not fresh.is_over(1)
    assert fresh.reductions(1) == 0


@pytest.mark.parametrize(
    ("scores", "best_epoch"),
    [([0.1, 0.3, 0.2], 2), ([0.3, 0.2, 0.1], 1), ([0.1, 0.2, 0.2], 2)],
    ids=["middle", "first", "tie"],
)
def test_the_best_epoch_is_the_first_with_the_best_score(scores, best_epoch):
    assert RunState(scores).summary() == {"epoch": 3, "best": max(scores), "best_epoch": best_epoch}


@pytest.mark.parametrize(
    ("scores", "patience", "over"),
    [
        ([0.1, 0.3, 0.2], 2, False),
        ([0.1, 0.3, 0.2, 0.3], 2, True),
        ([0.1, 0.3, 0.2, 0.3], 3, False),
        ([0.3, 0.2, 0.1], 0, False),
    ],
    ids=["one epoch waited", "two epochs, equal is no better", "not three yet", "never"],
)
def test_training_is_over_after_patience(scores, patience, over):
    assert RunState(scores).is_over(patience) is over


@pytest.mark.parametrize(
    ("scores", "reductions"),
    [([1, 1], 0), ([1, 1, 1], 1), ([1, 1, 1, 1], 1), ([1, 1, 1, 1, 1], 2), ([1, 1, 2, 2, 2], 1), ([1, 0, 2, 0, 3], 0)],
)
def test_each_plateau_of_two_epochs_reduces_once(scores, reductions):
    assert RunState(scores).reductions(2) == reductions
