"""What the order of visits says: the tracklets of one person are a journey from camera to camera.

Only visits that directly follow each other say something about travel times: who was in a third camera in between has
come from there. So a group has a worth, the sum of the terms of its visits in their order, and two groups that become
one gain what the worth of the whole is above that of the parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mdpr.trackers.crosscamera.scene import Flags, Integers, Scene, Times
from mdpr.trackers.crosscamera.travel import TravelTimes

MOST_GAIN = 6.0
"""Two groups of hundreds of visits have hundreds of terms, and what is not quite right in each adds up."""


class Journeys:
    """Visits in their order.

    Args:
        camera: (N,) of each visit.
        start_s, end_s: (N,) wall times.
        clock: (N,) number of the clock: times are compared within a clock.
        travel: what gaps say.
    """

    def __init__(self, camera: Integers, start_s: Times, end_s: Times, clock: Integers, travel: TravelTimes) -> None:
        self.travel = travel
        self._camera, self._start_s, self._end_s, self._clock = camera, start_s, end_s, clock
        self._order = np.lexsort((np.arange(len(camera)), start_s, clock))
        self._rank = np.empty(len(camera), np.int64)
        self._rank[self._order] = np.arange(len(camera))

    @classmethod
    def of_scene(cls, scene: Scene, travel: TravelTimes) -> Journeys:
        """Those of all tracklets of a scene."""
        return cls(scene.camera, scene.start_s, scene.end_s, scene.clock, travel)

    @property
    def most_gain(self) -> float:
        """The most that `gains` can be, of groups of several visits."""
        return 0.0 if self.travel.says_nothing else MOST_GAIN

    def pair(self, a: Integers, b: Integers) -> Times:
        """(P,) term of each pair, as if one directly followed the other."""
        is_first = self._rank[a] < self._rank[b]
        return self._steps(np.where(is_first, a, b), np.where(is_first, b, a))

    def worths(self, groups: Sequence[Integers]) -> Times:
        """(K,) worth of each of K groups of rows."""
        if self.travel.says_nothing or not groups:
            return np.zeros(len(groups))
        owner = np.repeat(np.arange(len(groups)), [len(rows) for rows in groups])
        rank = self._rank[np.concatenate(groups)]
        order = np.lexsort((rank, owner))
        owner, rows = owner[order], self._order[rank[order]]
        inside: Flags = owner[:-1] == owner[1:]
        steps = self._steps(rows[:-1][inside], rows[1:][inside])
        return np.asarray(np.bincount(owner[:-1][inside], steps, len(groups)), np.float64)

    def gains(self, one: Sequence[Integers], two: Sequence[Integers]) -> Times:
        """(K,) what the order of visits adds to the log-odds that each of K pairs of groups is one person."""
        if self.travel.says_nothing:
            return np.zeros(len(one))
        if all(len(rows) == 1 for rows in (*one, *two)):
            return self.pair(np.array(one, np.int64).ravel(), np.array(two, np.int64).ravel())
        together = [np.concatenate(pair) for pair in zip(one, two, strict=True)]
        gain = self.worths(together) - self.worths(one) - self.worths(two)
        return np.clip(gain, -MOST_GAIN, MOST_GAIN)

    def gains_of_members(self, rows: Integers) -> Times:
        """(n,) the same of each of n rows and the group of the others."""
        if self.travel.says_nothing or len(rows) < 2:
            return np.zeros(len(rows))
        order = np.argsort(self._rank[rows])
        way = rows[order]
        steps = self._steps(way[:-1], way[1:])
        gain = np.zeros(len(rows))
        gain[:-1] += steps
        gain[1:] += steps
        gain[1:-1] -= self._steps(way[:-2], way[2:])
        found = np.empty(len(rows))
        found[order] = np.clip(gain, -MOST_GAIN, MOST_GAIN)
        return found

    def _steps(self, one: Integers, two: Integers) -> Times:
        """(P,) terms of visits of which the second follows the first; 0 where clocks cannot be compared."""
        term = self.travel.term(self._camera[one], self._camera[two], self._start_s[two] - self._end_s[one])
        return np.where(self._clock[one] == self._clock[two], term, 0.0)
