"""A car park, under a ceiling or in the open: bays with cars, pillars, lines, pipes, a way for people."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.cabinets import extinguisher
from mdpr.reid.synthetic.cars import car, van
from mdpr.reid.synthetic.greenery import hedge, tree
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.place_outdoors import line, manhole, street_lamp, surroundings, tarmac
from mdpr.reid.synthetic.rooms import ceiling_lamps, room_style, wall
from mdpr.reid.synthetic.shapes import tube
from mdpr.reid.synthetic.shelving import hanging_sign
from mdpr.reid.synthetic.solids import box, join, panel
from mdpr.reid.synthetic.street_objects import bollard, fence, litter_bin, sign_post
from mdpr.reid.synthetic.surfaces import Role, Surface, choose, grey, varied
from mdpr.reid.synthetic.wall_parts import door

_HALF_X, _HALF_Y = 19.0, 11.5
_BAY = 2.55


def build(seed: int) -> Draft:
    """The car park of this seed: two rows of bays along x on each side of a lane."""
    shape = np.random.default_rng([seed, 8])
    is_indoor = bool(shape.random() < 0.55)
    draft = Draft(
        "carpark", seed, (-_HALF_X - 1, -_HALF_Y - 1, _HALF_X + 1, _HALF_Y + 1), 3.4 if is_indoor else 8.0, is_indoor
    )
    rng = draft.rng
    if is_indoor:
        _hall(draft)
    else:
        surroundings(draft)
        draft.add(
            panel((-_HALF_X - 14, -_HALF_Y - 8, 0), (2 * _HALF_X + 28, 0, 0), (0, 2 * _HALF_Y + 16, 0), tarmac(rng)),
            blocks=False,
        )
        _open_air(draft)
    draft.walk(-_HALF_X + 0.3, -_HALF_Y + 0.3, _HALF_X - 0.3, _HALF_Y - 0.3)
    rows = [(-_HALF_Y + 2.6, 1), (_HALF_Y - 2.6, -1)] + ([(0.0, 1)] if rng.random() < 0.4 else [])
    share = rng.uniform(0.35, 0.8)
    for y, facing in rows:
        for k, x in enumerate(np.arange(-_HALF_X + 2.2, _HALF_X - 2, _BAY)):
            line(draft, (x - _BAY / 2, y - 2.4), (x - _BAY / 2, y + 2.4), 0.1)
            if rng.random() < share and (k % 5 != 2):
                vehicle = van(rng) if rng.random() < 0.07 else car(rng)
                turn = np.pi / 2 * facing + (np.pi if rng.random() < 0.4 else 0) + rng.normal(0, 0.025)
                draft.add(vehicle, (x + rng.normal(0, 0.1), y + rng.normal(0, 0.2), 0), turn)
                draft.waypoints.append((float(x), float(y + facing * 3.0), -facing * np.pi / 2))
    for x in np.arange(-_HALF_X + 6, _HALF_X - 3, 9.0):
        _arrow(draft, float(x), -3.6, 1)
        _arrow(draft, float(x + 3), 3.6, -1)
    for x in (-_HALF_X + 0.8, _HALF_X - 0.8):
        draft.entrances += [(x, -4.0), (x, 4.0), (x, 0.0)]
    for y in (-3.5, 3.5):
        draft.waypoints += [(-8.0, y, 0.0), (6.0, y, np.pi)]
    high = 2.7 if is_indoor else 4.8
    draft.camera((-_HALF_X + 1, -3.8, high), (-6, -3.4, 0.3), 68)
    draft.camera((_HALF_X - 1, 3.8, high), (6, 3, 0.3), 72)
    draft.camera((0, -_HALF_Y + 0.6, high), (0, -2, 0.2), 84)
    draft.camera((-10, _HALF_Y - 0.6, high), (-4, 2, 0), 80)
    draft.camera((_HALF_X - 1.2, -3.0, high - 0.2), (2, -4.2, 0.6), 60)
    return draft


def _arrow(draft: Draft, x: float, y: float, sign: int) -> None:
    line(draft, (x, y), (x + sign * 1.6, y), 0.14)
    for side in (-1, 1):
        line(draft, (x + sign * 1.65, y), (x + sign * 1.1, y + side * 0.4), 0.14, z=0.006)


def _hall(draft: Draft) -> None:
    """Concrete floor, ceiling with beams, pipes and lamps, marked pillars."""
    rng = draft.rng
    style = room_style(rng, ("concrete",), (2.9, 3.1))
    floor = Surface(
        str(rng.choice(["concrete", "asphalt"])),
        varied(rng, grey(float(rng.choice([0.36, 0.48]))), 0.08),
        5.0,
        0.12,
        wear=0.6,
        role=Role.GROUND,
    )
    raw = Surface("concrete_wall", varied(rng, grey(0.55), 0.1), 5.0, wear=0.5, role=Role.SHELL)
    x, y, z = _HALF_X, _HALF_Y, style.height
    draft.add(panel((-x, -y, 0), (2 * x, 0, 0), (0, 2 * y, 0), floor), blocks=False)
    draft.add(panel((-x, y, z), (2 * x, 0, 0), (0, -2 * y, 0), raw), blocks=False)
    corners = [(-x, -y), (x, -y), (x, y), (-x, y)]
    for k in range(4):
        wall(draft, style, corners[k], corners[(k + 1) % 4])
    band = Surface(
        "plain", choose(rng, [(0.55, 0.45, 0.12), (0.16, 0.28, 0.45), (0.45, 0.14, 0.12), (0.2, 0.36, 0.26)]), wear=0.6
    )
    for side in (-1, 1):
        draft.add(box((0, side * (y - 0.01), 1.0), (2 * x, 0.02, 0.5), band), blocks=False)
        draft.add(
            door(rng, style),
            (float(rng.uniform(-12, 12)), side * (y - 0.03), 0),
            0.0 if side > 0 else np.pi,
            blocks=False,
        )
    beam = Surface("concrete_wall", varied(rng, grey(0.5), 0.1), 5.0, role=Role.SHELL)
    stripe = Surface("plain", (0.62, 0.52, 0.12), wear=0.8)
    for px in np.arange(-x + 5.5, x - 3, 2 * _BAY + 2.6):
        draft.add(box((0, 0, z - 0.15), (0.4, 2 * y, 0.3), beam), (px, 0, 0), blocks=False)
        for py in (-y + 5.2, y - 5.2):
            pillar = [
                box((0, 0, z / 2), (0.45, 0.45, z), Surface("concrete_wall", grey(0.6), 5.0)),
                box((0, 0, 0.5), (0.46, 0.46, 0.3), stripe),
                box((0, 0, 0.95), (0.46, 0.46, 0.3), stripe),
                box((0, 0, 0.72), (0.465, 0.465, 0.15), Surface("plain", grey(0.08))),
            ]
            draft.add(join(pillar), (px, py, 0))
            if rng.random() < 0.3:
                draft.add(extinguisher(), (px, py - 0.225, 0), blocks=False)
    ceiling_lamps(draft, style, (-x, x), (-y + 3, y - 3), 4.4)
    pipe = Surface("metal", choose(rng, [grey(0.6), (0.5, 0.12, 0.1), grey(0.35)]), gloss=0.15)
    for py in rng.uniform(-y + 1, y - 1, 3):
        draft.add(tube([(-x, py, z - 0.25), (x, py, z - 0.25)], float(rng.uniform(0.05, 0.12)), pipe, 8), blocks=False)
    draft.add(
        box((0, 0, z - 0.35), (2 * x, 0.5, 0.3), Surface("metal", grey(0.6), gloss=0.2)),
        (0, float(rng.uniform(-4, 4)), 0),
        blocks=False,
    )
    for px in (-9.0, 3.0):
        draft.add(hanging_sign(rng, 0.35), (px, 3.6, z), np.pi / 2, blocks=False)


def _open_air(draft: Draft) -> None:
    rng = draft.rng
    for x in np.arange(-_HALF_X + 3, _HALF_X, 9.0):
        street_lamp(draft, (float(x), _HALF_Y + 0.6), 0.0, 6.0)
        street_lamp(draft, (float(x + 4), -_HALF_Y - 0.6), np.pi, 6.0)
        draft.add(tree(rng, rng.uniform(5, 7.5), 600), (x + 2.2, -_HALF_Y - 2.5, 0))
        draft.add(tree(rng, rng.uniform(5, 7.5), 600), (x + 5.5, _HALF_Y + 2.5, 0))
    for y in (-_HALF_Y - 0.9, _HALF_Y + 0.9):
        for x in np.arange(-_HALF_X + 2.5, _HALF_X, 5.0):
            draft.add(hedge(rng, 4.6, 0.8) if rng.random() < 0.5 else fence(rng, 4.8, 1.0), (x, y, 0))
    for part in (litter_bin, sign_post, bollard, bollard, sign_post):
        draft.add(
            part(rng), (float(rng.uniform(-_HALF_X + 1, _HALF_X - 1)), float(rng.choice([-1, 1])) * (_HALF_Y - 0.2), 0)
        )
    for _ in range(4):
        manhole(draft, (float(rng.uniform(-15, 15)), float(rng.uniform(-5, 5))))
