"""Links from groups: a tree of the strongest pairs in each group, how sure it is, and what nearly happened."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from mdpr.trackers.crosscamera.constraints import CONSTRAINTS, NONE, members_of
from mdpr.trackers.crosscamera.groupodds import Evidence, PairTable
from mdpr.trackers.crosscamera.rivals import Forbidding, Rivals
from mdpr.trackers.crosscamera.scene import Flags, Integers, Times

_SURE = 50.0  # stands for "certainly" where log-odds are compared


@dataclass(frozen=True, eq=False)
class Pairs:
    """Everything that is known about the pairs that were looked at, forbidden ones included; sorted, a < b.

    Attributes:
        a, b: (P,) rows.
        similarity: (P,); NaN without appearance.
        time_term, position_term: (P,) parts of the log-odds.
        log_odds: (P,) of each pair by itself, prior included.
        code: (P,) constraint that forbids it.
    """

    a: Integers
    b: Integers
    similarity: Times
    time_term: Times
    position_term: Times
    log_odds: Times
    code: Integers

    def position_of(self, a: Integers, b: Integers, count: int) -> Times:
        """(K,) position term of pairs of `count` rows, in any order; 0 of those that were not looked at."""
        code, wanted = self.a * count + self.b, np.minimum(a, b) * count + np.maximum(a, b)
        if not len(code):
            return np.zeros(len(wanted))
        place = np.minimum(np.searchsorted(code, wanted), len(code) - 1)
        return np.where(code[place] == wanted, self.position_term[place], 0.0)


@dataclass(frozen=True)
class TreeLink:
    """An edge of the tree of a group: rows, log-odds of the two sides that it holds together, if a correction did.

    `pairs` of tracklets are one person by this edge alone: one side times the other. `times` is what the order of
    visits adds to the log-odds, `places` what places add. `rivals`, 0 or less, is what other groups take from them that
    either side could belong to; `rival` is the lowest row of the one that takes most, -1 when there is none.
    """

    a: int
    b: int
    log_odds: float
    is_forced: bool
    pairs: int = 1
    times: float = 0.0
    places: float = 0.0
    rivals: float = 0.0
    rival: int = -1

    @property
    def risk(self) -> float:
        """Probability that the two sides are not one person."""
        log_odds = min(max(self.log_odds + self.rivals, -_SURE / 2), _SURE)  # of a risk of 1 there is no logarithm
        return 0.0 if self.is_forced else 1 / (1 + math.exp(log_odds))


class GroupTrees:
    """The trees of all groups.

    Args:
        evidence: about pairs.
        fixed: (N,) number of the group that corrections make.
        forbidding: (P,) code of what forbids each pair of rows.
    """

    def __init__(self, evidence: Evidence, fixed: Integers, forbidding: Forbidding) -> None:
        self._evidence, self._table = evidence, PairTable(evidence)
        self._fixed, self._forbidding = fixed, forbidding

    def links(self, group: Integers) -> list[TreeLink]:
        """All edges, n - 1 for a group of n, in order of group and rows."""
        rivals = Rivals(self._evidence, self._table, group, self._forbidding)
        return [link for rows in members_of(group) if len(rows) > 1 for link in self._links(rows, rivals)]

    def _links(self, rows: Integers, rivals: Rivals) -> list[TreeLink]:
        among = self._table.among(rows)
        is_fixed = self._fixed[rows][:, None] == self._fixed[rows][None, :]
        strength = np.where(is_fixed, _SURE, self._table.ratios(among))
        cost = 2 * _SURE - strength  # positive, for the sparse graph
        np.fill_diagonal(cost, 0)
        tree = minimum_spanning_tree(np.triu(cost)).tocoo()
        edges = sorted(zip(*np.sort([tree.row, tree.col], axis=0).tolist(), strict=True))
        sides = np.array([self._side(edges, one, two, len(rows)) for one, two in edges])
        cuts = self._table.cuts(rows, among, sides)
        taken, rival = rivals.of_cuts(rows, cuts)
        found = []
        for number, ((one, two), side) in enumerate(zip(edges, sides, strict=True)):
            a, b, pairs = int(rows[one]), int(rows[two]), int(side.sum()) * int((~side).sum())
            known = pairs, float(cuts.times[number]), float(cuts.places[number])
            if is_fixed[one, two]:
                found.append(TreeLink(a, b, _SURE, True, *known))
            else:
                odds = float(cuts.log_odds[number])
                found.append(TreeLink(a, b, odds, False, *known, float(taken[number]), int(rival[number])))
        return found

    @staticmethod
    def _side(edges: list[tuple[int, int]], one: int, two: int, count: int) -> Flags:
        rest = [edge for edge in edges if edge != (one, two)]
        graph = coo_array(
            (np.ones(len(rest)), ([a for a, _ in rest], [b for _, b in rest])), shape=(count, count)
        ).tocsr()
        reached = breadth_first_order(graph, one, directed=False, return_predecessors=False)
        side = np.zeros(count, np.bool_)
        side[reached] = True
        return side


CUT_AT_ONCE = 0.25
"""Part of the links that are too many. All at once were more than needed: the part that was promised was half used."""


def cut_doubtful(
    group: Integers, links: list[TreeLink], false_link_rate: float, all_right: float | None = None
) -> Integers:
    """Groups without the most doubtful of the links that bring the expected false part above the rate.

    What is left of a group is less sure than before, or surer, so only `CUT_AT_ONCE` of them are cut. To be called
    again, with the links of the groups that it returns, until it returns the same groups.

    Args:
        group: (N,) group of each row.
        links: of its trees.
        false_link_rate: in (0, 1).
        all_right: more links are kept as long as all of them are right with this probability; None keeps no more.
    """
    risk = np.array([link.risk for link in links])
    order = np.argsort(risk, kind="stable")
    pairs = np.array([link.pairs for link in links])[order]  # a link between two large groups must be surer
    mean = np.cumsum(risk[order] * pairs) / np.cumsum(pairs)
    keep = int(np.searchsorted(mean, false_link_rate, side="right"))  # the mean rises
    if all_right is not None:
        together = np.cumsum(np.log1p(-risk[order]))  # falls
        keep = max(keep, int(np.searchsorted(-together, -np.log(all_right), side="right")))
    doubtful = [number for number in order[keep:].tolist() if not links[number].is_forced]
    cut = set(doubtful[len(doubtful) - math.ceil(len(doubtful) * CUT_AT_ONCE) :])
    kept = [link for number, link in enumerate(links) if number not in cut]
    graph = coo_array(
        (np.ones(len(kept)), ([link.a for link in kept], [link.b for link in kept])), shape=(len(group), len(group))
    )
    label = connected_components(graph, directed=False)[1]
    return lowest_names(label)


def lowest_names(group: Integers) -> Integers:
    """(N,) the same groups, each named by its lowest row.

    >>> lowest_names(np.array([5, 3, 5])).tolist()
    [0, 1, 0]
    """
    _, first, number = np.unique(group, return_index=True, return_inverse=True)
    return np.asarray(first[number], np.int64)


def rivals(pairs: Pairs, group: Integers) -> tuple[Times, list[Counter[str]]]:
    """For each row the highest similarity to a row of another group, and what better-looking pairs were forbidden.

    Returns:
        (N,) similarity, NaN without any; and for each row the number of forbidden pairs by constraint that look more
        alike than the row's least similar pair within its group.
    """
    count = len(group)
    best = np.full(count, -np.inf)
    other = (group[pairs.a] != group[pairs.b]) & (pairs.code == NONE) & np.isfinite(pairs.similarity)
    least = np.full(count, np.inf)
    own = (group[pairs.a] == group[pairs.b]) & np.isfinite(pairs.similarity)
    for side in (pairs.a, pairs.b):
        np.maximum.at(best, side[other], pairs.similarity[other])
        np.minimum.at(least, side[own], pairs.similarity[own])
    forbidden: list[Counter[str]] = [Counter() for _ in range(count)]
    for pair in np.flatnonzero((pairs.code != NONE) & np.isfinite(pairs.similarity)):
        for row in (int(pairs.a[pair]), int(pairs.b[pair])):
            if pairs.similarity[pair] > least[row]:
                forbidden[row][CONSTRAINTS[int(pairs.code[pair])]] += 1
    return np.where(np.isfinite(best), best, np.nan), forbidden
