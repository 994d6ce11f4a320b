"""What a network's activations are on pictures in a folder, for their bounds and for 8-bit networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.crops import normalise
from mdpr.reid.data.images import read_image, resize_image
from mdpr.reid.data.layout import is_image
from mdpr.reid.network.bounds import SHARE, measure_bounds, set_bounds
from mdpr.reid.network.config import NetworkConfig
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
    paths = choose_pictures(folder)
    set_bounds(model, measure_bounds(model, map(torch.from_numpy, read_batches(model.config, paths)), share))
    return len(paths)


def choose_pictures(folder: Path, most: int = MOST_PICTURES) -> list[Path]:
    """The pictures below a folder, or so many of them at equal distances in the order of their paths.

    Raises:
        FormatError: there are none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and is_image(path.name))
    if not paths:
        raise FormatError(f"{folder}: expected a folder with crops of people, found no pictures there")
    return [paths[i] for i in np.linspace(0, len(paths) - 1, min(len(paths), most)).round().astype(int)]


def read_batches(config: NetworkConfig, paths: list[Path]) -> Iterator[NDArray[np.float32]]:
    """Crops of so many files at a time as a network takes them: (N, 3, H, W), normalised.

    Raises:
        FormatError: a file that is no picture.
    """
    for start in range(0, len(paths), _BATCH):
        crops = [resize_image(read_image(path), config.input_size)[..., ::-1] for path in paths[start : start + _BATCH]]
        yield normalise(np.stack(crops), config.mean, config.std, "rgb")
