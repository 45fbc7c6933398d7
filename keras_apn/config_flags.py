"""The flags of a run, made from `config`'s settings."""

import dataclasses

from absl import flags

from data_pipeline import skeleton as skeletons
from data_pipeline.skeleton import Skeleton
from keras_apn.config import SECTIONS, Config

# What `--help` shows together.
GROUPS = {
    "Records": ("dataset", "train_records", "mix", "validation_records", "data_service", "max_damaged"),
    "Joints and networks": (
        *("skeleton", "crop_size", "stacks", "features", "levels", "head", "single_task"),
        *("discriminators", "pose_discriminator", "confidence_discriminator"),
        *("discriminator_features", "discriminator_design", "pose_context", "init_from"),
    ),
    "Length and order": ("epochs", "steps_per_epoch", "batch_size", "seed", "shuffle", "deterministic", "patience"),
    "Augmentation and targets": ("rotation", "scale", "flip", "color", "sigma"),
    "Losses and labels of the paper": (
        *("mode", "split_optimizer", "reduction", "foreground_weight", "balance", "pose_share", "confidence_share"),
        *("alpha", "beta", "fooled", "pull", "pull_start", "pull_full", "moved_joints"),
        *("delta", "delta_start", "epsilon", "epsilon_start", "threshold_schedule"),
    ),
    "Optimizers": (
        *("optimizer", "learning_rate", "discriminator_learning_rate", "learning_rate_schedule", "warmup_steps"),
        *("plateau_patience", "plateau_factor", "average_decay"),
    ),
    "Devices and memory": (
        *("distribute", "synchronized_batch_norm", "precision", "tf32", "xla", "accumulate", "recompute"),
        "reproducible",
    ),
    "What is kept and told": ("checkpoint_steps", "keep", "panel_epochs", "not_finite_steps"),
}


def define_flags() -> None:
    """Makes an absl flag of every field, with its default."""
    define = {bool: flags.DEFINE_bool, int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string}
    for section in SECTIONS.values():
        for field in dataclasses.fields(section):
            if isinstance(field.default, Skeleton):
                flags.DEFINE_string(field.name, field.default.name, field.metadata["help"])
            elif field.metadata["choices"]:
                flags.DEFINE_enum(field.name, field.default, field.metadata["choices"], field.metadata["help"])
            else:
                define[type(field.default)](field.name, field.default, field.metadata["help"])


def from_flags(values: object) -> Config:
    """The configuration that parsed flags describe.

    Args:
        values: absl's `FLAGS`, or anything with the fields' names as attributes.

    Raises:
        UserError: a value breaks its rule.
    """

    def given(field):
        value = getattr(values, field.name)
        return skeletons.load(value) if isinstance(field.default, Skeleton) and isinstance(value, str) else value

    return Config(
        **{
            name: section(**{field.name: given(field) for field in dataclasses.fields(section)})
            for name, section in SECTIONS.items()
        }
    )
