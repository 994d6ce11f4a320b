"""One step of walking: where to turn, how fast, and who has to brake so that nobody is ever touched.

Reference: van den Berg, Lin, Manocha, Reciprocal Velocity Obstacles, ICRA 2008, equation 10 (a way costs what it
deviates, and the inverse of the time until it ends at somebody); Moussaid, Helbing, Theraulaz, How simple rules
determine pedestrian behavior and crowd disasters, PNAS 2011, equation 2 (speed).
"""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.path_ground import Ground
from mdpr.reid.synthetic.path_types import Array

STEP_S = 0.1
BRAKE = 3.0  # m/s2, the hardest anybody brakes
APART_M = 0.42  # nobody comes nearer to anybody, centre to centre
_SIGHT_M = 5.0
_FAN = np.deg2rad(np.linspace(-112.5, 112.5, 37))
_RAY_M, _FIRST_M = 0.1, 0.22
_HASTE_S = 0.45
_NEAR_M = 3.2  # people further apart than this cannot meet before they stand


def unit(angles: Array) -> Array:
    """Unit vectors (..., 2) of angles (...)."""
    return np.stack([np.cos(angles), np.sin(angles)], -1)


def wrapped(angles: Array) -> Array:
    """The same angles in [-pi, pi)."""
    return (angles + np.pi) % (2 * np.pi) - np.pi


def free_way(
    ground: Ground,
    xy: Array,
    fan: Array,
    speed: Array,
    others: tuple[Array, Array, Array],
    sight_m: Array,
) -> Array:
    """How far N people could walk in each of A directions until they meet a wall or somebody, metres; (N, A).

    Args:
        ground: where one can walk.
        xy: (N, 2) where they are.
        fan: (N, A) directions, rad.
        speed: (N,) they would walk with.
        others: per person K others near by: offset (N, K, 2), velocity (N, K, 2), distance to keep (N, K).
        sight_m: (N,) how far they look for walls.
    """
    way = unit(fan)  # (N, A, 2)
    offset, velocity, keep = others
    apart = np.hypot(offset[..., 0], offset[..., 1])
    keep = np.minimum(keep, 0.97 * apart)
    closing = speed[:, None, None, None] * way[:, :, None] - velocity[:, None]  # (N, A, K, 2)
    a = (closing**2).sum(-1) + 1e-9
    b = (closing * offset[:, None]).sum(-1)
    inside = b**2 - a * (apart**2 - keep**2)[:, None]
    time = np.where((b > 0) & (inside > 0), (b - np.sqrt(np.maximum(inside, 0))) / a, np.inf)
    people = (time * speed[:, None, None]).min(2, initial=_SIGHT_M)
    rays = np.arange(1, int(np.ceil(float(sight_m.max(initial=_RAY_M)) / _RAY_M)) + 1) * _RAY_M
    open_to = ground.is_free(xy[:, None, None] + way[:, :, None] * rays[:, None])  # (N, A, R)
    reach = np.where(open_to.all(-1), np.inf, np.argmin(open_to, -1) * _RAY_M)
    start = np.broadcast_to(xy[:, None], way.shape)
    reach = np.where(ground.is_clear(start, start + way * _FIRST_M, _FIRST_M), reach, 0.0)  # rays miss corners
    walls = np.where(reach >= sight_m[:, None] - 1e-9, np.inf, reach)
    return np.minimum(np.minimum(people, walls), _SIGHT_M)


def choose_way(
    ground: Ground,
    xy: Array,
    heading: Array,
    wanted: Array,
    speed: Array,
    others: tuple[Array, Array, Array],
    sight_m: Array,
) -> tuple[Array, Array]:
    """The direction (N,) that leads best towards the `wanted` one (N,), and how far it is free (N,), metres."""
    fan = wanted[:, None] + _FAN
    free = free_way(ground, xy, fan, speed, others, sight_m)
    cost = 1 - np.cos(_FAN) + _HASTE_S * (1 / np.maximum(free / speed[:, None], 0.05) - speed[:, None] / _SIGHT_M)
    cost += 0.2 * (1 - np.cos(fan - heading[:, None])) + 0.02 * np.sin(_FAN)  # keep on; to the right in doubt
    best = cost.argmin(1)
    rows = np.arange(len(xy))
    return fan[rows, best], free[rows, best]


def near_others(xy: Array, velocity: Array, keep: Array, count: int = 8) -> tuple[Array, Array, Array]:
    """The nearest `count` of N people to each of them, as `free_way` takes them; `keep` is (N, N) metres."""
    offset = xy[None] - xy[:, None]  # (N, N, 2)
    apart = np.hypot(offset[..., 0], offset[..., 1])
    np.fill_diagonal(apart, np.inf)
    chosen = np.argsort(apart, 1, kind="stable")[:, : min(count, len(xy) - 1)]
    rows = np.arange(len(xy))[:, None]
    return offset[rows, chosen], velocity[chosen], keep[rows, chosen]


def stop_point(xy: Array, heading: Array, speed: Array) -> Array:
    """Where people (..., 2) stand when they brake from now on."""
    return xy + unit(heading) * (speed**2 / (2 * BRAKE))[..., None]


def segment_distance(a: Array, b: Array, c: Array, d: Array) -> Array:
    """Distances (...) between the segments a to b and c to d, points (..., 2)."""
    points, starts, along = np.stack([a, b, c, d]), np.stack([c, c, a, a]), np.stack([d - c, d - c, b - a, b - a])
    gaps = points - starts  # of every end to the other segment's beginning
    square = along[..., 0] ** 2 + along[..., 1] ** 2
    share = (gaps[..., 0] * along[..., 0] + gaps[..., 1] * along[..., 1]) / np.maximum(square, 1e-12)
    gaps -= along * np.minimum(np.maximum(share, 0), 1)[..., None]
    nearest = np.sqrt((gaps[..., 0] ** 2 + gaps[..., 1] ** 2).min(0))
    left = along[..., 0] * (points - starts)[..., 1] - along[..., 1] * (points - starts)[..., 0]
    crosses = (left[0] * left[1] < 0) & (left[2] * left[3] < 0)  # each segment's ends are on two sides of the other
    return np.where(crosses, 0.0, nearest)


def settle(
    ground: Ground, xy: Array, now: tuple[Array, Array], plans: tuple[Array, Array], rank: Array
) -> tuple[Array, Array]:
    """The heading and speed each of N people takes in this step: the first of its plans that harms nobody.

    Everybody can brake to a stop on the line ahead, and these lines are free and `APART_M` apart; a plan is taken only
    if that stays so whatever the others take. Who has none brakes. So nobody ever gets too near, by induction.

    Args:
        ground: where one can walk.
        xy: (N, 2) where they are.
        now: their headings and speeds (N,).
        plans: headings and speeds (P, N) to try, the best first.
        rank: (N,) who goes first when two plans exclude each other: the higher.
    """
    heading, speed = (np.vstack([plan, last]) for plan, last in zip(plans, now, strict=True))
    brake = len(heading) - 1  # the last plan, which harms nobody
    speed[brake] = np.maximum(speed[brake] - BRAKE * STEP_S, 0.0)
    ends = stop_point(xy + unit(heading) * (speed * STEP_S)[..., None], heading, speed)  # (P + 1, N, 2)
    ends[brake] = stop_point(xy, *now)  # a little further than they get
    fits = ground.is_clear(np.broadcast_to(xy, ends.shape), ends, 1.3)
    i, j = np.nonzero(np.triu(((xy[None] - xy[:, None]) ** 2).sum(-1) < _NEAR_M**2, 1))
    pairs = np.broadcast_arrays(xy[i], ends[:, None, i], xy[j], ends[None, :, j])
    harms = segment_distance(*pairs) < APART_M  # (P + 1, P + 1, pairs): a plan of i with a plan of j
    taken = np.full(len(xy), brake)
    rows = np.arange(len(i))
    for plan in range(brake):
        good = (taken == brake) & fits[plan]
        good[i[harms[plan, brake] | harms[plan, taken[j], rows]]] = False
        good[j[harms[brake, plan] | harms[taken[i], plan, rows]]] = False
        both = good[i] & good[j] & harms[plan, plan]
        good[np.where(rank[i] > rank[j], j, i)[both]] = False
        taken[good] = plan
    everybody = np.arange(len(xy))
    return heading[taken, everybody], speed[taken, everybody]
