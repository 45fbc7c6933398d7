"""How fast the machine multiplies matrices, which a training step is compared with: `measure`, by `clock.apart`."""

from benchmarks import clock

SIDE = 2048


def measure(threads: int, count: int = 10) -> dict[str, float]:
    """Multiplies two square float32 matrices of side `SIDE` in TensorFlow on the CPU, in this process.

    Args:
        threads: that TensorFlow may use.
        count: products to time; the fastest counts.

    Returns:
        A dict: `gflops`, 10^9 operations a second, 2 x multiply-adds.
    """
    from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip

    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    factor = tf.random.uniform((SIDE, SIDE))
    spent = clock.timed(lambda: tf.linalg.matmul(factor, factor).numpy(), count)["steps_s"]
    return {"gflops": 2 * SIDE**3 / min(spent) / 1e9}


if __name__ == "__main__":
    clock.answer(measure)
