"""What other identities take from a link: whoever looks as much like somebody else belongs to either.

The log-odds of two parts of an identity weigh one person against two of whom nothing else is known. But a part may be
as near to another identity, which is kept apart from the rest because both are somewhere at once, or because it is a
little less alike. These possibilities exclude each other, so each has its share of the probability.

Of one other group C that nothing keeps from either part, X and Y, there are five: X and Y are one person, X and C are,
Y and C are, all three are, or no two. Each weighs as much as its odds against the last; several others are added up.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.crosscamera.constraints import NONE, members_of
from mdpr.trackers.crosscamera.groupodds import RATIO, TERMS, Cuts, Evidence, GroupSums, PairTable, Sides
from mdpr.trackers.crosscamera.scene import Flags, Integers, Times

Forbidding = Callable[[Integers, Integers], NDArray[np.int8]]
_LEAST = -5.0  # log-odds below which another group takes nothing: less than a hundredth
_MOST = 50.0  # nothing is surer; keeps the odds finite


class Rivals:
    """The groups of an answer, as rivals of one another.

    Args:
        evidence: about pairs.
        table: of it.
        group: (N,) number of the group of each row.
        forbidding: (P,) code of what forbids each pair of rows.
    """

    def __init__(self, evidence: Evidence, table: PairTable, group: Integers, forbidding: Forbidding) -> None:
        self._evidence, self._table, self._forbidding = evidence, table, forbidding
        self._owner = np.empty(len(group), np.int64)  # groups are named by their lowest row
        self._members: dict[int, Integers] = {}
        for rows in members_of(group):
            self._owner[rows] = rows[0]
            self._members[int(rows[0])] = rows
        self._groups = GroupSums(evidence, self._owner)

    def of_cuts(self, rows: Integers, cuts: Cuts) -> tuple[Times, Integers]:
        """What others take from the log-odds of each of E cuts of a group, 0 or less, and who takes most.

        Args:
            rows: (n,) of the group, rising.
            cuts: of the group.

        Returns:
            (E,) terms; (E,) lowest row of the group that takes most, -1 where none takes anything.
        """
        names, cross = self._towards_others(rows)
        if not len(names):
            return np.zeros(len(cuts.part)), np.full(len(cuts.part), -1, np.int64)
        whole = cross.sum(axis=0)
        of_part = np.stack([cross[part].sum(axis=0) for part in cuts.part])
        others = _Others(names, [self._members[name] for name in names.tolist()], rows, self._forbidding)
        taken = self._odds(cuts.part, of_part, cuts.of_part, others)
        taken += self._odds(~cuts.part, whole - of_part, cuts.of_rest, others)
        together = self._odds(np.ones((1, len(rows)), np.bool_), whole[None], self._table.side(rows), others)
        term = np.log1p(together.sum()) - np.log1p(taken.sum(axis=1))
        return np.minimum(term, 0.0), np.where(term < 0, names[taken.argmax(axis=1)], -1)

    def _towards_others(self, rows: Integers) -> tuple[Integers, Times]:
        """(G,) names of the other groups that `rows` have pairs with, and the (n, G, TERMS) sums over these."""
        columns, pairs = zip(*(self._table.of_row(row) for row in rows.tolist()), strict=True)
        place = np.repeat(np.arange(len(rows)), [len(column) for column in columns])
        owner, pair = self._owner[np.concatenate(columns)], np.concatenate(pairs)
        is_other = owner != rows[0]
        names, column = np.unique(owner[is_other], return_inverse=True)
        cross = np.zeros((len(rows) * len(names), TERMS))
        np.add.at(cross, place[is_other] * len(names) + column, self._evidence.terms[pair[is_other]])
        return names, cross.reshape(len(rows), len(names), TERMS)

    def _odds(self, is_in: Flags, cross: Times, sides: Sides, others: _Others) -> Times:
        """(E, G) odds that each of E parts of a group is one person with each other group; 0 for the hopeless.

        Args:
            is_in: (E, n) which rows of the group are in each part.
            cross: (E, G, TERMS) sums over the pairs between them.
            sides: the E parts.
            others: the other groups.
        """
        found = np.zeros(cross.shape[:2])
        part, other = np.nonzero(cross[:, :, RATIO] > 0)
        if not len(part):
            return found
        one, two = sides.take(part), self._groups.sides(others.names[other])
        odds, _ = self._evidence.log_odds(cross[part, other], one, two, np.zeros(len(part)))
        near = np.flatnonzero(odds > _LEAST - self._evidence.most_times)
        near = near[[not others.forbid(is_in[part[place]], int(other[place])) for place in near.tolist()]]
        part, other = part[near], other[near]
        times = self._evidence.times(
            [others.rows[is_in[place]] for place in part.tolist()], [others.members[place] for place in other.tolist()]
        )
        odds = np.minimum(odds[near] + times, _MOST)
        found[part, other] = np.where(odds > _LEAST, np.exp(odds), 0.0)
        return found


class _Others:
    """The G other groups that a group of n rows has pairs with, and what forbids these; looked up once a group.

    Args:
        names: (G,).
        members: rows of each.
        rows: (n,) of the group.
        forbidding: (P,) code of what forbids each pair of rows.
    """

    def __init__(self, names: Integers, members: list[Integers], rows: Integers, forbidding: Forbidding) -> None:
        self.names, self.members, self.rows = names, members, rows
        self._forbidding = forbidding
        self._known: dict[int, Flags] = {}

    def forbid(self, is_in: Flags, other: int) -> bool:
        """Whether anything forbids the rows `is_in`, (n,), and a group by its number."""
        if other not in self._known:
            members = self.members[other]
            code = self._forbidding(np.repeat(self.rows, len(members)), np.tile(members, len(self.rows)))
            self._known[other] = (code.reshape(len(self.rows), -1) != NONE).any(axis=1)
        return bool(self._known[other][is_in].any())
