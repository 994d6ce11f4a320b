"""A shop: shelves full of goods in rows and along the walls, fridges, till, crates, signs."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.cabinets import waste_bin
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.rooms import RoomStyle, ceiling_lamps, room, room_style
from mdpr.reid.synthetic.shelving import (
    bargain_bin,
    clothes_rail,
    counter,
    crate_stand,
    fridge_row,
    glass_case,
    hanging_sign,
    shelf_unit,
)
from mdpr.reid.synthetic.solids import Solid, place
from mdpr.reid.synthetic.surfaces import Surface, choose, grey
from mdpr.reid.synthetic.wall_parts import double_door, wall_clutter


def build(seed: int) -> Draft:
    """The shop of this seed; its entrance is in the southern wall."""
    shape = np.random.default_rng([seed, 3])
    length, depth = shape.uniform(12, 18), shape.uniform(9, 13)
    draft = Draft("shop", seed, (-0.5, -0.5, length + 0.5, depth + 0.5), 4.2, True)
    rng = draft.rng
    style = room_style(rng, ("floor_tiles", "planks", "vinyl", "concrete"), (2.9, 3.9))
    room(draft, style, (0, length), (0, depth))
    ceiling_lamps(draft, style, (0, length), (0, depth), shape.uniform(2.2, 3.0))
    steel = Surface("metal", choose(rng, [grey(0.75), grey(0.2), grey(0.5), (0.5, 0.42, 0.32)]), wear=0.3)
    is_clothes = rng.random() < 0.2
    kinds = _kinds(rng, steel, is_clothes)
    _walls(draft, style, kinds, length, depth)
    _aisles(draft, kinds, length, depth, is_clothes)
    _front(draft, style, length)
    for x in np.arange(2.5, length - 2, 3.5):
        if rng.random() < 0.7:
            draft.add(
                hanging_sign(rng, rng.uniform(0.3, 0.6)),
                (x, rng.uniform(0.4, 0.8) * depth, style.height),
                rng.choice([0, np.pi / 2]),
                blocks=False,
            )
    high = style.height - 0.25
    draft.camera((0.9, 0.6, high), (length * 0.55, depth * 0.5, 0.4), 82)
    draft.camera((length - 0.9, 0.6, high), (length * 0.45, depth * 0.5, 0.4), 80)
    draft.camera((length - 0.9, depth - 0.9, high), (length * 0.45, depth * 0.3, 0.2), 80)
    draft.camera((0.9, depth - 0.9, high), (length * 0.5, depth * 0.3, 0.2), 84)
    draft.camera((length / 2, 0.4, high), (length / 2, depth * 0.55, 0.2), 92)
    return draft


def _kinds(rng: np.random.Generator, steel: Surface, is_clothes: bool) -> list[Solid]:
    """Shelves of 2 m that the whole shop is made of: low ones for aisles, then high ones for walls."""
    if is_clothes:
        rails = [place(clothes_rail(rng, 1.7), (0, -0.3, 0)) for _ in range(4)]
        return rails + [shelf_unit(rng, 2.0, 2.0, False, steel) for _ in range(3)]
    height = float(rng.uniform(1.4, 1.9))
    return [shelf_unit(rng, 2.0, height, True, steel) for _ in range(4)] + [
        shelf_unit(rng, 2.0, 2.1, False, steel) for _ in range(3)
    ]


def _walls(draft: Draft, style: RoomStyle, kinds: list[Solid], length: float, depth: float) -> None:
    rng = draft.rng
    for x in np.arange(1.5, length - 1.2, 2.02):  # the back wall
        if rng.random() < 0.35:
            draft.add(fridge_row(rng, 2.0), (x, depth - 0.03, 0))
        else:
            draft.add(kinds[4 + int(rng.integers(3))], (x, depth - 0.03, 0))
        draft.waypoints.append((float(x), depth - 1.2, np.pi / 2))
    for side, yaw in ((0.03, np.pi / 2), (length - 0.03, -np.pi / 2)):
        cold = rng.random() < 0.4
        for y in np.arange(2.6, depth - 1.6, 2.02):
            part = fridge_row(rng, 2.0) if cold else kinds[4 + int(rng.integers(3))]
            draft.add(part, (side, y, 0), yaw)
            draft.waypoints.append((side + (1.3 if side < 1 else -1.3), float(y), np.pi if side < 1 else 0.0))
    for x in np.arange(1.0, length - 1, 2.5):
        wall_clutter(draft, style, (x, 0.001), np.pi)


def _aisles(draft: Draft, kinds: list[Solid], length: float, depth: float, is_clothes: bool) -> None:
    rng = draft.rng
    along_x = rng.random() < 0.5
    pitch = rng.uniform(2.5, 3.1)
    if along_x:
        for y in np.arange(3.6, depth - 2.2, pitch):
            for x in np.arange(2.9, length - 2.6, 2.0):
                _shelf(draft, kinds, x, y, 0.0, is_clothes)
    else:
        for x in np.arange(2.9, length - 2.2, pitch):
            for y in np.arange(4.0, depth - 2.4, 2.0):
                _shelf(draft, kinds, x, y, np.pi / 2, is_clothes)


def _shelf(draft: Draft, kinds: list[Solid], x: float, y: float, yaw: float, is_clothes: bool) -> None:
    rng = draft.rng
    if is_clothes and rng.random() < 0.2:
        return
    draft.add(kinds[int(rng.integers(4))], (x, y, 0), yaw + rng.choice([0, np.pi]))
    if rng.random() < 0.5:
        out = rng.choice([-1, 1]) * np.array([-np.sin(yaw), np.cos(yaw)]) * 1.15
        draft.waypoints.append((float(x + out[0]), float(y + out[1]), float(np.arctan2(-out[1], -out[0]))))


def _front(draft: Draft, style: RoomStyle, length: float) -> None:
    """The entrance, the till, promotions."""
    rng = draft.rng
    way_in = float(rng.uniform(0.25, 0.75) * length)
    draft.add(double_door(rng, style), (way_in, 0.001, 0), np.pi, blocks=False)
    draft.entrances += [(way_in - 0.4, 0.5), (way_in + 0.4, 0.5)]
    till = way_in + (3.0 if way_in < length / 2 else -3.0)
    draft.add(counter(rng, 2.6), (till, 1.4, 0), np.pi + rng.choice([0, 0.0]))
    draft.waypoints += [(till, 2.2, -np.pi / 2), (till + 0.9, 2.3, -np.pi / 2)]
    parts = [bargain_bin, crate_stand, glass_case, bargain_bin, waste_bin, crate_stand]
    for _ in range(int(rng.integers(3, 7))):
        at = (float(rng.uniform(1.2, length - 1.2)), float(rng.uniform(1.4, 2.8)))
        if abs(at[0] - way_in) > 1.4 and not draft.occupied([at], 1.1)[0]:
            draft.add(
                parts[int(rng.integers(len(parts)))](rng),
                (*at, 0),
                rng.choice([0, np.pi / 2, np.pi]) + rng.normal(0, 0.1),
            )
