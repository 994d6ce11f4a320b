"""People who leave and come back: do they keep their identity?

A person is in sight where a considered truth box has at least `min_visibility`; over several cameras, in sight of any
of them. Sightings less than `buckets_s[0]` apart form a stay; stays shorter than `min_stay_s` are glimpses and count as
away. Each stay but a person's first is a return, after the time from the last sighting of the stay before to its own
first one. The identity before is the one that covered the person (CLEAR matches) in most frames of the last `window_s`
in which the person was covered; the identity after is that of the first `window_s` covered after the return. A return
is kept when both are the same. A return that is not covered on both sides is not kept.

Precision asks the converse of each predicted identity that reappears after such a time: was it the same person before
and after? Reappearances where either side matches nobody are left out: they are false detections, which other measures
count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mdpr.errors import ConfigError
from mdpr.pipeline.metrics.overlaps import Floats, Integers

NOBODY = -1
_ROUNDING_S = 5e-4


@dataclass(frozen=True)
class ReturnConfig:
    """What counts as a return.

    Attributes:
        buckets_s: rising lower ends of the ranges of time away; the first is the shortest absence that counts.
        min_visibility: visible part of a truth box from which a person is in sight, 0 to 1.
        min_stay_s: shorter stays are not counted as such.
        window_s: how much of a stay says which identity it has.
    """

    buckets_s: tuple[float, ...] = (3.0, 10.0, 60.0)
    min_visibility: float = 0.1
    min_stay_s: float = 0.5
    window_s: float = 1.0

    def __post_init__(self) -> None:
        if not self.buckets_s or self.buckets_s[0] <= 0 or any(np.diff(self.buckets_s) <= 0):
            raise ConfigError(f"buckets_s: expected rising seconds above 0, got {self.buckets_s}")
        if not 0 <= self.min_visibility <= 1:
            raise ConfigError(f"min_visibility: expected 0 to 1, got {self.min_visibility}")
        if not (self.min_stay_s >= 0 and self.window_s > 0):
            raise ConfigError(f"expected min_stay_s >= 0 and window_s > 0, got {self.min_stay_s} and {self.window_s}")

    def labels(self) -> list[str]:
        """Names of the buckets.

        >>> ReturnConfig().labels()
        ['3-10 s', '10-60 s', '>60 s']
        """
        low = [f"{value:g}" for value in self.buckets_s]
        return [f"{start}-{end} s" for start, end in pairwise(low)] + [f">{low[-1]} s"]


@dataclass(frozen=True)
class ReturnCounts:
    """Returns after one range of time away, or all.

    Attributes:
        returns: of people, by the truth.
        covered: of these, covered by some identity before and after.
        kept: of these, by the same.
        claims: reappearances of predicted identities that match someone before and after.
        right_claims: of these, the same person.
    """

    returns: int = 0
    covered: int = 0
    kept: int = 0
    claims: int = 0
    right_claims: int = 0

    def values(self) -> dict[str, float | None]:
        """Counts, recall and precision; None where there is nothing to divide by."""
        return {
            "returns": self.returns, "covered": self.covered, "kept": self.kept, "claims": self.claims,
            "right_claims": self.right_claims, "recall": self.kept / self.returns if self.returns else None,
            "precision": self.right_claims / self.claims if self.claims else None,
        }  # fmt: skip


@dataclass(frozen=True)
class Returns:
    """Counts by bucket, in the order of the buckets, and all together."""

    labels: tuple[str, ...]
    by_bucket: tuple[ReturnCounts, ...]

    @property
    def all(self) -> ReturnCounts:
        """Sum over the buckets."""
        return _sum(self.by_bucket)

    def values(self) -> dict[str, dict[str, float | None]]:
        """By the bucket's name, and `all`."""
        named = dict(zip(self.labels, self.by_bucket, strict=True)) | {"all": self.all}
        return {label: counts.values() for label, counts in named.items()}


@dataclass(frozen=True, eq=False)
class Sightings:
    """Who was seen when, and as whom.

    Attributes:
        time_s: (N,) seconds.
        owner: (N,) whose stays are looked at.
        other: (N,) what is matched to the owner there, NOBODY where nothing is.
        period_s: time between two frames.
    """

    time_s: Floats
    owner: Integers
    other: Integers
    period_s: float


def count_returns(people: Sightings, identities: Sightings, config: ReturnConfig) -> Returns:
    """Returns of people and of predicted identities.

    Args:
        people: sightings of true people with the identity that covers them.
        identities: predicted boxes with the person that they match.
        config: what counts.
    """
    buckets = [[0] * 5 for _ in config.buckets_s]
    for away_s, before, after in _reappearances(people, config):
        counts = buckets[_bucket(away_s, config)]
        is_covered = NOBODY not in (before, after)
        counts[0] += 1
        counts[1] += is_covered
        counts[2] += is_covered and before == after
    for away_s, before, after in _reappearances(identities, config):
        if NOBODY not in (before, after):
            counts = buckets[_bucket(away_s, config)]
            counts[3] += 1
            counts[4] += before == after
    return Returns(tuple(config.labels()), tuple(ReturnCounts(*counts) for counts in buckets))


def combined_returns(parts: list[Returns]) -> Returns:
    """Over several sequences: counts add up."""
    return Returns(
        parts[0].labels, tuple(_sum(column) for column in zip(*(one.by_bucket for one in parts), strict=True))
    )


def _reappearances(sightings: Sightings, config: ReturnConfig) -> Iterator[tuple[float, int, int]]:
    """Seconds away, and what the owner was matched to before and after, for each return."""
    order = np.lexsort((sightings.time_s, sightings.owner))
    owners = sightings.owner[order]
    for rows in np.split(order, np.flatnonzero(np.diff(owners)) + 1) if len(order) else []:
        time_s, other = sightings.time_s[rows], sightings.other[rows]
        gaps = np.flatnonzero(np.diff(time_s) >= config.buckets_s[0] - _ROUNDING_S) + 1
        stays = [
            slice(start, end)
            for start, end in zip([0, *gaps.tolist()], [*gaps.tolist(), len(rows)], strict=True)
            if time_s[end - 1] - time_s[start] + sightings.period_s >= config.min_stay_s - _ROUNDING_S
        ]
        for before, after in pairwise(stays):
            away_s = float(time_s[after.start] - time_s[before.stop - 1])
            last = _main(-time_s[before][::-1], other[before][::-1], config.window_s)
            yield away_s, last, _main(time_s[after], other[after], config.window_s)


def _main(time_s: Floats, other: Integers, window_s: float) -> int:
    """The most frequent match within less than `window_s` of the first one; among equals, the first.

    >>> _main(np.array([0.0, 0.1, 0.2, 0.3, 9.0]), np.array([-1, 4, 5, 5, 4]), 1.0)
    5
    """
    matched = other != NOBODY
    if not matched.any():
        return NOBODY
    time_s, other = time_s[matched], other[matched]
    found, first, counts = np.unique(
        other[time_s < time_s[0] + window_s - _ROUNDING_S], return_index=True, return_counts=True
    )
    return int(found[np.lexsort((first, -counts))[0]])


def _bucket(away_s: float, config: ReturnConfig) -> int:
    return int(np.searchsorted(config.buckets_s, away_s + _ROUNDING_S, side="right")) - 1


def _sum(parts: tuple[ReturnCounts, ...]) -> ReturnCounts:
    names = ReturnCounts.__dataclass_fields__
    return ReturnCounts(**{name: sum(getattr(one, name) for one in parts) for name in names})
