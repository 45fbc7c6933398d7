import pytest
import tensorflow as tf

from keras_apn.optimization.accumulation import accumulated


def mean_of_squares(example):
    return {"g": [tf.reduce_mean(example["x"] ** 2)]}, {"loss": tf.reduce_mean(example["x"], axis=0)}


@pytest.mark.parametrize("parts", [1, 2, 3, 6])
@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
def test_parts_give_the_mean_of_the_whole(parts, graph):
    example = {"x": tf.reshape(tf.range(12.0), [6, 2])}
    run = tf.function(accumulated) if graph else accumulated
    gradients, logs = run(mean_of_squares, example, parts)
    assert float(gradients["g"][0]) == pytest.approx(506 / 12)
    assert logs["loss"].numpy().tolist() == [5.0, 6.0]


def test_the_graph_holds_the_computation_once():
    def count(parts):
        traced = []

        def compute(example):
            traced.append(1)
            return mean_of_squares(example)

        tf.function(lambda x: accumulated(compute, {"x": x}, parts))(tf.zeros([6, 2]))
        return len(traced)

    assert count(6) == 1
