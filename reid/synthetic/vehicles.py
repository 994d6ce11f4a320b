"""Parked cars, vans, bicycles; origin on the ground in the middle, length along x, front at +x."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.cars import _ALLOY, _RUBBER, _TRIM, CAR_COLOURS
from mdpr.reid.synthetic.shapes import extrude, tube
from mdpr.reid.synthetic.solids import Solid, box, boxes, join, panel, place
from mdpr.reid.synthetic.surfaces import Role, Surface, choose, grey


def bicycle(rng: np.random.Generator) -> Solid:
    """A bicycle that stands upright."""
    frame = Surface(
        "plain", choose(rng, [grey(0.1), grey(0.6), (0.4, 0.08, 0.08), (0.1, 0.2, 0.4), (0.1, 0.3, 0.2)]), gloss=0.2
    )
    r, parts = 0.34, []
    angle = np.linspace(0, 2 * np.pi, 21)
    for x in (-0.52, 0.52):
        parts.append(
            tube(np.column_stack([x + r * np.cos(angle), 0 * angle, r + 0.02 + r * np.sin(angle)]), 0.018, _RUBBER, 5)
        )
        for spoke in np.arange(6) * np.pi / 6:
            end = np.array([np.cos(spoke), 0, np.sin(spoke)]) * r
            parts.append(tube([np.array([x, 0, r + 0.02]) - end, np.array([x, 0, r + 0.02]) + end], 0.004, _ALLOY, 3))
    hub_b, hub_f, crank, seat, head = (-0.52, 0, r), (0.52, 0, r), (-0.08, 0, 0.3), (-0.22, 0, 0.82), (0.38, 0, 0.84)
    for a, b in ((hub_b, crank), (crank, seat), (crank, head), (seat, head), (seat, hub_b), (head, hub_f)):
        parts.append(tube([a, b], 0.018, frame, 6))
    parts += [
        tube([seat, (-0.25, 0, 0.95)], 0.014, _ALLOY, 5),
        box((-0.26, 0, 0.98), (0.26, 0.14, 0.06), _TRIM),
        tube([head, (0.36, 0, 1.02)], 0.014, _ALLOY, 5),
        tube([(0.3, -0.28, 1.02), (0.38, 0, 1.04), (0.3, 0.28, 1.02)], 0.014, _TRIM, 5),
    ]
    if rng.random() < 0.4:
        parts.append(boxes([(0.62, 0, 0.9)], (0.3, 0.36, 0.24), Surface("fabric", (0.35, 0.27, 0.18), 0.4)))
    return join(parts)


def bicycle_stand(rng: np.random.Generator, count: int) -> Solid:
    """Hoops in a row along x, some with a bicycle."""
    steel = Surface("metal", grey(0.5), gloss=0.3)
    parts = []
    for k in range(count):
        x = (k - (count - 1) / 2) * 0.85
        parts.append(
            tube(
                [(x, -0.4, 0), (x, -0.4, 0.72), (x, -0.3, 0.82), (x, 0.3, 0.82), (x, 0.4, 0.72), (x, 0.4, 0)],
                0.025,
                steel,
                6,
            )
        )
        if rng.random() < 0.65:
            parts.append(
                place(
                    bicycle(rng),
                    (x + 0.12, rng.normal(0, 0.1), 0),
                    np.pi / 2 * rng.choice([-1, 1]) + rng.normal(0, 0.08),
                )
            )
    return join(parts)


def train_car(rng: np.random.Generator, length: float) -> Solid:
    """A railway carriage along x, floor at 1.1 m; windows on both sides."""
    colour = choose(
        rng, [(0.62, 0.63, 0.64), (0.70, 0.14, 0.12), (0.18, 0.28, 0.48), (0.80, 0.79, 0.75), (0.20, 0.36, 0.28)]
    )
    paint, stripe = Surface("metal", colour, gloss=0.25), Surface("plain", choose(rng, CAR_COLOURS), gloss=0.2)
    half, width = length / 2, 2.8
    profile = [(-half, 0.55), (half, 0.55), (half, 3.2), (half - 0.1, 3.6), (-half + 0.1, 3.6), (-half, 3.2)]
    parts = [
        extrude(profile, width, paint, [0.05, 0.05, 0.1, 0.5, 0.5, 0.1]),
        box((0, 0, 0.45), (length * 0.96, 2.2, 0.5), _TRIM),
    ]
    for sign in (-1, 1):
        y = sign * (width / 2 - 0.03)
        parts.append(box((0, y, 1.35), (length * 0.998, 0.06, 0.14), stripe))
        for x in np.arange(-half + 1.5, half - 1, 3.4):
            door = box((x, y, 1.95), (1.3, 0.08, 2.1), Surface("metal", tuple(np.array(colour) * 0.8), gloss=0.2))
            pane = Surface("rooms", (0.5, 0.52, 0.55), 0, gloss=0.7, emission=-0.8, role=Role.GLASS)
            outward = sign * (width / 2 + 0.025)
            right = np.array([1.0, 0, 0]) * (1 if sign < 0 else -1)
            parts.append(door)
            for centre, span in ((x, 0.9), (x + 1.7, 1.7)):
                if centre + span / 2 < half - 0.2:
                    start = np.array([centre, outward, 1.95]) - right * span / 2
                    parts.append(panel(start, right * span, (0, 0, 0.95), pane, int(rng.integers(16)), (4, 4)))
    return join(parts)
