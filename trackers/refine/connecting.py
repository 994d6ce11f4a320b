"""Tracks that continue each other become one.

Every end is compared with every later start: by motion (`motion`), looks (`looks`) and the time between. The set of
connections with the largest sum of log-odds is an assignment problem, since an end has one continuation at most and a
start one beginning. A connection holds when it is also likely against all others that either track could have had: of
two people who come out from behind the same pillar, and could be either, none is connected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from mdpr.boxes import iou_matrix
from mdpr.trackers.assignment import assign_pairs
from mdpr.trackers.refine.config import RefineConfig
from mdpr.trackers.refine.looks import Looks
from mdpr.trackers.refine.motion import ends_of, log_ratio
from mdpr.trackers.refine.trajectory import Trajectory, join

Rows = NDArray[np.intp]

CONTINUES, LEAVES_AT_BORDER = 0.6, 0.1
"""Probability that a person whose track ended within the picture, and at its border, is seen again."""

MEAN_GAP_S = 2.0
"""Mean time out of sight of those who are: most are hidden by somebody who passes, a few by a van."""

BORDER = 0.01
"""A box nearer to the border than this part of the picture may be leaving it."""

STAYS_IOU = 0.2
"""Overlap of two boxes of one track from which on it has not jumped between them."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Ends and starts that may belong together: rows `a`, `b` (P,) and `log_odds` (P,) of each pair by itself."""

    a: Rows
    b: Rows
    log_odds: NDArray[np.float64]

    def probability(self) -> NDArray[np.float64]:
        """(P,) of each pair against all others of its end, all of its start, and none; the smaller of the two."""
        if not len(self.a):
            return np.empty(0)
        likely = np.ones(len(self.a))
        for side in (self.a, self.b):
            total = np.zeros(int(side.max()) + 1)  # log of 1 for none
            order = np.argsort(side, kind="stable")
            starts = np.flatnonzero(np.diff(side[order], prepend=-1))
            for rows in np.split(order, starts[1:]):
                total[side[rows[0]]] = logsumexp([0.0, *self.log_odds[rows]])
            likely = np.minimum(likely, np.exp(self.log_odds - total[side]))
        return likely


def connect(
    trajectories: Sequence[Trajectory], pieces: Sequence[tuple[int, int]], config: RefineConfig
) -> tuple[list[Trajectory], list[tuple[int, int]]]:
    """Trajectories with chains of those that continue each other put together under the smallest id.

    Two pieces of one track become one again when neither finds another partner and the boxes on both sides of the cut
    overlap, or all evidence together speaks for it: a person who turns round looks like somebody else, but stays where
    they are. So a track is only split when people were exchanged, or when it jumps.

    Args:
        trajectories: of one camera.
        pieces: pairs of ids of the pieces of tracks that seemed to hold two people.
        config: options.

    Returns:
        Trajectories in order of id, and the pairs of ids that follow each other in one of them.
    """
    rows = list(trajectories)
    found = candidates(rows, config)
    good = (found.probability() >= config.min_probability) & config.connect
    a, b, odds = found.a[good], found.b[good], found.log_odds[good]
    order = np.lexsort((b, a))
    ends, starts = assign_pairs(a[order], b[order], -odds[order], unmatched_cost=0.0)
    following = dict(zip(ends.tolist(), starts.tolist(), strict=True))
    following |= _rejoined(rows, pieces, found, following)
    joined, connected = [], []
    for members in _chains(len(rows), following):
        one = join([rows[row] for row in members], config.views) if len(members) > 1 else rows[members[0]]
        ids = [rows[row].track_id for row in members]
        connected += list(pairwise(ids))
        joined.append(one.with_id(min(ids)))
    return sorted(joined, key=lambda one: one.track_id), sorted(connected)


def _rejoined(
    rows: Sequence[Trajectory], pieces: Sequence[tuple[int, int]], found: Candidates, following: dict[int, int]
) -> dict[int, int]:
    """Pieces of one track that belong together after all: first row to second."""
    row_of = {one.track_id: row for row, one in enumerate(rows)}
    taken = set(following.values())
    again = {}
    for one, two in pieces:
        first, second = row_of[one], row_of[two]
        if first in following or second in taken:
            continue
        odds = found.log_odds[(found.a == first) & (found.b == second)]
        overlap = float(iou_matrix(rows[first].xyxy[-1:], rows[second].xyxy[:1])[0, 0])
        if overlap >= STAYS_IOU or (len(odds) and odds[0] > 0):
            again[first] = second
    return again


def candidates(rows: list[Trajectory], config: RefineConfig) -> Candidates:
    """The pairs that are possible at all, with their log-odds."""
    if len(rows) < 2:
        return Candidates(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))
    ends, starts = ends_of(rows, is_start=False), ends_of(rows, is_start=True)
    last, first = np.array([one.frame[-1] for one in rows]), np.array([one.frame[0] for one in rows])
    class_id = np.array([one.tracklet.class_id for one in rows])
    a, b = _following(ends.time_s, starts.time_s, config.max_gap_s)
    is_possible = (first[b] > last[a]) & (class_id[a] == class_id[b])
    a, b = a[is_possible], b[is_possible]
    width, height = _picture(rows)
    length_s = max(float(ends.time_s.max() - starts.time_s.min()), 1.0)
    rate = len(rows) / (length_s * width * height)
    continues = np.where(_leaves(rows, width, height), LEAVES_AT_BORDER, CONTINUES)[a]
    waits = (ends.time_s[a] - starts.time_s[b]) / MEAN_GAP_S - np.log(MEAN_GAP_S)
    odds = np.log(continues / (1 - continues)) + waits + log_ratio(ends, starts, a, b, rate)
    return Candidates(a, b, odds + Looks(rows).log_ratio(a, b))


def _following(ends_s: NDArray[np.float64], starts_s: NDArray[np.float64], max_gap_s: float) -> tuple[Rows, Rows]:
    """Pairs of an end and a start at most `max_gap_s` later, by end."""
    order = np.argsort(starts_s, kind="stable")
    first = np.searchsorted(starts_s[order], ends_s, side="right")
    count = np.searchsorted(starts_s[order], ends_s + max_gap_s + 1e-6, side="right") - first
    a = np.repeat(np.arange(len(ends_s)), count)
    place = np.arange(len(a)) - np.repeat(np.cumsum(count) - count, count)
    return a, order[first[a] + place]


def _picture(rows: Sequence[Trajectory]) -> tuple[float, float]:
    """Width and height of the part of the picture in which people were seen, from 0."""
    far = np.max([one.xyxy[:, 2:].max(axis=0) for one in rows], axis=0)
    return max(float(far[0]), 1.0), max(float(far[1]), 1.0)


def _leaves(rows: Sequence[Trajectory], width: float, height: float) -> NDArray[np.bool_]:
    """(N,) whether the last box is at the left or right border, or at the lower one."""
    last = np.array([one.xyxy[-1] for one in rows])
    leaves: NDArray[np.bool_] = (last[:, 0] <= BORDER * width) | (last[:, 2] >= (1 - BORDER) * width)
    return leaves | (last[:, 3] >= (1 - BORDER) * height)


def _chains(count: int, following: dict[int, int]) -> list[list[int]]:
    """Rows of each chain in order of time; a row alone is a chain."""
    chains = []
    for row in sorted(set(range(count)) - set(following.values())):
        members = [row]
        while (after := following.get(members[-1])) is not None:
            members.append(after)
        chains.append(members)
    return chains
