"""Why two groups of tracklets are not one person: every pair between them, under what the last answer has learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdpr.errors import ConfigError
from mdpr.trackers.crosscamera.constraints import CONSTRAINTS, NONE
from mdpr.trackers.crosscamera.evidence import camera_pair, pair_terms
from mdpr.trackers.crosscamera.groupodds import RATIO, places_of
from mdpr.trackers.crosscamera.offline import Learned
from mdpr.trackers.crosscamera.similarity import reliabilities, set_similarity
from mdpr.trackers.crosscamera.types import Pair, TrackletKey


@dataclass(frozen=True)
class Inquiry:
    """What speaks for and against two groups being one person.

    Attributes:
        pairs: number of pairs between them.
        forbidden: for each rule that forbids pairs, how many, and the first of them.
        best: the pair that looks most alike, whether it is forbidden or not; None without appearance.
        similarity: of that pair.
        needed: similarity at which such a pair alone would have even odds.
        time_term: of that pair, as if one directly followed the other.
        log_odds: of that pair by itself.
        group_log_odds: of all pairs together, without what forbids them.
        group_time_term: what the order of all their visits adds to that.
        group_position_term: what their positions add to it.
    """

    pairs: int
    forbidden: dict[str, tuple[int, Pair]]
    best: Pair | None
    similarity: float | None
    needed: float | None
    time_term: float
    log_odds: float | None
    group_log_odds: float
    group_time_term: float
    group_position_term: float

    @property
    def probability(self) -> float:
        """Of being one person: 0 when a rule forbids it."""
        return 0.0 if self.forbidden else float(1 / (1 + np.exp(-self.group_log_odds)))


def inquire(learned: Learned, one: Sequence[TrackletKey], two: Sequence[TrackletKey]) -> Inquiry:
    """Look at all pairs between two groups.

    Args:
        learned: from `OfflineLinker.link_and_learn`.
        one, two: keys; none is in both.

    Raises:
        ConfigError: a key that was not linked, or one that is in both groups.
    """
    scene, weighed = learned.scene, learned.weighed
    place = learned.row
    for key in (*one, *two):
        if key not in place:
            raise ConfigError(f"tracklet {key} is not among those that were linked")
        if key in one and key in two:
            raise ConfigError(f"tracklet {key} is on both sides")
    first = np.array(sorted(place[key] for key in one), np.int64)
    second = np.array(sorted(place[key] for key in two), np.int64)
    a, b = np.repeat(first, len(second)), np.tile(second, len(first))
    code = learned.constraints.forbidding(a, b)
    forbidden = {}
    for number in np.unique(code[code != NONE]).tolist():
        rows = np.flatnonzero(code == number)
        pair = scene.keys[a[rows[0]]], scene.keys[b[rows[0]]]
        forbidden[CONSTRAINTS[number]] = len(rows), pair
    seen = scene.has_appearance[a] & scene.has_appearance[b]
    similarity = np.where(seen, set_similarity(learned.appearance, scene.has_view, a, b).astype(np.float64), -np.inf)
    kind = camera_pair(scene, a, b)
    found, evidence = weighed.fit, weighed.evidence
    times = evidence.times([first], [second])
    term = evidence.journeys.pair(a, b) if evidence.journeys else np.zeros(len(a))
    reliable = reliabilities(learned.appearance, scene.has_view)
    measured = np.where(seen, similarity, np.nan)
    is_across = scene.camera[a] != scene.camera[b]
    other = found.prior(kind) - evidence.prior
    position = weighed.pairs.position_of(a, b, len(scene))
    terms = pair_terms(found, kind, is_across, measured, reliable[a] * reliable[b], other, position)
    ratio = terms[:, RATIO]
    sides = learned.pairs.side(first), learned.pairs.side(second)
    cross = terms.sum(axis=0, keepdims=True)
    odds, _ = evidence.log_odds(cross, *sides, times)
    total, places = float(odds[0]), float(places_of(cross)[0])
    if not seen.any():
        return Inquiry(len(a), forbidden, None, None, None, 0.0, None, total, float(times[0]), places)
    best = int(np.argmax(similarity))
    grid = np.linspace(-1, 1, 2001)
    odds = found.log_ratio(grid, np.full(len(grid), kind[best])) + found.prior(kind[best : best + 1])
    enough = np.flatnonzero(odds >= 0)
    return Inquiry(
        pairs=len(a),
        forbidden=forbidden,
        best=(scene.keys[a[best]], scene.keys[b[best]]),
        similarity=float(similarity[best]),
        needed=float(grid[enough[0]]) if len(enough) else None,
        time_term=float(term[best]),
        log_odds=float(ratio[best] + term[best] + evidence.prior),
        group_log_odds=total,
        group_time_term=float(times[0]),
        group_position_term=places,
    )
