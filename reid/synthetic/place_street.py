"""A street along x: road with parked cars, pavements, houses with shops, trees, lamps."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.cars import car, van
from mdpr.reid.synthetic.greenery import planter, tree
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.place_outdoors import house_row, line, manhole, paving, street_lamp, surroundings, tarmac
from mdpr.reid.synthetic.solids import box, panel
from mdpr.reid.synthetic.street_objects import bench, bollard, fence, light_board, litter_bin, sign_post
from mdpr.reid.synthetic.street_stalls import cafe_table, shelter
from mdpr.reid.synthetic.surfaces import Role, Surface, grey, varied
from mdpr.reid.synthetic.vehicles import bicycle_stand

_HALF = 26.0  # metres of street to each side
_ROAD_Z = -0.12


def build(seed: int) -> Draft:
    """The street of this seed."""
    shape = np.random.default_rng([seed, 5])
    road, near, far = shape.uniform(6.5, 9.0), shape.uniform(3.2, 5.5), shape.uniform(3.0, 5.0)
    y0, y1 = -road / 2, road / 2
    draft = Draft("street", seed, (-_HALF, y0 - near - 3, _HALF, y1 + far + 3), 14.0, False)
    rng = draft.rng
    surroundings(draft)
    pavement, asphalt = paving(rng), tarmac(rng)
    kerb = Surface("concrete", varied(rng, grey(0.55), 0.08), 3.0, role=Role.GROUND)
    draft.add(panel((-_HALF - 30, y0, _ROAD_Z), (2 * _HALF + 60, 0, 0), (0, road, 0), asphalt), blocks=False)
    for low, width, edge in ((y0 - near, near, y0), (y1, far, y1)):
        draft.add(panel((-_HALF - 30, low, 0), (2 * _HALF + 60, 0, 0), (0, width, 0), pavement), blocks=False)
        draft.add(box((0, edge, -0.06), (2 * _HALF + 60, 0.15, 0.122), kerb), blocks=False)
        draft.walk(-_HALF, low, _HALF, low + width)
    crossing = float(shape.uniform(-8, 8))
    _crossing(draft, crossing, y0, y1, asphalt)
    for x in np.arange(-_HALF - 28, _HALF + 28, 4.5):
        line(draft, (x, 0.0), (x + 2.0, 0.0), z=_ROAD_Z + 0.006)
    _parked(draft, crossing, (y0, y1), road)
    house_row(draft, (-_HALF - 2, y1 + far), (_HALF + 2, y1 + far), 0.55)
    house_row(draft, (_HALF + 2, y0 - near), (-_HALF - 2, y0 - near), 0.55)
    _furnish(draft, crossing, y0, y1, near, far)
    _cameras(draft, y0, y1, near, far)
    return draft


def _crossing(draft: Draft, x: float, y0: float, y1: float, asphalt: Surface) -> None:
    """A raised crossing with white bars, level with the pavements."""
    half = 2.0
    draft.add(panel((x - half, y0, 0.0), (2 * half, 0, 0), (0, y1 - y0, 0), asphalt), blocks=False)
    for side in (-1, 1):
        edge = x + side * half
        low = (edge, y1 if side > 0 else y0, 0.0)
        draft.add(panel(low, (side * 0.7, 0, _ROAD_Z), (0, (y0 - y1) * side, 0), asphalt), blocks=False)
    for y in np.arange(y0 + 0.4, y1 - 0.5, 1.0):
        line(draft, (x - half + 0.2, y + 0.25), (x + half - 0.2, y + 0.25), 0.5)
    draft.walk(x - half + 0.2, y0 - 0.3, x + half - 0.2, y1 + 0.3)


def _parked(draft: Draft, crossing: float, edges: tuple[float, float], road: float) -> None:
    rng = draft.rng
    for edge, inward in zip(edges, (1, -1), strict=True):
        if road < 7.2 and inward < 0:
            continue
        x = -_HALF - 10.0
        while x < _HALF + 10:
            x += rng.uniform(5.0, 6.2)
            if rng.random() < 0.7 and abs(x - crossing) > 5.5:
                vehicle = van(rng) if rng.random() < 0.12 else car(rng)
                draft.add(
                    vehicle, (x, edge + inward * 1.1, _ROAD_Z), (0.0 if inward < 0 else np.pi) + rng.normal(0, 0.02)
                )


def _furnish(draft: Draft, crossing: float, y0: float, y1: float, near: float, far: float) -> None:
    rng = draft.rng
    has_trees, pitch = rng.random() < 0.65, rng.uniform(7, 11)
    for edge, sign in ((y0 - 0.7, -1), (y1 + 0.7, 1)):
        for k, x in enumerate(np.arange(-_HALF + rng.uniform(1, 5), _HALF, pitch)):
            if abs(x - crossing) < 3:
                continue
            if k % 2 == 0:
                street_lamp(draft, (x, edge), 0.0 if sign > 0 else np.pi, rng.uniform(4.5, 6.5))
            elif has_trees:
                draft.add(tree(rng, rng.uniform(5, 8), 650), (x, edge, 0), rng.uniform(0, 6))
        for x in np.arange(-_HALF + 2, _HALF - 2, 3.4):
            if abs(x - crossing) < 2.2 or rng.random() < 0.45:
                continue
            y = edge + sign * rng.uniform(-0.1, 0.2)
            part = [bollard, litter_bin, sign_post, planter, lambda r: bicycle_stand(r, 3), bollard][
                int(rng.integers(6))
            ](rng)
            draft.add(part, (x, y, 0), 0.0 if sign > 0 else np.pi)
    for side in (-1, 1):
        for y, sign in ((y0 - 0.4, -1), (y1 + 0.4, 1)):
            draft.add(bollard(rng), (crossing + side * 2.3, y + 0.1 * sign, 0))
    wide, y_wall = (near, y0 - near) if near > far else (far, y1 + far)
    inward = 1 if near > far else -1
    for x in np.arange(-_HALF + 4, _HALF - 4, 6.0):
        kind = rng.random()
        if kind < 0.3 and wide > 3.8:
            draft.add(cafe_table(rng, bool(rng.random() < 0.4)), (x, y_wall + inward * 1.1, 0))
        elif kind < 0.45:
            draft.add(bench(rng), (x, y_wall + inward * 0.45, 0), 0.0 if inward < 0 else np.pi)
            draft.waypoints.append((x + 1.6, y_wall + inward * 1.0, np.pi / 2 * inward))
        elif kind < 0.55:
            draft.add(light_board(rng), (x, y_wall + inward * 0.6, 0), np.pi / 2)
    if rng.random() < 0.5:
        x = float(rng.uniform(-20, 20))
        draft.add(shelter(rng), (x, y1 + 1.9, 0))
        draft.waypoints += [(x - 1, y1 + 1.0, -np.pi / 2), (x + 1, y1 + 1.0, -np.pi / 2)]
    if rng.random() < 0.4:
        draft.add(fence(rng, 6.0, 1.0), (crossing + 6.2, y0 - 0.25, 0))
    for _ in range(5):
        manhole(draft, (float(rng.uniform(-_HALF, _HALF)), float(rng.uniform(y0 + 1, y1 - 1))), _ROAD_Z + 0.005)
        manhole(draft, (float(rng.uniform(-_HALF, _HALF)), float(y0 - rng.uniform(0.6, near - 0.5))))
    for x in (-_HALF + 1, _HALF - 1):
        draft.entrances += [(x, y0 - near / 2), (x, y1 + far / 2), (x, y0 - near + 0.6), (x, y1 + far - 0.6)]
    for x in np.arange(-_HALF + 5, _HALF - 4, 6.5):  # house doors and shop windows
        draft.entrances.append(
            (float(x + rng.uniform(-1, 1)), y1 + far - 0.4 if rng.random() < 0.5 else y0 - near + 0.4)
        )
        draft.waypoints.append((float(x), y1 + far - 0.9, np.pi / 2))
        draft.waypoints.append((float(x + 2), y0 - near + 0.9, -np.pi / 2))


def _cameras(draft: Draft, y0: float, y1: float, near: float, far: float) -> None:
    low, high = y0 - near, y1 + far
    draft.camera((-14, low + 0.5, 4.2), (-4, y0 - 0.5, 0.4), 72)
    draft.camera((10, low + 0.5, 3.6), (0, y0 - near / 2 + 0.2, 0.6), 66)
    draft.camera((-6, high - 0.4, 4.6), (5, y1 + far * 0.3, 0.2), 74)
    draft.camera((16, high - 0.4, 3.4), (6, y1 + far / 2, 0.7), 62)
    draft.camera((0, low + 0.4, 5.6), (3, y1 + 0.5, 0), 82)
    draft.camera((-18, y1 + far / 2, 2.6), (-6, y1 + far / 2, 0.8), 58)
