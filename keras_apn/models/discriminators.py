"""P and C: networks that judge heatmaps joint by joint (Sections 2.2 and 2.3, Figure 4).

Two designs. `pooled`, the default, judges each joint by what is there where the maps put it, and by where they put all
others; every map is first divided by its norm, and C alone judges the norm beside it. `encoder_decoder` is the paper's:
an encoder-decoder, then down to 16 numbers. Neither has batch norm behind the maps: real and fake ones would each be
normalised by their own batch, and their amplitude hidden from C (BUILD_NOTES 45).
"""

import keras
import tensorflow as tf

from keras_apn.config import DESIGNS
from keras_apn.models import blocks, discriminator_layers
from keras_apn.models.generator import check_size, tasks

# Maps are within 0 and 1 and nearly empty; the features that they meet have a spread of about 1.
MAP_GAIN = 8.0
# Of the dense layer through which all joints are judged together.
HIDDEN = 128
# P's two parts: what sees the image, and what judges heatmaps beside it.
ENCODER, JUDGE = "context", "judge"


def build_pose_discriminator(
    *,
    crop_size: int = 256,
    features: int = 128,
    levels: int = 4,
    occlusion: bool = True,
    design: str = "pooled",
    context_channels: int | None = None,
    joints: int = 16,
) -> keras.Model:
    """Builds P, which sees the image and the heatmaps.

    In the pooled design it judges where maps lie and not how high they are: it pulls a joint elsewhere, never up.

    Args:
        crop_size: side of the square image in pixels; the heatmaps have a quarter of it.
        features: channels of every residual module.
        levels: how often the `encoder_decoder` design halves the heatmaps' resolution.
        occlusion: it sees occlusion maps too; False in single-task mode.
        design: one of `DESIGNS`.
        context_channels: of G's features, by which P sees the image; None for an image stem of its own, as in the
            paper.
        joints: number of joints.

    Returns:
        A functional `keras.Model`: a dict of `features` [B, S / 4, S / 4, context_channels], or of `image` [B, S, S, 3]
        where P has a stem, and of `pose` and `occlusion` [B, S / 4, S / 4, J], to [B, J] float32 logits that each
        joint's place is plausible for this body in this image.

    Raises:
        ValueError: a size that cannot be built, or no such design.
    """
    _check(crop_size, levels, design)
    encoder = build_image_encoder(crop_size, features, context_channels)
    judge = build_pose_judge(crop_size, features, levels, occlusion, design, joints)
    sight = "image" if context_channels is None else "features"
    seen, maps = keras.Input(encoder.input_shape[1:], name=sight), _map_inputs(crop_size, occlusion, joints)
    logits = judge({"context": encoder(seen), **maps})
    return keras.Model({sight: seen, **maps}, logits, name="pose_discriminator")


def build_image_encoder(crop_size: int, features: int, context_channels: int | None = None) -> keras.Model:
    """Builds the part of P that sees the image, or G's features of it, once for all kinds of heatmaps.

    Args:
        crop_size, features, context_channels: as of `build_pose_discriminator`.

    Returns:
        A functional `keras.Model`: what P sees of the image to [B, S / 4, S / 4, features].
    """
    if context_channels is None:
        image = keras.Input((crop_size, crop_size, 3), name="image")
        return keras.Model(image, blocks.image_stem(image, features, name="stem"), name=ENCODER)
    seen = keras.Input((crop_size // 4, crop_size // 4, context_channels), name="features")
    return keras.Model(seen, blocks.conv(blocks.norm_relu(seen, name=ENCODER), features, name=ENCODER), name=ENCODER)


def build_pose_judge(
    crop_size: int, features: int, levels: int, occlusion: bool, design: str, joints: int = 16
) -> keras.Model:
    """Builds the part of P that judges heatmaps beside what the image encoder gives.

    Args:
        crop_size, features, levels, occlusion, design, joints: as of `build_pose_discriminator`.

    Returns:
        A functional `keras.Model`: a dict of `context` [B, S / 4, S / 4, features], `pose` and `occlusion` to [B, J]
        logits.
    """
    context = keras.Input((crop_size // 4, crop_size // 4, features), name="context")
    maps = _map_inputs(crop_size, occlusion, joints)
    if design == "pooled":
        shapes, _ = _shapes(maps)
        logits = _pooled(shapes, context, features, joints)
    else:
        logits = _encoder_decoder(maps, context, features, levels, joints)
    return keras.Model({"context": context, **maps}, logits, name=JUDGE)


def build_confidence_discriminator(
    *,
    crop_size: int = 256,
    features: int = 128,
    levels: int = 4,
    occlusion: bool = True,
    design: str = "pooled",
    joints: int = 16,
) -> keras.Model:
    """Builds C, which sees the heatmaps alone.

    Takes and raises what `build_pose_discriminator` does. In the pooled design it judges the shape of the maps, each
    divided by its norm, and adds for the norm a term that rises with it: the confidence of a map of a given shape rises
    with its amplitude, whatever was learned (BUILD_NOTES 45).

    Returns:
        A functional `keras.Model`: a dict of `pose` and `occlusion` [B, S / 4, S / 4, J] to [B, J] float32 logits
        that each joint is located with confidence.
    """
    _check(crop_size, levels, design)
    maps = _map_inputs(crop_size, occlusion, joints)
    if design == "encoder_decoder":
        logits = _encoder_decoder(maps, None, features, levels, joints)
    else:
        shapes, norms = _shapes(maps)
        by_shape = _pooled(shapes, None, features, joints)
        by_amplitude = discriminator_layers.AmplitudeLogits(dtype="float32", name="amplitude_logits")(norms)
        logits = keras.layers.Add(dtype="float32", name="logits")([by_shape, by_amplitude])
    return keras.Model(maps, logits, name="confidence_discriminator")


def sees(network: keras.Model) -> str | None:
    """What P or C sees beside the maps: "features" of G, "image", or None."""
    return next((name for name in ("features", "image") if name in network.input), None)


def judge(
    network: keras.Model, context: tf.Tensor, *kinds: dict[str, tf.Tensor], training: bool = False
) -> list[tf.Tensor]:
    """P's or C's logits on several kinds of heatmaps of the same people.

    What P makes of the image is the same for all of them and computed once. The first kind is judged by itself, so that
    a gradient at its maps passes through no others; all others as one batch, so that no weight is used three times
    (BUILD_NOTES 35).

    Args:
        network: P or C.
        context: what P sees of the image, as `sees` names it: [B, S, S, 3] or [B, H, W, K]. C looks at none.
        kinds: dicts of heatmaps, [B, H, W, J] each.
        training: whether P's view of the image is normalised by its batch.

    Returns:
        A list of [B, J] logits, one for each kind.
    """
    (first, *others), body = kinds, network
    together = {task: tf.concat([maps[task] for maps in others], 0) for task in first} if others else {}
    if sees(network) is not None:
        seen, body = network.get_layer(ENCODER)(context, training=training), network.get_layer(JUDGE)
        first = {"context": seen, **first}
        if others:
            together["context"] = tf.concat([tf.identity(seen)] * len(others), 0)
    logits = [body(first, training=training)]
    if others:
        logits += tf.split(body(together, training=training), len(others))
    return logits


def _check(crop_size, levels, design):
    check_size(crop_size, levels)
    if design not in DESIGNS:
        raise ValueError(f"`design` must be one of {DESIGNS}. Received: design={design}")


def _map_inputs(crop_size, occlusion, joints):
    side = crop_size // 4
    return {task: keras.Input((side, side, joints), name=task) for task in tasks(occlusion)}


def _entry(maps, context, features):
    """The sum of what is made of each task's heatmaps, and of what is made of the image."""
    seen = [] if context is None else [context]
    for task, value in maps.items():
        value = keras.layers.Rescaling(MAP_GAIN, name=f"{task}_gain")(value)
        seen.append(blocks.conv(value, features, 3, name=f"{task}_entry"))
    return keras.layers.Add(name="merge")(seen) if len(seen) > 1 else seen[0]


def _shapes(maps):
    """Maps of each task divided by the pose map's norm, and these norms [B, J]."""
    norms = discriminator_layers.Norms(dtype="float32", name="norms")(maps["pose"])
    divisors = blocks.Apart(dtype="float32", name="norms_apart")(norms)
    shapes = {
        task: discriminator_layers.Divided(dtype="float32", name=f"{task}_shape")([value, divisors])
        for task, value in maps.items()
    }
    return shapes, norms


def _pooled(maps, context, features, joints):
    """The verdict on a joint from the features where it is, and from those of all joints together."""
    x = blocks.residual(_entry(maps, context, features), features, name="body", norm=False)
    x = blocks.conv(keras.layers.ReLU(name="verdict_relu")(x), features, name="verdict")
    whole = keras.layers.GlobalAveragePooling2D(name="whole")(x)
    at_joints = discriminator_layers.PooledAtJoints(dtype="float32", name="at_joints")([maps["pose"], x])
    together = keras.layers.Concatenate(name="joints_and_whole")(
        [keras.layers.Flatten(name="all_joints")(at_joints), whole]
    )
    together = keras.layers.Dense(HIDDEN, activation="relu", name="together")(together)
    together = keras.layers.Dense(joints, dtype="float32", name="together_logits")(together)
    own = discriminator_layers.Readings(dtype="float32", name="own_logits")(at_joints)
    return keras.layers.Add(dtype="float32", name="joint_logits")([together, own])


def _encoder_decoder(maps, context, features, levels, joints):
    """The paper's: an encoder-decoder, then down to the coarsest resolution and a logit a joint."""
    x = blocks.encoder_decoder(_entry(maps, context, features), levels, name="body", norm=False)
    for level in range(1, levels + 1):
        halved = blocks.halve(x, name=f"verdict{level}")
        x = blocks.residual(halved, features, name=f"verdict{level}", norm=False)
    x = keras.layers.Flatten(name="verdict_flat")(keras.layers.ReLU(name="verdict_relu")(x))
    return keras.layers.Dense(joints, dtype="float32", name="logits")(x)
