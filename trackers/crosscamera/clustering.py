"""Groups from pair evidence: the most certain two groups become one, as long as it pays and nothing forbids it."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mdpr.trackers.crosscamera.scene import Integers, Times
from mdpr.trackers.crosscamera.sharing import Sharing

Between = Callable[[Integers, Integers], int]
Neighbours = list[dict[int, tuple[float, int]]]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence about the pairs of N rows.

    Attributes:
        count: N.
        a, b: (P,) rows of the pairs that were looked at, a < b, none forbidden.
        log_ratio: (P,) for one person against two.
        elsewhere: log ratio of pairs that were not looked at.
        prior: log-odds of two groups before they are looked at.
        sharing: what the evidence of pairs between the same two people has in common.
    """

    count: int
    a: Integers
    b: Integers
    log_ratio: Times
    elsewhere: float
    prior: float
    sharing: Sharing

    def log_odds(self, total: float, pairs: int, one: int, two: int) -> float:
        """Of two groups of `one` and `two` rows being one person.

        Pairs between the same two people are not independent, least of all those that share a tracklet: their mean
        varies by `Sharing.of_mean` of one pair's variance, and evidence counts by the inverse of that. The prior is
        that of a Chinese restaurant process: whoever comes joins a group in proportion to its size.

        Args:
            total: sum of the log ratios of the pairs between them that were looked at.
            pairs: their number.
            one, two: sizes.
        """
        mean = (total + (one * two - pairs) * self.elsewhere) / (one * two)
        prior = self.prior + math.log(max(one, two))
        return prior + mean / self.sharing.of_mean(one, two)


def agglomerate(evidence: Evidence, start: Integers, between: Between) -> Integers:
    """Join groups, the most certain first.

    A join with even odds or less, or with more evidence against it than for it, is never made. Two groups between which
    anything is forbidden are never joined.

    Args:
        evidence: about pairs.
        start: (N,) number of the group each row begins in.
        between: what forbids two groups of rows; 0 when they may be one.

    Returns:
        (N,) group of each row, named by its lowest row.
    """
    members: dict[int, Integers] = {}
    for rows in _members(start):
        members[int(rows[0])] = rows
    owner = np.empty(evidence.count, np.int64)
    for name, rows in members.items():
        owner[rows] = name
    near = _neighbours(evidence, owner)
    version = dict.fromkeys(members, 0)
    heap: list[tuple[float, int, int, int, int]] = []

    def push(one: int, two: int) -> None:
        total, pairs = near[one][two]
        if total <= 0:  # speaks against it; most pairs do
            return
        odds = evidence.log_odds(total, pairs, len(members[one]), len(members[two]))
        if odds > 0:
            low, high = min(one, two), max(one, two)
            heapq.heappush(heap, (-odds, low, high, version[low], version[high]))

    for one in sorted(members):
        for two in near[one]:
            if one < two:
                push(one, two)
    while heap:
        _, one, two, first, second = heapq.heappop(heap)
        if version.get(one) != first or version.get(two) != second:
            continue
        if between(members[one], members[two]):
            near[one].pop(two)
            near[two].pop(one)
            continue  # refused again whatever the groups become: `between` looks at all members
        _join(near, one, two)
        members[one] = np.sort(np.concatenate([members[one], members.pop(two)]))
        version[one] += 1
        del version[two]
        for other in sorted(near[one]):
            push(one, other)
    group = np.empty(evidence.count, np.int64)
    for rows in members.values():
        group[rows] = rows[0]
    return group


def _members(start: Integers) -> list[Integers]:
    order = np.argsort(start, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(start[order])) + 1) if len(start) else []


def _neighbours(evidence: Evidence, owner: Integers) -> Neighbours:
    near: Neighbours = [{} for _ in range(evidence.count)]
    rows = zip(owner[evidence.a].tolist(), owner[evidence.b].tolist(), evidence.log_ratio.tolist(), strict=True)
    for one, two, value in rows:
        if one != two:
            total, pairs = near[one].get(two, (0.0, 0))
            near[one][two] = near[two][one] = (total + value, pairs + 1)
    return near


def _join(near: Neighbours, one: int, two: int) -> None:
    """Let `one` take over the neighbours of `two`."""
    near[one].pop(two, None)
    near[two].pop(one, None)
    for other, (total, pairs) in near[two].items():
        known, number = near[one].get(other, (0.0, 0))
        near[one][other] = near[other][one] = (known + total, number + pairs)
        near[other].pop(two)
    near[two] = {}
