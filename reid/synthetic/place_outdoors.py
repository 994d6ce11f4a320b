"""What outdoor places share: the ground beyond, houses around, trees, lamps."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.facades import front, glass_front
from mdpr.reid.synthetic.greenery import far_tree
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.place_types import Lamp
from mdpr.reid.synthetic.shapes import tube
from mdpr.reid.synthetic.solids import box, panel, place, recast
from mdpr.reid.synthetic.street_objects import lamp_post
from mdpr.reid.synthetic.surfaces import Role, Surface, choose, grey, varied


def paving(rng: np.random.Generator) -> Surface:
    """A ground surface for squares and pavements."""
    texture, repeat = [("slabs", 4.8), ("setts", 2.0), ("slabs", 4.8), ("concrete", 4.0), ("asphalt", 4.0)][
        int(rng.integers(5))
    ]
    colour = choose(
        rng, [(0.52, 0.51, 0.49), (0.46, 0.45, 0.44), (0.58, 0.54, 0.48), (0.50, 0.46, 0.42), (0.40, 0.40, 0.40)], 0.08
    )
    if texture == "asphalt":
        colour = varied(rng, grey(0.33), 0.1)
    return Surface(texture, colour, repeat, 0.02, wear=0.6, role=Role.GROUND)


def tarmac(rng: np.random.Generator) -> Surface:
    """Road surface, new to old."""
    return Surface(
        "asphalt", varied(rng, grey(float(rng.uniform(0.24, 0.38))), 0.05, 0.008), 4.0, 0.03, wear=0.7, role=Role.GROUND
    )


def surroundings(draft: Draft, reach: float = 70.0) -> None:
    """Ground to the horizon, and houses and trees far around the bounds, which cast no shadows."""
    rng = draft.rng
    x_min, y_min, x_max, y_max = draft.bounds
    ground = Surface("asphalt", varied(rng, grey(0.32), 0.1), 4.0, wear=0.8, role=Role.BACKDROP)
    draft.add(
        panel(
            (x_min - reach, y_min - reach, -0.3),
            (x_max - x_min + 2 * reach, 0, 0),
            (0, y_max - y_min + 2 * reach, 0),
            ground,
        ),
        blocks=False,
    )
    middle = np.array([x_min + x_max, y_min + y_max]) / 2
    radius = max(x_max - x_min, y_max - y_min) / 2 + 16
    angle = rng.uniform(0, 0.4)
    for k in range(10):  # trees at the horizon
        a, far = 2 * np.pi * k / 10, radius + 30
        corner = np.array([np.cos(a), np.sin(a)]) * far
        across = np.array([np.cos(a + 2 * np.pi / 10), np.sin(a + 2 * np.pi / 10)]) * far - corner
        woods = Surface("foliage", varied(rng, (0.62, 0.64, 0.66), 0.1), 9.0, role=Role.BACKDROP)
        draft.add(panel((*(middle + corner), -0.3), (*across, 0), (0, 0, rng.uniform(5, 9)), woods), blocks=False)
    kinds = [front(rng, 14.0, int(rng.integers(3, 6)), depth=10) for _ in range(3)] + [
        glass_front(rng, 18.0, int(rng.integers(3, 7)))
    ]
    houses = [recast(kind, Role.BACKDROP) for kind in kinds]
    while angle < 2 * np.pi:
        out = np.array([np.cos(angle), np.sin(angle)])
        if rng.random() < 0.75:
            house = houses[int(rng.integers(len(houses)))]
            draft.add(
                house,
                (*(middle + out * (radius + rng.uniform(0, 12))), -0.3),
                angle - np.pi / 2,
                (1, 1, rng.uniform(0.85, 1.2)),
                blocks=False,
            )
        if rng.random() < 0.6:
            tree = recast(far_tree(rng, rng.uniform(7, 12)), Role.BACKDROP)
            draft.add(tree, (*(middle + out * (radius - rng.uniform(2, 7))), -0.3), blocks=False)
        angle += rng.uniform(0.7, 1.2) * 17.0 / radius


def house_row(
    draft: Draft,
    start: tuple[float, float],
    end: tuple[float, float],
    shop_share: float,
    storeys: tuple[int, int] = (2, 5),
) -> None:
    """Houses from start to end without gaps; they face to the right of that direction."""
    rng = draft.rng
    a, b = np.array(start), np.array(end)
    length, along = float(np.linalg.norm(b - a)), (b - a) / np.linalg.norm(b - a)
    yaw, at = float(np.arctan2(along[1], along[0])), 0.0
    while at < length - 0.5:
        width = min(float(rng.uniform(6.5, 12.0)), length - at)
        if length - at - width < 4.0:
            width = length - at
        floors = int(rng.integers(*storeys))
        if rng.random() < 0.78:
            house = front(rng, width, floors, bool(rng.random() < shop_share))
        else:
            house = glass_front(rng, width, floors)
        draft.add(house, (*(a + along * (at + width / 2)), 0), yaw)
        at += width


def street_lamp(draft: Draft, at: tuple[float, float], yaw: float, height: float = 5.0) -> None:
    """A lamp post whose head looks to -y before turning, and its light."""
    draft.add(lamp_post(draft.rng, height), (*at, 0), yaw)
    head = (at[0] + 0.95 * float(np.sin(yaw)), at[1] - 0.95 * float(np.cos(yaw)), height - 0.12)
    draft.lamps.append(Lamp(head, power=float(draft.rng.uniform(0.8, 1.2)) * height**2 / 25))


def line(
    draft: Draft,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float = 0.12,
    colour: float = 0.72,
    z: float = 0.005,
) -> None:
    """A painted line on the ground, worn."""
    a, b = np.array(start), np.array(end)
    along = b - a
    across = np.array([-along[1], along[0]]) / np.linalg.norm(along) * width
    paint = Surface("asphalt", varied(draft.rng, grey(colour), 0.06, 0.01), 3.0, wear=1.0, role=Role.GROUND)
    draft.add(panel((*(a - across / 2), z), (*along, 0), (*across, 0), paint), blocks=False)


def manhole(draft: Draft, at: tuple[float, float], z: float = 0.004) -> None:
    """An iron cover, round or square."""
    iron = Surface("rubber", varied(draft.rng, grey(0.26), 0.1), 0.5, 0.05, role=Role.GROUND)
    if draft.rng.random() < 0.5:
        draft.add(place(tube([(0, 0, -0.02), (0, 0, 0)], 0.32, iron, 20), (*at, z)), blocks=False)
    else:
        draft.add(box((0, 0, -0.01), (0.6, 0.6, 0.02), iron), (*at, z), blocks=False)
