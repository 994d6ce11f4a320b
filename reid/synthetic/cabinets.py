"""Cupboards, shelves, boards and what else stands or hangs at walls; origin on the floor, fronts look to -y."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.furniture import BLACK, CHROME, WOODS
from mdpr.reid.synthetic.shapes import blob, tube, upright
from mdpr.reid.synthetic.solids import Solid, box, boxes, join, panel, place
from mdpr.reid.synthetic.surfaces import PICTURE, Surface, choose, grey


def cupboard(rng: np.random.Generator, width: float = 1.0, height: float = 1.9, depth: float = 0.45) -> Solid:
    """A cupboard with two doors, with things on top."""
    paint = Surface(
        str(rng.choice(["metal", "wood", "plain"])), choose(rng, [*WOODS, grey(0.6), grey(0.45)], 0.05), 1.2, gloss=0.04
    )
    parts = [
        box((0, 0, height / 2), (width, depth, height), paint),
        box((0, 0, 0.04), (width - 0.04, depth + 0.01, 0.08), BLACK),
    ]
    parts += [
        box((x, -depth / 2 - 0.008, height / 2 + 0.03), (width / 2 - 0.012, 0.016, height - 0.12), paint)
        for x in (-width / 4, width / 4)
    ]
    parts += [box((x, -depth / 2 - 0.03, height * 0.52), (0.018, 0.03, 0.14), CHROME) for x in (-0.05, 0.05)]
    for _ in range(int(rng.integers(0, 3))):
        size = rng.uniform(0.2, 0.4, 3)
        parts.append(
            box(
                (rng.uniform(-0.3, 0.3) * width, 0, height + size[2] / 2),
                size,
                Surface("cardboard", choose(rng, [(0.62, 0.48, 0.33), grey(0.8)]), 1),
            )
        )
    return join(parts)


def bookcase(rng: np.random.Generator, width: float = 1.0, height: float = 2.0) -> Solid:
    """Shelves of books and binders."""
    wood, depth = Surface("wood", choose(rng, WOODS, 0.05), 1.2), 0.32
    parts = [box((x, 0, height / 2), (0.025, depth, height), wood) for x in (-width / 2, width / 2)]
    parts.append(box((0, depth / 2 - 0.01, height / 2), (width, 0.02, height), wood))
    levels = np.linspace(0.08, height - 0.02, 6)
    parts.append(boxes([(0, 0, z) for z in levels], (width, depth, 0.025), wood))
    for z in levels[:-1]:
        art = Surface("books", PICTURE, 0, wear=0.1)
        parts.append(
            panel(
                (-width / 2 + 0.02, -depth / 2 + 0.06, z + 0.012),
                (width - 0.04, 0, 0),
                (0, 0, 0.3),
                art,
                int(rng.integers(8)),
                (2, 4),
            )
        )
    return join(parts)


def board(rng: np.random.Generator, width: float = 1.8, height: float = 1.1) -> Solid:
    """A white or cork board with papers, origin at the wall, in the middle of its lower edge."""
    is_cork = rng.random() < 0.5
    field = (
        Surface("carpet", (0.55, 0.42, 0.28), 1.0) if is_cork else Surface("plain", grey(0.86), gloss=0.15, wear=0.15)
    )
    parts = [
        box((0, -0.015, height / 2), (width, 0.03, height), CHROME),
        box((0, -0.025, height / 2), (width - 0.06, 0.02, height - 0.06), field),
    ]
    for _ in range(int(rng.integers(3, 14) if is_cork else rng.integers(0, 4))):
        x, z = rng.uniform(-0.42, 0.38) * width, rng.uniform(0.05, 0.65) * height
        sheet = Surface("papers", PICTURE, 0, wear=0)
        parts.append(
            panel(
                (x, -0.037, z),
                (0.21, 0, rng.normal(0, 0.01)),
                (rng.normal(0, 0.01), 0, 0.29),
                sheet,
                int(rng.integers(16)),
                (4, 4),
            )
        )
    return join(parts)


def whiteboard_stand(rng: np.random.Generator) -> Solid:
    """A board on wheels."""
    legs = [tube([(x, 0, 0.05), (x, 0, 1.95)], 0.02, CHROME, 6) for x in (-0.8, 0.8)] + [
        box((x, 0, 0.05), (0.05, 0.6, 0.04), CHROME) for x in (-0.8, 0.8)
    ]
    return join([*legs, place(board(rng, 1.5, 1.0), (0, 0.0, 0.9))])


def waste_bin(rng: np.random.Generator) -> Solid:
    """A waste basket, or the tall one of a corridor."""
    colour = choose(rng, [grey(0.12), (0.15, 0.25, 0.40), grey(0.5), (0.2, 0.32, 0.22), (0.6, 0.5, 0.12)])
    skin = Surface("plain", colour, wear=0.4)
    if rng.random() < 0.6:
        return tube([(0, 0, 0), (0, 0, 0.32)], [0.12, 0.16], skin, 12)
    return join([box((0, 0, 0.35), (0.38, 0.32, 0.7), skin), box((0, 0, 0.72), (0.4, 0.34, 0.05), BLACK)])


def extinguisher() -> Solid:
    """A fire extinguisher on the wall, origin at the wall below it."""
    red = Surface("plain", (0.60, 0.07, 0.06), gloss=0.2)
    return join(
        [
            upright(0, -0.12, (0.75, 1.2), 0.08, red, 12),
            box((0, -0.12, 1.25), (0.06, 0.12, 0.08), BLACK),
            box((0, -0.01, 1.62), (0.2, 0.01, 0.2), red),
        ]
    )


def radiator(width: float = 1.2) -> Solid:
    """A radiator below a window, back at y = 0."""
    paint = Surface("plain", grey(0.78), gloss=0.05)
    ribs = [(x, -0.06, 0.42) for x in np.arange(-width / 2, width / 2, 0.08)]
    return join([boxes(ribs, (0.055, 0.1, 0.6), paint), box((0, -0.06, 0.72), (width, 0.11, 0.03), paint)])


def vending_machine(rng: np.random.Generator) -> Solid:
    """A machine for drinks or snacks."""
    body = Surface("metal", choose(rng, [grey(0.14), (0.5, 0.08, 0.08), (0.14, 0.22, 0.4), grey(0.55)]), gloss=0.1)
    art = Surface("goods", PICTURE, 0, gloss=0.4, emission=0.45, wear=0)
    return join(
        [
            box((0, 0, 0.92), (0.95, 0.8, 1.84), body),
            panel((-0.42, -0.405, 0.7), (0.6, 0, 0), (0, 0, 1.0), art, 0, (1, 1)),
            box((0.33, -0.405, 1.2), (0.18, 0.02, 0.5), BLACK),
            box((0, -0.405, 0.35), (0.6, 0.02, 0.2), BLACK),
        ]
    )


def locker_row(rng: np.random.Generator, count: int) -> Solid:
    """Lockers along x, 1.8 m high."""
    colour = choose(rng, [grey(0.55), (0.25, 0.35, 0.48), (0.5, 0.2, 0.16), (0.3, 0.42, 0.36), grey(0.7)])
    sheet, parts = Surface("metal", colour, gloss=0.08, wear=0.5), []
    for k in range(count):
        x = (k - (count - 1) / 2) * 0.36
        parts += [
            box((x, 0, 0.9), (0.355, 0.45, 1.8), sheet),
            box((x, -0.23, 0.92), (0.335, 0.012, 1.7), sheet),
            box((x + 0.12, -0.24, 1.0), (0.02, 0.02, 0.1), BLACK),
        ]
        parts.append(boxes([(x, -0.237, z) for z in (1.55, 1.6, 1.65)], (0.18, 0.01, 0.015), BLACK))
    return join(parts)


def trolley(rng: np.random.Generator) -> Solid:
    """A laboratory trolley or cabinet on castors with apparatus."""
    white = Surface("plain", choose(rng, [grey(0.78), grey(0.3), (0.6, 0.65, 0.68)]), gloss=0.1)
    parts = [
        box((0, 0, 0.42), (0.5, 0.5, 0.68), white),
        *(blob((x, y, 0.04), 0.04, BLACK, 6) for x in (-0.2, 0.2) for y in (-0.2, 0.2)),
    ]
    parts += [box((0, -0.253, z), (0.46, 0.01, 0.01), BLACK) for z in (0.3, 0.5)]
    for _ in range(int(rng.integers(1, 4))):
        size = rng.uniform(0.12, 0.34, 3)
        parts.append(
            box(
                (*rng.uniform(-0.12, 0.12, 2), 0.76 + size[2] / 2),
                size,
                Surface("metal", choose(rng, [grey(0.8), grey(0.15), (0.2, 0.3, 0.4)])),
            )
        )
    return join(parts)
