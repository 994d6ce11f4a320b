"""Rooms: floors, walls with doors and windows, ceilings with lamps, what hangs on walls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mdpr.reid.synthetic.furniture import CHROME
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.place_types import Lamp
from mdpr.reid.synthetic.shapes import tube
from mdpr.reid.synthetic.solids import box, join, panel
from mdpr.reid.synthetic.surfaces import Colour, Role, Surface, choose, grey

_WALL_COLOURS: list[Colour] = [
    (0.84, 0.83, 0.81),
    (0.80, 0.79, 0.77),
    (0.78, 0.77, 0.74),
    (0.74, 0.75, 0.75),
    (0.72, 0.73, 0.74),
    (0.80, 0.77, 0.71),
    (0.68, 0.71, 0.69),
    (0.64, 0.65, 0.66),
    (0.76, 0.72, 0.67),
    (0.82, 0.81, 0.78),
]
_FLOORS: list[tuple[str, float, float, list[Colour]]] = [  # texture, repeat, gloss, colours
    (
        "vinyl",
        3.0,
        0.28,
        [(0.56, 0.56, 0.52), (0.48, 0.50, 0.50), (0.50, 0.46, 0.38), (0.42, 0.48, 0.50), (0.58, 0.54, 0.46)],
    ),
    (
        "floor_tiles",
        2.4,
        0.35,
        [(0.66, 0.64, 0.60), (0.52, 0.51, 0.50), (0.72, 0.68, 0.60), (0.40, 0.40, 0.41), (0.60, 0.50, 0.42)],
    ),
    ("terrazzo", 2.0, 0.4, [(0.62, 0.60, 0.56), (0.50, 0.49, 0.48), (0.66, 0.60, 0.52)]),
    ("planks", 2.0, 0.22, [(0.56, 0.40, 0.26), (0.64, 0.52, 0.38), (0.42, 0.29, 0.19), (0.52, 0.46, 0.40)]),
    (
        "carpet",
        2.0,
        0.0,
        [(0.30, 0.31, 0.33), (0.24, 0.27, 0.33), (0.38, 0.36, 0.33), (0.34, 0.24, 0.22), (0.28, 0.32, 0.30)],
    ),
    ("concrete", 4.0, 0.15, [(0.50, 0.50, 0.49), (0.58, 0.57, 0.55)]),
]


@dataclass(frozen=True)
class RoomStyle:
    """Materials of the rooms of one place."""

    floor: Surface
    wall: Surface
    lower: Surface | None
    ceiling: Surface
    skirting: Surface
    door: Surface
    height: float
    lamp_tint: tuple[float, float, float]


def room_style(
    rng: np.random.Generator, floors: tuple[str, ...], height: tuple[float, float] = (2.6, 3.2)
) -> RoomStyle:
    """A style whose floor is one of the named textures."""
    texture, repeat, gloss, colours = [f for f in _FLOORS if f[0] in floors][int(rng.integers(len(floors)))]
    wall = Surface("plaster", choose(rng, _WALL_COLOURS, 0.04, 0.01), 3.0, wear=0.2, role=Role.SHELL)
    if rng.random() < 0.15:
        wall = Surface(
            str(rng.choice(["blocks", "wall_tiles"])),
            choose(rng, [grey(0.75), (0.7, 0.66, 0.58)]),
            2.0,
            wear=0.4,
            role=Role.SHELL,
        )
    lower = None
    if rng.random() < 0.3:
        kind = str(rng.choice(["wall_tiles", "wood", "plaster"]))
        lower = Surface(
            kind,
            choose(rng, [(0.5, 0.56, 0.54), (0.52, 0.40, 0.28), (0.46, 0.50, 0.56), (0.6, 0.55, 0.45)]),
            1.5,
            0.06,
            wear=0.4,
        )
    panels = rng.random() < 0.6
    return RoomStyle(
        floor=Surface(
            texture, choose(rng, colours, 0.08), repeat, gloss * rng.uniform(0.6, 1.4), wear=0.35, role=Role.GROUND
        ),
        wall=wall,
        lower=lower,
        ceiling=Surface(
            "ceiling" if panels else "plaster", grey(0.80), 2.4 if panels else 3.0, wear=0.2, role=Role.SHELL
        ),
        skirting=Surface("plain", choose(rng, [grey(0.25), grey(0.7), (0.42, 0.30, 0.21), grey(0.15)]), wear=0.3),
        door=Surface(
            str(rng.choice(["wood", "plain"])),
            choose(rng, [(0.55, 0.40, 0.27), (0.66, 0.56, 0.42), grey(0.7), (0.35, 0.42, 0.48), (0.42, 0.28, 0.2)]),
            1.2,
            0.05,
            wear=0.3,
        ),
        height=rng.uniform(*height),
        lamp_tint=(1.0, 1.0, 1.0),
    )


def wall(
    draft: Draft,
    style: RoomStyle,
    start: tuple[float, float],
    end: tuple[float, float],
    z: tuple[float, float] | None = None,
) -> None:
    """A wall from start to end that faces to the left of that direction, with skirting; people stay off it."""
    a, b = np.array([*start, 0.0]), np.array([*end, 0.0])
    low, high = z or (0.0, style.height)
    draft.add(panel(np.add(b, (0, 0, low)), a - b, (0, 0, high - low), style.wall), blocks=False)
    along = (b - a) / np.linalg.norm(b - a)
    inward, yaw, middle, length = (
        np.array([-along[1], along[0], 0]),
        np.arctan2(along[1], along[0]),
        (a + b) / 2,
        float(np.linalg.norm(b - a)),
    )
    if low == 0.0:
        draft.add(box((0, 0, 0.05), (length, 0.03, 0.1), style.skirting), middle + inward * 0.015, yaw, blocks=False)
        if style.lower is not None:
            draft.add(box((0, 0, 0.6), (length, 0.02, 1.2), style.lower), middle + inward * 0.005, yaw, blocks=False)
            draft.add(
                box((0, 0, 1.21), (length, 0.035, 0.05), style.skirting), middle + inward * 0.01, yaw, blocks=False
            )
        ends = np.array([a[:2], b[:2], b[:2] - inward[:2] * 0.3, a[:2] - inward[:2] * 0.3])
        draft.block_outline(ends)


def room(draft: Draft, style: RoomStyle, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Floor, ceiling and four walls of a rectangle; its floor is walkable."""
    width, depth = x[1] - x[0], y[1] - y[0]
    draft.add(panel((x[0], y[0], 0), (width, 0, 0), (0, depth, 0), style.floor), blocks=False)
    draft.add(panel((x[0], y[1], style.height), (width, 0, 0), (0, -depth, 0), style.ceiling), blocks=False)
    corners = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]
    for k in range(4):
        wall(draft, style, corners[k], corners[(k + 1) % 4])
    draft.walk(x[0], y[0], x[1], y[1])


def ceiling_lamps(
    draft: Draft, style: RoomStyle, x: tuple[float, float], y: tuple[float, float], pitch: float = 2.6
) -> None:
    """Panels or tubes under the ceiling in a grid; one or two may be off."""
    rng, z = draft.rng, style.height
    kind = rng.choice(["panel", "tube", "spot"], p=[0.5, 0.35, 0.15])
    columns, rows = max(round((x[1] - x[0]) / pitch), 1), max(round((y[1] - y[0]) / pitch), 1)
    glow = Surface("plain", (0.97, 0.97, 0.97), emission=2.2, wear=0)
    dead = Surface("plain", (0.75, 0.75, 0.73), wear=0)
    for i in range(columns):
        for k in range(rows):
            px, py = x[0] + (i + 0.5) * (x[1] - x[0]) / columns, y[0] + (k + 0.5) * (y[1] - y[0]) / rows
            is_on = rng.random() > 0.06
            light = glow if is_on else dead
            if kind == "panel":
                part = join(
                    [box((0, 0, -0.01), (0.62, 0.62, 0.03), CHROME), box((0, 0, -0.022), (0.56, 0.56, 0.02), light)]
                )
            elif kind == "tube":
                long = (1.2, 0.16) if x[1] - x[0] >= y[1] - y[0] else (0.16, 1.2)
                part = join(
                    [
                        box((0, 0, -0.03), (*long, 0.06), CHROME),
                        box((0, 0, -0.065), (long[0] - 0.04, long[1] - 0.04, 0.02), light),
                    ]
                )
            else:
                part = tube([(0, 0, 0), (0, 0, -0.02)], 0.12, light, 12)
            draft.add(part, (px, py, z), blocks=False)
            if is_on:
                draft.lamps.append(
                    Lamp((px, py, z - 0.08), power=float(rng.uniform(0.85, 1.15)), colour=style.lamp_tint)
                )
