"""The yard of a school or campus: buildings around, paths, lawn, court lines, trees, bicycles."""

from __future__ import annotations

import itertools

import numpy as np

from mdpr.reid.synthetic.facades import front, glass_front
from mdpr.reid.synthetic.greenery import bush, hedge, planter, tree
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.place_outdoors import line, manhole, paving, street_lamp, surroundings, tarmac
from mdpr.reid.synthetic.shapes import tube, upright
from mdpr.reid.synthetic.solids import box, boxes, join, panel
from mdpr.reid.synthetic.street_objects import STEEL, bench, fence, light_board, litter_bin, sign_post
from mdpr.reid.synthetic.street_stalls import shelter
from mdpr.reid.synthetic.surfaces import Role, Surface, choose, grey, varied
from mdpr.reid.synthetic.vehicles import bicycle_stand

_HALF_X, _HALF_Y = 19.0, 14.0


def build(seed: int) -> Draft:
    """The yard of this seed."""
    shape = np.random.default_rng([seed, 9])
    draft = Draft("yard", seed, (-_HALF_X - 3, -_HALF_Y - 3, _HALF_X + 3, _HALF_Y + 3), 13.0, False)
    rng = draft.rng
    surroundings(draft)
    base = tarmac(rng) if shape.random() < 0.5 else paving(rng)
    draft.add(
        panel((-_HALF_X - 10, -_HALF_Y - 8, 0), (2 * _HALF_X + 20, 0, 0), (0, 2 * _HALF_Y + 16, 0), base), blocks=False
    )
    draft.walk(-_HALF_X, -_HALF_Y, _HALF_X, _HALF_Y)
    _buildings(draft)
    _lawns(draft)
    if shape.random() < 0.6:
        _court(draft, float(shape.uniform(-8, 0)), -4.0)
    _furnish(draft)
    for x, y in (
        (-_HALF_X + 0.6, -8),
        (-_HALF_X + 0.6, 6),
        (_HALF_X - 0.6, -8),
        (_HALF_X - 0.6, 2),
        (0, -_HALF_Y + 0.6),
        (8, -_HALF_Y + 0.6),
    ):
        draft.entrances.append((float(x), float(y)))
    for x in (-9.0, 0.0, 9.0):
        draft.entrances.append((x, _HALF_Y - 0.6))
    draft.camera((-_HALF_X + 0.8, _HALF_Y - 1.2, 5.6), (-2, 0, 0), 76)
    draft.camera((_HALF_X - 0.8, _HALF_Y - 1.2, 4.8), (3, 0, 0.2), 74)
    draft.camera((0, _HALF_Y - 1.0, 4.2), (0, -2, 0.2), 78)
    draft.camera((-9, _HALF_Y - 1.0, 3.4), (-10, 0, 0.4), 66)
    draft.camera((_HALF_X - 1, -_HALF_Y + 1.5, 4.0), (4, 0, 0.5), 66)
    return draft


def _buildings(draft: Draft) -> None:
    rng = draft.rng
    x = -_HALF_X
    while x < _HALF_X - 1:
        width = min(float(rng.uniform(12, 19)), _HALF_X - x)
        house = glass_front(rng, width, int(rng.integers(2, 4))) if rng.random() < 0.65 else front(rng, width, 3)
        draft.add(house, (x + width / 2, _HALF_Y, 0))
        x += width
    side = glass_front(rng, 16.0, int(rng.integers(2, 4)))
    draft.add(side, (-_HALF_X, 0, 0), np.pi / 2)
    if rng.random() < 0.5:
        draft.add(front(rng, 14.0, 3), (_HALF_X, 3, 0), -np.pi / 2)
    else:
        for y in np.arange(-_HALF_Y + 2, _HALF_Y, 4.0):
            draft.add(fence(rng, 4.0, float(rng.choice([1.2, 2.2]))), (_HALF_X + 0.2, y, 0), np.pi / 2)
    canopy = Surface("metal", grey(0.4), gloss=0.05)
    at = float(rng.uniform(-8, 8))
    draft.add(box((at, _HALF_Y - 1.0, 2.8), (5, 2.2, 0.15), canopy), blocks=False)
    for k in (-2.3, 2.3):
        draft.add(upright(at + k, _HALF_Y - 1.9, (0, 2.75), 0.06, STEEL))
    draft.add(
        box(
            (at, _HALF_Y - 0.04, 1.1),
            (2.0, 0.06, 2.2),
            Surface("rooms", (0.35, 0.37, 0.4), 0, gloss=0.6, role=Role.GLASS),
        ),
        blocks=False,
    )


def _lawns(draft: Draft) -> None:
    """Lawns with kerbs and trees; people stay off them."""
    rng = draft.rng
    lawn = Surface(
        "grass",
        choose(rng, [(0.31, 0.35, 0.20), (0.36, 0.38, 0.23), (0.41, 0.39, 0.26)]),
        3.0,
        wear=0.9,
        role=Role.GROUND,
    )
    stone = Surface("concrete", grey(0.52), 3.0)
    for x0, y0, x1, y1 in ((7.5, -10.5, 16, -3), (8.5, 4, 16, 10), (-16, 4.5, -7, 9.5)):
        if rng.random() < 0.2:
            continue
        draft.add(panel((x0, y0, 0.02), (x1 - x0, 0, 0), (0, y1 - y0, 0), lawn), blocks=False)
        edges = [
            ((x0 + x1) / 2, y0, x1 - x0, 0.12),
            ((x0 + x1) / 2, y1, x1 - x0, 0.12),
            (x0, (y0 + y1) / 2, 0.12, y1 - y0),
            (x1, (y0 + y1) / 2, 0.12, y1 - y0),
        ]
        draft.add(join([box((x, y, 0.03), (w, d, 0.1), stone) for x, y, w, d in edges]), blocks=False)
        draft.block(x0, y0, x1, y1)
        for _ in range(int(rng.integers(1, 4 if y0 < 0 else 2))):
            at = (float(rng.uniform(x0 + 1.5, x1 - 1.5)), float(rng.uniform(y0 + 1.5, y1 - 1.5)))
            draft.add(tree(rng, rng.uniform(5.5, 9), 700), (*at, 0))
        for _ in range(int(rng.integers(0, 5))):
            draft.add(
                bush(rng, rng.uniform(0.4, 0.8)),
                (float(rng.uniform(x0 + 0.8, x1 - 0.8)), float(rng.uniform(y0 + 0.8, y1 - 0.8)), 0),
            )


def _court(draft: Draft, x: float, y: float) -> None:
    """A ball court: coloured field, lines, a hoop."""
    rng = draft.rng
    paint = choose(rng, [(0.37, 0.26, 0.22), (0.24, 0.32, 0.28), (0.25, 0.30, 0.36), grey(0.3)])
    field = Surface("asphalt", paint, 5.0, wear=0.8, role=Role.GROUND)
    draft.add(panel((x - 6.5, y - 4.5, 0.004), (13, 0, 0), (0, 9, 0), field), blocks=False)
    corners = [(x - 6, y - 4), (x + 6, y - 4), (x + 6, y + 4), (x - 6, y + 4)]
    for k in range(4):
        line(draft, corners[k], corners[(k + 1) % 4], 0.07, 0.7, 0.008)
    line(draft, (x, y - 4), (x, y + 4), 0.07, 0.7, 0.008)
    circle = [(x + 1.6 * np.cos(a), y + 1.6 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 21)]
    for a, b in itertools.pairwise(circle):
        line(draft, a, b, 0.07, 0.7, 0.008)
    hoop = [upright(0, 0, (0, 3.2), 0.07, STEEL), box((0, -0.4, 3.3), (1.6, 0.05, 1.0), Surface("plain", grey(0.8)))]
    ring = np.linspace(0, 2 * np.pi, 15)
    hoop.append(
        tube(
            np.column_stack([0.22 * np.cos(ring), -0.7 + 0.22 * np.sin(ring), np.full(15, 3.0)]),
            0.015,
            Surface("plain", (0.6, 0.2, 0.08)),
            5,
        )
    )
    draft.add(join(hoop), (x + 6.6, y, 0), -np.pi / 2)
    draft.waypoints += [(x + 3, y, 0.0), (x - 2, y + 1, 0.5), (x, y - 2, -1.0)]


def _furnish(draft: Draft) -> None:
    rng = draft.rng
    parts = [bench, litter_bin, bench, planter, sign_post, light_board, bench]
    for _ in range(int(rng.integers(8, 14))):
        at = (float(rng.uniform(-_HALF_X + 1.5, _HALF_X - 1.5)), float(rng.uniform(-_HALF_Y + 1, _HALF_Y - 2.5)))
        if not draft.occupied([at], 1.4)[0] and abs(at[0]) + abs(at[1]) > 4:
            yaw = float(rng.choice([0, np.pi / 2, np.pi, -np.pi / 2]))
            draft.add(parts[int(rng.integers(len(parts)))](rng), (*at, 0), yaw)
            draft.waypoints.append((at[0] + np.sin(yaw), at[1] - np.cos(yaw), float(rng.uniform(-3, 3))))
    draft.add(bicycle_stand(rng, int(rng.integers(5, 10))), (float(rng.uniform(-6, 6)), _HALF_Y - 1.2, 0))
    if rng.random() < 0.4:
        draft.add(shelter(rng), (-12, -_HALF_Y + 1.2, 0), np.pi)
    for x in np.arange(-_HALF_X + 3, _HALF_X, 9.0):
        street_lamp(draft, (float(x), -1.0 + float(rng.uniform(-1, 1))), float(rng.uniform(0, 6)), 4.4)
        draft.add(hedge(rng, 3.6, 0.9), (x + 4, -_HALF_Y - 0.3, 0))
    steps = Surface("concrete", varied(rng, grey(0.55), 0.06), 3.0)
    draft.add(
        boxes(
            [(0, k * 0.3, 0.08 + 0.16 * k) for k in range(3)], [(4.0, 0.3, 0.16 * (2 * k + 1)) for k in range(3)], steps
        ),
        (12, _HALF_Y - 1.0, 0),
    )
    for _ in range(3):
        manhole(draft, (float(rng.uniform(-15, 6)), float(rng.uniform(-10, 10))), 0.01)
