"""Colours that people wear, and of skin and hair: sRGB, with how often they are seen in streets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.materials import Colour

UPPER = (
    ((22, 22, 25), 20), ((42, 43, 48), 9), ((74, 76, 82), 7), ((122, 124, 128), 7), ((172, 172, 174), 5),
    ((226, 226, 222), 11), ((26, 33, 58), 11), ((44, 66, 120), 5), ((78, 104, 145), 5), ((128, 156, 190), 4),
    ((150, 32, 38), 4), ((196, 48, 50), 2.5), ((92, 28, 42), 3), ((74, 78, 52), 4), ((42, 84, 62), 2.5),
    ((98, 74, 54), 4), ((178, 156, 126), 5), ((216, 200, 168), 3), ((212, 168, 70), 1.6), ((214, 118, 62), 1.4),
    ((208, 150, 160), 2.5), ((118, 86, 136), 1.5), ((74, 150, 158), 1.5), ((222, 210, 120), 0.8),
)  # fmt: skip
LOWER = (
    ((20, 20, 22), 24), ((40, 41, 46), 9), ((30, 37, 60), 9), ((84, 86, 92), 6), ((134, 134, 136), 4),
    ((168, 148, 118), 7), ((98, 82, 64), 4), ((76, 78, 58), 4), ((206, 198, 184), 2.5), ((222, 222, 220), 1.5),
    ((120, 40, 44), 1), ((52, 84, 120), 1.5),
)  # fmt: skip
JEANS = (((34, 42, 66), 10), ((52, 68, 104), 10), ((86, 110, 146), 8), ((128, 150, 180), 4), ((30, 31, 36), 5))
COATS = (
    ((20, 20, 23), 28), ((38, 39, 44), 12), ((28, 34, 54), 14), ((70, 72, 78), 8), ((62, 58, 46), 7),
    ((150, 124, 92), 7), ((88, 66, 50), 5), ((96, 30, 38), 3), ((70, 76, 54), 6), ((122, 124, 130), 3),
    ((196, 186, 168), 3), ((180, 44, 44), 2), ((50, 78, 124), 3), ((206, 176, 60), 0.8), ((170, 110, 120), 1.2),
)  # fmt: skip
SHOES = (
    ((22, 22, 24), 38), ((66, 48, 36), 12), ((222, 222, 220), 24), ((42, 52, 90), 6), ((150, 44, 44), 4),
    ((118, 118, 120), 9), ((160, 130, 96), 6),
)  # fmt: skip
BAGS = (
    ((24, 24, 27), 40), ((48, 50, 56), 12), ((34, 42, 70), 10), ((92, 66, 46), 10), ((150, 40, 42), 5),
    ((110, 112, 116), 7), ((80, 90, 62), 4), ((196, 170, 130), 4), ((60, 104, 150), 4), ((214, 130, 60), 2),
)  # fmt: skip
HAIR = (
    ((18, 15, 14), 12), ((38, 27, 21), 9), ((72, 50, 34), 6), ((122, 90, 56), 3), ((184, 150, 100), 2),
    ((140, 138, 134), 3), ((210, 206, 200), 1), ((112, 56, 32), 1),
)  # fmt: skip
SKIN = ((236, 198, 174), (224, 176, 144), (200, 146, 110), (164, 112, 80), (118, 76, 54), (74, 48, 38))
Palette = tuple[tuple[tuple[int, int, int], float], ...]


def pick(palette: Palette, rng: np.random.Generator, spread: float = 0.1) -> Colour:
    """A colour of the palette, a little lighter or darker and off its hue."""
    share = np.array([weight for _, weight in palette])
    return vary(_unit(palette[rng.choice(len(palette), p=share / share.sum())][0]), rng, spread)


def vary(colour: Colour, rng: np.random.Generator, spread: float) -> Colour:
    """A colour near another: `spread` is the relative deviation of brightness; hue moves by a fifth of it."""
    moved = np.array(colour) * np.exp(rng.normal(0, spread)) * np.exp(rng.normal(0, spread / 5, 3))
    moved += rng.normal(0, spread / 8, 3)
    return _colour(np.clip(moved, 0.03, 0.93))


def skin_tone(tone: float, rng: np.random.Generator) -> Colour:
    """From lightest (0) to darkest (1)."""
    steps = np.array(SKIN) / 255
    at = np.clip(tone, 0, 1) * (len(steps) - 1)
    mixed = [np.interp(at, np.arange(len(steps)), steps[:, channel]) for channel in range(3)]
    return _colour(np.clip(np.array(mixed) * np.exp(rng.normal(0, 0.05)), 0.05, 0.95))


def _unit(colour: tuple[int, int, int]) -> Colour:
    return colour[0] / 255, colour[1] / 255, colour[2] / 255


def _colour(values: NDArray[np.float64]) -> Colour:
    return float(values[0]), float(values[1]), float(values[2])
