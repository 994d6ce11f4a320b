"""Sheets of small pictures: cells, rectangles, lines of text, words."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mdpr.reid.synthetic.noise import SIZE, Pattern, grain

Rgb = tuple[float, float, float]


BRANDS: list[Rgb] = [  # what packages, posters and signs are printed in, muted as under real light
    (0.72, 0.13, 0.12),
    (0.80, 0.42, 0.10),
    (0.84, 0.70, 0.20),
    (0.20, 0.42, 0.22),
    (0.42, 0.58, 0.26),
    (0.12, 0.24, 0.46),
    (0.24, 0.44, 0.64),
    (0.42, 0.22, 0.38),
    (0.86, 0.85, 0.80),
    (0.90, 0.89, 0.87),
    (0.80, 0.76, 0.66),
    (0.55, 0.38, 0.24),
    (0.30, 0.20, 0.15),
    (0.12, 0.12, 0.13),
    (0.62, 0.62, 0.60),
    (0.82, 0.60, 0.58),
    (0.20, 0.46, 0.48),
    (0.74, 0.64, 0.46),
]


SHOP_WORDS = [
    "MARKET",
    "CAFE",
    "BOOKS",
    "BAKERY",
    "PHARMACY",
    "FLOWERS",
    "OPTIK",
    "HAIR",
    "SHOES",
    "BANK",
    "HOTEL",
    "BAR",
    "TRAVEL",
    "PHONE",
    "SPORT",
    "MODA",
    "PIZZA",
    "KIOSK",
    "TABAK",
    "FRESH",
    "SALE",
    "-50%",
    "COPY",
    "STUDIO",
    "GYM",
]


SERVICE_WORDS = [
    "EXIT",
    "WC",
    "INFO",
    "PLATFORM 2",
    "TICKETS",
    "ROOM 12",
    "LAB 3",
    "P1",
    "LEVEL B",
    "LIBRARY",
    "OFFICE",
    "NO ENTRY",
    "GATE 4",
    "TRACK 7",
    "LIFT",
    "RECEPTION",
    "HALL A",
    "STAIRS",
    "1-24",
    "B 107",
]


_FONTS = (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX)


def draw_cells(rng: np.random.Generator, columns: int, rows: int, draw: Callable[..., None]) -> Pattern:
    """A picture texture whose cells `draw(picture, rng)` paints, twice as large as they end up."""
    width, height = 2 * SIZE // columns, 2 * SIZE // rows
    sheet = np.zeros((2 * SIZE, 2 * SIZE, 3), np.float32)
    for row in range(rows):
        for column in range(columns):
            cell = np.zeros((height, width, 3), np.float32)
            draw(cell, rng)
            sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = cell
    sheet = cv2.resize(sheet, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    sheet *= 1 + 0.02 * grain(rng, 0.8)[..., None]
    return np.clip(np.dstack([sheet, np.ones((SIZE, SIZE), np.float32)]), 0, 1)


def brand(rng: np.random.Generator) -> Rgb:
    red, green, blue = np.clip(np.array(BRANDS[int(rng.integers(len(BRANDS)))]) * rng.normal(1, 0.1), 0.03, 0.93)
    return float(red), float(green), float(blue)


def fill(cell: Pattern, x: float, y: float, width: float, height: float, colour: Rgb) -> None:
    """A rectangle in shares of the cell."""
    h, w = cell.shape[:2]
    cell[max(int(y * h), 0) : int((y + height) * h), max(int(x * w), 0) : int((x + width) * w)] = colour


def text_lines(
    cell: Pattern, rng: np.random.Generator, area: tuple[float, float, float, float], pitch: float, ink: Rgb
) -> None:
    """Lines of text too small to read, in the area x, y, width, height (shares of the cell)."""
    x, y, width, height = area
    for top in np.arange(y, y + height, pitch):
        at, end = x, x + width * rng.uniform(0.5, 1)
        while at < end:
            word = rng.uniform(0.02, 0.12) * width / 0.8
            fill(cell, at, top, min(word, end - at), pitch * 0.45, ink)
            at += word + 0.02


def write_words(
    cell: Pattern, rng: np.random.Generator, text: str, box: tuple[float, float, float, float], ink: Rgb
) -> None:
    """Words as large as the box (shares of the cell) allows."""
    h, w = cell.shape[:2]
    font, (x, y, width, height) = _FONTS[int(rng.integers(len(_FONTS)))], box
    (text_w, text_h), _ = cv2.getTextSize(text, font, 1.0, 2)
    scale = min(width * w / text_w, height * h / text_h)
    thickness = max(1, round(scale * 2.2))
    origin = (int(x * w + (width * w - text_w * scale) / 2), int((y + height) * h - (height * h - text_h * scale) / 2))
    stencil = np.zeros((h, w), np.uint8)
    cv2.putText(stencil, text, origin, font, scale, 255, thickness, cv2.LINE_AA)
    cell += (np.array(ink, np.float32) - cell) * (stencil[..., None] / np.float32(255))


def ink_on(colour: Rgb) -> Rgb:
    return (0.92, 0.91, 0.88) if np.mean(colour) < 0.5 else (0.1, 0.1, 0.12)
