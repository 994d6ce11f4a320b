"""A railway platform, under ground or in the open: edge, tracks, pillars, benches, signs, perhaps a train."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.cabinets import vending_machine, waste_bin
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.place_outdoors import line, surroundings
from mdpr.reid.synthetic.place_types import Lamp
from mdpr.reid.synthetic.rooms import ceiling_lamps, room_style
from mdpr.reid.synthetic.shapes import tube, upright
from mdpr.reid.synthetic.shelving import hanging_sign
from mdpr.reid.synthetic.solids import box, boxes, join, panel, place
from mdpr.reid.synthetic.street_objects import STEEL, bench, light_board, litter_bin
from mdpr.reid.synthetic.surfaces import PICTURE, Role, Surface, choose, grey, varied
from mdpr.reid.synthetic.vehicles import train_car

_HALF = 24.0
_BED_Z = -1.05


def build(seed: int) -> Draft:
    """The platform of this seed: along x, tracks on one or both sides."""
    shape = np.random.default_rng([seed, 4])
    is_indoor = bool(shape.random() < 0.6)
    half = shape.uniform(3.0, 4.5)
    height = shape.uniform(3.4, 4.6)
    draft = Draft("station", seed, (-_HALF, -half - 5.5, _HALF, half + 5.5), height + 1.2, is_indoor)
    rng = draft.rng
    has_wall = shape.random() < 0.5  # a wall instead of the second track
    floor = _floor(draft, half)
    _tracks(draft, -1, half)
    if has_wall:
        _back_wall(draft, half, height)
    else:
        _tracks(draft, 1, half)
    draft.walk(-_HALF + 0.3, -half + 0.75, _HALF - 0.3, half - (0.2 if has_wall else 0.75))
    if is_indoor:
        _tunnel(draft, half, height, has_wall)
    else:
        surroundings(draft)
        _canopy(draft, half, height)
    _furnish(draft, half, height, has_wall, floor)
    if shape.random() < 0.55:
        first = float(rng.uniform(-10, 4))
        for k in range(3):
            draft.add(train_car(rng, 17.0), (first + k * 17.6 - 10, -half - 1.55, _BED_Z + 0.0), 0.0, blocks=False)
    for x in (-_HALF + 1, _HALF - 1):
        draft.entrances += [(x, -half * 0.3), (x, half * 0.3), (x, 0)]
    for x in np.arange(-15, 16, 6.0):  # doors of trains, stairs
        draft.entrances.append((float(x), -half + 1.0))
    high = height - 0.5
    draft.camera((-14, half - 0.6, high), (-4, -0.5, 0.5), 66)
    draft.camera((14, half - 0.6, high), (4, -0.5, 0.5), 70)
    draft.camera((-2, -half + 1.0, high), (7, 0.3, 0.4), 72)
    draft.camera((20, 0.2, high), (9, 0, 0.7), 58)
    draft.camera((2, half - 0.5, high), (0, -half, 0.2), 88)
    return draft


def _floor(draft: Draft, half: float) -> Surface:
    rng = draft.rng
    texture, repeat = [("slabs", 4.8), ("floor_tiles", 2.4), ("concrete", 4.0), ("terrazzo", 2.0), ("asphalt", 4.0)][
        int(rng.integers(5))
    ]
    colour = choose(
        rng, [(0.52, 0.51, 0.50), (0.44, 0.44, 0.44), (0.58, 0.56, 0.52)] if texture != "asphalt" else [grey(0.33)]
    )
    gloss = 0.2 if texture in ("floor_tiles", "terrazzo") else 0.02
    floor = Surface(texture, colour, repeat, gloss, wear=0.5, role=Role.GROUND)
    draft.add(panel((-_HALF - 20, -half, 0), (2 * _HALF + 40, 0, 0), (0, 2 * half, 0), floor), blocks=False)
    return floor


def _tracks(draft: Draft, side: int, half: float) -> None:
    """Edge, markings and a track bed on the side -1 or 1."""
    rng, edge = draft.rng, side * half
    long = 2 * _HALF + 40
    stone = Surface("concrete", varied(rng, grey(0.6), 0.06), 3.0)
    studs = Surface("rubber", choose(rng, [(0.72, 0.60, 0.20), (0.78, 0.77, 0.72)]), 0.6, wear=0.6, role=Role.GROUND)
    gravel = Surface("gravel", varied(rng, (0.34, 0.31, 0.28), 0.1), 2.0, wear=0.7)
    rust = Surface("metal", (0.36, 0.26, 0.20), gloss=0.08)
    draft.add(box((0, edge - side * 0.15, -0.06), (long, 0.32, 0.124), stone), blocks=False)
    draft.add(box((0, edge, -0.55), (long, 0.06, 1.0), Surface("concrete_wall", grey(0.38), 4.0)), blocks=False)
    draft.add(box((0, edge - side * 0.7, 0.0), (long, 0.4, 0.012), studs), blocks=False)
    line(draft, (-long / 2, edge - side * 0.38), (long / 2, edge - side * 0.38), 0.1, 0.8, 0.006)
    low, high = sorted((edge, edge + side * 5.0))
    draft.add(panel((-long / 2, low, _BED_Z), (long, 0, 0), (0, high - low, 0), gravel), blocks=False)
    middle = edge + side * 1.6
    draft.add(
        boxes(
            [(x, middle, _BED_Z + 0.05) for x in np.arange(-_HALF - 8, _HALF + 8, 0.65)],
            (0.25, 2.5, 0.16),
            Surface("wood", (0.33, 0.28, 0.24), 1.2),
        ),
        blocks=False,
    )
    for rail in (-0.72, 0.72):
        draft.add(box((0, middle + rail, _BED_Z + 0.2), (long, 0.07, 0.15), rust), blocks=False)
        draft.add(box((0, middle + rail, _BED_Z + 0.28), (long, 0.05, 0.01), STEEL), blocks=False)


def _back_wall(draft: Draft, half: float, height: float) -> None:
    rng = draft.rng
    wall = Surface(
        str(rng.choice(["wall_tiles", "brick", "concrete_wall", "plaster"])),
        choose(rng, [(0.72, 0.70, 0.64), (0.55, 0.58, 0.58), (0.6, 0.5, 0.4), grey(0.66)]),
        2.0,
        0.06,
        wear=0.4,
    )
    draft.add(box((0, half + 0.15, height / 2), (2 * _HALF + 40, 0.3, height), wall))
    stripe = Surface("plain", choose(rng, [(0.45, 0.12, 0.12), (0.14, 0.24, 0.42), (0.16, 0.32, 0.24)]), gloss=0.05)
    draft.add(box((0, half - 0.01, 2.5), (2 * _HALF + 40, 0.02, 0.3), stripe), blocks=False)
    for x in np.arange(-_HALF + 2, _HALF, 4.2):
        if rng.random() < 0.6:
            frame = box((0, 0, 1.5), (2.1, 0.06, 1.5), STEEL)
            art = panel(
                (-1.0, -0.035, 0.8),
                (2.0, 0, 0),
                (0, 0, 1.4),
                Surface("posters", PICTURE, 0, gloss=0.15, emission=0.1, wear=0.1),
                int(rng.integers(16)),
                (4, 4),
            )
            draft.add(join([frame, art]), (x, half - 0.03, 0), blocks=False)


def _tunnel(draft: Draft, half: float, height: float, has_wall: bool) -> None:
    """Ceiling, outer walls, lamps over the platform."""
    rng = draft.rng
    style = room_style(rng, ("concrete",), (height, height))
    dark = Surface("concrete_wall", varied(rng, grey(0.36), 0.15), 5.0, wear=0.7, role=Role.SHELL)
    long = 2 * _HALF + 40
    draft.add(panel((-long / 2, half + 5, height), (long, 0, 0), (0, -2 * half - 10, 0), style.ceiling), blocks=False)
    sides = (-1,) if has_wall else (-1, 1)
    for side in sides:
        y = side * (half + 4.2)
        draft.add(
            panel((long / 2 * side, y, _BED_Z), (-side * long, 0, 0), (0, 0, height - _BED_Z), dark), blocks=False
        )
        for x in np.arange(-_HALF, _HALF, 5.0):
            if rng.random() < 0.6:
                art = Surface("posters", PICTURE, 0, emission=0.1, wear=0.2)
                part = panel((-1.3, -0.02, 0.4), (2.6, 0, 0), (0, 0, 1.8), art, int(rng.integers(16)), (4, 4))
                draft.add(part, (x, y, 0), 0.0 if side > 0 else np.pi, blocks=False)
    for end in (-1, 1):
        draft.add(
            panel(
                (end * (_HALF + 18), end * (half + 5), _BED_Z),
                (0, -end * (2 * half + 10), 0),
                (0, 0, height + 1.1),
                dark,
            ),
            blocks=False,
        )
    ceiling_lamps(draft, style, (-_HALF, _HALF), (-half + 0.6, half - 0.6), 3.6)
    pipe = Surface("metal", grey(0.45), gloss=0.1)
    for y in (-half + 0.3, half - 0.4):
        draft.add(tube([(-long / 2, y, height - 0.2), (long / 2, y, height - 0.2)], 0.09, pipe, 8), blocks=False)


def _canopy(draft: Draft, half: float, height: float) -> None:
    """A roof on the pillars, with lamps that shine in the evening."""
    rng = draft.rng
    roof = Surface("corrugated", choose(rng, [grey(0.5), (0.35, 0.4, 0.42), (0.5, 0.45, 0.4)]), 1.6)
    draft.add(box((0, 0, height), (26, 2 * half - 0.4, 0.15), roof), blocks=False)
    draft.add(
        boxes([(x, 0, height - 0.2) for x in np.arange(-12, 13, 4.0)], (0.15, 2 * half - 0.6, 0.25), STEEL),
        blocks=False,
    )
    glow = Surface("plain", grey(0.95), emission=-5.0, wear=0)
    for x in np.arange(-20, 21, 5.0):
        draft.add(box((0, 0, height - 0.36), (1.2, 0.14, 0.06), glow), (x, 0, 0), blocks=False)
        draft.lamps.append(Lamp((float(x), 0.0, height - 0.45), power=float(rng.uniform(0.8, 1.2))))


def _furnish(draft: Draft, half: float, height: float, has_wall: bool, floor: Surface) -> None:
    rng = draft.rng
    round_pillar = rng.random() < 0.5
    skin = Surface(
        str(rng.choice(["wall_tiles", "concrete_wall", "plaster", "metal"])),
        choose(rng, [(0.7, 0.68, 0.62), grey(0.5), (0.4, 0.46, 0.5)]),
        2.0,
        0.08,
    )
    pillar_y = 0.0 if not has_wall else half - 1.6
    for k, x in enumerate(np.arange(-20, 21, 5.0)):
        if round_pillar:
            draft.add(upright(0, 0, (0, height), 0.28, skin, 16), (x, pillar_y, 0))
        else:
            draft.add(box((0, 0, height / 2), (0.5, 0.5, height), skin), (x, pillar_y, 0))
        if k % 2 == 0:
            draft.add(
                place(hanging_sign(rng, 0.0), (0, 0, 0)),
                (x + 2.5, pillar_y, height - 0.7),
                np.pi / 2 * int(rng.integers(2)),
                blocks=False,
            )
    parts = [bench, bench, litter_bin, vending_machine, light_board, waste_bin]
    for x in np.arange(-18, 19, 3.1):
        at = (float(x + rng.normal(0, 0.4)), pillar_y + float(rng.choice([-0.1, 0.1])))
        if rng.random() < 0.62 and not draft.occupied([at], 0.9)[0]:
            part = parts[int(rng.integers(len(parts)))]
            draft.add(part(rng), (*at, 0), rng.choice([0.0, np.pi]))
        draft.waypoints.append((at[0] + 1.4, -half + 1.5 + float(rng.uniform(0, 0.8)), -np.pi / 2))
        if not has_wall:
            draft.waypoints.append((at[0], half - 1.7, np.pi / 2))
    grate = Surface("rubber", (0.25, 0.25, 0.25), 0.6, role=Role.GROUND)
    for _ in range(3):
        draft.add(
            box((0, 0, 0.002), (0.6, 0.6, 0.004), grate),
            (float(rng.uniform(-18, 18)), float(rng.uniform(-half + 1.4, half - 1.4)), 0),
            blocks=False,
        )
