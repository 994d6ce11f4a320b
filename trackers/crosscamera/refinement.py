"""Second thoughts: move, split and merge while the objective falls.

The objective is minus half the sum over all tracklets of the log-odds that they are one person with the rest of their
group; for a group of two this is the log-odds of being one person. A step is taken when it lowers the objective and
the log-odds of what it puts together or takes apart say the same. Every step lowers the objective by at least
LEAST_GAIN, so the search ends.
"""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from mdpr.trackers.crosscamera.clustering import Between
from mdpr.trackers.crosscamera.constraints import members_of
from mdpr.trackers.crosscamera.groupodds import RATIO, TERMS, Evidence, GroupSums, PairTable, Sides, single_sides
from mdpr.trackers.crosscamera.scene import Flags, Integers, Times

LEAST_GAIN = 1e-6
_LARGEST_SPLIT = 400


class Refinement:
    """Groups that are being improved.

    Args:
        evidence: about pairs.
        group: (N,) number of the group of each row.
        fixed: (N,) number of the group that corrections make: its rows stay together.
        between: what forbids two groups of rows.
    """

    def __init__(self, evidence: Evidence, group: Integers, fixed: Integers, between: Between) -> None:
        self._evidence = evidence
        self._between = between
        self._fixed = fixed
        self._is_single = np.bincount(fixed, minlength=1)[fixed] == 1
        self._table = PairTable(evidence)
        self._rows = {int(rows[0]): rows for rows in members_of(group)}
        self._owner = np.empty(evidence.count, np.int64)
        for name, rows in self._rows.items():
            self._owner[rows] = name
        self._free = set(range(evidence.count)) - set(self._rows)  # names of no group
        self._groups = GroupSums(evidence, self._owner)
        self._worth = {name: self._worth_of(rows) for name, rows in self._rows.items()}
        self._changed = set(self._rows)

    def run(self, rounds: int) -> Integers:
        """(N,) group of each row, named by its lowest row, after at most so many rounds."""
        for _ in range(rounds):
            look, self._changed = self._changed, set()
            self._move(look)
            self._split(look)
            self._merge(look | self._changed)
            if not self._changed:
                break
        group = np.empty(len(self._owner), np.int64)
        for rows in self._rows.values():
            group[rows] = rows[0]
        return group

    def objective(self) -> float:
        """What is minimised."""
        return -sum(self._worth.values())

    def _worth_of(self, rows: Integers) -> float:
        if len(rows) < 2:
            return 0.0
        return float(self._evidence.log_odds(*self._table.rests(rows))[0].sum()) / 2

    def _towards(self, rows: Integers) -> tuple[Integers, Times]:
        """(K,) names of the groups that `rows` have pairs with, and the (K, TERMS) sums over these."""
        columns, pairs = zip(*(self._table.of_row(row) for row in rows.tolist()), strict=True)
        names, place = np.unique(self._owner[np.concatenate(columns)], return_inverse=True)
        terms = self._evidence.terms[np.concatenate(pairs)]
        return names, np.stack([np.bincount(place, terms[:, term], len(names)) for term in range(TERMS)], axis=1)

    def _put(self, groups: dict[int, Integers]) -> None:
        """Let groups have other rows, or none."""
        for name, rows in groups.items():
            self._changed.add(name)
            self._groups.set(name, rows, self._table)
            if len(rows):
                self._owner[rows] = name
                self._rows[name], self._worth[name] = rows, self._worth_of(rows)
                self._free.discard(name)
            else:
                del self._rows[name], self._worth[name]
                self._free.add(name)

    def _lowers(self, before: list[int], after: list[Integers]) -> bool:
        """Whether the objective falls when the groups of these names become others."""
        gain = sum(map(self._worth_of, after)) - sum(self._worth[name] for name in before)
        return gain > LEAST_GAIN

    def _move(self, look: set[int]) -> None:
        """Each row into the group that it fits best, of those that it fits better than its own."""
        for row in np.flatnonzero(self._is_single).tolist():
            home = int(self._owner[row])
            names, cross = self._towards(np.array([row]))
            if home not in look and look.isdisjoint(names.tolist()):
                continue
            rest = self._rows[home][self._rows[home] != row]
            own, alone = 0.0, single_sides(self._evidence.has_appearance[[row]])
            if len(rest):
                here = cross[names == home].sum(axis=0, keepdims=True)
                others = self._groups.without(home, row, here[0])
                times = self._evidence.times([np.array([row])], [rest])
                own = float(self._evidence.log_odds(here, alone, others, times)[0][0])
            for name in self._likely(names, cross, home, np.array([row]), alone, max(own, 0.0)):
                joined = np.sort(np.append(self._rows[name], row))
                if self._lowers([home, name], [rest, joined]) and not self._between(np.array([row]), self._rows[name]):
                    self._put({home: rest, name: joined})
                    break

    def _likely(self, names: Integers, cross: Times, home: int, rows: Integers, side: Sides, least: float) -> list[int]:
        """Those of the groups without `home` that `rows` are one person with by more than `least`, likeliest first."""
        may = (names != home) & (cross[:, RATIO] > 0)
        names = names[may]
        sides = side.take(np.zeros(len(names), np.int64))
        times = self._evidence.times([rows] * len(names), [self._rows[int(name)] for name in names])
        odds, gain = self._evidence.log_odds(cross[may], sides, self._groups.sides(names), times)
        order = np.argsort(-odds, kind="stable")
        return [int(name) for name in names[order[(odds[order] > least) & (gain[order] > 0)]]]

    def _split(self, look: set[int]) -> None:
        """Each group into the two halves that average linkage sees, where these are rather two people."""
        for name in sorted(look & set(self._rows)):
            rows = self._rows[name]
            if not 3 <= len(rows) <= _LARGEST_SPLIT:
                continue
            is_first = _halves(self._table.ratios(self._table.among(rows)))
            one, two = rows[is_first], rows[~is_first]
            if not len(two) or np.isin(self._fixed[one], self._fixed[two]).any():
                continue
            if self._table.odds_between(one, two) < 0 and self._lowers([name], [one, two]):
                self._put({name: one, min(self._free): two})

    def _merge(self, look: set[int]) -> None:
        """Two groups into one, the likeliest first, where these are rather one person."""
        for name in sorted(look):
            is_done = False
            while name in self._rows and not is_done:
                rows = self._rows[name]
                names, cross = self._towards(rows)
                is_done = True
                for other in self._likely(names, cross, name, rows, self._groups.sides([name]), 0.0):
                    theirs = self._rows[other]
                    together = np.sort(np.concatenate([rows, theirs]))
                    if self._lowers([name, other], [together]) and not self._between(rows, theirs):
                        self._put({other: theirs[:0], name: together})
                        is_done = False
                        break


def _halves(ratio: Times) -> Flags:
    """(n,) rows of one of the two halves of n rows, by their (n, n) log ratios."""
    far = ratio.max() - ratio
    np.fill_diagonal(far, 0)
    half = fcluster(linkage(squareform(far, checks=False), "average"), 2, "maxclust")
    return np.asarray(half == half[0], np.bool_)
