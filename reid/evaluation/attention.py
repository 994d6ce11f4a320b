"""Where an MDPR network looks: its attention maps over the crops."""

from __future__ import annotations

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mdpr.reid.data.images import read_image, resize_image
from mdpr.reid.data.records import ReidImages
from mdpr.reid.evaluation.drawing import CAPTION, GAP, INK, PAPER, cell_size, draw_cell, font
from mdpr.reid.evaluation.truth import Integers
from mdpr.reid.network.model import MdprNetwork

_TITLE = 30
_OPACITY = 0.75
_FRAME = "#c3c9cf"


def attention_maps(network: MdprNetwork, crops: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Attention maps of some crops.

    Args:
        network: in evaluation mode, on the CPU.
        crops: (N, H, W, 3) uint8 RGB of the network's input size.

    Returns:
        Level to (N, M, h, w) in [0, 1].
    """
    shape = (1, 3, 1, 1)
    mean, std = (torch.tensor(values).view(shape) for values in (network.config.mean, network.config.std))
    images = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float()
    return {level: maps.float().numpy() for level, maps in network.attention_maps((images - mean) / std).items()}


def overlay(crop: NDArray[np.uint8], attention: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A crop in grey, coloured where the attention is high.

    Args:
        crop: (H, W, 3) uint8 RGB.
        attention: (h, w) in [0, 1]; it is scaled to its own maximum, because the levels differ.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = crop.shape[:2]
    smooth = Image.fromarray(attention / max(float(attention.max()), 1e-6)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    strength = np.clip(np.asarray(smooth), 0, 1)[..., None]
    colour = matplotlib.colormaps["inferno"](strength[..., 0])[..., :3] * 255
    grey = crop.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    mixed = (1 - _OPACITY * strength) * grey[..., None] + _OPACITY * strength * colour
    return np.clip(np.round(mixed), 0, 255).astype(np.uint8)


def draw_attention(network: MdprNetwork, images: ReidImages, chosen: Integers, title: str) -> Image.Image:
    """A sheet with a row for each chosen crop: the crop, then every map of every level over it.

    Raises:
        FormatError: a picture that cannot be read; names the file.
    """
    crops = np.stack(
        [
            resize_image(read_image(images.paths[index], images.boxes[index]), network.config.input_size)
            for index in chosen.tolist()
        ]
    )
    levels = attention_maps(network, crops)
    heads = [f"{level} / {number + 1}" for level, maps in levels.items() for number in range(maps.shape[1])]
    width, height = cell_size(1)
    size = ((1 + len(heads)) * (width + GAP) + 3 * GAP, _TITLE + CAPTION + len(crops) * (height + GAP) + GAP)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, _TITLE // 2 + 2), title, INK, font(14, is_bold=True), anchor="lm")
    for column, head in enumerate(heads):
        centre = 3 * GAP + (1 + column) * (width + GAP) + width // 2
        draw.text((centre, _TITLE + CAPTION // 2), head, INK, font(11), anchor="mm")
    for row, crop in enumerate(crops):
        top = _TITLE + CAPTION + row * (height + GAP)
        draw_cell(sheet, (GAP, top), crop, _FRAME, (f"person {images.pids[chosen[row]]}",))
        maps = [maps[row, number] for maps in levels.values() for number in range(maps.shape[1])]
        for column, attention in enumerate(maps):
            left = 3 * GAP + (1 + column) * (width + GAP)
            draw_cell(sheet, (left, top), overlay(crop, attention), _FRAME, (f"up to {attention.max():.2f}",))
    return sheet
