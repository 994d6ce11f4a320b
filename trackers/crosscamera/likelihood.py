"""How much likelier a similarity is for one person than for two.

Where the widths of the two distributions are known from few pairs, values far out are more frequent than normal
distributions have it: Student's t is what is left when an uncertain width is averaged over.

Reference: Gelman et al., "Bayesian Data Analysis", 3rd edition, section 3.2 (posterior predictive of a normal sample).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.crosscamera.scene import Integers, Times

MOST_LOG_RATIO = 10.0
MOST_LOG_ODDS = 8.0  # of a pair by itself, however rare true pairs are: no distribution is right that far out
NORMAL = 1e6  # degrees of freedom of what is as good as normal


def rising_log_ratio(x: Times, gap: Times, v0: Times, v1: Times, freedom: Times | float) -> Times:
    """Log of how much likelier x is under Student's t around `gap` than under the one around 0; it rises with x.

    The ratio rises between two extrema, the roots of  gap x^2 - slope x - freedom v0 gap,  and is held beyond them.

    Args:
        x: (P,).
        gap: (P,) above 0.
        v0, v1: (P,) squared scales of the distributions around 0 and around `gap`.
        freedom: degrees of freedom of both.
    """
    slope = gap**2 + freedom * (v1 - v0)
    half = np.abs(slope) + np.sqrt(slope**2 + 4 * gap**2 * freedom * v0)  # each root is written so that nothing cancels
    near, far = 2 * freedom * v0 * gap / half, half / (2 * gap)
    x = np.clip(x, np.where(slope > 0, -near, -far), np.where(slope > 0, far, near))
    ratio = np.log1p(x**2 / (freedom * v0)) - np.log1p((x - gap) ** 2 / (freedom * v1))
    found: Times = (freedom + 1) / 2 * ratio - 0.5 * np.log(v1 / v0)
    return found


@dataclass(frozen=True, eq=False)
class Fit:
    """Distributions of similarity by kind of pair; G kinds (pairs of cameras).

    Attributes:
        different, same: (G,) means.
        different_spread, same_spread: (G,) scales: standard deviations where the freedom is large.
        share: (G,) part of the pairs that are one person.
        samples, same_samples: (G,) pairs, and expected true pairs among them.
        freedom: (G,) degrees of freedom of both distributions; the larger, the more they are normal.
    """

    different: Times
    same: Times
    different_spread: Times
    same_spread: Times
    share: Times
    samples: Times
    same_samples: Times
    freedom: Times

    def log_ratio(self, similarity: NDArray[np.floating], kind: Integers, reliability: Times | None = None) -> Times:
        """(P,) log of how much likelier a similarity is for one person than for two; rises with the similarity.

        Args:
            similarity: (P,).
            kind: (P,) number of the pair of cameras.
            reliability: (P,) part of the usual distance between the means that such a pair has; None: all of it.
        """
        m0, m1 = self.different[kind], self.same[kind]
        if reliability is not None:
            m1 = m0 + reliability * (m1 - m0)
        v0, v1 = self.different_spread[kind] ** 2, self.same_spread[kind] ** 2
        ratio = rising_log_ratio(np.asarray(similarity, np.float64) - m0, m1 - m0, v0, v1, self.freedom[kind])
        most = np.maximum(MOST_LOG_RATIO, MOST_LOG_ODDS - self.prior(kind))
        return np.clip(ratio, -MOST_LOG_RATIO, most)

    def prior(self, kind: Integers) -> Times:
        """(P,) log-odds of a pair before it is looked at."""
        share = self.share[kind]
        return np.log(share) - np.log1p(-share)
