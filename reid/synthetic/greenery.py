"""Trees, bushes, hedges, potted plants; origin on the ground in the middle."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.shapes import blob, leaves, tube
from mdpr.reid.synthetic.solids import Solid, box, join, place
from mdpr.reid.synthetic.surfaces import Colour, Role, Surface, choose, grey

_LEAF: list[Colour] = [
    (0.23, 0.31, 0.13),
    (0.28, 0.34, 0.16),
    (0.19, 0.27, 0.13),
    (0.33, 0.36, 0.17),
    (0.25, 0.32, 0.18),
]
_AUTUMN: list[Colour] = [(0.45, 0.33, 0.13), (0.42, 0.25, 0.12)]


def _foliage(colour: Colour) -> Surface:
    return Surface("leaf", colour, 0, wear=0.6, role=Role.CUTOUT)


def _crown(
    rng: np.random.Generator, lobes: np.ndarray, radii: np.ndarray, tufts: int, size: float, colour: Colour
) -> Solid:
    """Tufts spread near the outside of overlapping balls: lobes (K, 3), radii (K,)."""
    share = radii**2 / (radii**2).sum()
    which = rng.choice(len(lobes), tufts, p=share)
    direction = rng.normal(size=(tufts, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    reach = radii[which] * rng.uniform(0.35, 1.0, tufts) ** 0.5
    centres = lobes[which] + direction * reach[:, None] * [1, 1, 0.8]
    middle = (lobes * share[:, None]).sum(0) - [0, 0, 0.3 * radii.mean()]
    shade = np.array(colour) * rng.normal(1, 0.13, (tufts, 1)) * (1 + rng.normal(0, 0.03, (tufts, 3)))
    return leaves(
        centres, size * rng.uniform(0.7, 1.3, tufts), middle, _foliage(colour), rng, 4, np.clip(shade, 0.02, 0.8)
    )


def tree(rng: np.random.Generator, height: float = 7.0, tufts: int = 900) -> Solid:
    """A broad-leaved tree, sometimes in autumn colours."""
    bark = Surface("bark", choose(rng, [(0.34, 0.30, 0.25), (0.42, 0.39, 0.34), (0.28, 0.24, 0.20)]), 1.0)
    colour = choose(rng, _AUTUMN if rng.random() < 0.12 else _LEAF, 0.15)
    fork, radius = height * rng.uniform(0.28, 0.4), 0.022 * height * rng.uniform(0.8, 1.2)
    lean = rng.normal(0, 0.02 * height, 2)
    parts = [
        tube(
            [(0, 0, -0.1), (0, 0, 0.15), (*lean * 0.4, fork * 0.6), (*lean, fork)],
            [radius * 1.35, radius * 1.1, radius * 0.95, radius * 0.8],
            bark,
            9,
        )
    ]
    lobes, radii = [], []
    for k in range(int(rng.integers(5, 9))):
        angle, up = k * 2.4 + rng.normal(0, 0.4), rng.uniform(0.3, 1.0)
        spread = height * 0.27 * rng.uniform(0.5, 1.1) * np.sqrt(max(1.15 - up, 0.1))
        tip = np.array(
            [
                lean[0] + spread * np.cos(angle),
                lean[1] + spread * np.sin(angle),
                fork + (height - fork) * (0.2 + 0.62 * up),
            ]
        )
        parts.append(
            tube(
                [(*lean, fork * 0.95), np.add(tip, (*lean, fork)) / 2 + [0, 0, 0.2], tip],
                [radius * 0.5, radius * 0.3, radius * 0.12],
                bark,
                5,
            )
        )
        lobes.append(tip)
        radii.append(height * rng.uniform(0.13, 0.2))
    parts.append(_crown(rng, np.array(lobes), np.array(radii), tufts, 0.085 * height, colour))
    return join(parts)


def far_tree(rng: np.random.Generator, height: float = 9.0) -> Solid:
    """A tree of few parts for the background."""
    colour = choose(rng, _LEAF, 0.15)
    lobes = np.array(
        [
            [rng.normal(0, 0.12) * height, rng.normal(0, 0.12) * height, height * rng.uniform(0.45, 0.8)]
            for _ in range(5)
        ]
    )
    crown = _crown(rng, lobes, np.full(5, height * 0.2), 200, 0.16 * height, colour)
    return join(
        [tube([(0, 0, 0), (0, 0, height * 0.5)], 0.025 * height, Surface("bark", (0.3, 0.27, 0.22), 1.0), 6), crown]
    )


def bush(rng: np.random.Generator, radius: float = 0.6, tufts: int = 160) -> Solid:
    """A round shrub."""
    lobes = np.column_stack([rng.normal(0, 0.35 * radius, (4, 2)), rng.uniform(0.4, 0.9, 4) * radius])
    return _crown(rng, lobes, np.full(4, radius * 0.6), tufts, radius * 0.4, choose(rng, _LEAF, 0.2))


def hedge(rng: np.random.Generator, length: float, height: float = 1.1, depth: float = 0.7) -> Solid:
    """A clipped hedge along x."""
    count = int(length * height * 60)
    core = box(
        (0, 0, height / 2 - 0.04), (length - 0.1, depth - 0.12, height - 0.08), Surface("foliage", (0.5, 0.5, 0.5), 2.0)
    )
    face = rng.integers(0, 3, count)
    points = rng.uniform(-0.5, 0.5, (count, 3)) * [length, depth, height] + [0, 0, height / 2]
    points[face == 0, 1] = -depth / 2
    points[face == 1, 1] = depth / 2
    points[face == 2, 2] = height
    colour = choose(rng, _LEAF, 0.15)
    shade = np.clip(np.array(colour) * rng.normal(1, 0.15, (count, 1)), 0.02, 0.8)
    return join([core, leaves(points, 0.22, (0, 0, 0), _foliage(colour), rng, 4, shade)])


def planter(rng: np.random.Generator) -> Solid:
    """A stone or steel tub with a shrub."""
    size, height = rng.uniform(0.6, 1.3), rng.uniform(0.4, 0.7)
    tub = Surface(
        str(rng.choice(["concrete", "metal", "wood"])), choose(rng, [grey(0.5), grey(0.3), (0.42, 0.33, 0.26)]), 1.5
    )
    walls = [
        box((0, 0, height / 2), (size, size, height), tub),
        box((0, 0, height - 0.02), (size * 0.9, size * 0.9, 0.05), Surface("gravel", (0.25, 0.2, 0.16), 1)),
    ]
    return join([*walls, place(bush(rng, size * rng.uniform(0.4, 0.6), 130), (0, 0, height - 0.1))])


def house_plant(rng: np.random.Generator) -> Solid:
    """A pot plant of offices and halls, 0.8 to 1.7 m."""
    height = rng.uniform(0.5, 1.3)
    pot = blob(
        (0, 0, 0.17),
        (0.19, 0.19, 0.19),
        Surface("plain", choose(rng, [grey(0.75), grey(0.2), (0.5, 0.3, 0.22)])),
        12,
        0.6,
    )
    stems = []
    for _ in range(5):
        tip = np.array([*rng.normal(0, 0.12, 2), 0.3 + height * rng.uniform(0.7, 1)])
        stems.append(tube([(0, 0, 0.3), tip], 0.012, Surface("bark", (0.3, 0.27, 0.15), 1), 4))
    lobes = np.column_stack([rng.normal(0, 0.12, (6, 2)), 0.35 + height * rng.uniform(0.35, 1, 6)])
    return join([pot, *stems, _crown(rng, lobes, np.full(6, 0.2), 90, 0.22, choose(rng, _LEAF, 0.15))])
