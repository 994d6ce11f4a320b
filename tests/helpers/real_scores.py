"""How well an embedder tells the people of a set apart: by ranking across views, and pair by pair within a camera."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mdpr.contracts import Embedder
from mdpr.reid.evaluation.ranking import Ranking, rank
from mdpr.reid.evaluation.similarity import similarity_blocks, unit_rows
from mdpr.reid.evaluation.truth import GroundTruth, Labels
from real_crops import RealCrops

VIEWS = {
    "lab": "cameras",
    "shop": ("front", "back"),
    "shop-2cam": "cameras",
    "table": ("back", "side"),
    "aisle": None,
}
"""What each set is ranked across: its cameras, two views of one camera, or nothing (too few people and seconds)."""

GAP_S = {"lab": 2.0, "shop": 2.0, "table": 2.0, "aisle": 1.0}
"""Two crops of one person count as a pair of one camera when they are so far apart; sets without pairs are not here."""

FALSE_POSITIVE_RATE = 1e-2
_BATCH = 32

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scores:
    """What an embedder reaches on one set; None where the set does not ask for it.

    Attributes:
        name: of the set.
        people, crops: in the set.
        gallery: crops that are an answer to some query, right or wrong.
        queries: crops that were asked for, counted once for each other view.
        rank1, mean_average_precision: over the queries.
        auc: chance that a pair of one person and camera is more alike than a pair of two people of that camera.
        tpr: share of the pairs of one person accepted at the threshold that accepts 1 % of those of two people.
        positives, negatives: pairs behind `auc` and `tpr`.
        all_rank1, all_map: with the crops of all cameras in one gallery, the query's own person and camera left out
            (the rule of Market-1501); only where there are cameras.
    """

    name: str
    people: int
    crops: int
    gallery: int
    queries: int
    rank1: float | None
    mean_average_precision: float | None
    auc: float | None
    tpr: float | None
    positives: int
    negatives: int
    all_rank1: float | None = None
    all_map: float | None = None


@dataclass(frozen=True, eq=False)
class Answers:
    """Queries against one gallery.

    Attributes:
        query, gallery: (Q,) and (G,) positions in the set.
        pids: (N,) identity of every crop of the set; 0 for wrong answers to all.
        ranking: of the queries.
    """

    query: NDArray[np.int64]
    gallery: NDArray[np.int64]
    pids: NDArray[np.int64]
    ranking: Ranking


def embed_crops(embedder: Embedder, crops: RealCrops) -> Floats:
    """(N, D) unit rows."""
    rows = [
        embedder.embed(crops.patches[start : start + _BATCH], crops.boxes[start : start + _BATCH])
        for start in range(0, len(crops), _BATCH)
    ]
    return unit_rows(np.concatenate(rows))


def rank_across_views(embeddings: Floats, crops: RealCrops) -> list[Answers]:
    """Each crop of one view against all of the other, for every ordered pair of cameras or of the two views.

    Where people are seen from two sides by one camera, those who are seen from one only are in every gallery as wrong
    answers, and crops of the others that show neither side are in none. Empty for a set that is not ranked.
    """
    views = VIEWS[crops.name]
    pids = crops.pids
    if views is None:
        return []
    if views == "cameras":
        groups = [np.flatnonzero(crops.cameras == camera) for camera in np.unique(crops.cameras)]
        return [_answers(embeddings, a, b, pids) for a, b in permutations(groups, 2)]
    from_both = set.intersection(*(set(pids[crops.views == view].tolist()) for view in views))
    pids = np.where(np.isin(pids, list(from_both)), pids, 0)
    one, two = (np.flatnonzero((crops.views == view) & (pids > 0)) for view in views)
    others = np.flatnonzero(pids == 0)
    return [_answers(embeddings, a, np.concatenate([b, others]), pids) for a, b in ((one, two), (two, one))]


def pairs_of_one_camera(crops: RealCrops) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(N, N) pairs of one person and camera that are some seconds apart, and of two people; each pair once."""
    is_first = np.triu(np.ones((len(crops), len(crops)), bool), 1) & (crops.cameras[:, None] == crops.cameras)
    is_same = crops.pids[:, None] == crops.pids
    is_apart = np.abs(crops.time_s[:, None] - crops.time_s) >= GAP_S[crops.name] - 1e-6
    return is_first & is_same & is_apart, is_first & ~is_same


def score(embeddings: Floats, crops: RealCrops) -> Scores:
    """All figures of a set."""
    answers = rank_across_views(embeddings, crops)
    precision = np.concatenate([a.ranking.average_precision[a.ranking.is_valid] for a in answers] or [np.empty(0)])
    first = np.concatenate([a.ranking.first_rank[a.ranking.is_valid] for a in answers] or [np.empty(0)])
    everything = None
    if VIEWS[crops.name] == "cameras":
        labels = Labels(crops.pids, crops.cameras, np.arange(len(crops)))
        everything = rank(similarity_blocks(embeddings, embeddings), GroundTruth(labels, labels, "camera"))
    has_pairs = crops.name in GAP_S
    positive = negative = np.empty(0, np.float32)
    if has_pairs:
        similarity = embeddings @ embeddings.T
        positive, negative = (similarity[which] for which in pairs_of_one_camera(crops))
    return Scores(
        name=crops.name,
        people=len(np.unique(crops.pids)),
        crops=len(crops),
        gallery=len(set().union(*(a.gallery.tolist() for a in answers))),
        queries=len(first),
        rank1=float(np.mean(first == 1)) if answers else None,
        mean_average_precision=float(np.mean(precision)) if answers else None,
        auc=area_under_curve(positive, negative) if has_pairs else None,
        tpr=true_positive_rate(positive, negative, FALSE_POSITIVE_RATE) if has_pairs else None,
        positives=len(positive),
        negatives=len(negative),
        all_rank1=everything.cmc(1) if everything else None,
        all_map=everything.mean_average_precision if everything else None,
    )


def area_under_curve(positive: Floats, negative: Floats) -> float:
    """Chance that a positive is above a negative; ties count half.

    Reference: Mann and Whitney 1947; Hanley and McNeil 1982.

    >>> area_under_curve(np.array([0.9, 0.5]), np.array([0.5, 0.1]))
    0.875
    """
    ranks = rankdata(np.concatenate([positive, negative]))[: len(positive)]
    wins = ranks.sum() - len(positive) * (len(positive) + 1) / 2
    return float(wins / (len(positive) * len(negative)))


def true_positive_rate(positive: Floats, negative: Floats, false_positive_rate: float) -> float:
    """Share of the positives above the threshold that at most so large a share of the negatives exceeds.

    >>> true_positive_rate(np.array([0.9, 0.5]), np.array([0.6, 0.2, 0.1, 0.0]), 0.25)
    1.0
    >>> true_positive_rate(np.array([0.9, 0.5]), np.array([0.6, 0.2, 0.1, 0.0]), 0.2)
    0.5
    """
    threshold = np.sort(negative)[::-1][int(false_positive_rate * len(negative))]
    return float(np.mean(positive > threshold))


def _answers(
    embeddings: Floats, query: NDArray[np.int64], gallery: NDArray[np.int64], pids: NDArray[np.int64]
) -> Answers:
    truth = GroundTruth(*(Labels(pids[some], np.full(len(some), -1), some) for some in (query, gallery)), "image")
    ranking = rank(similarity_blocks(embeddings[query], embeddings[gallery]), truth)
    return Answers(query, gallery, pids, ranking)
