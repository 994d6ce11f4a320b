"""A large hall: lobby, mall or terminal with a polished floor, pillars, seats, plants, a desk, shop fronts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mdpr.reid.synthetic.cabinets import vending_machine, waste_bin
from mdpr.reid.synthetic.furniture import sofa
from mdpr.reid.synthetic.greenery import house_plant, planter
from mdpr.reid.synthetic.house_windows import front_style, shop_front
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.rooms import ceiling_lamps, room, room_style
from mdpr.reid.synthetic.shapes import tube, upright
from mdpr.reid.synthetic.shelving import counter, hanging_sign
from mdpr.reid.synthetic.solids import Solid, box, join, place
from mdpr.reid.synthetic.street_objects import STEEL, light_board
from mdpr.reid.synthetic.street_stalls import cafe_table, chair, kiosk
from mdpr.reid.synthetic.surfaces import Role, Surface, choose, grey
from mdpr.reid.synthetic.wall_parts import daylight_window, double_door, wall_clutter


def build(seed: int) -> Draft:
    """The hall of this seed."""
    shape = np.random.default_rng([seed, 10])
    length, depth = shape.uniform(18, 26), shape.uniform(12, 17)
    draft = Draft("hall", seed, (-0.5, -0.5, length + 0.5, depth + 0.5), 5.5, True)
    rng = draft.rng
    style = room_style(rng, ("floor_tiles", "terrazzo", "concrete"), (3.8, 5.2))
    room(draft, style, (0, length), (0, depth))
    ceiling_lamps(draft, style, (0, length), (0, depth), shape.uniform(2.6, 3.8))
    _sides(draft, style.height, length, depth)
    skin = Surface(
        str(rng.choice(["plaster", "wall_tiles", "concrete_wall", "metal"])),
        choose(rng, [grey(0.7), (0.6, 0.56, 0.5), grey(0.4)]),
        2.0,
        0.1,
    )
    is_round = rng.random() < 0.5
    for x in np.arange(4.5, length - 3, 6.0):
        for y in (depth * 0.3, depth * 0.7):
            part = (
                upright(0, 0, (0, style.height), 0.35, skin, 18)
                if is_round
                else box((0, 0, style.height / 2), (0.6, 0.6, style.height), skin)
            )
            draft.add(part, (x, y, 0))
    _inner_band(draft, style.floor, length, depth)
    _furnish(draft, length, depth)
    for x in np.arange(4, length - 2, 5.0):
        draft.add(
            hanging_sign(rng, 0.7),
            (x, depth / 2 + rng.normal(0, 1), style.height),
            np.pi / 2 * int(rng.integers(2)),
            blocks=False,
        )
    high = min(style.height - 0.3, 4.2)
    draft.camera((0.8, 0.8, high), (length * 0.5, depth * 0.5, 0.3), 74)
    draft.camera((length - 0.8, 0.8, high), (length * 0.5, depth * 0.5, 0.3), 74)
    draft.camera((length - 0.8, depth - 0.8, high), (length * 0.5, depth * 0.4, 0.3), 76)
    draft.camera((length / 2, depth - 0.6, high - 0.4), (length * 0.45, depth * 0.3, 0.2), 84)
    draft.camera((0.8, depth / 2, high - 0.8), (length * 0.5, depth / 2, 0.6), 66)
    return draft


def _sides(draft: Draft, height: float, length: float, depth: float) -> None:
    """Shop fronts, windows and doors along the walls."""
    rng = draft.rng
    style = room_style(rng, ("terrazzo",))
    for x in np.arange(3.0, length - 2, 5.2):
        if rng.random() < 0.65:
            draft.add(shop_front(rng, front_style(rng), 4.8), (x, depth - 0.02, 0))
            draft.entrances.append((float(x), depth - 0.9))
            draft.waypoints.append((float(x + 1), depth - 1.4, np.pi / 2))
        else:
            daylight_window(draft, (float(x), depth - 0.001), 0.0, 4.0, 0.5, min(height - 1.2, 2.8))
    for x in np.arange(2.5, length - 2, 4.5):
        if rng.random() < 0.5:
            draft.add(double_door(rng, style), (x, 0.001, 0), np.pi, blocks=False)
            draft.entrances.append((float(x), 0.7))
        else:
            wall_clutter(draft, style, (float(x), 0.001), np.pi)
            if rng.random() < 0.4:
                draft.add(vending_machine(rng), (float(x), 0.45, 0), np.pi)
                draft.waypoints.append((float(x), 1.6, -np.pi / 2))
    for side, yaw in ((0.001, np.pi / 2), (length - 0.001, -np.pi / 2)):
        draft.add(double_door(rng, style), (side, depth / 2, 0), yaw, blocks=False)
        inward = 0.7 if side < 1 else -0.7
        draft.entrances += [(side + inward, depth / 2 - 0.5), (side + inward, depth / 2 + 0.5)]


def _inner_band(draft: Draft, floor: Surface, length: float, depth: float) -> None:
    """A frame of darker stone in the floor."""
    rng = draft.rng
    if rng.random() < 0.4:
        return
    tint = np.clip(np.array(floor.colour) * rng.choice([0.55, 0.7, 1.25]), 0.05, 0.85)
    stone = Surface(
        floor.texture,
        (float(tint[0]), float(tint[1]), float(tint[2])),
        floor.repeat_m,
        floor.gloss,
        wear=0.3,
        role=Role.GROUND,
    )
    margin, width = 2.2, 0.6
    for x, y, w, d in (
        (length / 2, margin, length - 2 * margin, width), (length / 2, depth - margin, length - 2 * margin, width),
        (margin, depth / 2, width, depth - 2 * margin), (length - margin, depth / 2, width, depth - 2 * margin),
    ):  # fmt: skip
        draft.add(box((x, y, 0.0), (w, d, 0.008), stone), blocks=False)


def _seat_row(rng: np.random.Generator) -> Solid:
    """Waiting room seats on a beam, back to back."""
    colour = choose(rng, [grey(0.15), (0.16, 0.22, 0.34), (0.4, 0.12, 0.12), grey(0.5)])
    count = int(rng.integers(3, 6))
    parts = [
        place(chair(rng, colour), ((k - (count - 1) / 2) * 0.55, side * 0.32, 0), 0.0 if side < 0 else np.pi)
        for k in range(count)
        for side in (-1, 1)
    ]
    return join(parts)


def _barrier(rng: np.random.Generator) -> Solid:
    """Belt posts of a queue."""
    belt = Surface("plain", choose(rng, [(0.4, 0.1, 0.1), (0.12, 0.16, 0.3), grey(0.1)]))
    posts = [
        join([upright(x, 0, (0, 0.95), 0.03, STEEL), tube([(x, 0, 0), (x, 0, 0.03)], 0.16, STEEL, 14)])
        for x in (-1.5, 0, 1.5)
    ]
    return join([*posts, box((0, 0, 0.88), (3.0, 0.01, 0.05), belt)])


def _furnish(draft: Draft, length: float, depth: float) -> None:
    rng = draft.rng
    parts: list[Callable[[np.random.Generator], Solid]] = [
        sofa,
        house_plant,
        planter,
        _seat_row,
        light_board,
        waste_bin,
        kiosk,
        _seat_row,
        house_plant,
        _barrier,
        _seat_row,
    ]
    parts += [lambda r: cafe_table(r, False)] * 2
    placed, tries = 0, 0
    while placed < 14 and tries < 150:
        tries += 1
        at = (float(rng.uniform(1.2, length - 1.2)), float(rng.uniform(1.2, depth - 1.6)))
        if draft.occupied([at], 1.5)[0] or abs(at[1] - depth / 2) < 1.3:
            continue
        yaw = float(rng.choice([0, np.pi / 2, np.pi, -np.pi / 2])) + float(rng.normal(0, 0.05))
        draft.add(parts[int(rng.integers(len(parts)))](rng), (*at, 0), yaw)
        draft.waypoints.append((at[0] + 1.3 * np.sin(yaw), at[1] - 1.3 * np.cos(yaw), yaw + np.pi / 2))
        placed += 1
    desk_x = float(rng.uniform(0.35, 0.65) * length)
    if not draft.occupied([(desk_x, depth * 0.5)], 1.6)[0]:
        draft.add(counter(rng, 3.2), (desk_x, depth * 0.5, 0), float(rng.choice([0, np.pi])))
        draft.waypoints += [(desk_x, depth * 0.5 - 1.1, np.pi / 2), (desk_x + 1, depth * 0.5 + 1.2, -np.pi / 2)]
