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
from functools import cached_property

import numpy as np

from mdpr.trackers.crosscamera.journeys import Journeys
from mdpr.trackers.crosscamera.likelihood import MOST_LOG_RATIO, rising_log_ratio
from mdpr.trackers.crosscamera.scene import Flags, Integers, Times
from mdpr.trackers.crosscamera.sharing import ONE_PERSON, Sharing

TERMS = 12
PLACE = 0  # what places add to the log ratio, 0 where these are not known
RATIO = 1  # log ratio of the pair by itself, for one person against two
SEEN = 2  # whether it has a similarity
STANDARD = 3  # the similarity less the mean of two people, in their standard deviations
GAP = 4  # what that usually is for one person
WIDTH = 5  # variance of that for one person, against that for two
OTHER = 6  # what the two cameras add to the log ratio
ACROSS = 7  # whether it has a similarity and is of two cameras; 0 in the next two where not
ABOVE = 8  # STANDARD - GAP
ACROSS_WIDTH = 9  # WIDTH
PLACE_SIZE, PLACE_SQUARE = 10, 11  # of PLACE
WITHIN = [ACROSS, ABOVE, ACROSS_WIDTH]
"""What the pairs within a group tell about it. Only those of two cameras: people look more alike in one."""
_LEAST_GAP = 1e-3
_PLACES_SHARE = 0.4
"""What places have in common of two groups that meet several times: who goes with somebody is beside them each time."""


@dataclass(frozen=True, eq=False)
class Sides:
    """One group each of K pairs of groups.

    Attributes:
        size: (K,) tracklets.
        seen: (K,) those of them with appearance.
        cameras: (K,) cameras that these are in.
        within: (K, 3) sums of the terms `WITHIN` over the pairs within the group.
    """

    size: Times
    seen: Times
    cameras: Times
    within: Times

    def take(self, places: Integers) -> Sides:
        """Some of them, in this order."""
        return Sides(self.size[places], self.seen[places], self.cameras[places], self.within[places])


def single_sides(has_appearance: Flags) -> Sides:
    """K tracklets by themselves."""
    seen = has_appearance.astype(np.float64)
    return Sides(np.ones(len(seen)), seen, seen, np.zeros((len(seen), len(WITHIN))))


def all_sides(sides: Sequence[Sides]) -> Sides:
    """One after the other."""
    return Sides(
        np.concatenate([one.size for one in sides]),
        np.concatenate([one.seen for one in sides]),
        np.concatenate([one.cameras for one in sides]),
        np.concatenate([one.within for one in sides]),
    )


@dataclass(frozen=True, eq=False)
class Cuts:
    """E ways to take a group of n rows apart into two.

    Attributes:
        part: (E, n) what is in the smaller of the two.
        of_part, of_rest: the two.
        log_odds: (E,) of their being one person.
        times: (E,) what the order of visits adds to that.
        places: (E,) what places add to it.
    """

    part: Flags
    of_part: Sides
    of_rest: Sides
    log_odds: Times
    times: Times
    places: Times


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence about the pairs of N rows.

    Attributes:
        camera: (N,) number of the camera of each row.
        has_appearance: (N,) whether it is known what the row looks like.
        a, b: (P,) rows of the pairs that were looked at, a < b, none forbidden.
        terms: (P, TERMS).
        elsewhere: (TERMS,) what a pair that was not looked at counts as, of two rows with appearance.
        prior: log-odds of two groups before they are looked at.
        sharing: what the similarities between two people have in common.
        freedom: degrees of freedom of the distributions of similarity.
        journeys: what the order of visits says; None: nothing.
    """

    camera: Integers
    has_appearance: Flags
    a: Integers
    b: Integers
    terms: Times
    elsewhere: Times
    prior: float
    sharing: Sharing
    freedom: float
    journeys: Journeys | None = None

    @property
    def count(self) -> int:
        """N."""
        return len(self.camera)

    @cached_property
    def cameras(self) -> int:
        """C, the number of cameras."""
        return int(self.camera.max(initial=0)) + 1

    def by_camera(self, rows: Integers) -> Times:
        """(n, C + 1) 1 for the camera of each row with appearance; in the last place for a row without."""
        found = np.zeros((len(rows), self.cameras + 1))
        found[np.arange(len(rows)), np.where(self.has_appearance[rows], self.camera[rows], self.cameras)] = 1
        return found

    def sides(self, by_camera: Times, within: Times) -> Sides:
        """K groups by the (K, C + 1) sums of `by_camera` and (K, 3) sums over the pairs that were looked at."""
        per_camera = by_camera[:, :-1]
        seen = per_camera.sum(axis=1)
        across = (seen**2 - (per_camera**2).sum(axis=1)) / 2
        within = within + (across - within[:, 0])[:, None] * self.elsewhere[WITHIN]
        cameras = (per_camera > 0).sum(axis=1).astype(np.float64)
        return Sides(by_camera.sum(axis=1), seen, cameras, within)

    def times(self, one: Sequence[Integers], two: Sequence[Integers]) -> Times:
        """(K,) what the order of visits adds to the log-odds of two groups, given by their rows."""
        return np.zeros(len(one)) if self.journeys is None else self.journeys.gains(one, two)

    @property
    def most_times(self) -> float:
        """The most that `times` can add."""
        return 0.0 if self.journeys is None else self.journeys.most_gain

    def log_odds(self, cross: Times, one: Sides, two: Sides, times: Times) -> tuple[Times, Times]:
        """(K,) of two groups being one person, and how much of that comes from the tracklets in them.

        For two people their mean similarity varies by `Sharing.of_mean` of the tracklets around that of two people.
        For one person it varies around what is usual for one, or more where the groups are more alike within than
        usual: what is usual for a person is a part of the variance, `ONE_PERSON.pair`, of which the pairs within tell.
        What is left of it goes by the number of cameras, since a person looks alike in all tracklets of one camera.
        Tracklets without appearance take no part in this. Places count where they are known, see `places_of`, times in
        full. The prior is that of a Chinese restaurant process: whoever comes joins a group in proportion to its size.

        Args:
            cross: (K, TERMS) sums over the pairs between the two groups that were looked at.
            one, two: the groups.
            times: (K,) see `times`.
        """
        total = cross + (one.seen * two.seen - cross[:, SEEN])[:, None] * self.elsewhere
        seen = np.maximum(total[:, SEEN], 1e-9)
        standard, gap, width = (total[:, term] / seen for term in (STANDARD, GAP, WIDTH))
        width = np.maximum(width, 1e-6)
        of_two = self.sharing.of_mean(np.maximum(one.seen, 1), np.maximum(two.seen, 1))
        above, doubt = _own_level(width, one, two)
        of_one = doubt + width * ONE_PERSON.around_pair(np.maximum(one.cameras, 1), np.maximum(two.cameras, 1))
        alike = rising_log_ratio(standard, np.maximum(gap + above, _LEAST_GAP), of_two, of_one, self.freedom)
        alike = np.clip(alike, -MOST_LOG_RATIO / of_two, MOST_LOG_RATIO / of_two)
        prior = self.prior + np.log(np.maximum(one.size, two.size)) + total[:, OTHER] / (one.size * two.size) / of_two
        evidence = np.where(total[:, SEEN] > 0, alike, 0.0) + places_of(cross) + times
        return prior + evidence, evidence


def places_of(cross: Times) -> Times:
    """(K,) what the places of two groups say together: the sum; several meetings have `_PLACES_SHARE` in common.

    Only pairs that meet say something. How many these are follows from the sums: a pair of which hardly anything is
    known hardly counts.

    >>> cross = np.zeros((3, TERMS))
    >>> cross[:, [PLACE, PLACE_SIZE, PLACE_SQUARE]] = [[6, 6, 36], [12, 12, 72], [6.3, 6.3, 36.09]]
    >>> places_of(cross).round(2).tolist()
    [6.0, 8.57, 6.06]
    """
    many = cross[:, PLACE_SIZE] ** 2 / np.maximum(cross[:, PLACE_SQUARE], 1e-9)
    together: Times = cross[:, PLACE] / (1 + np.maximum(many - 1, 0) * _PLACES_SHARE)
    return together


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

    def ratios(self, among: Integers) -> Times:
        """(n, n) log ratios of n rows, 0 in the diagonal; `among` is from the function of this name."""
        ratio = np.full(among.shape, self._evidence.elsewhere[RATIO])
        known = among >= 0
        ratio[known] = self._evidence.terms[among[known], RATIO]
        np.fill_diagonal(ratio, 0.0)
        return ratio

    def towards(self, rows: Integers, others: Integers) -> Times:
        """(n, TERMS) sums over the pairs of each of n rows with any of the others that were looked at."""
        is_other = np.zeros(self._evidence.count, np.bool_)
        is_other[others] = True
        found = np.empty((len(rows), TERMS))
        for place, row in enumerate(rows.tolist()):
            columns, pair = self.of_row(row)
            found[place] = self._evidence.terms[pair[is_other[columns]]].sum(axis=0)
        return found

    def side(self, rows: Integers) -> Sides:
        """A group of rows."""
        within = self.towards(rows, rows)[:, WITHIN].sum(axis=0) / 2
        return self._evidence.sides(self._evidence.by_camera(rows).sum(axis=0, keepdims=True), within[None, :])

    def odds_between(self, one: Integers, two: Integers) -> float:
        """Log-odds of two groups of rows being one person."""
        cross = self.towards(one, two).sum(axis=0, keepdims=True)
        times = self._evidence.times([one], [two])
        return float(self._evidence.log_odds(cross, self.side(one), self.side(two), times)[0][0])

    def rests(self, rows: Integers) -> tuple[Times, Sides, Sides, Times]:
        """Each of n rows against the others: (n, TERMS) sums, the rows, what is left without them, and (n,) times."""
        cross = self.towards(rows, rows)
        one = self._evidence.by_camera(rows)
        within = cross[:, WITHIN].sum(axis=0) / 2 - cross[:, WITHIN]
        journeys = self._evidence.journeys
        times = np.zeros(len(rows)) if journeys is None else journeys.gains_of_members(rows)
        return (
            cross,
            single_sides(self._evidence.has_appearance[rows]),
            self._evidence.sides(one.sum(axis=0) - one, within),
            times,
        )

    def cuts(self, rows: Integers, among: Integers, side: Flags) -> Cuts:
        """The two parts into which each of E cuts takes a group.

        Args:
            rows: (n,) rising.
            among: see the function of this name.
            side: (E, n) what is on one side of a cut.
        """
        total = self.towards(rows, rows)
        inside = np.zeros((len(side), TERMS))
        cross = np.zeros((len(side), TERMS))
        small: Flags = np.where((2 * side.sum(axis=1) > len(rows))[:, None], ~side, side)  # cheap: most hold few rows
        for cut, part in enumerate(small):
            here = np.flatnonzero(part)
            cross[cut] = total[here].sum(axis=0)
            if len(here) > 1:
                pair = among[np.ix_(here, here)]
                inside[cut] = self._evidence.terms[pair[pair >= 0]].sum(axis=0) / 2
        cross -= 2 * inside
        outside = total.sum(axis=0) / 2 - cross - inside
        one = self._evidence.by_camera(rows)
        few = small.astype(np.float64) @ one
        of_part = self._evidence.sides(few, inside[:, WITHIN])
        of_rest = self._evidence.sides(one.sum(axis=0) - few, outside[:, WITHIN])
        times = self._evidence.times([rows[part] for part in small], [rows[~part] for part in small])
        odds, _ = self._evidence.log_odds(cross, of_part, of_rest, times)
        return Cuts(small, of_part, of_rest, odds, times, places_of(cross))


class GroupSums:
    """Cameras and sums within groups of rows, kept while groups change; a name is a number below N.

    Args:
        evidence: about pairs.
        owner: (N,) name of the group of each row.
    """

    def __init__(self, evidence: Evidence, owner: Integers) -> None:
        count = evidence.count
        self._evidence = evidence
        self._by_camera = np.zeros((count, evidence.cameras + 1))
        np.add.at(self._by_camera, owner, evidence.by_camera(np.arange(count)))
        self._within = np.zeros((count, len(WITHIN)))  # of the pairs that were looked at
        inside = owner[evidence.a] == owner[evidence.b]
        np.add.at(self._within, owner[evidence.a[inside]], evidence.terms[inside][:, WITHIN])

    def sides(self, names: Integers | list[int]) -> Sides:
        """The groups of these names."""
        return self._evidence.sides(self._by_camera[names], self._within[names])

    def without(self, name: int, row: int, cross: Times) -> Sides:
        """A group less one of its rows; `cross` is the (TERMS,) sum between that row and the others."""
        by_camera = self._by_camera[[name]] - self._evidence.by_camera(np.array([row]))
        return self._evidence.sides(by_camera, (self._within[name] - cross[WITHIN])[None, :])

    def take_over(self, one: int, two: int, cross: Times) -> None:
        """Let `one` have the rows of `two`; `cross` is the (TERMS,) sum between them."""
        for values in (self._by_camera, self._within):
            values[one] += values[two]
            values[two] = 0
        self._within[one] += cross[WITHIN]

    def set(self, name: int, rows: Integers, table: PairTable) -> None:
        """Let a group have these rows, and no others."""
        self._by_camera[name] = self._evidence.by_camera(rows).sum(axis=0)
        self._within[name] = table.towards(rows, rows)[:, WITHIN].sum(axis=0) / 2
