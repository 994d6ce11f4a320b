"""Doors, windows and small things at walls."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.furniture import BLACK, CHROME
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.place_types import Lamp
from mdpr.reid.synthetic.rooms import RoomStyle
from mdpr.reid.synthetic.shapes import tube
from mdpr.reid.synthetic.solids import Solid, box, boxes, join, panel, place
from mdpr.reid.synthetic.surfaces import PICTURE, Role, Surface, choose, grey, varied


def door(rng: np.random.Generator, style: RoomStyle, is_open: bool = False) -> Solid:
    """A door in a wall, origin at the wall on the floor, looking to -y; an open one shows darkness behind."""
    frame = Surface("plain", tuple(np.array(style.door.colour) * 0.8), wear=0.3)
    leaf = Surface(style.door.texture, style.door.colour, 1.2, 0.05)
    parts = [box((x, -0.02, 1.05), (0.08, 0.1, 2.1), frame) for x in (-0.49, 0.49)] + [
        box((0, -0.02, 2.11), (1.06, 0.1, 0.08), frame)
    ]
    if is_open:
        parts.append(box((0, -0.005, 1.03), (0.9, 0.01, 2.06), Surface("plain", (0.09, 0.09, 0.09), wear=0)))
        parts.append(place(box((0.45, 0, 1.03), (0.9, 0.04, 2.05), leaf), (-0.45, -0.03, 0), -1.35))
        return join(parts)
    parts += [
        box((0, -0.015, 1.03), (0.9, 0.04, 2.05), leaf),
        box((0.36, -0.07, 1.05), (0.13, 0.03, 0.025), CHROME),
        box((0.4, -0.04, 1.02), (0.05, 0.015, 0.2), CHROME),
    ]
    if rng.random() < 0.4:
        parts.append(
            panel(
                (-0.1, -0.037, 1.2),
                (0.3, 0, 0),
                (0, 0, 0.6),
                Surface("rooms", (0.5, 0.52, 0.54), 0, 0.4, role=Role.GLASS),
                int(rng.integers(16)),
                (4, 4),
            )
        )
    if rng.random() < 0.5:
        parts.append(box((0, -0.037, 0.15), (0.84, 0.008, 0.26), CHROME))
    if rng.random() < 0.6:
        parts.append(
            panel(
                (0.62, -0.012, 1.45),
                (0.22, 0, 0),
                (0, 0, 0.12),
                Surface("signs", PICTURE, 0),
                int(rng.integers(8, 16)),
                (2, 8),
            )
        )
    return join(parts)


def double_door(rng: np.random.Generator, style: RoomStyle) -> Solid:
    """A glazed double door, 1.8 m wide."""
    glass = Surface("rooms", (0.55, 0.58, 0.6), 0, 0.5, role=Role.GLASS)
    parts = [
        box((0, -0.02, 2.14), (1.96, 0.12, 0.1), style.door),
        *(box((x, -0.02, 1.05), (0.1, 0.12, 2.1), style.door) for x in (-0.93, 0.93)),
    ]
    for x in (-0.44, 0.44):
        parts += [
            box((x, -0.01, 1.03), (0.86, 0.05, 2.05), style.door),
            panel((x - 0.32, -0.04, 0.35), (0.64, 0, 0), (0, 0, 1.55), glass, int(rng.integers(16)), (4, 4)),
        ]
        parts.append(box((x * 0.35, -0.08, 1.05), (0.03, 0.04, 0.5), CHROME))
    return join(parts)


def daylight_window(
    draft: Draft, at: tuple[float, float], yaw: float, width: float, sill: float, height: float
) -> None:
    """A window to the outside by day: bright, with blinds; it also lights the room. Looks to -y before turning."""
    rng = draft.rng
    bright = Surface(
        "plain", varied(rng, (0.80, 0.88, 0.97), 0.05), emission=rng.uniform(0.7, 1.6), wear=0.5, gloss=0.1
    )
    frame = Surface("plain", grey(0.75), wear=0.2)
    parts = [panel((-width / 2, -0.01, sill), (width, 0, 0), (0, 0, height), bright)]
    if rng.random() < 0.3:  # what stands outside
        outside = Surface("foliage", (0.75, 0.76, 0.78), 1.5, emission=1.4, wear=0.5)
        parts.append(panel((-width / 2, -0.013, sill), (width, 0, 0), (0, 0, height * rng.uniform(0.2, 0.6)), outside))
    panes = max(round(width / 1.1), 1)
    parts.append(
        boxes(
            [(x, -0.02, sill + height / 2) for x in np.linspace(-width / 2, width / 2, panes + 1)],
            (0.07, 0.06, height + 0.07),
            frame,
        )
    )
    parts.append(boxes([(0, -0.02, sill), (0, -0.02, sill + height)], (width, 0.06, 0.07), frame))
    parts.append(box((0, -0.1, sill - 0.05), (width + 0.1, 0.22, 0.04), frame))
    if rng.random() < 0.6:
        down = height * rng.uniform(0.1, 0.75)
        slats = [(0, -0.07, sill + height - z) for z in np.arange(0.03, down, 0.06)]
        parts.append(boxes(slats, (width, 0.03, 0.035), Surface("plain", grey(0.78))))
    draft.add(join(parts), (*at, 0), yaw, blocks=False)
    inward = (float(np.sin(yaw)), float(-np.cos(yaw)), -0.25)
    length = float(np.linalg.norm(inward))
    axis = (inward[0] / length, inward[1] / length, inward[2] / length)
    spot = (at[0] + 0.15 * axis[0], at[1] + 0.15 * axis[1], sill + height / 2)
    draft.lamps.append(Lamp(spot, axis, power=float(rng.uniform(0.7, 1.6) * width * 0.6), colour=(0.86, 1.0, 1.22)))


def wall_clutter(draft: Draft, style: RoomStyle, at: tuple[float, float], yaw: float) -> None:
    """Small things at a wall that looks to -y before turning: switch, poster, camera, clock, pipes, sign."""
    rng = draft.rng
    kind = int(rng.integers(7))
    if kind == 0:
        part = panel(
            (-0.3, -0.012, 1.1),
            (0.6, 0, 0),
            (0, 0, 0.85),
            Surface("posters", PICTURE, 0, wear=0.1),
            int(rng.integers(16)),
            (4, 4),
        )
    elif kind == 1:
        part = join(
            [
                tube([(0, 0, 2.1), (0, -0.04, 2.1)], 0.16, BLACK, 18),
                tube([(0, -0.04, 2.1), (0, -0.045, 2.1)], 0.145, Surface("plain", grey(0.85)), 18),
            ]
        )
    elif kind == 2:
        part = tube([(0, -0.05, 0.1), (0, -0.05, style.height)], 0.03, Surface("plain", grey(0.7)), 8)
    elif kind == 3:
        part = box((0, -0.01, 1.1), (0.09, 0.02, 0.15), Surface("plain", grey(0.82)))
    elif kind == 4:
        part = join(
            [
                box(
                    (0, -0.05, style.height - 0.35),
                    (0.5, 0.1, 0.2),
                    Surface("plain", (0.06, 0.32, 0.16), emission=0.5, wear=0),
                )
            ]
        )
    elif kind == 5:
        part = box(
            (0, -0.06, 1.4), (0.4, 0.12, 0.5), Surface("metal", choose(rng, [grey(0.7), (0.55, 0.1, 0.08), grey(0.5)]))
        )
    else:
        part = box((0, -0.02, style.height - 0.2), (1.5, 0.04, 0.05), Surface("plain", grey(0.75)))
    draft.add(part, (*at, 0), yaw, blocks=False)
