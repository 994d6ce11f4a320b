"""An office, laboratory or class room: desks, chairs, screens, cupboards, boards, windows."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.cabinets import board, bookcase, cupboard, radiator, trolley, waste_bin, whiteboard_stand
from mdpr.reid.synthetic.furniture import CHAIR_COLOURS, WOODS, desk, office_chair, sofa, table
from mdpr.reid.synthetic.greenery import house_plant
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.rooms import ceiling_lamps, room, room_style
from mdpr.reid.synthetic.solids import box
from mdpr.reid.synthetic.street_stalls import chair
from mdpr.reid.synthetic.surfaces import Colour, Role, Surface, choose, varied
from mdpr.reid.synthetic.wall_parts import daylight_window, door, wall_clutter


def build(seed: int) -> Draft:
    """The room of this seed."""
    shape = np.random.default_rng([seed, 2])
    length, depth = shape.uniform(9, 14), shape.uniform(7, 11)
    draft = Draft("office", seed, (-0.5, -0.5, length + 0.5, depth + 0.5), 3.4, True)
    rng = draft.rng
    style = room_style(rng, ("vinyl", "carpet", "planks", "concrete", "terrazzo"), (2.7, 3.3))
    room(draft, style, (0, length), (0, depth))
    ceiling_lamps(draft, style, (0, length), (0, depth), shape.uniform(2.2, 3.2))
    if rng.random() < 0.7:
        for x in np.arange(1.4, length - 1, 2.4):
            daylight_window(draft, (x, depth - 0.001), 0.0, 2.0, 0.95, 1.4)
            draft.add(radiator(1.4), (x, depth, 0))
    _doors(draft, length)
    layout = rng.random()
    if layout < 0.45:
        _along_walls(draft, length, depth)
        if rng.random() < 0.5:
            _island(draft, length / 2, depth / 2 + 0.4)
    elif layout < 0.8:
        _islands(draft, length, depth)
    else:
        _class_room(draft, length, depth)
    _extras(draft, length, depth)
    high = style.height - 0.2
    for (x, y), (tx, ty) in (
        ((0.3, 0.3), (0.62, 0.62)),
        ((0.97, 0.03), (0.4, 0.6)),
        ((0.97, 0.97), (0.4, 0.35)),
        ((0.03, 0.97), (0.6, 0.35)),
    ):
        eye = (np.clip(x * length, 0.3, length - 0.3), np.clip(y * depth, 0.3, depth - 0.3), high)
        draft.camera(eye, (tx * length, ty * depth, 0.5), float(shape.uniform(70, 90)))
    draft.camera((length / 2, 0.3, high), (length / 2, depth * 0.6, 0.4), 88)
    return draft


def _doors(draft: Draft, length: float) -> None:
    rng = draft.rng
    style = room_style(rng, ("vinyl",))
    for x in [1.2, length - 1.2] if rng.random() < 0.6 else [length * 0.5]:
        draft.add(door(rng, style, bool(rng.random() < 0.3)), (x, 0.001, 0), np.pi, blocks=False)
        draft.entrances.append((x, 0.5))
        draft.waypoints.append((x + 0.9, 0.9, np.pi / 2))
    draft.entrances.append((0.5, 1.6))
    for x in np.arange(2.4, length - 2, 1.9):
        if rng.random() < 0.6:
            wall_clutter(draft, style, (x, 0.001), np.pi)


def _colours(draft: Draft) -> tuple[Colour, Colour]:
    """Desks and chairs of one room match."""
    rng = np.random.default_rng([draft.seed, 21])
    return choose(rng, WOODS, 0.05), choose(rng, CHAIR_COLOURS, 0.1)


def _workplace(draft: Draft, x: float, y: float, yaw: float, width: float) -> None:
    """A desk whose user sits towards its -y side, turned by yaw."""
    rng = draft.rng
    wood, cloth = _colours(draft)
    draft.add(desk(rng, width, wood), (x, y, 0), yaw)
    back = np.array([np.sin(yaw), -np.cos(yaw)])
    seat = np.array([x, y]) + back * rng.uniform(0.6, 0.85) + rng.normal(0, 0.08, 2)
    if rng.random() < 0.9:
        draft.add(office_chair(rng, varied(rng, cloth, 0.08)), (*seat, 0), yaw + np.pi + rng.normal(0, 0.6))
    stand = np.array([x, y]) + back * 1.35
    draft.waypoints.append((float(stand[0]), float(stand[1]), float(yaw + np.pi / 2)))


def _along_walls(draft: Draft, length: float, depth: float) -> None:
    for x in np.arange(1.1, length - 0.9, 1.65):
        _workplace(draft, x, depth - 0.55, 0.0, 1.6)
    for y in np.arange(2.2, depth - 1.6, 1.65):
        _workplace(draft, 0.5, y, np.pi / 2, 1.6)
        if draft.rng.random() < 0.6:
            _workplace(draft, length - 0.5, y, -np.pi / 2, 1.6)


def _island(draft: Draft, x: float, y: float) -> None:
    for k in (-0.82, 0.82):
        _workplace(draft, x + k, y - 0.39, 0.0, 1.6)
        _workplace(draft, x + k, y + 0.39, np.pi, 1.6)
    if draft.rng.random() < 0.6:
        screen = Surface("fabric", (0.35, 0.38, 0.42), 0.8)
        draft.add(box((0, 0, 0.95), (3.2, 0.04, 0.5), screen), (x, y, 0))


def _islands(draft: Draft, length: float, depth: float) -> None:
    columns = max(int((length - 2.2) / 4.4), 1)
    for k in range(columns):
        x = 1.2 + (k + 0.5) * (length - 2.0) / columns
        for y in np.arange(2.7, depth - 1.6, 3.4):
            _island(draft, x, y)


def _class_room(draft: Draft, length: float, depth: float) -> None:
    rng = draft.rng
    wood, cloth = _colours(draft)
    for x in np.arange(1.8, length - 2.5, 1.9):
        for y in np.arange(1.9, depth - 1.2, 1.7):
            draft.add(table(rng, 1.3, 0.6, wood), (x, y, 0), -np.pi / 2 + rng.normal(0, 0.03))
            for k in (-0.32, 0.32):
                if rng.random() < 0.85:
                    draft.add(chair(rng, cloth), (x - 0.55, y + k, 0), np.pi / 2 + rng.normal(0, 0.2))
    draft.add(board(rng, 3.4, 1.2), (length - 0.001, depth / 2, 0.9), -np.pi / 2, blocks=False)
    draft.add(desk(rng, 1.6), (length - 1.6, depth * 0.7, 0), np.pi / 2)
    draft.waypoints += [(length - 0.9, depth / 2, np.pi), (length - 1.2, depth * 0.4, np.pi)]


def _extras(draft: Draft, length: float, depth: float) -> None:
    rng = draft.rng
    walls = [(x, 0.24, np.pi) for x in np.arange(2.3, length - 2.2, 1.15)] + [
        (length - 0.24, y, -np.pi / 2) for y in np.arange(1.2, depth - 1, 1.15)
    ]
    for x, y, yaw in walls:
        if rng.random() < 0.45 and not draft.occupied([(x, y)], 0.6)[0]:
            draft.add([cupboard, bookcase, cupboard][int(rng.integers(3))](rng), (x, y, 0), yaw)
    for part in (trolley, waste_bin, house_plant, whiteboard_stand, sofa, waste_bin, trolley):
        for _ in range(12):
            at = (float(rng.uniform(0.6, length - 0.6)), float(rng.uniform(0.6, depth - 0.6)))
            near_wall = min(at[0], at[1], length - at[0], depth - at[1]) < 1.1
            if near_wall and not draft.occupied([at], 0.75)[0] and rng.random() < 0.6:
                draft.add(part(rng), (*at, 0), rng.uniform(0, 6.3))
                break
    if rng.random() < 0.6:
        draft.add(board(rng), (0.001, depth * 0.25, 1.0), np.pi / 2, blocks=False)
    shade = Surface("plain", (0.2, 0.2, 0.2), role=Role.GROUND)
    draft.add(box((0, 0, 0.004), (0.9, 0.6, 0.008), shade), (1.2, 0.6, 0), blocks=False)
