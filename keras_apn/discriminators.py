"""P and C: encoder-decoders that judge heatmaps joint by joint (Sections 2.2 and 2.3, Figure 4)."""

import keras

from data_pipeline.skeleton import NUM_JOINTS
from keras_apn import blocks
from keras_apn.generator import check_size, tasks


def build_pose_discriminator(*, crop_size=256, features=128, levels=4, occlusion=True):
    """Builds P, which sees the image and the heatmaps.

    Args:
        crop_size: side of the square image in pixels; the heatmaps have a quarter of it.
        features: channels of every residual module.
        levels: how often its encoder halves the heatmaps' resolution.
        occlusion: it sees occlusion maps too; False in single-task mode.

    Returns:
        A functional `keras.Model`: a dict of `image` [B, S, S, 3], `pose` and `occlusion` [B, S / 4, S / 4, 16] to
        [B, 16] float32 logits that each joint's place is plausible for this body in this image.

    Raises:
        ValueError: a size that cannot be built.
    """
    check_size(crop_size, levels)
    image = keras.Input((crop_size, crop_size, 3), name="image")
    stem = keras.Model(image, blocks.image_stem(image, features, name="stem"), name="stem")
    seen = keras.Input(stem.output.shape[1:], name="features")
    maps = _map_inputs(crop_size, occlusion)
    logits = _judge([seen, *_projected(maps, features)], features, levels)
    judge = keras.Model({"features": seen, **maps}, logits, name="judge")
    maps = _map_inputs(crop_size, occlusion)
    return keras.Model({"image": image, **maps}, judge({"features": stem(image), **maps}), name="pose_discriminator")


def build_confidence_discriminator(*, crop_size=256, features=128, levels=4, occlusion=True):
    """Builds C, which sees the heatmaps alone.

    Takes and raises what `build_pose_discriminator` does.

    Returns:
        A functional `keras.Model`: a dict of `pose` and `occlusion` [B, S / 4, S / 4, 16] to [B, 16] float32 logits
        that each joint is located with confidence.
    """
    check_size(crop_size, levels)
    maps = _map_inputs(crop_size, occlusion)
    return keras.Model(maps, _judge(_projected(maps, features), features, levels), name="confidence_discriminator")


def network_inputs(network, image, maps):
    """The dict that P or C takes, of an image [B, S, S, 3] and a dict of heatmaps."""
    return {"image": image, **maps} if "image" in network.input else dict(maps)


def judge_both(network, image, real, fake):
    """P's or C's logits on real and on fake heatmaps of the same image, in training.

    Each goes through batch norm by itself. What P makes of the image alone is the same for both and computed once.

    Args:
        network: P or C.
        image: [B, S, S, 3].
        real, fake: dicts of heatmaps.

    Returns:
        `(on_real, on_fake)`, each [B, 16].
    """
    if "image" not in network.input:
        return network(real, training=True), network(fake, training=True)
    features, judge = network.get_layer("stem")(image, training=True), network.get_layer("judge")
    return tuple(judge({"features": features, **maps}, training=True) for maps in (real, fake))


def _map_inputs(crop_size, occlusion):
    side = crop_size // 4
    return {task: keras.Input((side, side, NUM_JOINTS), name=task) for task in tasks(occlusion)}


def _projected(maps, features):
    """Each task's heatmaps, brought to the width of the features: the sum is a convolution of both together."""
    return [blocks.conv(value, features, 3, name=f"{task}_entry") for task, value in maps.items()]


def _judge(seen, features, levels):
    """Encoder-decoder over the sum of what is seen, then down to the coarsest resolution and 16 logits."""
    x = keras.layers.Add(name="merge")(seen) if len(seen) > 1 else seen[0]
    x = blocks.encoder_decoder(x, levels, name="body")
    for level in range(1, levels + 1):
        x = blocks.residual(blocks.halve(x, name=f"verdict{level}"), features, name=f"verdict{level}")
    x = keras.layers.Flatten(name="verdict_flat")(blocks.norm_relu(x, name="verdict"))
    return keras.layers.Dense(NUM_JOINTS, dtype="float32", name="logits")(x)
