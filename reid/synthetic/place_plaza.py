"""A square between houses: paving, trees, benches, cafe tables, stalls, lamps."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.greenery import bush, planter, tree
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.place_outdoors import house_row, manhole, paving, street_lamp, surroundings
from mdpr.reid.synthetic.shapes import tube, upright
from mdpr.reid.synthetic.solids import Solid, box, join, panel, place
from mdpr.reid.synthetic.street_objects import bench, bollard, light_board, litter_bin, poster_column, sign_post
from mdpr.reid.synthetic.street_stalls import cafe_table, kiosk, market_stall
from mdpr.reid.synthetic.surfaces import Role, Surface, varied
from mdpr.reid.synthetic.vehicles import bicycle_stand


def build(seed: int) -> Draft:
    """The square of this seed."""
    shape = np.random.default_rng([seed, 6])
    half_x, half_y = shape.uniform(13, 18), shape.uniform(10, 14)
    draft = Draft("plaza", seed, (-half_x - 3, -half_y - 3, half_x + 3, half_y + 3), 15.0, False)
    rng = draft.rng
    surroundings(draft)
    floor = paving(rng)
    draft.add(
        panel((-half_x - 12, -half_y - 12, 0), (2 * half_x + 24, 0, 0), (0, 2 * half_y + 24, 0), floor), blocks=False
    )
    draft.walk(-half_x, -half_y, half_x, half_y)
    _bands(draft, half_x, half_y, floor)
    gap = 3.5  # lanes that lead out at the corners
    house_row(draft, (-half_x + gap, half_y), (half_x - gap, half_y), 0.7, (3, 5))
    house_row(draft, (half_x, half_y - gap), (half_x, -half_y + gap), 0.6, (2, 5))
    house_row(draft, (-half_x, -half_y + gap), (-half_x, half_y - gap), 0.6, (2, 5))
    if rng.random() < 0.5:
        house_row(draft, (half_x - gap, -half_y), (-half_x + gap, -half_y), 0.6, (2, 4))
    _furnish(draft, half_x, half_y)
    for x in (-half_x + 1, half_x - 1):
        for y in (-half_y + 1, half_y - 1):
            draft.entrances += [(x, y), (x * 0.9, y)]
    for k in range(5):
        draft.entrances.append((float(-half_x + 5 + k * (2 * half_x - 10) / 4), half_y - 0.5))
    _cameras(draft, half_x, half_y)
    return draft


def _bands(draft: Draft, half_x: float, half_y: float, floor: Surface) -> None:
    """Strips of another stone across the square."""
    rng = draft.rng
    if rng.random() < 0.35:
        return
    stone = Surface(
        str(rng.choice(["slabs", "setts"])),
        tuple(np.clip(np.array(floor.colour) * rng.choice([0.75, 1.2]), 0.1, 0.85)),
        3.0,
        0.02,
        role=Role.GROUND,
    )
    pitch = rng.uniform(4.5, 7.5)
    for x in np.arange(-half_x + pitch / 2, half_x, pitch):
        draft.add(panel((x - 0.3, -half_y, 0.004), (0.6, 0, 0), (0, 2 * half_y, 0), stone), blocks=False)
    if rng.random() < 0.5:
        for y in np.arange(-half_y + pitch / 2, half_y, pitch):
            draft.add(panel((-half_x, y - 0.3, 0.006), (2 * half_x, 0, 0), (0, 0.6, 0), stone), blocks=False)


def _fountain(rng: np.random.Generator) -> Solid:
    stone = Surface("blocks", varied(rng, (0.6, 0.58, 0.54), 0.08), 2.0)
    water = Surface("plain", (0.22, 0.30, 0.32), gloss=0.7, role=Role.GLASS)
    rim = [tube([(0, 0, 0), (0, 0, 0.55)], 1.9, stone, 24), tube([(0, 0, 0.5), (0, 0, 0.57)], 1.65, water, 24)]
    return join(
        [*rim, upright(0, 0, (0.4, 1.5), 0.2, stone), tube([(0, 0, 1.45), (0, 0, 1.6)], [0.35, 0.7], stone, 16)]
    )


def _monument(rng: np.random.Generator) -> Solid:
    stone = Surface("blocks", varied(rng, (0.58, 0.56, 0.52), 0.08), 2.0)
    parts = [
        box((0, 0, 0.1), (3.0, 3.0, 0.2), stone),
        box((0, 0, 0.3), (2.2, 2.2, 0.2), stone),
        box((0, 0, 1.3), (1.1, 1.1, 1.8), stone),
    ]
    return join([*parts, tube([(0, 0, 2.2), (0, 0, 5.5)], [0.45, 0.3], stone, 12)])


def _furnish(draft: Draft, half_x: float, half_y: float) -> None:
    rng = draft.rng
    centre = rng.random()
    if centre < 0.3:
        draft.add(_fountain(rng))
    elif centre < 0.5:
        draft.add(_monument(rng))
    elif centre < 0.75:
        draft.add(tree(rng, rng.uniform(8, 10), 1300), (0, 1, 0))
        draft.add(
            join([place(bench(rng), (1.9 * np.cos(a), 1 + 1.9 * np.sin(a), 0), a + np.pi / 2) for a in (0.3, 2.4, 4.5)])
        )
    for a in np.arange(6) * np.pi / 3 + rng.uniform(0, 1):
        draft.waypoints.append((float(3.4 * np.cos(a)), float(3.4 * np.sin(a)), float(a + np.pi)))
    count = int(rng.integers(3, 6))
    xs = np.linspace(-half_x + 4, half_x - 4, count)
    trees = rng.random() < 0.7
    for k, x in enumerate(xs):
        for y in (-half_y * 0.55, half_y * 0.5):
            if trees and rng.random() < 0.75:
                draft.add(tree(rng, rng.uniform(5, 7.5), 600), (x, y, 0))
                draft.add(
                    box((0, 0, 0.003), (1.3, 1.3, 0.012), Surface("gravel", (0.30, 0.26, 0.22), 1.0)),
                    (x, y, 0),
                    blocks=False,
                )
            if rng.random() < 0.6:
                draft.add(bench(rng), (x + 1.7, y, 0), rng.choice([0, np.pi]))
                draft.waypoints.append((float(x + 1.7), float(y - 1.0), float(rng.uniform(-3, 3))))
        if k < count - 1:
            middle = (xs[k] + xs[k + 1]) / 2
            street_lamp(draft, (middle, half_y * 0.62), 0.0, 4.6)
            street_lamp(draft, (middle, -half_y * 0.62), np.pi, 4.6)
    parasols = bool(rng.random() < 0.5)
    for row in range(2):
        for k in range(int(rng.integers(0, 5))):
            draft.add(
                cafe_table(rng, parasols),
                (-half_x + 5 + k * 2.7, half_y - 2.0 - row * 2.5 + rng.normal(0, 0.15), 0),
                rng.uniform(0, 3),
            )
    pieces = [litter_bin, poster_column, light_board, planter, kiosk, sign_post, litter_bin, planter]
    for _ in range(int(rng.integers(7, 12))):
        at = (float(rng.uniform(-half_x + 2, half_x - 2)), float(rng.uniform(-half_y + 2, half_y - 2)))
        if not draft.occupied([at], 1.5)[0] and np.hypot(*at) > 3.5:
            draft.add(pieces[int(rng.integers(len(pieces)))](rng), (*at, 0), rng.uniform(0, 6.3))
    if rng.random() < 0.35:
        for k in range(int(rng.integers(2, 5))):
            draft.add(market_stall(rng), (half_x - 3.0, -half_y + 5 + k * 3.2, 0), -np.pi / 2)
            draft.waypoints.append((half_x - 4.6, float(-half_y + 5 + k * 3.2), 0.0))
    draft.add(
        bicycle_stand(rng, int(rng.integers(4, 8))), (float(rng.uniform(-half_x + 6, half_x - 6)), -half_y + 1.3, 0)
    )
    for x in np.arange(-half_x + 0.8, -half_x + 3.4, 1.1):
        draft.add(bollard(rng), (x, half_y - 0.5, 0))
        draft.add(bollard(rng), (-x, -half_y + 0.5, 0))
    for _ in range(4):
        manhole(draft, (float(rng.uniform(-half_x, half_x)), float(rng.uniform(-half_y, half_y))), 0.008)
    draft.add(join([place(bush(rng, 0.5), (k * 0.9, 0, 0)) for k in range(3)]), (half_x - 6, half_y - 1.0, 0))


def _cameras(draft: Draft, half_x: float, half_y: float) -> None:
    draft.camera((-half_x + 0.6, -half_y + 5, 5.0), (0, 0, 0.2), 74)
    draft.camera((half_x - 0.6, -half_y + 6, 4.4), (1, 1, 0.3), 70)
    draft.camera((half_x - 5, half_y - 0.5, 5.4), (0, 0, 0), 76)
    draft.camera((-half_x + 6, half_y - 0.5, 3.8), (-2, 0, 0.5), 68)
    draft.camera((0, -half_y + 0.5, 3.2), (0, 3, 0.8), 62)
    draft.camera((-half_x + 3, -half_y + 0.8, 2.5), (0, 1, 0.9), 60)
