"""People who walk together: side by side, in a file where it is narrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mdpr.reid.synthetic.path_ground import Ground
from mdpr.reid.synthetic.path_steering import unit
from mdpr.reid.synthetic.path_types import Array

_SIDE_M = 0.68
# Places in a group that walks, the leader's first: metres ahead and to the left.
ROWS = np.array([[0.0, 0.0], [-0.05, -_SIDE_M], [-0.05, _SIDE_M], [-0.95, -0.1]])
_LEAST_WAIT = 0.55  # m/s; a leader does not wait by standing, so that nobody waits for each other


@dataclass(frozen=True)
class Company:
    """Where n followers should be: `aim` (n, 2) to walk to where `sees` (n,), their `limit` and the leader's, m/s."""

    aim: Array
    sees: NDArray[np.bool_]
    limit: Array
    leader_limit: Array


def keep_company(
    ground: Ground,
    xy: Array,
    pace: Array,
    place: NDArray[np.int64],
    leader: tuple[Array, Array, Array, Array],
) -> Company:
    """What n followers do to stay with their leaders.

    Args:
        ground: where one can walk.
        xy: (n, 2) where they are.
        pace: (n,) m/s they like to walk with.
        place: (n,) their places in `ROWS`.
        leader: position (n, 2), heading, speed and pace (n,) of the leader of each.
    """
    leader_xy, heading, speed, leader_pace = leader
    ahead = unit(heading)
    left = np.column_stack([-ahead[:, 1], ahead[:, 0]])
    slot = leader_xy + ROWS[place, :1] * ahead + ROWS[place, 1:] * left
    fits = ground.is_clear(leader_xy, slot, 1.2) & (ground.clearance(slot) >= 0.3)
    slot = np.where(fits[:, None], slot, leader_xy - 0.8 * place[:, None] * ahead)
    behind = ((slot - xy) * ahead).sum(1)
    limit = np.clip(speed + 0.9 * behind, 0.0, 1.3 * pace)
    waits = np.maximum(leader_pace * np.clip(1.3 - 0.35 * behind, 0.45, 1), np.minimum(_LEAST_WAIT, leader_pace))
    aim = slot + 1.2 * ahead
    sees = ground.is_clear(xy, aim, 4.0) & (np.hypot(*(aim - xy).T) < 4.0)
    return Company(aim, sees, limit, waits)


def line_up(xy: Array, ahead: float) -> NDArray[np.int64]:
    """Places (n,) in `ROWS` for n people at `xy` (n, 2) who set out towards `ahead`, rad: who is in front leads."""
    forward = unit(np.array(ahead))
    to = np.column_stack([xy @ forward, xy @ np.array([-forward[1], forward[0]])])
    first = int(to[:, 0].argmax())
    rest = np.delete(np.arange(len(xy)), first)
    costs = ((to[rest] - to[first])[:, None] - ROWS[1 : len(xy)]) ** 2
    places = np.zeros(len(xy), np.int64)
    rows, columns = linear_sum_assignment(costs.sum(-1))
    places[rest[rows]] = columns + 1
    return places
