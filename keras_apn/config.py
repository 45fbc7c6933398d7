"""Every setting of a run, once: frozen dataclasses whose defaults are the paper's. `config_flags` has the flags."""

import dataclasses
import os
from typing import Any

from data_pipeline import skeleton as skeletons
from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError, shortened
from data_pipeline.common.files import StrPath, write_json
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.setting import check, setting

CONFIG_FILE = "config.json"
DAMAGED = "it is damaged or from another version"
PRECISIONS = ("float32", "bfloat16")
DATASETS = ("mpii", "lsp", "lspet", "coco", "yolo", "synthetic")
PULLS = ("all", "wrong", "minimax")
# What the first 1x1 convolution of each of G's branches gives (BUILD_NOTES 48).
HEADS = ("wide", "joints")
# How P and C judge, and what P sees of the image; see `discriminators`.
DESIGNS = ("pooled", "encoder_decoder")
CONTEXTS = ("generator", "image")


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The three networks."""

    skeleton: Skeleton = setting(  # noqa: RUF009
        MPII16, f"the joints: {', '.join(skeletons.NAMES)}, a skeleton's JSON file, or the dataset.json of records"
    )
    crop_size: int = setting(256, "side of the networks' input in pixels (Section 3: 256x256)", least=8, most=4096)
    stacks: int = setting(4, "hourglasses in G (Section 3: 4)", least=1, most=64)
    features: int = setting(
        512, "channels of G's residual modules (Section 3: 512; 256 fits its speed)", least=2, most=16384
    )
    levels: int = setting(
        4, "how often an hourglass halves its resolution (Section 2.1: 64 to 4 pixels)", least=1, most=10
    )
    head: str = setting(
        "wide",
        "a branch's first 1x1 convolution keeps the channels, or as in Section 2.1 goes down to the joints",
        choices=HEADS,
    )
    single_task: bool = setting(False, "no occlusion maps anywhere: the ablation of Section 3.4")
    discriminators: bool = setting(True, "train with P and C; --nodiscriminators leaves G alone")
    pose_discriminator: bool = setting(True, "train with P, unless --nodiscriminators")
    confidence_discriminator: bool = setting(True, "train with C, unless --nodiscriminators")
    discriminator_features: int = setting(
        128, "channels of P's residual modules; C has half of them (BUILD_NOTES 11)", least=2, most=16384
    )
    discriminator_design: str = setting(
        "pooled",
        "P and C judge what is at each joint, or by an encoder-decoder as in Sections 2.2 and 2.3 (BUILD_NOTES 45)",
        choices=DESIGNS,
    )
    pose_context: str = setting(
        "generator", "P sees the image by G's features, or by a stem of its own as in Section 2.2", choices=CONTEXTS
    )

    def __post_init__(self) -> None:
        check(self)
        if self.discriminators and not (self.pose_discriminator or self.confidence_discriminator):
            raise UserError("--nopose_discriminator --noconfidence_discriminator leave none; give --nodiscriminators")
        if self.crop_size % (4 * 2**self.levels):
            raise UserError(
                f"--crop_size must be a multiple of 4 * 2**levels = {4 * 2**self.levels}. Received: {self.crop_size}"
            )


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Where the records are and how the crops are varied."""

    dataset: str = setting("mpii", "what the records hold", choices=DATASETS)
    train_records: str = setting("data/mpii/train-*.tfrecord", "glob of the training shards")
    mix: str = setting("", "further training shards and their share of every batch, as GLOB=0.5 (,GLOB=SHARE ...)")
    validation_records: str = setting("data/mpii/validation-*.tfrecord", "glob of the validation shards")
    rotation: float = setting(30.0, "crops are turned by at most so many degrees (Section 3)", least=0, most=30)
    scale: float = setting(0.25, "crops are scaled by 1 - scale to 1 + scale (Section 3)", least=0, most=0.25)
    flip: float = setting(0.5, "probability of a mirrored crop (Section 3)", least=0, most=1)
    color: float = setting(0.4, "channels are multiplied by 1 - color to 1 + color (hourglass code)", least=0, most=1)
    sigma: float = setting(1.0, "standard deviation of the target Gaussians, heatmap pixels (hourglass)", above=0)
    shuffle: int = setting(4096, "size of the shuffle buffer, in encoded records", least=1)
    deterministic: bool = setting(True, "the same order for the same seed; if not, what is ready first comes first")
    max_damaged: float = setting(0.001, "share of the training records that may be damaged", least=0, most=1)
    data_service: str = setting("", "a tf.data service that reads the training records, as grpc://host:5050")

    def __post_init__(self) -> None:
        check(self)


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Losses, labels and the optimizers."""

    epochs: int = setting(230, "passes over the training records (Section 3: 230 on MPII, 250 on LSP)", least=1)
    batch_size: int = setting(16, "people in a batch, of all devices together (the paper gives none)", least=1)
    accumulate: int = setting(
        1, "parts that a batch, or a device's share of it, is computed in one after the other, to save memory", least=1
    )
    distribute: str = setting(
        "none",
        "train on all GPUs of this machine, or of the machines in TF_CONFIG; batch and learning rate stay as given",
        choices=("none", "mirrored", "multi_worker"),
    )
    synchronized_batch_norm: bool = setting(
        False, "normalise by the batch of all devices and workers, not by each device's share of it"
    )
    steps_per_epoch: int = setting(0, "steps in an epoch; 0 is one pass over the records", least=0)
    seed: int = setting(0, "of weights, order and augmentation", least=0)
    optimizer: str = setting("rmsprop", "of all three networks (Section 3: RMSProp)", choices=("rmsprop", "adam"))
    learning_rate: float = setting(2.5e-4, "of G (Section 3: 2.5e-4)", above=0)
    discriminator_learning_rate: float = setting(2.5e-4, "of P and C (Section 3: 2.5e-4)", above=0)
    learning_rate_schedule: str = setting(
        "constant",
        "constant as in the paper, cosine down to zero, or less at each plateau of the validation score",
        choices=("constant", "cosine", "plateau"),
    )
    plateau_patience: int = setting(10, "epochs without a better score that make a plateau", least=1)
    plateau_factor: float = setting(0.5, "what a plateau multiplies the learning rates by", above=0, most=1)
    warmup_steps: int = setting(0, "steps in which the learning rate rises from zero", least=0)
    mode: str = setting(
        "joint", "one update of G a step, or two as Algorithm 1 prints it", choices=("joint", "alternating")
    )
    split_optimizer: bool = setting(
        False, "G's two updates of --mode=alternating keep an optimizer state each (BUILD_NOTES 8)"
    )
    balance: str = setting(
        "share",
        "weigh P and C by a share of L_G's gradient, or by alpha and beta (BUILD_NOTES 4)",
        choices=("share", "fixed"),
    )
    pose_share: float = setting(0.2, "P's gradient at the heatmaps over L_G's, with --balance=share", least=0)
    confidence_share: float = setting(0.2, "C's gradient at the heatmaps over L_G's, with --balance=share", least=0)
    fooled: float = setting(
        0.1, "adversarial loss below which a share of L_G's gradient falls in proportion (BUILD_NOTES 47)", least=0
    )
    pull: str = setting("all", "joints that P and C pull: all, or of label 0; or as Eq. 4 prints", choices=PULLS)
    pull_start: float = setting(0.0, "share of the training before P and C pull G", least=0, most=1)
    pull_full: float = setting(0.0, "share of the training until they pull with full weight", least=0, most=1)
    moved_joints: bool = setting(True, "P also learns true maps with some joints moved (BUILD_NOTES 46)")
    alpha: float = setting(1 / 220, "weight of C with --balance=fixed (Section 3: 1/220)", least=0)
    beta: float = setting(1 / 180, "weight of P with --balance=fixed (Section 3: 1/180)", least=0)
    reduction: str = setting(
        "mean", "of Eq. 1: over elements, or the printed sum (BUILD_NOTES 2)", choices=("mean", "sum")
    )
    foreground_weight: float = setting(0.0, "pixels weigh 1 + this times their target (BUILD_NOTES 6)", least=0)
    delta: float = setting(0.5, "p_fake's threshold, head sizes (BUILD_NOTES 5)", above=0)
    delta_start: float = setting(0.5, "the same at the first step, unless the schedule is constant", above=0)
    epsilon: float = setting(0.6, "c_fake's threshold, norms of a target Gaussian (BUILD_NOTES 5)", above=0)
    epsilon_start: float = setting(0.6, "the same at the first step, unless the schedule is constant", above=0)
    threshold_schedule: str = setting(
        "constant", "how delta and epsilon go from start to end", choices=("constant", "linear", "cosine")
    )

    average_decay: float = setting(
        0.0, "of the moving average of G's weights, validated beside them; 0 is none", least=0, most=0.99999
    )
    patience: int = setting(0, "epochs without a better score after which training ends; 0 is never", least=0)
    init_from: str = setting("", "the workdir, or the shipped model, whose best weights the networks start from")
    precision: str = setting("float32", "of the networks' arithmetic; losses are in float32", choices=PRECISIONS)
    tf32: bool = setting(True, "NVIDIA's GPUs from Ampere on multiply float32 by TF32; --notf32 in full")
    recompute: bool = setting(False, "compute each stack of G again for its gradient, to save memory (BUILD_NOTES 39)")
    reproducible: bool = setting(True, "the same bits in every run of one seed on a CPU; nothing beside a GPU")
    xla: bool = setting(False, "compile the step behind the augmentation by XLA")
    checkpoint_steps: int = setting(0, "steps between checkpoints within an epoch; 0 is at its end alone", least=0)
    keep: int = setting(3, "checkpoints that are kept, besides the best weights", least=1)
    panel_epochs: int = setting(5, "epochs between panels of people for TensorBoard; 0 is never", least=0)
    not_finite_steps: int = setting(10, "steps in a row whose loss is no number that end the training", least=1)

    def __post_init__(self) -> None:
        check(self)
        if self.batch_size % self.accumulate:
            raise UserError(f"--accumulate must divide --batch_size={self.batch_size}. Received: {self.accumulate}")


@dataclasses.dataclass(frozen=True)
class Config:
    """A run's whole configuration, as its workdir keeps it."""

    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)

    def save(self, workdir: StrPath) -> None:
        """Writes `config.json` into the workdir, whole or not at all."""
        write_json(os.path.join(workdir, CONFIG_FILE), self.as_json())

    def as_json(self) -> dict[str, dict[str, Any]]:
        """The settings by section, as `config.json` holds them."""
        told = {name: dict(vars(getattr(self, name))) for name in SECTIONS}
        told["model"]["skeleton"] = self.model.skeleton.as_json()
        return told

    def flags(self) -> dict[str, Any]:
        """Every setting by the name of its flag; of the skeleton its name."""
        each = {name: value for section in self.as_json().values() for name, value in section.items()}
        return each | {"skeleton": self.model.skeleton.name}


SECTIONS = {"model": ModelConfig, "data": DataConfig, "training": TrainingConfig}


def load(workdir: StrPath, train_records: str | None = None) -> Config:
    """The configuration of a workdir.

    Args:
        workdir: the run's.
        train_records: glob of its training shards, where they were moved.

    Raises:
        UserError: there is none, or it is damaged.
    """
    raw = read(workdir)
    if train_records:
        raw["data"]["train_records"] = train_records
    if raw["training"].get("precision") == "float16":  # Of runs before it went; all weights are float32.
        raw["training"]["precision"] = "bfloat16"
    path = os.path.join(workdir, CONFIG_FILE)
    # Runs before there was a choice had MPII's joints.
    told = raw["model"].pop("skeleton", MPII16.as_json())
    found = json_file.convert(raw, Config, path, way=DAMAGED)
    own = skeletons.from_json(told, f"{path}: skeleton")
    return dataclasses.replace(found, model=dataclasses.replace(found.model, skeleton=own))


def read(workdir: StrPath) -> dict[str, dict[str, Any]]:
    """What a workdir's `config.json` says by section and setting, before a value is looked at; raises as `load`."""
    path = os.path.join(workdir, CONFIG_FILE)
    if not os.path.exists(path):
        raise UserError(f"{workdir} is not a workdir of keras_apn.train: there is no {path}")
    raw = json_file.read(path, dict[str, dict[str, Any]], way=DAMAGED)
    for name, section in SECTIONS.items():
        known = {field.name for field in dataclasses.fields(section)}
        if name not in raw or set(raw[name]) - known:
            stray = f"`{shortened(min(set(raw[name]) - known))}` in it" if name in raw else "none"
            raise UserError(f"{path}: `{name}` must hold the settings of this version. Received: {stray}; {DAMAGED}")
    return raw
