"""What a training run begins with: its pictures, and whether an interrupted run can go on with them."""

from __future__ import annotations

import logging
from pathlib import Path

from mdpr.detectors.yolox.checkpoint import Checkpoint, Progress
from mdpr.detectors.yolox.config import TrainConfig, differences
from mdpr.detectors.yolox.data import PeoplePictures, read_pictures, together
from mdpr.errors import ConfigError, FormatError

log = logging.getLogger("mdpr")


def read_people(config: TrainConfig, key: str) -> PeoplePictures:
    """The pictures that `train.data` or `train.val` names.

    Args:
        config: of the run.
        key: "data" or "val".

    Raises:
        ConfigError: it names nothing.
        FormatError: not as expected, or nobody is in the pictures of one of them.
    """
    paths = _named(config, key)
    if not all(paths) or not paths:
        raise ConfigError(f"train.{key}: where are the pictures? Give --{key} FOLDER")
    sets = [read_pictures(Path(path), config.read) for path in paths]
    for path, pictures in zip(paths, sets, strict=True):
        log.info("%-9s %s", key, pictures.describe())
        if not pictures.people:
            raise FormatError(f"{path}: nobody to be found in its {len(pictures)} pictures")
    return together(sets)


def _named(config: TrainConfig, key: str) -> tuple[str, ...]:
    named: str | tuple[str, ...] = getattr(config.train, key)
    return (named,) if isinstance(named, str) else named


def check_same(checkpoint: Checkpoint, config: TrainConfig, now: Progress) -> None:
    """
    Args:
        checkpoint: of the interrupted run.
        config: that it is to go on with.
        now: progress of a run that would begin with it.

    Raises:
        ConfigError: it cannot go on with this configuration, data or machine; says what differs.
    """
    if lines := differences(checkpoint.config, config):
        raise ConfigError("--resume: the configuration is not that of the run:\n  " + "\n  ".join(lines))
    before = checkpoint.progress
    if before.digest != now.digest:
        data = " ".join(_named(config, "data"))
        raise ConfigError(f"--resume: {data}: the pictures or boxes are not those of the run")
    if before.precision != now.precision:
        raise ConfigError(
            f"--resume: the run was trained in {before.precision}, here it would be {now.precision}. "
            f"Do: --precision {before.precision}"
        )
