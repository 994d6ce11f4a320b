"""People of a gallery ranked against a query, with the probability that each is the one who was asked for.

A person's score is the mean, over the embeddings of the query, of the cosine with the person's most similar view. How
scores of the right person and of others are spread is measured in the gallery itself: tracklets of people who were
seen more than once are asked for as if they were not there. Before anything is looked at, the person is as likely to
be somebody of the gallery as nobody of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.pipeline.store import EVERYTHING, Filters, Match, Store, TrackletKey, TrackletRecord
from mdpr.trackers.crosscamera import LinkConfig
from mdpr.trackers.crosscamera.likelihood import NORMAL, Fit

PRIOR_IN_GALLERY = 0.5
_SPREAD = 0.15  # of scores, where the gallery tells nothing about them
_WEIGHT = 5.0  # samples that what is taken for granted counts as
_LEAST_SPREAD = 0.02
_SAMPLES = 200  # tracklets that are asked for to measure the scores
_MOST_PEOPLE = 1000  # best people that a probability is worked out for

Who = int | TrackletKey
"""Number of an identity, or a tracklet that belongs to none."""


@dataclass(frozen=True)
class Ranked:
    """One answer.

    Attributes:
        identity: None for a tracklet that belongs to none.
        score: mean cosine, in [-1, 1].
        probability: that this is the person, in [0, 1]; over all answers they sum up to at most 1.
        best: the view that is most like the query.
    """

    identity: int | None
    score: float
    probability: float
    best: Match


@dataclass(frozen=True)
class Ranking:
    """All answers, the best first.

    Attributes:
        people: as many as were asked for.
        nobody: probability that the person is not in the gallery.
        measured: how many scores of right answers the probabilities rest on; below about 20, take them for a guess.
    """

    people: tuple[Ranked, ...]
    nobody: float
    measured: int


def rank(
    store: Store, embeddings: NDArray[np.float32], count: int, filters: Filters = EVERYTHING, seed: int = 0
) -> Ranking:
    """The people of a gallery who are most like the query.

    Args:
        store: the gallery.
        embeddings: (Q, D) of one person: a photo, or the views of a tracklet.
        count: most answers.
        filters: which tracklets to look at.
        seed: chooses the tracklets that the scores are measured on.

    Raises:
        FormatError: embeddings of another dimension than the gallery's.
    """
    found = scores_of(store, embeddings, filters)
    if not found:
        return Ranking((), 1.0, 0)
    spread, measured = measure(store, int(embeddings.any(axis=1).sum()), seed)
    scores = np.array([score for score, _ in found.values()])
    ratio = np.exp(spread.log_ratio(scores, np.zeros(len(scores), np.int64)))
    share = PRIOR_IN_GALLERY / max(len(people_of(store)), len(found))
    weight = share * ratio
    total = float(weight.sum()) + 1 - share * len(found)
    order = np.argsort(-scores, kind="stable")[:count]
    answers = list(found.values())
    people = tuple(
        Ranked(answers[place][1].identity, float(scores[place]), float(weight[place] / total), answers[place][1])
        for place in order.tolist()
    )
    return Ranking(people, float((1 - share * len(found)) / total), measured)


def people_of(store: Store) -> set[Who]:
    """Everybody in a gallery."""
    return {one.number for one in store.identities() if one.members}


def scores_of(store: Store, embeddings: NDArray[np.float32], filters: Filters) -> dict[Who, tuple[float, Match]]:
    """Score and best view of each person that is among the best `_MOST_PEOPLE` for every embedding."""
    rows = [matches for matches in store.nearest(embeddings, _MOST_PEOPLE, filters, "identity") if matches]
    found: dict[Who, list[Match]] = {}
    for matches in rows:
        for match in matches:
            found.setdefault(match.identity or match.key, []).append(match)
    return {
        who: (float(np.mean([one.similarity for one in matches])), max(matches, key=lambda one: one.similarity))
        for who, matches in found.items() if len(matches) == len(rows)
    }  # fmt: skip


def measure(store: Store, query_views: int, seed: int) -> tuple[Fit, int]:
    """How scores are spread, and on how many right answers that rests.

    Args:
        store: the gallery.
        query_views: embeddings of the query: more of them make scores steadier.
        seed: chooses the tracklets.
    """
    records = _seen_again(store.tracklets())
    chosen = np.random.default_rng(seed).permutation(len(records))[:_SAMPLES]
    same: list[float] = []
    different: list[float] = []
    for place in chosen.tolist():
        record = records[place]
        rows = record.tracklet.embeddings[record.tracklet.embeddings.any(axis=1)][:query_views]
        if not len(rows):
            continue
        for who, (score, _) in scores_of(store, rows, Filters(without=(record.key,))).items():
            (same if who == record.identity else different).append(score)
    default = LinkConfig()
    m1, s1 = _normal(same, default.same_similarity)
    m0, s0 = _normal(different, default.different_similarity)
    values = (m0, max(m1, m0 + s0), s0, s1, 0.5, float(len(different)), float(len(same)), NORMAL)
    return Fit(*(np.array([value]) for value in values)), len(same)


def _seen_again(records: Sequence[TrackletRecord]) -> list[TrackletRecord]:
    """Tracklets of people with several."""
    count: dict[int, int] = {}
    for record in records:
        if record.identity is not None:
            count[record.identity] = count.get(record.identity, 0) + 1
    return [record for record in records if record.identity is not None and count[record.identity] > 1]


def _normal(values: Sequence[float], mean: float) -> tuple[float, float]:
    """Mean and standard deviation of the values and of `_WEIGHT` values around `mean`."""
    total = len(values) + _WEIGHT
    centre = (float(np.sum(values)) + _WEIGHT * mean) / total
    square = float(np.sum((np.array(values) - centre) ** 2)) + _WEIGHT * (_SPREAD**2 + (mean - centre) ** 2)
    return centre, max(float(np.sqrt(square / total)), _LEAST_SPREAD)
