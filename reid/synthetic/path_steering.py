"""Where to turn: the way that leads best towards the goal without meeting anybody soon.

Reference: van den Berg, Lin, Manocha, Reciprocal Velocity Obstacles for Real-Time Multi-Agent Navigation, ICRA 2008: a
velocity is penalised by its deviation from the preferred one and by the inverse of the time until it collides.
"""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.path_ground import Ground
from mdpr.reid.synthetic.path_types import Array

_SIGHT_M = 5.0
_FAN = np.deg2rad(np.linspace(-112.5, 112.5, 37))  # directions to choose from, about the wanted one
_RAY_M, _FIRST_M = 0.1, 0.22
_CAUTION_S = 0.45  # what the inverse of the time until a meeting costs
_INERTIA, _TO_THE_RIGHT = 0.2, 0.02


def unit(angles: Array) -> Array:
    """Unit vectors (..., 2) of angles (...)."""
    vectors = np.empty((*np.shape(angles), 2))
    vectors[..., 0], vectors[..., 1] = np.cos(angles), np.sin(angles)
    return vectors


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
    """The direction (N,) that leads best towards the `wanted` one (N,), and how far it is free (N,), metres.

    The other arguments are those of `free_way`; `heading` (N,) is where they look now.
    """
    fan = wanted[:, None] + _FAN
    free = free_way(ground, xy, fan, speed, others, sight_m)
    cost = 1 - np.cos(_FAN) + _CAUTION_S * (1 / np.maximum(free / speed[:, None], 0.05) - speed[:, None] / _SIGHT_M)
    cost += _INERTIA * (1 - np.cos(fan - heading[:, None])) + _TO_THE_RIGHT * np.sin(_FAN)
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
