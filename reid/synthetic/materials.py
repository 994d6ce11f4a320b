"""What surfaces look like: colours and patterns as rows of numbers that the shader of people reads.

Patterns are computed from coordinates on the neutral body (dm: x to the left, y up from about the hip joint, z
forward), so they need no textures and stay where they are on any body in any pose.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]  # sRGB, 0 to 1
PATTERNS = (
    "plain",
    "stripes",
    "pinstripes",
    "plaid",
    "floral",
    "two-tone",
    "print",
    "denim",
    "heather",
    "side-stripe",
    "skin",
    "hair",
    "leather",
    "quilted",
    "knit",
    "hi-vis",
    "dots",
    "camouflage",
    "bag",
    "sleeves",
)
ROW = 32  # numbers of a material in the shader
FAR = 99.0


@dataclass(frozen=True)
class Material:
    """A surface.

    Attributes:
        pattern: one of `PATTERNS`.
        first, second, third: colours; what they colour depends on the pattern.
        frequency: of the pattern, per dm.
        seed: moves noise.
        place: four numbers of the pattern: where a print sits and how large it is, where two tones meet, ...
        hem: it ends below this y, dm.
        top: it ends above this y.
        sleeve: it ends this far along the arm from the shoulder, dm.
        opening: half the width of an open front, dm; 0 is closed.
        plane: (x, y, z, d): it ends where x*X + y*Y + z*Z < d.
        folds: how strongly it is creased.
        shine: highlights, 0 to 1.
        strap: 0 none, 1 a backpack's two straps, 2 and 3 a strap across from the left or the right shoulder.
        strap_colour: of them.
        ragged: how much of the edge seen from the side is broken up, as hair is.
    """

    pattern: str = "plain"
    first: Colour = (0.5, 0.5, 0.5)
    second: Colour = (0.5, 0.5, 0.5)
    third: Colour = (0.5, 0.5, 0.5)
    frequency: float = 1.0
    seed: float = 0.0
    place: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    hem: float = -FAR
    top: float = FAR
    sleeve: float = FAR
    opening: float = 0.0
    plane: tuple[float, float, float, float] = (0.0, 0.0, 0.0, -FAR)
    folds: float = 0.5
    shine: float = 0.05
    strap: float = 0.0
    strap_colour: Colour = (0.1, 0.1, 0.1)
    ragged: float = 0.0

    def row(self) -> NDArray[np.float32]:
        """What the shader reads, (`ROW`,): colours are linear there."""
        values = (
            *linear(self.first), PATTERNS.index(self.pattern),
            *linear(self.second), self.frequency,
            *linear(self.third), self.seed,
            *self.place,
            self.hem, self.top, self.sleeve, self.opening,
            *self.plane,
            self.folds, self.shine, self.strap, self.ragged,
            *linear(self.strap_colour), 0.0,
        )  # fmt: skip
        return np.array(values, np.float32)


assert len(fields(Material)) == 17  # a new field needs a place in `row` and in the shader


def linear(colour: Colour) -> tuple[float, float, float]:
    """sRGB to linear, by the power that `tone_map` undoes."""
    red, green, blue = (max(value, 0.0) ** 2.2 for value in colour)
    return red, green, blue


def with_strap(material: Material, kind: float, colour: Colour) -> Material:
    """The same surface under a bag's strap."""
    return replace(material, strap=kind, strap_colour=colour)
