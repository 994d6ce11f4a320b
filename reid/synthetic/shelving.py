"""Shops: shelves full of goods, fridges, counters, crates, rails; origin on the floor, fronts look to -y."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.furniture import BLACK, CHROME, WOODS
from mdpr.reid.synthetic.shapes import blob, tube, upright
from mdpr.reid.synthetic.solids import Solid, box, boxes, join, panel, place
from mdpr.reid.synthetic.surfaces import PICTURE, Colour, Role, Surface, choose, grey, varied

_GOODS = Surface("goods", PICTURE, 0, wear=0.0)


def shelf_goods(rng: np.random.Generator, width: float, depth: float, room: float) -> Solid:
    """One level of goods along x on z = 0: the same package two to six times side by side, then the next."""
    centres, sizes, cells = [], [], []
    x = -width / 2 + 0.01
    while x < width / 2 - 0.05:
        w, h, d = rng.uniform(0.05, 0.17), room * rng.uniform(0.55, 0.93), depth * rng.uniform(0.6, 0.95)
        cell, back = int(rng.integers(64)), 0.0 if rng.random() < 0.75 else rng.uniform(0, 0.4) * depth
        for _ in range(int(rng.integers(2, 7))):
            if x + w > width / 2:
                break
            if rng.random() > 0.06:
                wobble = h * rng.uniform(0.98, 1.0)
                centres.append((x + w / 2, -depth / 2 + back + d / 2 + rng.uniform(0, 0.02), wobble / 2))
                sizes.append((w * 0.96, d - back * 0.9, wobble))
                cells.append(cell)
            x += w
        x += rng.uniform(0, 0.02)
    if not centres:
        return join([])
    return boxes(centres, sizes, _GOODS, cells=cells, grid=(8, 8))


def shelf_unit(rng: np.random.Generator, width: float, height: float, is_double: bool, steel: Surface) -> Solid:
    """A shop shelf along x, open to -y, or with `is_double` to both sides."""
    depth, parts = 0.42, []
    levels = np.linspace(0.12, height - rng.uniform(0.3, 0.4), max(int(height / 0.38), 2))
    gap = float(levels[1] - levels[0])
    sides = (0.0, np.pi) if is_double else (0.0,)
    strip = Surface("papers", (0.62, 0.62, 0.6), 0.25, wear=0.1)
    one: list[Solid]
    for yaw in sides:
        one = [
            box((0, 0.02, height / 2), (width, 0.03, height), steel),
            box((0, -depth / 2, 0.05), (width, depth, 0.1), BLACK),
        ]
        for level in levels:
            one.append(box((0, -depth / 2, level), (width, depth, 0.025), steel))
            one.append(box((0, -depth, level - 0.005), (width, 0.012, 0.04), strip))
            one.append(place(shelf_goods(rng, width - 0.04, depth, gap - 0.05), (0, -depth / 2, level + 0.013)))
        posts = np.linspace(-width / 2, width / 2, max(round(width / 1.2), 1) + 1)
        one.append(boxes([(x, -0.02, height / 2) for x in posts], (0.04, 0.05, height), steel))
        parts.append(place(join(one), (0, 0, 0), yaw))
    return join(parts)


def fridge_row(rng: np.random.Generator, width: float) -> Solid:
    """Upright fridges with glass doors, lit inside, 2.1 m high; back at y = 0."""
    frame = Surface("metal", choose(rng, [grey(0.15), grey(0.6), grey(0.8)]), gloss=0.1)
    inner = Surface("plain", grey(0.85), emission=0.35, wear=0)
    parts = [
        box((0, -0.03, 1.05), (width, 0.06, 2.1), inner),
        box((0, -0.36, 0.12), (width, 0.72, 0.24), frame),
        box((0, -0.36, 2.05), (width, 0.74, 0.2), frame),
    ]
    for level in np.linspace(0.27, 1.6, 5):
        parts.append(box((0, -0.33, level), (width, 0.6, 0.015), CHROME))
        parts.append(place(shelf_goods(rng, width - 0.06, 0.5, 0.28), (0, -0.35, level + 0.01)))
    doors = np.linspace(-width / 2, width / 2, max(round(width / 0.75), 1) + 1)
    parts.append(boxes([(x, -0.71, 1.1) for x in doors], (0.06, 0.05, 1.75), frame))
    parts += [box((x + 0.1, -0.76, 1.15), (0.025, 0.03, 0.5), CHROME) for x in doors[:-1]]
    parts.append(
        panel(
            (-width / 2 + 0.1, -0.735, 1.98),
            (min(width - 0.2, 1.6), 0, 0),
            (0, 0, 0.14),
            Surface("signs", PICTURE, 0, emission=0.4),
            int(rng.integers(8)),
            (2, 8),
        )
    )
    return join(parts)


def counter(rng: np.random.Generator, width: float = 2.4) -> Solid:
    """A till: a counter with screen, card reader, small goods; customers stand at -y."""
    front = Surface(
        str(rng.choice(["wood", "plain", "metal"])),
        choose(rng, [*WOODS, grey(0.3), (0.5, 0.12, 0.1), (0.15, 0.28, 0.24)]),
        1.2,
        0.08,
    )
    top = Surface("plain", choose(rng, [grey(0.2), grey(0.75), (0.5, 0.38, 0.26)]), gloss=0.15)
    x = width * 0.2
    parts = [
        box((0, 0, 0.5), (width, 0.7, 1.0), front),
        box((0, -0.02, 1.02), (width + 0.06, 0.8, 0.04), top),
        box((0, -0.36, 0.08), (width, 0.02, 0.16), BLACK),
    ]
    parts += [
        box((x, 0.1, 1.22), (0.36, 0.06, 0.3), BLACK),
        box((x, 0.05, 1.08), (0.38, 0.4, 0.1), BLACK),
        box((x - 0.4, -0.2, 1.08), (0.1, 0.18, 0.06), BLACK),
    ]
    parts.append(place(shelf_goods(rng, width * 0.35, 0.25, 0.25), (-width * 0.28, -0.2, 1.04)))
    parts.append(
        panel(
            (-width * 0.4, -0.353, 0.3),
            (width * 0.8, 0, 0),
            (0, 0, 0.5),
            Surface("signs", PICTURE, 0),
            int(rng.integers(8)),
            (2, 8),
        )
    )
    return join(parts)


def crate_stand(rng: np.random.Generator) -> Solid:
    """Fruit and vegetables in sloping crates."""
    wood = Surface("wood", choose(rng, WOODS), 1.0)
    colours: list[Colour] = [
        (0.62, 0.36, 0.10),
        (0.55, 0.14, 0.10),
        (0.66, 0.58, 0.16),
        (0.30, 0.42, 0.16),
        (0.45, 0.36, 0.24),
        (0.30, 0.16, 0.28),
    ]
    parts = [box((0, 0.1, 0.3), (1.5, 0.9, 0.6), wood)]
    for row in range(2):
        for column in range(3):
            x, y, z = (column - 1) * 0.5, -0.18 + row * 0.45, 0.68 + row * 0.16
            fill = Surface("pebbles", choose(rng, colours), 0.6, wear=0.2)
            parts += [
                box((x, y, z), (0.47, 0.42, 0.16), wood),
                blob((x, y, z + 0.05), (0.21, 0.18, 0.11), fill, 10, 0.6),
            ]
    return join(parts)


def bargain_bin(rng: np.random.Generator) -> Solid:
    """A wire bin heaped with packages, with a price sign."""
    count = 26
    points = np.column_stack([rng.uniform(-0.32, 0.32, (count, 2)), rng.uniform(0.6, 0.92, count)])
    heap = boxes(
        points,
        rng.uniform(0.1, 0.2, (count, 3)),
        _GOODS,
        rng.uniform(0, 3, count),
        cells=rng.integers(0, 64, count),
        grid=(8, 8),
    )
    red = Surface("plain", choose(rng, [(0.65, 0.1, 0.08), (0.75, 0.62, 0.1)]))
    return join(
        [
            box((0, 0, 0.35), (0.8, 0.8, 0.7), Surface("metal", grey(0.5))),
            heap,
            upright(0.38, 0.38, (0, 1.5), 0.012, CHROME, 6),
            box((0.38, 0.36, 1.4), (0.3, 0.01, 0.22), red),
        ]
    )


def clothes_rail(rng: np.random.Generator, width: float = 1.3) -> Solid:
    """A rail of clothes on hangers."""
    parts = [
        tube([(-width / 2, 0, 0), (-width / 2, 0, 1.45), (width / 2, 0, 1.45), (width / 2, 0, 0)], 0.016, CHROME, 6)
    ]
    colours: list[Colour] = [
        grey(0.1),
        grey(0.3),
        grey(0.75),
        (0.15, 0.2, 0.35),
        (0.45, 0.12, 0.12),
        (0.55, 0.46, 0.34),
        (0.25, 0.32, 0.22),
        (0.6, 0.5, 0.5),
    ]
    at = -width / 2 + 0.06
    while at < width / 2 - 0.05:
        cloth = Surface("fabric", choose(rng, colours, 0.15), 0.6, wear=0.3)
        drop = rng.uniform(0.6, 0.95)
        parts.append(blob((at, 0, 1.4 - drop / 2), (0.018, 0.21, drop / 2), cloth, 8, 0.4))
        at += rng.uniform(0.04, 0.09)
    return join(parts)


def hanging_sign(rng: np.random.Generator, drop: float = 0.5) -> Solid:
    """A board that hangs from the ceiling at z = 0, seen from both sides."""
    art = Surface("signs", varied(rng, PICTURE, 0.05, 0.0), 0, wear=0.1)
    cell = int(rng.integers(8, 16))
    parts = [
        box((0, 0, -drop), (1.3, 0.03, 0.33), Surface("plain", grey(0.7))),
        *(tube([(x, 0, 0), (x, 0, -drop)], 0.006, CHROME, 4) for x in (-0.5, 0.5) if drop > 0),
    ]
    for sign in (-1, 1):
        right = np.array([-sign * 1.26, 0, 0])
        parts.append(
            panel(np.array([0, sign * 0.018, -drop - 0.15]) - right / 2, right, (0, 0, 0.3), art, cell, (2, 8))
        )
    return join(parts)


def glass_case(rng: np.random.Generator, width: float = 1.6) -> Solid:
    """A chilled counter with a glass front."""
    body = Surface("metal", choose(rng, [grey(0.7), grey(0.25)]), gloss=0.1)
    glass = Surface("displays", PICTURE, 0, gloss=0.5, emission=0.5, wear=0, role=Role.GLASS)
    return join(
        [
            box((0, 0.1, 0.35), (width, 0.8, 0.7), body),
            panel((-width / 2, -0.3, 0.7), (width, 0, 0), (0, 0.25, 0.6), glass, int(rng.integers(8)), (2, 4)),
            box((0, 0.3, 1.0), (width, 0.4, 0.62), body),
        ]
    )
