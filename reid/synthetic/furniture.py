"""Furniture of offices, laboratories and schools; origin on the floor, fronts look to -y."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.shapes import blob, tube, upright
from mdpr.reid.synthetic.solids import Solid, box, join, panel, place
from mdpr.reid.synthetic.surfaces import PICTURE, Colour, Surface, choose, grey

BLACK = Surface("plain", (0.10, 0.10, 0.105), gloss=0.04, wear=0.2)
CHROME = Surface("metal", grey(0.55), gloss=0.35, wear=0.2)
WOODS: list[Colour] = [
    (0.60, 0.48, 0.34),
    (0.70, 0.62, 0.50),
    (0.42, 0.30, 0.21),
    (0.74, 0.73, 0.70),
    (0.80, 0.79, 0.76),
    (0.55, 0.52, 0.48),
]


CHAIR_COLOURS: list[Colour] = [grey(0.11), grey(0.14), grey(0.1), (0.12, 0.15, 0.22), (0.26, 0.12, 0.12), grey(0.3)]


def office_chair(rng: np.random.Generator, colour: Colour | None = None) -> Solid:
    """A swivel chair on castors."""
    cloth = Surface("fabric", colour or choose(rng, CHAIR_COLOURS, 0.1), 0.8)
    seat = rng.uniform(0.43, 0.52)
    parts = [upright(0, 0, (0.1, seat), 0.03, CHROME if rng.random() < 0.4 else BLACK)]
    for k in range(5):
        a = k * 2 * np.pi / 5 + 0.3
        tip = np.array([0.31 * np.cos(a), 0.31 * np.sin(a), 0.08])
        parts += [tube([(0, 0, 0.12), tip], [0.03, 0.02], BLACK, 5), blob(tip - [0, 0, 0.045], 0.035, BLACK, 6)]
    parts.append(blob((0, 0, seat + 0.04), (0.25, 0.24, 0.05), cloth, 12, 0.5))
    tall = rng.uniform(0.24, 0.38)
    parts += [
        blob((0, 0.25, seat + 0.22 + tall), (0.22, 0.05, tall), cloth, 12, 0.55),
        box((0, 0.24, seat + 0.12), (0.08, 0.04, 0.3), BLACK),
    ]
    if rng.random() < 0.6:
        for s in (-1, 1):
            arm = [
                (s * 0.24, 0.02, seat),
                (s * 0.29, 0.02, seat + 0.2),
                (s * 0.29, -0.12, seat + 0.22),
                (s * 0.29, 0.14, seat + 0.22),
            ]
            parts += [tube(arm[:2], 0.02, BLACK, 5), tube(arm[2:], 0.03, BLACK, 5)]
    return join(parts)


def monitor(rng: np.random.Generator, width: float | None = None) -> Solid:
    """A flat screen on a foot, origin on the table."""
    w = width or rng.uniform(0.48, 0.62)
    h, z = w * 0.58, rng.uniform(0.12, 0.2)
    art = Surface("screens", PICTURE, 0, gloss=0.25, emission=0.35, wear=0)
    parts = [
        box((0, 0.02, z + h / 2), (w, 0.04, h), BLACK),
        box((0, 0.06, z * 0.7 + 0.05), (0.05, 0.04, z + 0.1), BLACK),
        box((0, 0.05, 0.01), (0.24, 0.18, 0.02), BLACK),
    ]
    parts.append(
        panel(
            (-w / 2 + 0.015, -0.003, z + 0.02), (w - 0.03, 0, 0), (0, 0, h - 0.035), art, int(rng.integers(16)), (4, 4)
        )
    )
    return join(parts)


def table_top(rng: np.random.Generator, width: float) -> Solid:
    """What lies on a desk of that width, about y = 0: screens, keyboard, papers, cups, boxes; origin on the table."""
    parts = []
    for x in [0.0] if width < 1.3 or rng.random() < 0.6 else [-0.3, 0.3]:
        parts.append(place(monitor(rng), (x + rng.normal(0, 0.04), 0.16, 0), rng.normal(0, 0.12)))
    parts.append(
        place(
            box((0, -0.15, 0.012), (0.44, 0.15, 0.024), Surface("keyboard", PICTURE, 0)),
            (rng.normal(0, 0.05), 0, 0),
            rng.normal(0, 0.1),
        )
    )
    parts.append(blob((0.33, -0.14, 0.015), (0.03, 0.05, 0.02), BLACK, 6))
    for _ in range(int(rng.integers(0, 6))):
        x, y = rng.uniform(-0.45, 0.45) * width, rng.uniform(-0.22, 0.25)
        kind = rng.random()
        if kind < 0.5:
            sheet = Surface("papers", PICTURE, 0, wear=0)
            parts.append(
                place(
                    panel((-0.1, -0.14, 0.003), (0.21, 0, 0), (0, 0.29, 0), sheet, int(rng.integers(16)), (4, 4)),
                    (x, y, 0),
                    rng.normal(0, 0.4),
                )
            )
        elif kind < 0.7:
            parts.append(
                upright(
                    x,
                    y,
                    (0, 0.1),
                    0.04,
                    Surface("plain", choose(rng, [grey(0.85), (0.5, 0.1, 0.1), (0.2, 0.3, 0.5)]), gloss=0.1),
                )
            )
        else:
            size = rng.uniform(0.1, 0.3, 3)
            parts.append(
                place(
                    box(
                        (0, 0, size[2] / 2),
                        size,
                        Surface("cardboard", choose(rng, [(0.62, 0.48, 0.33), grey(0.75), grey(0.2)]), 1),
                    ),
                    (x, y, 0),
                    rng.uniform(0, 3),
                )
            )
    return join(parts)


def desk(rng: np.random.Generator, width: float = 1.6, colour: Colour | None = None) -> Solid:
    """A desk with what lies on it; its user sits at -y."""
    depth = 0.75
    top = Surface("wood", colour or choose(rng, WOODS, 0.05), 1.2, gloss=0.05, wear=0.3)
    frame = choose(rng, [grey(0.5), grey(0.2), grey(0.75)])
    steel = Surface("metal", frame)
    parts = [box((0, 0, 0.725), (width, depth, 0.03), top)]
    parts += [
        box((x, y, 0.355), (0.05, 0.05, 0.71), steel)
        for x in (-width / 2 + 0.06, width / 2 - 0.06)
        for y in (-depth / 2 + 0.06, depth / 2 - 0.06)
    ]
    parts.append(box((0, depth / 2 - 0.08, 0.5), (width - 0.2, 0.02, 0.35), top))
    if rng.random() < 0.6:
        x = rng.choice([-1, 1]) * (width / 2 - 0.3)
        parts.append(box((x, 0.02, 0.3), (0.42, 0.55, 0.56), top))
        parts += [box((x, -0.262, z), (0.4, 0.012, 0.16), top) for z in (0.12, 0.3, 0.48)]
        parts += [box((x, -0.275, z + 0.05), (0.12, 0.015, 0.012), CHROME) for z in (0.12, 0.3, 0.48)]
    if rng.random() < 0.5:
        parts.append(box((-width / 2 + 0.22, 0.1, 0.24), (0.19, 0.45, 0.44), BLACK))
    return join([*parts, place(table_top(rng, width), (0, 0.05, 0.74))])


def table(rng: np.random.Generator, width: float = 1.4, depth: float = 0.7, colour: Colour | None = None) -> Solid:
    """A plain table."""
    top = Surface("wood", colour or choose(rng, WOODS, 0.05), 1.2, gloss=0.05)
    legs = [
        tube([(x, y, 0), (x, y, 0.72)], 0.02, CHROME, 6)
        for x in (-width / 2 + 0.06, width / 2 - 0.06)
        for y in (-depth / 2 + 0.06, depth / 2 - 0.06)
    ]
    return join([box((0, 0, 0.735), (width, depth, 0.03), top), *legs])


def sofa(rng: np.random.Generator, width: float = 1.8) -> Solid:
    """A low sofa."""
    cloth = Surface(
        "fabric",
        choose(rng, [grey(0.2), (0.25, 0.3, 0.36), (0.42, 0.32, 0.24), (0.36, 0.14, 0.13), (0.3, 0.34, 0.26)]),
        0.8,
    )
    parts = [
        blob((0, 0, 0.26), (width / 2, 0.42, 0.2), cloth, 14, 0.3),
        blob((0, 0.34, 0.55), (width / 2, 0.13, 0.32), cloth, 14, 0.35),
    ]
    return join(
        [*parts, *(blob((s * (width / 2 - 0.06), 0, 0.38), (0.12, 0.4, 0.24), cloth, 12, 0.4) for s in (-1, 1))]
    )
