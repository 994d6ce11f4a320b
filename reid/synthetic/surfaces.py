"""What the parts of a place are made of: a texture, a colour, how large, how shiny, how worn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[float, float, float]


class Role(IntEnum):
    """What a surface is to the renderer; stored per vertex."""

    SOLID = 0
    GROUND = 1  # where people's feet can be
    CUTOUT = 2  # leaves, wire mesh: transparent where the texture's alpha is low
    GLASS = 3  # mirrors the sky or the room
    SHELL = 4  # walls and ceilings around the place: they cast no shadow of the sky or of the lamps
    BACKDROP = 5  # far away: casts no shadow


@dataclass(frozen=True)
class Surface:
    """A material.

    Attributes:
        texture: name in `mdpr.reid.synthetic.textures.TEXTURES`.
        colour: mean albedo in display values, RGB in [0, 1]; pictures have their own colours and take `PICTURE`.
        repeat_m: how many metres one repeat of the texture covers; 0 where the picture spans each face once.
        gloss: strength of the mirror image at steep view in [0, 1]; it grows at grazing angles.
        emission: linear brightness of its own light, of the albedo's colour.
        wear: how much dirt and fading varies over metres, about 0 to 1.
    """

    texture: str = "plain"
    colour: Colour = (0.5, 0.5, 0.5)
    repeat_m: float = 2.0
    gloss: float = 0.0
    emission: float = 0.0
    wear: float = 0.5
    role: Role = Role.SOLID

    def painted(self, colour: Colour) -> Surface:
        """The same material in another colour."""
        return replace(self, colour=colour)


PICTURE: Colour = (0.7297, 0.7297, 0.7297)
"""Colour under which a texture shows as it is: textures have linear mean 1/2, and the shader doubles."""


def linear(colours: ArrayLike) -> NDArray[np.float64]:
    """Display values in [0, 1] as linear light (gamma 2.2)."""
    return np.asarray(colours, np.float64) ** 2.2


def varied(rng: np.random.Generator, colour: Colour, brightness: float = 0.08, hue: float = 0.012) -> Colour:
    """A colour near `colour`: relative spread of brightness and absolute spread of each channel."""
    value = np.array(colour) * (1 + rng.normal(0, brightness)) + rng.normal(0, hue, 3)
    red, green, blue = np.clip(value, 0.015, 0.92)
    return float(red), float(green), float(blue)


def choose(rng: np.random.Generator, colours: list[Colour], brightness: float = 0.08, hue: float = 0.01) -> Colour:
    """One of the colours, a little varied."""
    return varied(rng, colours[int(rng.integers(len(colours)))], brightness, hue)


def grey(value: float) -> Colour:
    """A neutral colour of display value `value`."""
    return value, value, value
