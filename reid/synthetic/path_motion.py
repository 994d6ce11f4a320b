"""One step of walking: turning and speeding up smoothly, and who has to brake so that nobody is ever touched.

Reference: Moussaid, Helbing, Theraulaz, How simple rules determine pedestrian behavior and crowd disasters, PNAS 2011:
the second heuristic, a time to keep from what is ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.path_ground import Ground
from mdpr.reid.synthetic.path_steering import unit, wrapped
from mdpr.reid.synthetic.path_types import Array

STEP_S = 0.1
BRAKE = 3.0  # m/s2, the hardest anybody brakes
TURN = 2.4  # rad/s, the fastest anybody turns
APART_M = 0.42  # nobody comes nearer to anybody, centre to centre
LEAST = 0.32  # m/s; slower is standing, except while starting and stopping
REACH_M = 1.3  # longer than the way of a step and of braking after it
_TURN_MORE = 12.0  # rad/s2
_SPEED_UP, _SLOW_DOWN = 1.1, 1.6  # m/s2, in comfort
_START = LEAST + 0.1  # who stands waits until there is room to walk this fast
_RELAX_S = 0.55  # people keep so many seconds from what is ahead
_NEAR_M = 3.2  # people further apart than this cannot meet before they stand


@dataclass(frozen=True)
class Motion:
    """How N people move: heading (rad), speed (m/s), turning (rad/s); each (N,)."""

    heading: Array
    speed: Array
    turning: Array


def wish(now: Motion, goes: NDArray[np.bool_], wanted: Array, way: Array, free: Array, limit: Array) -> Motion:
    """The motion N people would take in the next step if nobody were in their way.

    Args:
        now: how they move.
        goes: (N,) who walks; the others stand and turn to their `way`.
        wanted: (N,) direction to where they go.
        way: (N,) direction they have chosen.
        free: (N,) metres that are free there.
        limit: (N,) speed they walk with at most.
    """
    waits = goes & (free < _RELAX_S * _START) & (now.speed < LEAST)
    faces_off = np.abs(wrapped(wanted - now.heading)) > 1.2
    error = wrapped(np.where(waits, np.where(faces_off, wanted, now.heading), way) - now.heading)
    turning = np.clip(4.0 * error, -TURN, TURN)
    turning = np.clip(turning, now.turning - _TURN_MORE * STEP_S, now.turning + _TURN_MORE * STEP_S)
    aim = np.minimum(limit, free / _RELAX_S) * np.clip(1.35 * np.cos(error) - 0.1, 0, 1)
    aim = np.where(goes & (aim >= np.where(now.speed > 0, LEAST, _START)), aim, 0.0)
    speed = np.clip(aim, now.speed - _SLOW_DOWN * STEP_S, now.speed + _SPEED_UP * STEP_S)
    return Motion(now.heading + turning * STEP_S, speed, turning)


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


def settle(ground: Ground, xy: Array, now: Motion, wished: Motion, rank: Array) -> Motion:
    """How each of N people moves in this step: as wished, or slower, so that nobody is harmed.

    Everybody can brake to a stop on the line ahead, and these lines are free and `APART_M` apart; a plan is taken only
    if that stays so whatever the others take. Who has none brakes. So nobody ever gets too near, by induction.

    Args:
        ground: where one can walk.
        xy: (N, 2) where they are.
        now: how they move.
        wished: how they would like to.
        rank: (N,) who goes first when two plans exclude each other: the higher.
    """
    slower = np.maximum(now.speed - BRAKE * STEP_S, 0.0)
    half = np.minimum(wished.speed, (now.speed + slower) / 2)
    speed = np.stack([wished.speed, half, slower, slower])
    heading = np.stack([wished.heading, wished.heading, wished.heading, now.heading])
    brake = len(heading) - 1  # the last plan, which harms nobody
    ends = stop_point(xy + unit(heading) * (speed * STEP_S)[..., None], heading, speed)  # (plans, N, 2)
    ends[brake] = stop_point(xy, now.heading, now.speed)  # a little further than they get
    fits = ground.is_clear(np.broadcast_to(xy, ends.shape), ends, REACH_M)
    i, j = np.nonzero(np.triu(((xy[None] - xy[:, None]) ** 2).sum(-1) < _NEAR_M**2, 1))
    pairs = np.broadcast_arrays(xy[i], ends[:, None, i], xy[j], ends[None, :, j])
    harms = segment_distance(*pairs) < APART_M  # (plans, plans, pairs): a plan of i with a plan of j
    taken, rows, everybody = np.full(len(xy), brake), np.arange(len(i)), np.arange(len(xy))
    for plan in range(brake):
        good = (taken == brake) & fits[plan]
        good[i[harms[plan, brake] | harms[plan, taken[j], rows]]] = False
        good[j[harms[brake, plan] | harms[taken[i], plan, rows]]] = False
        both = good[i] & good[j] & harms[plan, plan]
        good[np.where(rank[i] > rank[j], j, i)[both]] = False
        taken[good] = plan
    heading, speed = heading[taken, everybody], speed[taken, everybody]
    return Motion(heading, speed, (heading - now.heading) / STEP_S)
