"""A corridor of an office, school or hospital, with a side branch: doors, boards, benches, lamps."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.corridor_walls import Wall, end_wall, furnish
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.rooms import RoomStyle, ceiling_lamps, room_style, wall
from mdpr.reid.synthetic.shelving import hanging_sign
from mdpr.reid.synthetic.solids import panel


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
    south, north = Wall((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)), Wall((0.0, width), (1.0, 0.0), (0.0, -1.0))
    furnish(draft, style, south, (1.0, length - 1.0))
    for span in ((1.0, left - 0.6), (right + 0.6, length - 1.0)):
        furnish(draft, style, north, span)
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


def _ends(draft: Draft, style: RoomStyle, length: float, width: float, branch_x: float, branch_end: float) -> None:
    for end in (
        Wall((0.0, width / 2), (0.0, 1.0), (1.0, 0.0)),
        Wall((length, width / 2), (0.0, 1.0), (-1.0, 0.0)),
        Wall((branch_x, branch_end), (1.0, 0.0), (0.0, -1.0)),
    ):
        end_wall(draft, style, end)
