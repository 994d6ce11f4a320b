"""Things that stand in streets and squares; origin on the ground, fronts look to -y."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.shapes import blob, tube, upright
from mdpr.reid.synthetic.solids import Solid, box, boxes, join, panel
from mdpr.reid.synthetic.surfaces import PICTURE, Role, Surface, choose, grey

STEEL = Surface("metal", grey(0.42), gloss=0.2)
DARK = Surface("plain", (0.13, 0.14, 0.15), gloss=0.06)
BOARDS = Surface("wood", (0.45, 0.33, 0.22), 1.2)


def lamp_post(rng: np.random.Generator, height: float = 5.0) -> Solid:
    """A street lamp whose head is over (0, -0.9)."""
    pole = STEEL.painted(choose(rng, [grey(0.4), grey(0.15), (0.16, 0.22, 0.19), grey(0.6)]))
    head = box((0, -0.95, height - 0.02), (0.26, 0.55, 0.1), pole)
    glow = Surface("plain", (0.95, 0.9, 0.8), emission=-6.0, wear=0)
    return join(
        [
            tube(
                [(0, 0, 0), (0, 0, height - 0.5), (0, -0.2, height - 0.05), (0, -0.8, height)],
                [0.075, 0.05, 0.045, 0.035],
                pole,
            ),
            upright(0, 0, (0, 0.9), 0.1, pole),
            head,
            box((0, -0.95, height - 0.075), (0.2, 0.45, 0.02), glow),
        ]
    )


def bollard(rng: np.random.Generator) -> Solid:
    """A post of steel, iron or concrete."""
    if rng.random() < 0.3:
        return blob((0, 0, 0.25), 0.28, Surface("concrete", grey(0.5), 1.5), 12)
    colour = choose(rng, [grey(0.15), grey(0.55), (0.2, 0.24, 0.2)])
    ring = Surface("plain", (0.75, 0.75, 0.72))
    return join([upright(0, 0, (0, 0.95), 0.06, STEEL.painted(colour)), upright(0, 0, (0.78, 0.84), 0.063, ring)])


def litter_bin(rng: np.random.Generator) -> Solid:
    """A public bin."""
    colour = choose(rng, [grey(0.22), (0.2, 0.3, 0.22), grey(0.5), (0.45, 0.30, 0.14), (0.18, 0.24, 0.32)])
    shell = Surface("metal", colour, 0.8, gloss=0.1, wear=0.8)
    if rng.random() < 0.5:
        return join(
            [
                upright(0, 0, (0.05, 0.85), 0.24, shell, 14),
                upright(0, 0, (0.85, 0.93), 0.26, DARK, 14),
                upright(0, 0, (0.7, 0.78), 0.243, DARK, 14),
            ]
        )
    return join(
        [
            box((0, 0, 0.5), (0.5, 0.4, 1.0), shell),
            box((0, -0.2, 0.82), (0.3, 0.03, 0.14), DARK),
            box((0, 0, 1.03), (0.56, 0.46, 0.06), DARK),
        ]
    )


def bench(rng: np.random.Generator, length: float = 1.8) -> Solid:
    """A bench that looks to -y, with or without a back."""
    wood = BOARDS.painted(choose(rng, [(0.45, 0.33, 0.22), (0.35, 0.27, 0.20), (0.5, 0.46, 0.40), grey(0.35)]))
    if rng.random() < 0.25:
        return box((0, 0, 0.23), (length, 0.5, 0.46), Surface("concrete", grey(0.52), 2.0))
    slats = [box((0, y, 0.45), (length, 0.09, 0.035), wood) for y in (-0.2, -0.09, 0.02, 0.13)]
    if rng.random() < 0.7:
        slats += [box((0, 0.2 + 0.1 * (z - 0.5), z), (length, 0.035, 0.1), wood) for z in (0.6, 0.74, 0.86)]
    legs = [box((x, 0, 0.22), (0.06, 0.42, 0.44), DARK) for x in (-length * 0.4, length * 0.4)]
    posts = [box((x, 0.22, 0.6), (0.05, 0.04, 0.6), DARK) for x in (-length * 0.4, length * 0.4)]
    return join([*slats, *legs, *posts])


def sign_post(rng: np.random.Generator) -> Solid:
    """A traffic sign: disc, triangle-free plate, or direction boards."""
    parts = [upright(0, 0.03, (0, 2.6), 0.03, STEEL.painted(grey(0.6)))]
    kind, board = rng.random(), Surface("signs", PICTURE, 0, wear=0.2)
    if kind < 0.4:
        rim, field = choose(rng, [(0.65, 0.1, 0.1), (0.1, 0.25, 0.55)]), choose(rng, [grey(0.85), (0.1, 0.25, 0.55)])
        parts += [
            tube([(0, 0.0, 2.35), (0, -0.02, 2.35)], 0.3, Surface("plain", rim), 20),
            tube([(0, -0.02, 2.35), (0, -0.03, 2.35)], 0.23, Surface("plain", field), 20),
        ]
    elif kind < 0.7:
        parts.append(
            box(
                (0, -0.01, 2.3),
                (0.55, 0.03, 0.55),
                Surface("plain", choose(rng, [(0.12, 0.28, 0.55), (0.8, 0.7, 0.2), grey(0.85)])),
            )
        )
    else:
        for z in (2.45, 2.2):
            parts.append(
                panel((-0.5, -0.03, z - 0.1), (1.0, 0, 0), (0, 0, 0.2), board, int(rng.integers(8, 16)), (2, 8))
            )
    return join(parts)


def poster_column(rng: np.random.Generator) -> Solid:
    """An advertising pillar."""
    parts = [
        upright(0, 0, (0, 2.9), 0.58, Surface("plaster", grey(0.5), 2), 20),
        upright(0, 0, (2.9, 3.05), 0.68, DARK, 20),
    ]
    for k in range(7):
        a = k * 2 * np.pi / 7
        out, right = np.array([np.cos(a), np.sin(a), 0]), np.array([-np.sin(a), np.cos(a), 0])
        parts.append(
            panel(
                out * 0.6 - right * 0.25 + [0, 0, 0.8],
                right * 0.5,
                (0, 0, 1.6),
                Surface("posters", PICTURE, 0),
                int(rng.integers(16)),
                (4, 4),
            )
        )
    return join(parts)


def light_board(rng: np.random.Generator, width: float = 1.3) -> Solid:
    """An advertising board on a foot, lit in the evening; the same on both sides."""
    art = Surface("posters", PICTURE, 0, gloss=0.3, emission=-0.9, wear=0.1)
    parts = [box((0, 0, 1.35), (width, 0.16, 1.9), DARK), box((0, 0, 0.2), (width * 0.6, 0.12, 0.4), DARK)]
    for sign in (-1, 1):
        right = np.array([-sign * 1.0, 0, 0]) * (width - 0.14)
        parts.append(
            panel(
                np.array([0, sign * 0.085, 0.47]) - right / 2, right, (0, 0, 1.75), art, int(rng.integers(16)), (4, 4)
            )
        )
    return join(parts)


def fence(rng: np.random.Generator, length: float, height: float = 1.1) -> Solid:
    """A railing along x, or where higher than 1.5 m a wire fence."""
    paint = STEEL.painted(choose(rng, [grey(0.2), grey(0.5), (0.15, 0.25, 0.2)]))
    posts = np.linspace(-length / 2, length / 2, max(int(length / 2), 1) + 1)
    parts = [boxes([(x, 0, height / 2) for x in posts], (0.05, 0.05, height), paint)]
    if height > 1.5:
        wire = Surface("mesh", (0.35, 0.38, 0.36), 0.5, role=Role.CUTOUT)
        return join(
            [
                *parts,
                panel((-length / 2, 0, 0.05), (length, 0, 0), (0, 0, height - 0.05), wire),
                box((0, 0, height), (length, 0.04, 0.04), paint),
            ]
        )
    bars = np.arange(-length / 2, length / 2, 0.13)
    parts.append(boxes([(x, 0, height / 2) for x in bars], (0.016, 0.016, height - 0.15), paint))
    return join([*parts, *(box((0, 0, z), (length, 0.035, 0.035), paint) for z in (0.12, height - 0.04))])
