"""Two corridors that cross, with a camera in each arm: no camera sees the crossing, or what another sees."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.corridor_walls import Wall, end_wall, furnish
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.rooms import RoomStyle, ceiling_lamps, room_style, wall
from mdpr.reid.synthetic.solids import panel

_ARMS = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))  # directions, counter-clockwise


def build(seed: int) -> Draft:
    """The crossing of this seed: its middle is the origin, arms lead along both axes."""
    shape = np.random.default_rng([seed, 10])
    half = float(shape.uniform(1.5, 2.0))
    lengths = [float(value) for value in shape.uniform(11.0, 15.0, 4)]
    reach = [half + length + 0.5 for length in lengths]
    draft = Draft("crossing", seed, (-reach[2], -reach[3], reach[0], reach[1]), 3.2, True)
    style = room_style(draft.rng, ("vinyl", "floor_tiles", "terrazzo", "planks", "carpet"), (2.6, 3.0))
    _slab(draft, style, (-half, half), (-half, half))
    for (dx, dy), length in zip(_ARMS, lengths, strict=True):
        _arm(draft, style, np.array([dx, dy]), half, length)
    for (dx, dy), length in zip(_ARMS, lengths, strict=True):
        _camera(draft, style, np.array([dx, dy]), half, length)
    return draft


def _slab(draft: Draft, style: RoomStyle, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Floor, ceiling and lamps of a rectangle."""
    wide, deep = x[1] - x[0], y[1] - y[0]
    draft.add(panel((x[0], y[0], 0), (wide, 0, 0), (0, deep, 0), style.floor), blocks=False)
    draft.add(panel((x[0], y[1], style.height), (wide, 0, 0), (0, -deep, 0), style.ceiling), blocks=False)
    draft.walk(x[0], y[0], x[1], y[1])
    ceiling_lamps(draft, style, x, y, 2.8)


def _arm(draft: Draft, style: RoomStyle, along: np.ndarray, half: float, length: float) -> None:
    """One arm from the crossing to its end, `half` metres wide to both sides."""
    left = np.array([-along[1], along[0]])
    corners = np.array([along * half - left * half, along * (half + length) + left * half])
    (x0, y0), (x1, y1) = corners.min(0).tolist(), corners.max(0).tolist()
    _slab(draft, style, (x0, x1), (y0, y1))
    inner_right, inner_left = along * half - left * half, along * half + left * half
    outer_right, outer_left = inner_right + along * length, inner_left + along * length
    for start, end in ((inner_right, outer_right), (outer_right, outer_left), (outer_left, inner_left)):
        wall(draft, style, _xy(start), _xy(end))
    furnish(draft, style, Wall(_xy(inner_right), _xy(along), _xy(left)), (1.5, length - 0.8))
    furnish(draft, style, Wall(_xy(inner_left), _xy(along), _xy(-left)), (1.5, length - 0.8))
    end_wall(draft, style, Wall(_xy(along * (half + length)), _xy(left), _xy(-along)))


def _camera(draft: Draft, style: RoomStyle, along: np.ndarray, half: float, length: float) -> None:
    """Under the ceiling where the arm begins, at one of its walls; it looks to the arm's end."""
    left = np.array([-along[1], along[0]])
    side = float(draft.rng.choice([-1.0, 1.0]))
    eye = along * (half + 0.15) + left * side * (half - 0.35)
    target = along * (half + 0.55 * length) - left * side * 0.2
    fov = float(draft.rng.uniform(72, 84))
    draft.camera((*_xy(eye), style.height - 0.15), (*_xy(target), 0.85), fov)


def _xy(point: np.ndarray) -> tuple[float, float]:
    return float(point[0]), float(point[1])
