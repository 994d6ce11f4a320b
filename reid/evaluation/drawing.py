"""What the picture sheets share: colours, text, cells with frames."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

CELL = (80, 160)
"""(width, height) of a crop on a sheet, in pixels; crops keep their shape within it."""
FRAME = 4
GAP = 10
CAPTION = 18
"""Height of a line of text."""

GREEN, RED, BLUE = "#2a9d4a", "#d33c3c", "#2f6fb3"
INK, FAINT, PAPER = "#1c2228", "#69727c", "#ffffff"
_EMPTY = "#e9ecef"


@cache
def font(size: int = 12, is_bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along."""
    name = "DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def cell_size(lines: int = 1) -> tuple[int, int]:
    """(width, height) of a framed crop with so many lines of text below it.

    >>> cell_size(2)
    (88, 204)
    """
    return CELL[0] + 2 * FRAME, CELL[1] + 2 * FRAME + lines * CAPTION


def draw_cell(
    sheet: Image.Image, place: tuple[int, int], crop: NDArray[np.uint8], frame: str, lines: tuple[str, ...] = ()
) -> None:
    """Draw a crop with a coloured frame, and lines of text in the middle below it.

    Args:
        sheet: is drawn on.
        place: (x, y) of the upper left corner.
        crop: (H, W, 3) uint8 RGB.
        frame: its colour.
        lines: short enough for the width of a cell.
    """
    draw = ImageDraw.Draw(sheet)
    x, y = place
    width, height = cell_size(0)
    draw.rectangle((x, y, x + width - 1, y + height - 1), fill=frame)
    draw.rectangle((x + FRAME, y + FRAME, x + FRAME + CELL[0] - 1, y + FRAME + CELL[1] - 1), fill=_EMPTY)
    picture = Image.fromarray(crop)
    scale = min(CELL[0] / picture.width, CELL[1] / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    sheet.paste(picture, (x + FRAME + (CELL[0] - size[0]) // 2, y + FRAME + (CELL[1] - size[1]) // 2))
    for number, line in enumerate(lines):
        centre = (x + width // 2, y + height + number * CAPTION + CAPTION // 2 + 1)
        draw.text(centre, line, INK if number == 0 else FAINT, font(11), anchor="mm")
