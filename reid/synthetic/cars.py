"""Parked cars and vans; origin on the ground in the middle, length along x, front at +x."""

from __future__ import annotations

import itertools

import numpy as np

from mdpr.reid.synthetic.shapes import blob, extrude, tube
from mdpr.reid.synthetic.solids import Solid, box, join, place, solid
from mdpr.reid.synthetic.surfaces import Colour, Role, Surface, choose, grey

CAR_COLOURS: list[Colour] = [
    (0.72, 0.73, 0.74),
    (0.55, 0.56, 0.58),
    (0.30, 0.31, 0.33),
    (0.09, 0.09, 0.10),
    (0.14, 0.15, 0.18),
    (0.85, 0.85, 0.84),
    (0.13, 0.19, 0.32),
    (0.42, 0.09, 0.09),
    (0.22, 0.30, 0.40),
    (0.36, 0.33, 0.28),
    (0.12, 0.22, 0.17),
    (0.80, 0.80, 0.78),
]


_GLASS = Surface("plain", (0.05, 0.055, 0.06), gloss=0.9, wear=0.1, role=Role.GLASS)


_RUBBER = Surface("plain", (0.09, 0.09, 0.09), wear=0.2)


_TRIM = Surface("plain", (0.11, 0.11, 0.12), gloss=0.1, wear=0.3)


_ALLOY = Surface("metal", (0.50, 0.51, 0.52), gloss=0.3)


def _wheel(radius: float) -> Solid:
    width = 0.2
    tyre = tube([(0, -width / 2, 0), (0, width / 2, 0)], radius, _RUBBER, 16)
    rims = [tube([(0, y, 0), (0, y + 0.012, 0)], radius * 0.66, _ALLOY, 12) for y in (-width / 2 - 0.012, width / 2)]
    holes = [
        box((radius * 0.4 * np.cos(a), y, radius * 0.4 * np.sin(a)), (0.07, 0.02, 0.07), _TRIM)
        for a in np.arange(5) * 2 * np.pi / 5
        for y in (-width / 2 - 0.006, width / 2 + 0.006)
    ]
    return join([tyre, *rims, *holes])


def _pane(points: list[tuple[float, float, float]], surface: Surface = _GLASS) -> Solid:
    """A flat four-cornered pane."""
    corners = np.array(points, np.float64)
    normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    uv = corners[:, [0, 2]]
    return solid(corners, normal / np.linalg.norm(normal), uv, [[0, 1, 2], [0, 2, 3]], surface)


def car(rng: np.random.Generator) -> Solid:
    """A hatchback, saloon, estate or off-roader of random size and colour."""
    paint = Surface("plain", choose(rng, CAR_COLOURS, 0.12), gloss=0.75, wear=0.3)
    kind = rng.choice(["hatch", "saloon", "estate", "suv"], p=[0.35, 0.25, 0.2, 0.2])
    length = {"hatch": 3.9, "saloon": 4.6, "estate": 4.6, "suv": 4.4}[kind] * rng.uniform(0.96, 1.05)
    height = {"hatch": 1.47, "saloon": 1.43, "estate": 1.47, "suv": 1.66}[kind] * rng.uniform(0.97, 1.03)
    width, half, low = rng.uniform(1.70, 1.84), length / 2, 0.2 if kind != "suv" else 0.27
    belt, nose = 0.6 * height + 0.02, 0.49 * height
    front, top_front = half - 0.30 * length, half - 0.47 * length  # foot and top of the windscreen
    back_top = -half + {"hatch": 0.10, "saloon": 0.24, "estate": 0.05, "suv": 0.06}[kind] * length
    back = -half + {"hatch": 0.02, "saloon": 0.15, "estate": 0.02, "suv": 0.02}[kind] * length
    tail = belt if kind != "saloon" else belt - 0.02
    body = [
        (-half, low + 0.12),
        (-half + 0.05, low),
        (half - 0.08, low),
        (half, low + 0.14),
        (half - 0.01, nose - 0.08),
        (half - 0.12, nose),
        (front, belt),
        (0.0, belt + 0.01),
        (back, tail),
        (-half + 0.02, tail - 0.05),
    ]
    inset = [0.10, 0.05, 0.08, 0.12, 0.10, 0.12, 0.03, 0.0, 0.04, 0.09]
    cabin = [
        (back, tail),
        (front, belt),
        (top_front, height - 0.04),
        (0.5 * (top_front + back_top), height),
        (back_top, height - 0.05),
    ]
    lean = np.array([0.05, 0.06, 0.20, 0.22, 0.2])
    parts = [extrude(body, width, paint, inset), extrude(cabin, width, paint, lean)]
    parts += [
        blob((0, 0, (low + belt) / 2 + 0.02), (half * 0.99, width / 2 + 0.012, (belt - low) * 0.42), paint, 20, 0.35)
    ]
    side = width / 2

    def on_side(x: float, z: float, y_sign: float) -> tuple[float, float, float]:
        rise = np.clip((z - belt) / (height - 0.04 - belt), 0, 1)
        return x, y_sign * (side - 0.055 - 0.147 * rise + 0.012), z

    roof, sill = height - 0.12, belt + 0.05
    run = (top_front - front) / (height - belt)  # of the windscreen, metres back a metre up
    fall = (back_top - back) / (height - belt)
    post = front + (top_front - front) * 0.55 - 0.42 * length / 2 * 0.9
    for sign in (-1.0, 1.0):
        edges = [
            (front - 0.16 + run * 0.06, front - 0.12 + run * (roof - belt)),
            (post, post),
            (back + 0.16, back + 0.14 + fall * (roof - belt)),
        ]
        for (b1, t1), (b2, t2) in itertools.pairwise(edges):
            gap = 0.04
            quad = [
                on_side(b1 - gap, sill, sign),
                on_side(t1 - gap, roof, sign),
                on_side(t2 + gap, roof, sign),
                on_side(b2 + gap, sill, sign),
            ]
            if quad[0][0] > quad[3][0] + 0.08:
                parts.append(_pane(quad))
        for x in (front - 0.05, post):  # door gaps
            parts.append(
                box((x, sign * (side - 0.005), (low + belt) / 2 + 0.08), (0.012, 0.02, belt - low - 0.1), _TRIM)
            )
        parts.append(box((post + 0.15, sign * (side + 0.004), belt - 0.12), (0.14, 0.02, 0.025), _TRIM))
        parts.append(box((front - 0.12, sign * (side + 0.05), belt + 0.05), (0.1, 0.16, 0.1), paint))
        parts.append(
            box(
                (half - 0.10, sign * (side - 0.32), nose - 0.14),
                (0.16, 0.3, 0.11),
                Surface("plain", grey(0.8), gloss=0.7, role=Role.GLASS),
            )
        )
        lamp = Surface("plain", (0.40, 0.04, 0.04), gloss=0.4)
        parts.append(box((-half + 0.07, sign * (side - 0.22), belt - 0.18), (0.1, 0.26, 0.16), lamp))
    w = side - 0.26
    parts.append(
        _pane(
            [
                (front - 0.02, w + 0.1, belt + 0.06),
                (front - 0.02, -w - 0.1, belt + 0.06),
                (top_front + 0.05, -w + 0.06, height - 0.07),
                (top_front + 0.05, w - 0.06, height - 0.07),
            ]
        )
    )
    parts.append(
        _pane(
            [
                (back - 0.012 + fall * 0.1, -w, tail + 0.1),
                (back - 0.012 + fall * 0.1, w, tail + 0.1),
                (back_top - 0.02, w - 0.08, height - 0.1),
                (back_top - 0.02, -w + 0.08, height - 0.1),
            ]
        )
    )
    plate = Surface("plain", (0.8, 0.8, 0.76), wear=0.1)
    for x in (half + 0.004, -half - 0.004):
        parts.append(box((x, 0, low + 0.24), (0.02, 0.5, 0.11), plate))
        parts.append(box((x * 0.997, 0, low + 0.08), (0.05, width * 0.82, 0.16), _TRIM))
    parts.append(box((half - 0.02, 0, nose - 0.16), (0.06, width * 0.45, 0.1), _TRIM))
    radius = 0.31 if kind != "suv" else 0.35
    for x in (half - 0.19 * length, -half + 0.18 * length):
        for sign in (-1, 1):
            arch = tube(
                [(x, sign * (side - 0.16), radius + 0.01), (x, sign * (side + 0.012), radius + 0.01)],
                radius + 0.055,
                _TRIM,
                18,
            )
            parts += [arch, place(_wheel(radius), (x, sign * (side - 0.075), radius))]
    parts.append(box((0, 0, low), (length * 0.9, width * 0.85, 0.1), _TRIM))
    return join(parts)


def van(rng: np.random.Generator) -> Solid:
    """A delivery van, often white."""
    paint = Surface(
        "plain",
        choose(rng, [grey(0.85), grey(0.8), grey(0.5), (0.15, 0.25, 0.45), (0.75, 0.6, 0.1)]),
        gloss=0.3,
        wear=0.5,
    )
    half, width, height = 2.6, 1.95, 2.25
    body = [
        (-half, 0.3),
        (half - 0.1, 0.3),
        (half, 0.6),
        (half - 0.1, 1.0),
        (half - 0.6, 1.2),
        (half - 1.1, height - 0.05),
        (half - 1.4, height),
        (-half, height - 0.03),
    ]
    parts = [extrude(body, width, paint, [0.04, 0.06, 0.1, 0.08, 0.04, 0.14, 0.12, 0.1])]
    for sign in (-1, 1):
        y = sign * (width / 2 - 0.02)
        parts.append(
            _pane(
                [
                    (half - 0.75, y, 1.22),
                    (half - 1.12, y * 0.97, 1.85),
                    (half - 1.7, y * 0.97, 1.85),
                    (half - 1.7, y, 1.22),
                ]
            )
        )
        for x in (half - 1.75, half - 0.7, -0.6):
            parts.append(box((x, sign * (width / 2 - 0.03), 1.0), (0.012, 0.05, 1.3), _TRIM))
        for x in (half - 0.85, -half + 0.9):
            parts += [
                tube([(x, sign * (width / 2 - 0.15), 0.36), (x, sign * (width / 2 + 0.01), 0.36)], 0.4, _TRIM, 18),
                place(_wheel(0.34), (x, sign * (width / 2 - 0.08), 0.34)),
            ]
        parts.append(
            box(
                (-half - 0.01, sign * (width / 2 - 0.1), 1.1),
                (0.06, 0.12, 0.4),
                Surface("plain", (0.4, 0.05, 0.05), gloss=0.4),
            )
        )
        parts.append(
            box(
                (half - 0.08, sign * (width / 2 - 0.25), 0.85),
                (0.2, 0.3, 0.16),
                Surface("plain", grey(0.8), gloss=0.7, role=Role.GLASS),
            )
        )
    parts.append(
        _pane(
            [
                (half - 0.61, 0.8, 1.25),
                (half - 0.61, -0.8, 1.25),
                (half - 1.02, -0.72, height - 0.15),
                (half - 1.02, 0.72, height - 0.15),
            ]
        )
    )
    parts.append(box((-half - 0.005, 0, 1.25), (0.02, 0.012, 1.7), _TRIM))
    parts.append(box((half - 0.03, 0, 0.45), (0.12, width * 0.9, 0.22), _TRIM))
    return join(parts)
