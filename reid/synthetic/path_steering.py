"""One step of walking: where to turn, how fast, and who has to brake so that nobody is ever touched.

Reference: Moussaid, Helbing, Theraulaz, How simple rules determine pedestrian behavior and crowd disasters, PNAS 2011,
equations 1 and 2 (direction and speed).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.path_ground import Ground
from mdpr.reid.synthetic.path_types import Array

STEP_S = 0.1
BRAKE = 3.0  # m/s2, the hardest anybody brakes
APART_M = 0.42  # nobody comes nearer to anybody, centre to centre
_SIGHT_M = 5.0
_FAN = np.deg2rad(np.linspace(-112.5, 112.5, 37))
_RAY_M = 0.1
Bools = NDArray[np.bool_]


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
    cost = _SIGHT_M**2 + free**2 - 2 * _SIGHT_M * free * np.cos(_FAN)
    cost += 0.6 * (1 - np.cos(fan - heading[:, None])) - 0.15 * np.sin(-_FAN)  # keep on; to the right in doubt
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
    nearest = np.minimum(
        np.minimum(_to_segment(a, c, d), _to_segment(b, c, d)), np.minimum(_to_segment(c, a, b), _to_segment(d, a, b))
    )
    return np.where(_cross(a, b, c, d), 0.0, nearest)


def _to_segment(point: Array, start: Array, end: Array) -> Array:
    along = end - start
    share = ((point - start) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12)
    gap = start + along * np.clip(share, 0, 1)[..., None] - point
    return np.hypot(gap[..., 0], gap[..., 1])


def _cross(a: Array, b: Array, c: Array, d: Array) -> Bools:
    def side(p: Array, q: Array, r: Array) -> Array:
        return (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])

    return (side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)


def settle(
    ground: Ground, xy: Array, now: tuple[Array, Array], plans: list[tuple[Array, Array]], rank: Array
) -> tuple[Array, Array]:
    """The heading and speed each of N people takes in this step: the first of its plans that harms nobody.

    Everybody can brake to a stop on the line ahead, and these lines are free and `APART_M` apart; a plan is taken only
    if that stays so whatever the others take. Who has none brakes. So nobody ever gets too near, by induction.

    Args:
        ground: where one can walk.
        xy: (N, 2) where they are.
        now: their headings and speeds (N,).
        plans: headings and speeds (N,) to try, the best first.
        rank: (N,) who goes first when two plans exclude each other: the higher.
    """
    heading, speed = now[0].copy(), np.maximum(now[1] - BRAKE * STEP_S, 0.0)
    brake_end = stop_point(xy, *now)
    i, j = np.nonzero(np.triu(_within(xy, 3.2), 1))
    ends = stop_point(xy + unit(heading) * (speed * STEP_S)[:, None], heading, speed)  # as settled so far
    open_ = np.ones(len(xy), bool)
    for plan_heading, plan_speed in plans:
        end = stop_point(xy + unit(plan_heading) * (plan_speed * STEP_S)[:, None], plan_heading, plan_speed)
        good = open_ & ground.is_clear(xy, end, 1.3)
        for one, other in ((i, j), (j, i)):
            bad = segment_distance(xy[one], end[one], xy[other], brake_end[other]) < APART_M
            good[one[bad]] = False
            taken = ~open_[other] & (segment_distance(xy[one], end[one], xy[other], ends[other]) < APART_M)
            good[one[taken]] = False
        both = good[i] & good[j] & (segment_distance(xy[i], end[i], xy[j], end[j]) < APART_M)
        good[np.where(rank[i] > rank[j], j, i)[both]] = False
        heading, speed = np.where(good, plan_heading, heading), np.where(good, plan_speed, speed)
        ends[good] = end[good]
        open_ &= ~good
    return heading, speed


def _within(xy: Array, reach_m: float) -> Bools:
    gap = xy[None] - xy[:, None]
    return (gap**2).sum(-1) < reach_m**2
