"""Windows, shop fronts and doors of houses; they stand along x at y = 0 and look to -y."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mdpr.reid.synthetic.solids import Solid, box, boxes, join, panel, place
from mdpr.reid.synthetic.street_objects import DARK
from mdpr.reid.synthetic.street_stalls import awning
from mdpr.reid.synthetic.surfaces import PICTURE, Colour, Role, Surface, choose, grey, varied

_WALLS: list[tuple[str, float, list[Colour]]] = [  # texture, repeat in metres, colours
    (
        "render",
        5.0,
        [
            (0.78, 0.72, 0.60),
            (0.72, 0.62, 0.48),
            (0.70, 0.68, 0.64),
            (0.66, 0.52, 0.42),
            (0.80, 0.78, 0.72),
            (0.60, 0.58, 0.52),
        ],
    ),
    (
        "brick",
        2.0,
        [(0.48, 0.30, 0.24), (0.42, 0.27, 0.21), (0.56, 0.42, 0.32), (0.62, 0.54, 0.42), (0.36, 0.30, 0.28)],
    ),
    ("blocks", 3.0, [(0.66, 0.62, 0.54), (0.58, 0.56, 0.52), (0.70, 0.66, 0.58)]),
    ("concrete_wall", 5.0, [(0.58, 0.57, 0.55), (0.50, 0.50, 0.50)]),
]


_GLASS = Surface("rooms", (0.62, 0.63, 0.66), 0, gloss=0.55, emission=-0.0, wear=0.1, role=Role.GLASS)


@dataclass(frozen=True)
class FrontStyle:
    """What all windows and storeys of one house share."""

    wall: Surface
    base: Surface
    frame: Surface
    window: tuple[float, float]
    pitch: float
    storey: float
    has_shutters: bool
    has_sills: bool
    has_lintels: bool
    has_balconies: bool
    shutter: Surface


def front_style(rng: np.random.Generator) -> FrontStyle:
    """The style of one house."""
    texture, repeat, colours = _WALLS[int(rng.choice(4, p=[0.5, 0.25, 0.12, 0.13]))]
    wall = Surface(texture, choose(rng, colours, 0.08), repeat, wear=0.8)
    is_old = texture in ("render", "blocks", "brick")
    return FrontStyle(
        wall=wall,
        base=Surface(
            str(rng.choice(["blocks", "concrete_wall", "render"])), varied(rng, (0.5, 0.48, 0.45), 0.15), 3.0, wear=0.9
        ),
        frame=Surface("plain", choose(rng, [grey(0.82), grey(0.25), (0.32, 0.22, 0.15), grey(0.6)]), wear=0.3),
        window=(rng.uniform(0.95, 1.25), rng.uniform(1.45, 1.9))
        if is_old
        else (rng.uniform(1.4, 2.4), rng.uniform(1.4, 1.8)),
        pitch=rng.uniform(2.1, 3.0) if is_old else rng.uniform(2.9, 3.4),
        storey=rng.uniform(3.0, 3.6),
        has_shutters=texture == "render" and rng.random() < 0.45,
        has_sills=bool(rng.random() < 0.8),
        has_lintels=is_old and rng.random() < 0.5,
        has_balconies=bool(rng.random() < 0.25),
        shutter=Surface(
            "wood",
            choose(rng, [(0.22, 0.30, 0.24), (0.36, 0.28, 0.22), (0.28, 0.30, 0.34), (0.42, 0.38, 0.32)]),
            0.6,
            wear=0.8,
        ),
    )


def window(rng: np.random.Generator, style: FrontStyle, width: float, height: float) -> Solid:
    """A window on a wall; origin in the middle of its lower edge."""
    lit = -1.6 if rng.random() < 0.3 else 0.0
    glass = Surface(_GLASS.texture, varied(rng, (0.62, 0.62, 0.64), 0.12), 0, 0.55, lit, 0.1, Role.GLASS)
    rim, parts = 0.07, []
    panes = 2 if width > 0.85 else 1
    cell = int(rng.integers(16))
    for k in range(panes):
        span = width / panes
        parts.append(panel((-width / 2 + k * span, -0.02, 0), (span, 0, 0), (0, 0, height), glass, cell, (4, 4)))
    xs = np.linspace(-width / 2, width / 2, panes + 1)
    parts.append(boxes([(x, -0.03, height / 2) for x in xs], (rim, 0.09, height + rim), style.frame))
    parts.append(boxes([(0, -0.03, z) for z in (0, height * 0.68, height)], (width, 0.08, rim), style.frame))
    if style.has_sills:
        parts.append(box((0, -0.09, -0.06), (width + 0.24, 0.22, 0.06), style.base))
    if style.has_lintels:
        parts.append(box((0, -0.06, height + 0.14), (width + 0.34, 0.14, 0.18), style.base))
    else:
        parts.append(box((0, -0.06, height + 0.045), (width + 0.04, 0.13, 0.03), style.wall))  # shade of the reveal
    if style.has_shutters and rng.random() < 0.85:
        if rng.random() < 0.15:
            parts.append(box((0, -0.06, height / 2), (width, 0.06, height), style.shutter))
        else:
            parts += [
                box((s * width * 0.77, -0.04, height / 2), (width * 0.5, 0.05, height), style.shutter) for s in (-1, 1)
            ]
    if rng.random() < 0.06:
        parts.append(box((0, -0.25, -0.35), (0.8, 0.35, 0.5), Surface("metal", grey(0.7))))  # air conditioner
    return join(parts)


def shop_front(rng: np.random.Generator, style: FrontStyle, width: float) -> Solid:
    """Ground floor of a shop: panes, a door, a name board, perhaps an awning; 3.2 m high."""
    frame = Surface(
        "plain",
        choose(rng, [grey(0.15), (0.30, 0.20, 0.14), (0.20, 0.28, 0.24), grey(0.45), (0.34, 0.12, 0.11)]),
        gloss=0.05,
        wear=0.4,
    )
    art = Surface("displays", varied(rng, PICTURE, 0.1, 0.0), 0, gloss=0.5, emission=-1.8, wear=0.1, role=Role.GLASS)
    parts = [box((0, 0.02, 1.6), (width, 0.1, 3.2), frame)]
    door = rng.integers(0, 3)
    spans = max(int(width / 1.6), 2)
    for k in range(spans):
        x, span = -width / 2 + (k + 0.5) * width / spans, width / spans - 0.1
        low = 0.12 if k == door % spans else 0.5
        parts.append(
            panel((x - span / 2, -0.045, low), (span, 0, 0), (0, 0, 2.45 - low), art, int(rng.integers(8)), (2, 4))
        )
        if k == door % spans:
            parts += [
                box((x, -0.05, 1.28), (0.07, 0.06, 2.4), frame),
                box((x + 0.1, -0.1, 1.1), (0.03, 0.06, 0.4), Surface("metal", grey(0.7))),
            ]
    name = Surface("signs", PICTURE, 0, emission=-0.9, wear=0.4)
    if rng.random() < 0.75:
        at = rng.uniform(-0.2, 0.2) * width
        board = min(width * 0.7, 3.4)
        parts.append(box((at, -0.06, 2.8), (board + 0.1, 0.1, 0.56), DARK))
        parts.append(
            panel((at - board / 2, -0.12, 2.57), (board, 0, 0), (0, 0, 0.46), name, int(rng.integers(8)), (2, 8))
        )
    if rng.random() < 0.45:
        parts.append(place(awning(rng, width * 0.95, rng.uniform(0.9, 1.5)), (0, -0.05, 2.62)))
    return join(parts)


def street_door(rng: np.random.Generator) -> Solid:
    """A house door with frame and fanlight."""
    leaf = Surface(
        "wood",
        choose(rng, [(0.30, 0.20, 0.14), (0.18, 0.24, 0.20), (0.35, 0.13, 0.11), grey(0.25), (0.18, 0.22, 0.32)]),
        1.2,
        gloss=0.04,
    )
    frame = Surface("blocks", (0.6, 0.57, 0.52), 2.0)
    glass = Surface("rooms", (0.4, 0.42, 0.45), 0, gloss=0.5, emission=-1.0, role=Role.GLASS)
    return join(
        [
            box((0, 0, 1.05), (1.05, 0.1, 2.1), leaf),
            box((0, -0.055, 0.5), (0.75, 0.02, 0.6), leaf),
            box((0, -0.055, 1.5), (0.75, 0.02, 0.8), leaf),
            panel((-0.5, -0.03, 2.15), (1.0, 0, 0), (0, 0, 0.4), glass, 1, (4, 4)),
            box((0, -0.09, 0.06), (1.5, 0.3, 0.12), frame),
            *(box((x, -0.04, 1.3), (0.16, 0.14, 2.6), frame) for x in (-0.62, 0.62)),
            box((0, -0.05, 2.66), (1.45, 0.16, 0.2), frame),
        ]
    )
