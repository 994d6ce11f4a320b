"""Cafe tables, parasols, shelters, kiosks, stalls; origin on the ground, fronts look to -y."""

from __future__ import annotations

import itertools

import numpy as np

from mdpr.reid.synthetic.greenery import bush
from mdpr.reid.synthetic.shapes import blob, extrude, tube, upright
from mdpr.reid.synthetic.solids import Solid, box, join, panel, place, solid
from mdpr.reid.synthetic.street_objects import BOARDS, DARK, STEEL
from mdpr.reid.synthetic.surfaces import PICTURE, Colour, Role, Surface, choose, grey

_CLOTH: list[Colour] = [
    (0.75, 0.72, 0.64),
    (0.45, 0.10, 0.10),
    (0.15, 0.30, 0.24),
    (0.14, 0.20, 0.34),
    (0.65, 0.50, 0.25),
    grey(0.3),
]


def chair(rng: np.random.Generator, colour: Colour | None = None) -> Solid:
    """A light chair: cafes, waiting rooms, class rooms."""
    seat = Surface(
        str(rng.choice(["plain", "wood", "fabric"])),
        colour or choose(rng, [grey(0.2), (0.5, 0.36, 0.22), grey(0.7), (0.16, 0.25, 0.36), (0.45, 0.14, 0.12)]),
        1.0,
    )
    legs = [tube([(x, y, 0), (x * 0.86, y * 0.86, 0.44)], 0.013, STEEL, 5) for x in (-0.2, 0.2) for y in (-0.2, 0.2)]
    posts = [tube([(x, 0.19, 0.44), (x, 0.25, 0.84)], 0.012, STEEL, 5) for x in (-0.18, 0.18)]
    return join(
        [*legs, *posts, box((0, 0, 0.455), (0.42, 0.42, 0.03), seat), box((0, 0.235, 0.74), (0.4, 0.025, 0.22), seat)]
    )


def cafe_table(rng: np.random.Generator, has_parasol: bool) -> Solid:
    """A round table with two to four chairs, perhaps under a parasol."""
    top = Surface("plain", choose(rng, [grey(0.75), (0.4, 0.28, 0.18), grey(0.25)]), gloss=0.1)
    parts = [
        upright(0, 0, (0.72, 0.75), 0.36, top, 18),
        upright(0, 0, (0.02, 0.72), 0.03, STEEL),
        upright(0, 0, (0, 0.03), 0.22, STEEL, 14),
    ]
    colour = choose(rng, [grey(0.2), (0.5, 0.36, 0.22), grey(0.65), (0.2, 0.28, 0.22)])
    for k in range(int(rng.integers(2, 5))):
        a = k * np.pi / 2 + rng.normal(0, 0.15)
        parts.append(
            place(chair(rng, colour), (0.72 * np.cos(a), 0.72 * np.sin(a), 0), a - np.pi / 2 + rng.normal(0, 0.2))
        )
    if has_parasol:
        parts.append(parasol(rng))
    return join(parts)


def parasol(rng: np.random.Generator, radius: float = 1.5) -> Solid:
    """An open parasol, its edge 2.2 m above the ground."""
    cloth = Surface("fabric", choose(rng, _CLOTH), 1.0)
    angle = np.linspace(0, 2 * np.pi, 9)
    rim = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.full(9, 2.2)])
    parts = [upright(0, 0, (0, 2.75), 0.025, STEEL), upright(0, 0, (0, 0.1), 0.26, Surface("concrete", grey(0.45)), 12)]
    for a, b in itertools.pairwise(rim):
        points = np.array([a, b, [0, 0, 2.8]])
        normal = np.cross(points[1] - points[0], points[2] - points[0])
        parts.append(solid(points, normal / np.linalg.norm(normal), points[:, :2], [[0, 1, 2]], cloth))
        parts.append(panel(a - [0, 0, 0.18], b - a, (0, 0, 0.18), cloth))
    return join(parts)


def shelter(rng: np.random.Generator, length: float = 4.0) -> Solid:
    """A bus or platform shelter, open to -y."""
    glass = Surface("plain", (0.20, 0.23, 0.24), gloss=0.6, role=Role.GLASS)
    frame = STEEL.painted(choose(rng, [grey(0.3), grey(0.5), (0.15, 0.25, 0.3)]))
    parts = [
        box((0, 0, 2.45), (length + 0.4, 1.7, 0.1), frame),
        box((0, 0.68, 0.45), (length * 0.7, 0.35, 0.06), BOARDS),
    ]
    for x in np.linspace(-length / 2, length / 2, 4):
        parts.append(box((x, 0.72, 1.2), (0.07, 0.07, 2.4), frame))
    parts += [box((0, 0.74, z), (length, 0.03, 0.05), frame) for z in (0.3, 1.2, 2.1)]
    parts.append(
        panel(
            (length / 2, -0.5, 0.3),
            (0, 1.2, 0),
            (0, 0, 1.8),
            Surface("posters", PICTURE, 0, gloss=0.4, emission=-0.8),
            int(rng.integers(16)),
            (4, 4),
        )
    )
    parts.append(box((-length / 2, 0.1, 1.2), (0.03, 1.1, 1.8), glass))
    parts += [box((x, 0.68, 0.22), (0.06, 0.3, 0.42), frame) for x in (-length * 0.25, length * 0.25)]
    return join(parts)


def kiosk(rng: np.random.Generator) -> Solid:
    """A small stall, open to -y."""
    wall = Surface("corrugated", choose(rng, [(0.2, 0.3, 0.28), (0.5, 0.45, 0.36), (0.32, 0.16, 0.14), grey(0.5)]), 1.6)
    parts = [box((0, 0.3, 1.25), (2.8, 1.6, 2.5), wall), box((0, 0.2, 2.6), (3.2, 2.2, 0.14), DARK)]
    parts.append(
        panel((-1.2, -0.51, 1.05), (2.4, 0, 0), (0, 0, 1.1), Surface("goods", PICTURE, 0, emission=-0.7), 3, (1, 1))
    )
    parts.append(
        panel(
            (-1.3, -0.52, 2.2),
            (2.6, 0, 0),
            (0, 0, 0.3),
            Surface("signs", PICTURE, 0, emission=-0.5),
            int(rng.integers(8)),
            (2, 8),
        )
    )
    parts.append(box((0, -0.65, 1.0), (2.5, 0.3, 0.06), STEEL))
    return join(parts)


def awning(rng: np.random.Generator, width: float, drop: float = 1.2) -> Solid:
    """A cloth over a shop front: origin at the wall, at the height where it hangs; falls towards -y."""
    cloth = Surface("fabric", choose(rng, _CLOTH), 1.0, wear=0.6)
    top = extrude([(0, -0.02), (0, 0), (-drop, -0.45), (-drop, -0.47)], width, cloth)
    top = place(top, (0, 0, 0), np.pi / 2)  # its fall along x turns to -y
    return join([top, box((0, -drop, -0.56), (width, 0.015, 0.2), cloth)])


def market_stall(rng: np.random.Generator) -> Solid:
    """A table of goods under a cloth roof."""
    parts = [
        box((0, 0, 0.75), (2.4, 1.1, 0.06), BOARDS),
        *(box((x, y, 1.1), (0.05, 0.05, 2.2), STEEL) for x in (-1.15, 1.15) for y in (-0.55, 0.5)),
    ]
    parts.append(place(awning(rng, 2.7, 1.5), (0, 0.7, 2.65)))
    parts.append(panel((-1.2, -0.56, 0.05), (2.4, 0, 0), (0, 0, 0.7), Surface("fabric", choose(rng, _CLOTH), 1.0)))
    for _ in range(14):
        x, y = rng.uniform(-1.05, 1.05), rng.uniform(-0.4, 0.4)
        heap = Surface(
            "pebbles", choose(rng, [(0.5, 0.2, 0.1), (0.55, 0.42, 0.15), (0.3, 0.4, 0.15), (0.4, 0.3, 0.25)]), 0.5
        )
        parts += [box((x, y, 0.84), (0.34, 0.26, 0.12), BOARDS), blob((x, y, 0.89), (0.16, 0.12, 0.09), heap, 8)]
    return join([*parts, place(bush(rng, 0.25, 20), (0.9, 0.2, 0.8))])
