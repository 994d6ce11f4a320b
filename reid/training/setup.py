"""What a run begins with: the data set, and the network with its first weights."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.data import ReidDataset, load_dataset
from mdpr.reid.network import MdprNetwork, build_model
from mdpr.reid.network.pretrained import load_backbone
from mdpr.reid.training.checkpoint import Progress, load_weights
from mdpr.reid.training.config import TrainConfig

log = logging.getLogger("mdpr")


def read_dataset(config: TrainConfig) -> ReidDataset:
    """The data set of a run.

    Raises:
        ConfigError: no folder given, or an unknown data set or option.
        FormatError: the folder is not what the reader expects, or there is nothing to train on.
    """
    if not config.data.root:
        raise ConfigError("data.root: where are the images? Give --data FOLDER, or set data.root")
    dataset = load_dataset(config.data.name, config.data.root, **dict(config.data.options))
    if not len(dataset.train):
        raise FormatError(f"{config.data.root}: the data set {dataset.name} has no training images")
    return dataset


def first_progress(dataset: ReidDataset, precision: str) -> Progress:
    """The progress of a run that begins."""
    return Progress(
        precision=precision,
        identities=dataset.train.identities,
        images=len(dataset.train),
        digest=images_digest(dataset),
    )


def images_digest(dataset: ReidDataset) -> str:
    """A fingerprint of the training images: their names, boxes and identities, in order; not where they lie."""
    train = dataset.train
    digest = hashlib.sha256("\n".join(os.path.basename(path) for path in train.paths).encode())
    digest.update(train.pids.tobytes() + train.boxes.tobytes())
    return digest.hexdigest()[:16]


def check_same_data(before: Progress, now: Progress) -> None:
    """
    Raises:
        ConfigError: a run cannot go on with this data or machine; says what differs.
    """
    if before.identities != now.identities:
        raise ConfigError(
            f"--resume: the run was trained on {before.identities} identities, the data set has {now.identities} now, "
            "so the class weights do not fit. To begin anew with its other weights use --init-from"
        )
    if (before.images, before.digest) != (now.images, now.digest):
        raise ConfigError(
            f"--resume: the training images are not those of the run ({before.images} then, {now.images} now, or other "
            "names or labels). Give the same data, or begin anew with --init-from"
        )
    if before.precision != now.precision:
        raise ConfigError(
            f"--resume: the run was trained in {before.precision}, here it would be {now.precision}. "
            f"Do: --set run.precision={before.precision}"
        )


def make_model(config: TrainConfig, identities: int, has_first_weights: bool) -> MdprNetwork:
    """The network of a run.

    Args:
        config: of the run; says which weights to begin with.
        identities: that are trained on.
        has_first_weights: False where a checkpoint brings all weights anyway.

    Raises:
        ModelError: weights that cannot be had, or do not fit.
    """
    model = build_model(config.model.network, num_classes=identities)
    if has_first_weights and config.model.init_from:
        left_out = load_weights(model, Path(config.model.init_from), config.model.init_strict)
        log.info("weights   %s", config.model.init_from)
        if left_out:
            log.info("          without its class weights: they are for another number of identities")
    elif has_first_weights and config.model.backbone:
        load_backbone(model, config.model.backbone)
    elif has_first_weights:
        log.info("weights   random: model.backbone and model.init_from are empty")
    return model
