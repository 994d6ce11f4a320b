"""What the similarities of several pairs of tracklets have in common, and how much their mean varies therefore.

Two people who look alike in one pair do so in others; pairs that share a tracklet share its good or bad views. The more
is shared, the less do many pairs tell than one. The pairs of one person have less in common: the mean of many of them
is hardly ever far from what is usual, and where it is, they are not one person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.crosscamera.constraints import members_of
from mdpr.trackers.crosscamera.scene import Integers, Times

DEFAULT_CORRELATION = 0.4
LEAST_CORRELATION = 0.03
_DEFAULT_PAIRS = 50.0  # pairs of groups that the default counts as
_MOST_GROUPS = 100


@dataclass(frozen=True)
class Sharing:
    """What the similarities between two groups have in common: parts of the variance of one of them.

    Attributes:
        pair: common to all pairs between the two groups, in [0, 1].
        row: common to all pairs of one tracklet with the other group, for each side. What is left belongs to one pair.
    """

    pair: float
    row: float

    def of_mean(self, one: Times, two: Times) -> Times:
        """Variance of the mean over all pairs of `one` and `two` tracklets, against that of a single pair.

        >>> Sharing(0.2, 0.3).of_mean(1, 1), Sharing(0.0, 0.0).of_mean(2, 3) == 1 / 6
        (1.0, True)
        """
        return self.pair + self.around_pair(one, two)

    def around_pair(self, one: Times, two: Times) -> Times:
        """The part of `of_mean` that is not common to all pairs between the two groups."""
        return self.row * (1 / one + 1 / two) + self.rest / (one * two)

    def around_level(self, count: Times) -> Times:
        """The same for the mean over the pairs within a group of `count`, 2 or more."""
        return self.row * 4 / count + self.rest / (count * (count - 1) / 2)

    @property
    def rest(self) -> float:
        """What belongs to one pair only."""
        return 1 - self.pair - 2 * self.row

    @classmethod
    def of_correlation(cls, correlation: float) -> Sharing:
        """All that is not common to the two people belongs to the tracklets."""
        return cls(correlation, (1 - correlation) / 2)


ONE_PERSON = Sharing(0.35, 0.1)
"""What the similarities of one person have in common, counted by cameras. Less was measured for the first, 0.01 to 0.2
on simulated and rendered people: the rest is how well the usual similarity of one person is known."""


def sharing_of(mean: NDArray[np.float32], group: Integers) -> Sharing:
    """What similarities share: variance components of a two-way layout, tracklets of one person by those of another.

    Args:
        mean: (N, D) unit or zero rows.
        group: (N,) who is who as far as known; only groups of two and more speak.

    Returns:
        The pair's part is at least LEAST_CORRELATION; the default counts like 50 pairs of groups.

    Reference: Searle, Casella, McCulloch, "Variance Components", 1992, section 4.3 (estimates from mean squares).
    """
    default = Sharing.of_correlation(DEFAULT_CORRELATION)
    groups = [rows for rows in members_of(group) if len(rows) > 1]
    groups = groups[:: -(-len(groups) // _MOST_GROUPS)] if groups else []
    means, expected, residual, row = [], [], [], []
    for number, one in enumerate(groups):
        for two in groups[:number]:
            cosine = (mean[one] @ mean[two].T).astype(np.float64)
            n, m = cosine.shape
            centre = cosine.mean()
            by_row, by_column = cosine.mean(axis=1) - centre, cosine.mean(axis=0) - centre
            rest = cosine - centre - by_row[:, None] - by_column[None, :]
            own = float((rest**2).sum()) / ((n - 1) * (m - 1))
            tracklet = float((by_row**2).sum()) / (n - 1) - own / m, float((by_column**2).sum()) / (m - 1) - own / n
            means.append(float(centre))
            residual.append(own)
            row.append(sum(tracklet) / 2)
            expected.append((1 / n + 1 / m, 1 / (n * m)))
    pairs = len(means)
    if pairs < 2:
        return default
    of_one, of_row = float(np.mean(residual)), max(float(np.mean(row)), 0.0)
    within = float(np.mean(np.array(expected) @ np.array([of_row, of_one])))
    between = max(float(np.var(means, ddof=1)) - within, 0.0)
    total = max(between + 2 * of_row + of_one, 1e-12)
    share = pairs / (pairs + _DEFAULT_PAIRS)
    pair = max(share * between / total + (1 - share) * default.pair, LEAST_CORRELATION)
    return Sharing(pair, min(share * of_row / total + (1 - share) * default.row, (1 - pair) / 2))
