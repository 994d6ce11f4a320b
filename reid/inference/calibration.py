"""Bounds of a checkpoint's activations, measured on pictures in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.crops import normalise
from mdpr.reid.data.images import read_image, resize_image
from mdpr.reid.data.layout import is_image
from mdpr.reid.network.bounds import SHARE, measure_bounds, set_bounds
from mdpr.reid.network.model import MdprNetwork

MOST_PICTURES = 512
_BATCH = 8


def bound_activations(model: MdprNetwork, folder: Path, share: float = SHARE) -> int:
    """Give a network the bounds that the crops in a folder suggest, see `mdpr.reid.network.bounds`.

    Args:
        model: in evaluation mode on the CPU; changed.
        folder: with crops of people like those of the training, at any depth; of more than `MOST_PICTURES`, so many are
            taken at equal distances in the order of their paths.
        share: of a layer's values that stay as they are, above 0.5 and below 1.

    Returns:
        How many crops were looked at.

    Raises:
        ConfigError: another share.
        FormatError: no pictures there, or one that cannot be read.
    """
    if not 0.5 < share < 1:
        raise ConfigError(f"the share of values within the bounds must be above 0.5 and below 1, got {share:g}")
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and is_image(path.name))
    if not paths:
        raise FormatError(f"{folder}: expected a folder with crops of people, found no pictures there")
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(len(paths), MOST_PICTURES)).round().astype(int)]
    set_bounds(model, measure_bounds(model, _batches(model, chosen), share))
    return len(chosen)


def _batches(model: MdprNetwork, paths: list[Path]) -> Iterator[Tensor]:
    config = model.config
    for start in range(0, len(paths), _BATCH):
        crops = [resize_image(read_image(path), config.input_size)[..., ::-1] for path in paths[start : start + _BATCH]]
        yield torch.from_numpy(normalise(np.stack(crops), config.mean, config.std, "rgb"))
