"""From a configuration to G, P and C."""

from keras_apn.models.discriminators import build_confidence_discriminator, build_pose_discriminator
from keras_apn.models.generator import build_generator


def generator(model):
    """G of a `config.ModelConfig`."""
    return build_generator(
        crop_size=model.crop_size,
        stacks=model.stacks,
        features=model.features,
        levels=model.levels,
        occlusion=not model.single_task,
        head=model.head,
    )


def discriminators(model):
    """`(P, C)` of a `config.ModelConfig`, each None where it trains without."""
    sizes = {
        "crop_size": model.crop_size,
        "features": model.discriminator_features,
        "levels": model.levels,
        "occlusion": not model.single_task,
        "design": model.discriminator_design,
    }
    p = c = None
    if model.discriminators and model.pose_discriminator:
        p = build_pose_discriminator(
            **sizes, context_channels=model.features if model.pose_context == "generator" else None
        )
    if model.discriminators and model.confidence_discriminator:
        # What C has to judge, a map's shape and height, takes half of P's width (BUILD_NOTES 45).
        c = build_confidence_discriminator(**sizes | {"features": max(model.discriminator_features // 2, 2)})
    return p, c
