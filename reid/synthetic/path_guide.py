"""Ways that people follow: where each is on its way, and what lies next on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.path_ground import SPACING_M, Ground
from mdpr.reid.synthetic.path_types import Array

_AHEAD = np.array([5, 3, 2, 1])  # points of the way to look at, the furthest first
_WINDOW = 8  # points further on among which people find themselves


class Guide:
    """The ways of N people.

    Attributes:
        goal: (N, 2) where each goes.
        via: (N, 2) what its way leads to, in sight of the goal.
        stops: (N,) whether it stops there.
        has_goal: (N,) whether it goes anywhere.
        bend_m: (N,) how far its ways swing to a side.
    """

    def __init__(self, ground: Ground, count: int) -> None:
        self._ground = ground
        self.goal, self.via = np.zeros((count, 2)), np.zeros((count, 2))
        self.stops, self.has_goal = np.zeros(count, bool), np.zeros(count, bool)
        self.bend_m = np.zeros(count)
        self._points = np.zeros((count, 64, 2))
        self._last, self._at = np.zeros(count, np.int64), np.zeros(count, np.int64)

    def lead(self, who: int, start: Array, via: Array, goal: Array, stops: bool) -> bool:
        """Find a person's way from `start`; False, and nothing changes, where there is none."""
        points = self._ground.route(start, via, goal, float(self.bend_m[who]))
        if points is None:
            return False
        if len(points) > self._points.shape[1]:
            more = len(points) + 32 - self._points.shape[1]
            self._points = np.pad(self._points, ((0, 0), (0, more), (0, 0)))
        self._points[who, : len(points)] = points
        self._last[who], self._at[who] = len(points) - 1, 0
        self.goal[who], self.via[who], self.stops[who], self.has_goal[who] = goal, via, stops, True
        return True

    def next_points(self, who: NDArray[np.int64], xy: Array) -> tuple[Array, NDArray[np.bool_]]:
        """The furthest points (n, 2) that people at `xy` (n, 2) see of their ways, and who (n,) sees none."""
        rows = np.arange(len(who))
        window = np.minimum(self._at[who, None] + np.arange(_WINDOW), self._last[who, None])
        gaps = ((self._points[who[:, None], window] - xy[:, None]) ** 2).sum(-1)
        self._at[who] = window[rows, gaps.argmin(1)]
        points = self._points[who[:, None], np.minimum(self._at[who, None] + _AHEAD, self._last[who, None])]
        seen = self._ground.is_clear(np.broadcast_to(xy[:, None], points.shape), points, _WINDOW * SPACING_M)
        return points[rows, np.where(seen.any(1), seen.argmax(1), len(_AHEAD) - 1)], np.asarray(~seen.any(1))

    def first_heading(self, who: int) -> float:
        """The heading (rad) that a person's way begins with."""
        ahead = self._points[who, min(2, self._last[who])] - self._points[who, 0]
        return float(np.arctan2(ahead[1], ahead[0]))
