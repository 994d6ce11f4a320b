"""A corridor of an office, school or hospital, with a side branch: doors, boards, benches, lamps."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.cabinets import board, extinguisher, locker_row, radiator, vending_machine, waste_bin
from mdpr.reid.synthetic.furniture import sofa
from mdpr.reid.synthetic.greenery import house_plant
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.rooms import RoomStyle, ceiling_lamps, room_style, wall
from mdpr.reid.synthetic.shelving import hanging_sign
from mdpr.reid.synthetic.solids import panel
from mdpr.reid.synthetic.street_objects import bench
from mdpr.reid.synthetic.street_stalls import chair
from mdpr.reid.synthetic.wall_parts import daylight_window, door, double_door, wall_clutter


def build(seed: int) -> Draft:
    """The corridor of this seed: along x, its branch along y from its northern side."""
    shape = np.random.default_rng([seed, 1])
    length, width = shape.uniform(18, 30), shape.uniform(2.4, 3.8)
    branch_x, branch_width, branch_length = (
        shape.uniform(0.35, 0.65) * length,
        shape.uniform(2.2, 3.2),
        shape.uniform(7, 12),
    )
    draft = Draft("corridor", seed, (-0.5, -0.5, length + 0.5, width + branch_length + 0.5), 3.2, True)
    rng = draft.rng
    style = room_style(rng, ("vinyl", "floor_tiles", "terrazzo", "planks", "carpet"), (2.5, 3.0))
    left, right = branch_x - branch_width / 2, branch_x + branch_width / 2
    _shell(draft, style, length, width, left, right, width + branch_length)
    ceiling_lamps(draft, style, (0, length), (0, width), shape.uniform(2.2, 3.4))
    ceiling_lamps(draft, style, (left, right), (width + 0.5, width + branch_length), 2.8)
    _side(draft, style, 0.0, [(1.0, length - 1.0)], 0.0)
    _side(draft, style, width, [(1.0, left - 0.6), (right + 0.6, length - 1.0)], np.pi)
    _ends(draft, style, length, width, branch_x, width + branch_length)
    for x in np.arange(4.0, length - 3, shape.uniform(6, 10)):
        if rng.random() < 0.6:
            draft.add(hanging_sign(rng, 0.3), (x, width / 2, style.height), np.pi / 2, blocks=False)
    high = style.height - 0.15
    draft.camera((0.4, 0.4, high), (7, width / 2, 0.8), 74)
    draft.camera((length - 0.4, width - 0.4, high), (length - 7, width / 2, 0.8), 70)
    draft.camera((branch_x, 0.25, high), (branch_x + 0.2, width + 4, 0.7), 84)
    draft.camera((branch_x, width + branch_length - 0.4, high), (branch_x, width, 0.6), 68)
    draft.camera((length * 0.3, width - 0.3, high), (length * 0.3 + 5, width / 2 - 0.4, 0.6), 88)
    return draft


def _shell(draft: Draft, style: RoomStyle, length: float, width: float, left: float, right: float, end: float) -> None:
    """Floor, ceiling and walls of a T."""
    z = style.height
    for x0, x1, y0, y1 in ((0.0, length, 0.0, width), (left, right, width, end)):
        draft.add(panel((x0, y0, 0), (x1 - x0, 0, 0), (0, y1 - y0, 0), style.floor), blocks=False)
        draft.add(panel((x0, y1, z), (x1 - x0, 0, 0), (0, y0 - y1, 0), style.ceiling), blocks=False)
        draft.walk(x0, y0 - 0.1, x1, y1)
    for start, stop in (
        ((0, 0), (length, 0)),
        ((length, 0), (length, width)),
        ((length, width), (right, width)),
        ((right, width), (right, end)),
        ((right, end), (left, end)),
        ((left, end), (left, width)),
        ((left, width), (0, width)),
        ((0, width), (0, 0)),
    ):
        wall(draft, style, start, stop)


def _side(draft: Draft, style: RoomStyle, y: float, spans: list[tuple[float, float]], yaw: float) -> None:
    """Doors and things along one wall; yaw 0 means that the wall is at the southern side and looks north."""
    rng, inward = draft.rng, 1.0 if yaw == 0.0 else -1.0
    turn = np.pi if yaw == 0.0 else 0.0  # things look to -y before turning
    for low, high in spans:
        x = low + rng.uniform(0.6, 1.6)
        while x < high - 0.6:
            if rng.random() < 0.62:
                is_open = bool(rng.random() < 0.1)
                draft.add(door(rng, style, is_open), (x, y, 0), turn, blocks=False)
                draft.entrances.append((x, y + inward * 0.4))
                x += rng.uniform(1.2, 2.4)
            else:
                x += _thing(draft, style, x, y, inward, turn)
            if rng.random() < 0.5:
                wall_clutter(draft, style, (x - 0.7, y + inward * 0.001), turn)


def _thing(draft: Draft, style: RoomStyle, x: float, y: float, inward: float, turn: float) -> float:
    """Something at the wall; returns how much of it is taken."""
    rng = draft.rng
    kind = rng.random()
    if kind < 0.3:
        draft.add(board(rng, rng.uniform(1.0, 2.2), 1.0), (x + 0.9, y, 1.05), turn, blocks=False)
        draft.waypoints.append((x + 0.9, y + inward * 0.8, -inward * np.pi / 2))
        return 2.4
    if kind < 0.42:
        draft.add(locker_row(rng, 5), (x + 0.9, y + inward * 0.25, 0), turn)
        return 2.3
    if kind < 0.55:
        for k in range(int(rng.integers(1, 4))):
            draft.add(chair(rng), (x + 0.4 + 0.6 * k, y + inward * 0.32, 0), turn)
        draft.waypoints.append((x + 0.6, y + inward * 1.1, inward * np.pi / 2))
        return 2.2
    if kind < 0.65:
        part = [bench, sofa][int(rng.integers(2))](rng, 1.6)
        draft.add(part, (x + 0.9, y + inward * 0.5, 0), turn)
        return 2.2
    if kind < 0.72:
        draft.add(vending_machine(rng), (x + 0.6, y + inward * 0.42, 0), turn)
        draft.waypoints.append((x + 0.6, y + inward * 1.4, -inward * np.pi / 2))
        return 1.4
    if kind < 0.82:
        draft.add(house_plant(rng), (x + 0.3, y + inward * 0.35, 0))
        return 0.9
    if kind < 0.9:
        draft.add(waste_bin(rng), (x + 0.3, y + inward * 0.25, 0), turn)
        draft.add(extinguisher(), (x + 0.8, y, 0), turn, blocks=False)
        return 1.2
    draft.add(radiator(), (x + 0.8, y, 0), turn)
    daylight_window(draft, (x + 0.8, y + inward * 0.001), turn, 1.6, 0.95, 1.3)
    return 2.2


def _ends(draft: Draft, style: RoomStyle, length: float, width: float, branch_x: float, branch_end: float) -> None:
    rng = draft.rng
    for at, yaw, step in (
        ((0.001, width / 2), np.pi / 2, (0.5, 0.0)),
        ((length - 0.001, width / 2), -np.pi / 2, (-0.5, 0.0)),
        ((branch_x, branch_end - 0.001), 0.0, (0.0, -0.5)),
    ):
        draft.entrances.append((at[0] + step[0], at[1] + step[1]))
        if rng.random() < 0.7:
            draft.add(double_door(rng, style), (*at, 0), yaw, blocks=False)
        else:
            daylight_window(draft, at, yaw, 1.8, 0.4, 1.8)
