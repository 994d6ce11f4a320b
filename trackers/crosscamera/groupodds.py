"""What the pairs of tracklets between two groups say together: the log-odds of the two being one person.

The mean similarity over all pairs is compared with what it would be for one person and for two. Two people who look
alike do so in all their pairs, so for two the mean varies nearly as much as a single pair does. For one person it
hardly varies: many pairs that are alike, but less than one person usually is, or than each of the groups is with
itself, are two people.

Everything is a function of sums over pairs of the numbers that are named below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdpr.trackers.crosscamera.likelihood import MOST_LOG_RATIO, rising_log_ratio
from mdpr.trackers.crosscamera.scene import Flags, Integers, Times
from mdpr.trackers.crosscamera.sharing import ONE_PERSON, Sharing

TERMS = 10
PAIRS = 0  # 1
RATIO = 1  # log ratio of the pair by itself, for one person against two
SEEN = 2  # whether it has a similarity
STANDARD = 3  # the similarity less the mean of two people, in their standard deviations
GAP = 4  # what that usually is for one person
WIDTH = 5  # variance of that for one person, against that for two
OTHER = 6  # what times and places add to the log ratio
ACROSS = 7  # whether it has a similarity and is of two cameras; 0 in the next two where not
ABOVE = 8  # STANDARD - GAP
ACROSS_WIDTH = 9  # WIDTH
WITHIN = [ACROSS, ABOVE, ACROSS_WIDTH]
"""What the pairs within a group tell about it. Only those of two cameras: people look more alike in one."""
_LEAST_GAP = 1e-3


@dataclass(frozen=True, eq=False)
class Sides:
    """One group each of K pairs of groups.

    Attributes:
        size: (K,) tracklets.
        cameras: (K,) cameras that they are in.
        within: (K, 3) sums of the terms `WITHIN` over the pairs within the group.
    """

    size: Times
    cameras: Times
    within: Times


def single_sides(count: int) -> Sides:
    """One tracklet, `count` times."""
    return Sides(np.ones(count), np.ones(count), np.zeros((count, len(WITHIN))))


def all_sides(sides: Sequence[Sides]) -> Sides:
    """One after the other."""
    return Sides(
        np.concatenate([one.size for one in sides]),
        np.concatenate([one.cameras for one in sides]),
        np.concatenate([one.within for one in sides]),
    )


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence about the pairs of N rows.

    Attributes:
        camera: (N,) number of the camera of each row.
        a, b: (P,) rows of the pairs that were looked at, a < b, none forbidden.
        terms: (P, TERMS).
        elsewhere: (TERMS,) what a pair that was not looked at counts as.
        prior: log-odds of two groups before they are looked at.
        sharing: what the similarities between two people have in common.
        freedom: degrees of freedom of the distributions of similarity.
    """

    camera: Integers
    a: Integers
    b: Integers
    terms: Times
    elsewhere: Times
    prior: float
    sharing: Sharing
    freedom: float

    @property
    def count(self) -> int:
        """N."""
        return len(self.camera)

    def log_odds(self, cross: Times, one: Sides, two: Sides) -> tuple[Times, Times]:
        """(K,) of two groups being one person, and how much of that comes from the pairs between them.

        For two people their mean similarity varies by `Sharing.of_mean` of the tracklets around that of two people.
        For one person it varies around what is usual for one, or more where the groups are more alike within than
        usual: what is usual for a person is a part of the variance, `ONE_PERSON.pair`, of which the pairs within tell.
        What is left of it goes by the number of cameras, since a person looks alike in all tracklets of one camera.
        Times and places count by the inverse of the variance of a mean. The prior is that of a Chinese restaurant
        process: whoever comes joins a group in proportion to its size.

        Args:
            cross: (K, TERMS) sums over the pairs between the two groups that were looked at.
            one, two: the groups.
        """
        pairs = one.size * two.size
        total = cross + (pairs - cross[:, PAIRS])[:, None] * self.elsewhere
        seen = np.maximum(total[:, SEEN], 1e-9)
        standard, gap, width = (total[:, term] / seen for term in (STANDARD, GAP, WIDTH))
        width = np.maximum(width, 1e-6)
        of_two = self.sharing.of_mean(one.size, two.size)
        above, doubt = _own_level(width, one, two)
        of_one = doubt + width * ONE_PERSON.around_pair(one.cameras, two.cameras)
        alike = rising_log_ratio(standard, np.maximum(gap + above, _LEAST_GAP), of_two, of_one, self.freedom)
        alike = np.clip(alike, -MOST_LOG_RATIO / of_two, MOST_LOG_RATIO / of_two)
        evidence = np.where(total[:, SEEN] > 0, alike, 0.0) + total[:, OTHER] / pairs / of_two
        return self.prior + np.log(np.maximum(one.size, two.size)) + evidence, evidence


def _own_level(width: Times, one: Sides, two: Sides) -> tuple[Times, Times]:
    """(K,) how much more alike than usual the two would be if they were one person, 0 or more, and its variance.

    The posterior mean and variance of a normal whose prior is `ONE_PERSON.pair` of the variance. It is never below what
    is usual: a group of two people would take in a third.
    """
    precision = 1 / (ONE_PERSON.pair * width)
    weighted = np.zeros(len(width))
    for side in (one, two):
        pairs, above, variance = side.within.T
        several = np.maximum(side.cameras, 2)
        spread = np.maximum(variance, 1e-6) / np.maximum(pairs, 1) * ONE_PERSON.around_level(several)
        own = np.where(pairs > 0, 1 / spread, 0.0)
        precision = precision + own
        weighted += own * above / np.maximum(pairs, 1)
    return np.maximum(weighted / precision, 0.0), 1 / precision


class PairTable:
    """Finds pairs by their rows.

    Args:
        evidence: about pairs.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        number = np.arange(len(evidence.a))
        rows = np.concatenate([evidence.a, evidence.b])
        columns = np.concatenate([evidence.b, evidence.a])
        order = np.lexsort((columns, rows))
        self._columns, self._pair = columns[order], np.concatenate([number, number])[order]
        self._begin = np.searchsorted(rows[order], np.arange(evidence.count + 1))

    def of_row(self, row: int) -> tuple[Integers, Integers]:
        """The other rows of the pairs of a row, rising, and the numbers of these pairs."""
        span = slice(self._begin[row], self._begin[row + 1])
        return self._columns[span], self._pair[span]

    def among(self, rows: Integers) -> Integers:
        """(n, n) number of the pair of each two of the rising `rows`, -1 where there is none."""
        found = np.full((len(rows), len(rows)), -1, np.int64)
        for place, row in enumerate(rows.tolist()):
            columns, pair = self.of_row(row)
            where = np.minimum(np.searchsorted(rows, columns), len(rows) - 1)
            here: Flags = rows[where] == columns
            found[place, where[here]] = pair[here]
        return found

    def values(self, rows: Integers, among: Integers, term: int) -> Times:
        """(n, n) a term of each two of the rows, 0 in the diagonal; `among` is from the function of this name."""
        known = among >= 0
        value = np.where(known, self._evidence.terms[among, term], 0.0) if known.any() else np.zeros(among.shape)
        if known.sum() < known.size - len(rows):
            camera = self._evidence.camera[rows]
            counts = camera[:, None] != camera[None, :] if term in WITHIN else True
            value = np.where(known, value, self._evidence.elsewhere[term] * counts)
            np.fill_diagonal(value, 0.0)
        return value

    def side(self, rows: Integers) -> Sides:
        """A group of rising rows."""
        among = self.among(rows)
        within = np.array([[self.values(rows, among, term).sum() / 2 for term in WITHIN]])
        cameras = np.array([float(len(np.unique(self._evidence.camera[rows])))])
        return Sides(np.array([float(len(rows))]), cameras, within)

    def odds_between(self, one: Integers, two: Integers) -> float:
        """Log-odds of two groups of rising rows being one person."""
        rows = np.concatenate([one, two])
        order = np.argsort(rows, kind="stable")
        among = self.among(rows[order])
        side = (order < len(one)).astype(np.float64)[None, :]
        return float(self.cuts(rows[order], among, side)[0])

    def cuts(self, rows: Integers, among: Integers, side: Times) -> Times:
        """(E,) log-odds of the two parts into which each of E cuts takes a group.

        Args:
            rows: (n,) rising.
            among: see the function of this name.
            side: (E, n) 1 for what is on one side of a cut, 0 on the other.
        """
        cross = np.empty((len(side), TERMS))
        within = np.empty((2, len(side), len(WITHIN)))
        for term in range(TERMS):
            value = self.values(rows, among, term)
            towards = side @ value
            cross[:, term] = (towards * (1 - side)).sum(axis=1)
            if term in WITHIN:
                place = WITHIN.index(term)
                within[0, :, place] = (towards * side).sum(axis=1) / 2
                within[1, :, place] = value.sum() / 2 - cross[:, term] - within[0, :, place]
        _, camera = np.unique(self._evidence.camera[rows], return_inverse=True)
        seen_by = np.eye(int(camera.max(initial=0)) + 1)[camera]
        one, two = (
            Sides(part.sum(axis=1), (part @ seen_by > 0).sum(axis=1).astype(np.float64), inside)
            for part, inside in zip((side, 1 - side), within, strict=True)
        )
        return self._evidence.log_odds(cross, one, two)[0]

    def within(self, rows: Integers) -> Times:
        """(3,) sums of the terms `WITHIN` over the pairs among rising rows that were looked at."""
        among = self.among(rows)
        return self._evidence.terms[among[among >= 0]][:, WITHIN].sum(axis=0) / 2

    def rests(self, rows: Integers) -> tuple[Times, Sides, Sides]:
        """Each of n rising rows against the others: (n, TERMS) sums, the rows, and what is left without them."""
        among = self.among(rows)
        cross = np.stack([self.values(rows, among, term).sum(axis=1) for term in range(TERMS)], axis=1)
        camera = self._evidence.camera[rows]
        alone = np.bincount(camera)[camera] == 1
        within = cross[:, WITHIN].sum(axis=0) / 2 - cross[:, WITHIN]
        cameras = np.full(len(rows), float(len(np.unique(camera)))) - alone
        return cross, single_sides(len(rows)), Sides(np.full(len(rows), len(rows) - 1.0), cameras, within)


class GroupSums:
    """Sizes, cameras and sums within groups of rows, kept while groups change; a name is a number below N.

    Args:
        evidence: about pairs.
        owner: (N,) name of the group of each row.
    """

    def __init__(self, evidence: Evidence, owner: Integers) -> None:
        count = evidence.count
        cameras = int(evidence.camera.max(initial=0)) + 1
        self._evidence = evidence
        self._size = np.bincount(owner, minlength=count).astype(np.float64)
        self._by_camera = np.zeros((count, cameras))
        np.add.at(self._by_camera, (owner, evidence.camera), 1)
        self._within = np.zeros((count, len(WITHIN)))  # of the pairs that were looked at
        inside = owner[evidence.a] == owner[evidence.b]
        np.add.at(self._within, owner[evidence.a[inside]], evidence.terms[inside][:, WITHIN])

    def sides(self, names: Integers | list[int]) -> Sides:
        """The groups of these names."""
        return self._as_sides(self._size[names], self._by_camera[names], self._within[names])

    def without(self, name: int, row: int, cross: Times) -> Sides:
        """A group less one of its rows; `cross` is the (TERMS,) sum between that row and the others."""
        by_camera = self._by_camera[[name]]
        by_camera[0, self._evidence.camera[row]] -= 1
        return self._as_sides(self._size[[name]] - 1, by_camera, (self._within[name] - cross[WITHIN])[None, :])

    def _as_sides(self, size: Times, by_camera: Times, within: Times) -> Sides:
        across = (size**2 - (by_camera**2).sum(axis=1)) / 2
        within = within + (across - within[:, 0])[:, None] * self._evidence.elsewhere[WITHIN]
        return Sides(size, (by_camera > 0).sum(axis=1).astype(np.float64), within)

    def take_over(self, one: int, two: int, cross: Times) -> None:
        """Let `one` have the rows of `two`; `cross` is the (TERMS,) sum between them."""
        for values in (self._size, self._by_camera, self._within):
            values[one] += values[two]
            values[two] = 0
        self._within[one] += cross[WITHIN]

    def set(self, name: int, rows: Integers, within: Times) -> None:
        """Let a group have these rows, with these (3,) sums over the pairs that were looked at, and no others."""
        self._size[name] = len(rows)
        self._by_camera[name] = np.bincount(self._evidence.camera[rows], minlength=self._by_camera.shape[1])
        self._within[name] = within
