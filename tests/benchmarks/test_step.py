"""The compute part of a training step, as benchmarks and other runtimes take it."""

import numpy as np
import pytest

from benchmarks import step
from keras_apn import config


@pytest.fixture(scope="module")
def compiled():
    model = config.ModelConfig(crop_size=32, stacks=1, features=8, levels=2, discriminator_features=8)
    return step.compiled(config.Config(model), batch_size=2)


def test_it_needs_nothing_but_its_inputs_and_the_networks_variables(compiled):
    function, inputs = compiled
    concrete = function.get_concrete_function(*inputs)
    handles = {id(variable.handle) for variable in concrete.graph.variables}
    assert all(id(captured) in handles for captured in concrete.captured_inputs)


def test_it_knows_of_some_people_which_joints_are_occluded(compiled):
    known = compiled[1][step.INPUTS.index("occlusion_known")]
    assert known.numpy().tolist() == [True, False]


def test_calls_train_and_tell_the_losses_first(compiled):
    function, inputs = compiled
    # As Python: compiling it takes TensorFlow 2.15 minutes.
    first, second = (np.array(function.python_function(*inputs)) for _ in range(2))
    names = list(function.model.means)
    assert names[:3] == ["loss", "loss_pose", "loss_occlusion"]
    assert {"loss_p_real", "loss_p_fake", "loss_p_moved", "loss_c_real", "loss_c_fake"} <= set(names)
    assert len(first) == len(names)
    assert np.isfinite([*first, *second]).all()
    assert second[0] < first[0]
    assert function.model.step.numpy() == 2
