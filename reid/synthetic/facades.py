"""House fronts: walls with windows, shop fronts, doors, cornices. A front stands along x at y = 0 and looks to -y."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.house_windows import FrontStyle, front_style, shop_front, street_door, window
from mdpr.reid.synthetic.shapes import extrude, tube
from mdpr.reid.synthetic.solids import Solid, box, boxes, join, panel, place
from mdpr.reid.synthetic.surfaces import Role, Surface, choose, grey, varied


def front(rng: np.random.Generator, width: float, storeys: int, has_shops: bool = False, depth: float = 8.0) -> Solid:
    """A house of `storeys` floors along x, `depth` metres deep behind y = 0."""
    style = front_style(rng)
    height = style.storey * storeys + 0.6
    parts = [
        box((0, depth / 2, height / 2), (width, depth, height), style.wall),
        box((0, -0.025, 0.35), (width, 0.05, 0.7), style.base),
        box((0, -0.1, height - 0.2), (width + 0.1, 0.35, 0.2), style.base),
        tube(
            [(-width / 2 + 0.15, -0.07, 0), (-width / 2 + 0.15, -0.07, height - 0.2)],
            0.05,
            Surface("metal", grey(0.4)),
            6,
        ),
    ]
    if rng.random() < 0.6:
        roof = Surface("asphalt_roof", choose(rng, [(0.42, 0.24, 0.18), (0.30, 0.28, 0.27), (0.36, 0.30, 0.26)]), 3.0)
        parts.append(
            place(
                extrude([(-0.5, 0), (depth / 2, 2.6), (depth, 0)], width + 0.1, roof),
                (0, 0, height - 0.1),
                np.pi / 2,
                (1, 1, 1),
            )
        )
    first = 1 if has_shops else 0
    if has_shops:
        parts.append(place(shop_front(rng, style, width - 0.5), (0, -0.03, 0)))
    count = max(int((width - 0.6) / style.pitch), 1)
    xs = (np.arange(count) - (count - 1) / 2) * style.pitch
    door = int(rng.integers(count)) if not has_shops else -1
    kinds = [window(rng, style, *style.window) for _ in range(5)]  # a house has few kinds of curtains
    for floor in range(first, storeys):
        for k, x in enumerate(xs):
            z = floor * style.storey + 0.95
            if floor == 0 and k == door:
                parts.append(place(street_door(rng), (x, -0.02, 0)))
                continue
            parts.append(place(kinds[int(rng.integers(5))], (x, 0, z)))
            if style.has_balconies and floor > 0 and (k + floor) % 2 == 0:
                parts.append(_balcony(rng, style, x, floor * style.storey + 0.05))
    return join(parts)


def _balcony(rng: np.random.Generator, style: FrontStyle, x: float, z: float) -> Solid:
    rail = Surface("metal", grey(0.2))
    bars = [(x + b, -0.98, z + 0.5) for b in np.arange(-0.8, 0.85, 0.16)]
    parts = [box((x, -0.5, z), (1.9, 1.0, 0.14), style.base), boxes(bars, (0.02, 0.02, 0.95), rail)]
    parts += [
        box((x, -0.98, z + 0.98), (1.8, 0.04, 0.05), rail),
        *(box((x + s * 0.88, -0.5, z + 0.5), (0.03, 0.95, 0.9), rail) for s in (-1, 1)),
    ]
    return join(parts)


def glass_front(rng: np.random.Generator, width: float, storeys: int, depth: float = 10.0) -> Solid:
    """An office or school building with bands of windows."""
    wall = Surface(
        str(rng.choice(["concrete_wall", "metal", "plain", "brick"])),
        choose(rng, [grey(0.6), (0.55, 0.53, 0.48), (0.42, 0.44, 0.46), (0.5, 0.34, 0.27)]),
        3.0,
    )
    frame = Surface("plain", choose(rng, [grey(0.2), grey(0.7), (0.25, 0.3, 0.33)]), gloss=0.05)
    storey, height = 3.4, 3.4 * storeys + 0.5
    parts = [box((0, depth / 2, height / 2), (width, depth, height), wall)]
    pitch = rng.uniform(1.3, 1.9)
    count = max(int((width - 0.6) / pitch), 1)
    for floor in range(storeys):
        low = 0.12 if floor == 0 and rng.random() < 0.4 else 0.9
        tall = 2.75 - low
        for k in range(count):
            x = (k - count / 2) * pitch
            glass = Surface(
                "rooms",
                varied(rng, (0.58, 0.60, 0.63), 0.1),
                0,
                0.65,
                -1.6 if rng.random() < 0.25 else 0.0,
                0.1,
                Role.GLASS,
            )
            parts.append(
                panel(
                    (x, -0.02, floor * storey + low), (pitch, 0, 0), (0, 0, tall), glass, int(rng.integers(16)), (4, 4)
                )
            )
        z = floor * storey
        parts.append(
            boxes(
                [((k - count / 2) * pitch, -0.05, z + low + tall / 2) for k in range(count + 1)],
                (0.06, 0.1, tall),
                frame,
            )
        )
        parts.append(
            boxes([(0, -0.05, z + low), (0, -0.05, z + low + tall)], (count * pitch + 0.06, 0.12, 0.07), frame)
        )
    return join([*parts, box((0, -0.05, height - 0.15), (width, 0.2, 0.3), frame)])
