"""Second thoughts: move, split and merge while the objective falls.

The objective is minus the sum over groups of n members of  S * (2 / n) ** DAMPING + (n - 1) * prior + log((n - 1)!),
where S is the sum of the log ratios of all pairs of the group; the rest is the prior of a Chinese restaurant process,
in which whoever comes joins a group in proportion to its size. For two members this is the log-odds of being one
person; the damping keeps the many pairs of a large group, which are not independent, from outweighing everything.
Every step lowers it by at least LEAST_GAIN, so the search ends.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from mdpr.trackers.crosscamera.clustering import Between, Evidence
from mdpr.trackers.crosscamera.scene import Integers

DAMPING = 0.5
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
        self._near: list[dict[int, float]] = [{} for _ in range(evidence.count)]
        pairs = zip(evidence.a.tolist(), evidence.b.tolist(), evidence.log_ratio.tolist(), strict=True)
        for a, b, value in pairs:
            self._near[a][b] = self._near[b][a] = value
        self._owner = group.tolist()
        self._rows: dict[int, list[int]] = {}
        for row, name in enumerate(self._owner):
            self._rows.setdefault(name, []).append(row)
        self._sum = {name: self._within(rows) for name, rows in self._rows.items()}
        self._next = max(self._rows, default=0) + 1

    def run(self, rounds: int) -> Integers:
        """(N,) group of each row, named by its lowest row, after at most so many rounds."""
        for _ in range(rounds):
            if not (self._move() | self._split() | self._merge()):
                break
        group = np.empty(len(self._owner), np.int64)
        for rows in self._rows.values():
            group[rows] = min(rows)
        return group

    def objective(self) -> float:
        """What is minimised."""
        return -sum(self._value(self._sum[name], len(rows)) for name, rows in self._rows.items())

    def _value(self, total: float, size: int) -> float:
        if size < 2:
            return 0.0
        return total * (2 / size) ** DAMPING + (size - 1) * self._evidence.prior + math.lgamma(size)

    def _within(self, rows: list[int]) -> float:
        here = set(rows)
        known = [value for row in rows for other, value in self._near[row].items() if other in here and other > row]
        return float(sum(known)) + (len(rows) * (len(rows) - 1) // 2 - len(known)) * self._evidence.elsewhere

    def _towards(self, rows: list[int]) -> dict[int, tuple[float, int]]:
        """Sum and number of the known log ratios between `rows` and each group that has any."""
        found: dict[int, tuple[float, int]] = {}
        for row in rows:
            for other, value in self._near[row].items():
                name = self._owner[other]
                total, pairs = found.get(name, (0.0, 0))
                found[name] = (total + value, pairs + 1)
        return found

    def _cross(self, known: tuple[float, int], pairs: int) -> float:
        return known[0] + (pairs - known[1]) * self._evidence.elsewhere

    def _move(self) -> bool:
        """Each row to the group where it fits best, or to one of its own."""
        is_changed = False
        for row in np.flatnonzero(self._is_single).tolist():
            home = self._owner[row]
            size = len(self._rows[home])
            towards = self._towards([row])
            own = self._cross(towards.get(home, (0.0, 0)), size - 1)
            left = self._value(self._sum[home] - own, size - 1) - self._value(self._sum[home], size)
            options = [(left, -1, 0.0)] if size > 1 else []
            for name, known in towards.items():
                if name != home:
                    there = len(self._rows[name])
                    link = self._cross(known, there)
                    gain = self._value(self._sum[name] + link, there + 1) - self._value(self._sum[name], there)
                    options.append((left + gain, name, link))
            for gain, name, link in sorted(options, key=lambda option: (-option[0], option[1])):
                if gain <= LEAST_GAIN:
                    break
                if name >= 0 and self._between(np.array([row]), np.array(self._rows[name])):
                    continue
                self._relocate(row, home, name, own, link)
                is_changed = True
                break
        return is_changed

    def _relocate(self, row: int, home: int, name: int, own: float, link: float) -> None:
        if name < 0:
            name, self._next = self._next, self._next + 1
            self._rows[name], self._sum[name] = [], 0.0
        self._rows[home].remove(row)
        self._sum[home] -= own
        if not self._rows[home]:
            del self._rows[home], self._sum[home]
        self._rows[name] = sorted([*self._rows[name], row])
        self._sum[name] += link
        self._owner[row] = name

    def _split(self) -> bool:
        """Each group into the two halves that average linkage sees, where that pays."""
        is_changed = False
        for name in sorted(self._rows, key=lambda name: self._rows[name][0]):
            rows = self._rows[name]
            if not 3 <= len(rows) <= _LARGEST_SPLIT:  # moves split pairs
                continue
            first = self._half(rows)
            second = [row for row in rows if row not in first]
            if not second or {int(self._fixed[row]) for row in first} & {int(self._fixed[row]) for row in second}:
                continue
            one = self._within(sorted(first))
            two = self._within(second)
            gain = self._value(one, len(first)) + self._value(two, len(second))
            if gain - self._value(self._sum[name], len(rows)) <= LEAST_GAIN:
                continue
            fresh, self._next = self._next, self._next + 1
            self._rows[name], self._rows[fresh] = sorted(first), second
            self._sum[name], self._sum[fresh] = one, two
            for row in second:
                self._owner[row] = fresh
            is_changed = True
        return is_changed

    def _half(self, rows: list[int]) -> set[int]:
        place = {row: number for number, row in enumerate(rows)}
        far = np.full((len(rows), len(rows)), -self._evidence.elsewhere)
        for row in rows:
            for other, value in self._near[row].items():
                if other in place:
                    far[place[row], place[other]] = -value
        np.fill_diagonal(far, 0)
        far -= far.min()
        np.fill_diagonal(far, 0)
        half = fcluster(linkage(squareform(far, checks=False), "average"), 2, "maxclust")
        return {row for row, number in zip(rows, half.tolist(), strict=True) if number == half[0]}

    def _merge(self) -> bool:
        """Two groups into one, the best first, where that pays."""
        is_changed = False
        for name in sorted(self._rows, key=lambda name: self._rows[name][0]):
            while name in self._rows:
                rows = self._rows[name]
                options = []
                for other, known in self._towards(rows).items():
                    if other == name:
                        continue
                    theirs = self._rows[other]
                    cross = self._cross(known, len(rows) * len(theirs))
                    whole = self._value(self._sum[name] + self._sum[other] + cross, len(rows) + len(theirs))
                    gain = whole - self._value(self._sum[name], len(rows))
                    gain -= self._value(self._sum[other], len(theirs))
                    if gain > LEAST_GAIN:
                        options.append((-gain, theirs[0], other, cross))
                found = next(
                    (one for one in sorted(options) if not self._between(np.array(rows), np.array(self._rows[one[2]]))),
                    None,
                )
                if found is None:
                    break
                _, _, other, cross = found
                self._sum[name] += self._sum.pop(other) + cross
                theirs = self._rows.pop(other)
                for row in theirs:
                    self._owner[row] = name
                self._rows[name] = sorted([*rows, *theirs])
                is_changed = True
        return is_changed
