"""The whole evaluation of features: rankings, verification, and what was counted."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.data.records import DISTRACTOR_PID, ReidImages
from mdpr.reid.evaluation.expansion import expand_queries
from mdpr.reid.evaluation.ranking import CMC_RANKS, Ranking, rank
from mdpr.reid.evaluation.reranking import RerankConfig, reranked_blocks
from mdpr.reid.evaluation.similarity import Floats, similarity_blocks, unit_rows
from mdpr.reid.evaluation.truth import Exclusion, GroundTruth, labels_of
from mdpr.reid.evaluation.verification import PairHistogram, Verification

COSINE = "cosine"


@dataclass(frozen=True)
class EvaluateConfig:
    """What is evaluated beside the plain cosine distance.

    Attributes:
        exclusion: "auto", "camera" or "image"; see `GroundTruth`.
        rerank: also with k-reciprocal re-ranking, with these parameters; None = not.
        expand: also with queries expanded by so many neighbours; 0 = not. Re-ranking then takes the expanded queries.
        alpha: power of the similarity that weights the neighbours; 0 = plain average.
    """

    exclusion: str = "auto"
    rerank: RerankConfig | None = None
    expand: int = 0
    alpha: float = 3.0

    def __post_init__(self) -> None:
        if self.expand < 0 or self.alpha < 0:
            raise ConfigError(f"expected expand and alpha of 0 or more, got {self.expand} and {self.alpha}")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation found.

    Attributes:
        exclusion: what was left out of the ranking of a query.
        rankings: by method, plain cosine first.
        seconds: that each method took, from the features on.
        verification: same person or not, by cosine distance alone.
        pairs: the histogram behind it, for pictures.
        truth: right answers.
        query, gallery: unit rows.
    """

    exclusion: Exclusion
    rankings: dict[str, Ranking]
    seconds: dict[str, float]
    verification: Verification
    pairs: PairHistogram
    truth: GroundTruth
    query: Floats
    gallery: Floats

    @property
    def counts(self) -> dict[str, int]:
        """What was counted."""
        pids = self.truth.gallery.pids
        return {
            "queries": len(self.truth.query),
            "identities": len(np.unique(self.truth.query.pids)),
            "queries_without_right_answer": int(np.sum(~self.rankings[COSINE].is_valid)),
            "gallery": len(pids),
            "distractors": int(np.sum(pids == DISTRACTOR_PID)),
        }

    def measures(self, method: str = COSINE) -> dict[str, float]:
        """mAP, mINP, rank1, rank5, rank10 of a method, in [0, 1]."""
        ranking = self.rankings[method]
        return {
            "mAP": ranking.mean_average_precision,
            "mINP": ranking.mean_inverse_negative_penalty,
            **{f"rank{k}": ranking.cmc(k) for k in CMC_RANKS},
        }


def evaluate(
    query: ReidImages,
    gallery: ReidImages,
    query_features: Floats,
    gallery_features: Floats,
    config: EvaluateConfig | None = None,
) -> Evaluation:
    """Rank the gallery for each query, in every way that `config` asks for.

    Args:
        query, gallery: the splits, without junk; see `without_junk`.
        query_features, gallery_features: (Q, D) and (G, D) floating point, of any length.
        config: the default is plain cosine distance.

    Raises:
        FormatError: numbers of images and features differ, a split is empty, there is junk, a value is not finite, or
            no query has an admissible right answer; the message says why that may be.
        ConfigError: a rule of exclusion that the data does not allow.
    """
    config = config or EvaluateConfig()
    for name, images, features in (("query", query, query_features), ("gallery", gallery, gallery_features)):
        if len(images) == 0:
            raise FormatError(f"there are no {name} images to evaluate")
        if len(images) != len(features):
            raise FormatError(f"{len(images)} {name} images but {len(features)} rows of features")
    start = time.perf_counter()
    query_labels, gallery_labels = labels_of(query, gallery)
    truth = GroundTruth(query_labels, gallery_labels, config.exclusion)
    queries = unit_rows(query_features, "query features")
    items = unit_rows(gallery_features, "gallery features")

    pairs = PairHistogram(truth)
    rankings = {COSINE: rank(similarity_blocks(queries, items), truth, [pairs])}
    if not rankings[COSINE].is_valid.any():
        raise FormatError(_why_nothing(truth))
    seconds = {COSINE: time.perf_counter() - start}
    expanded, names = queries, ""
    if config.expand:
        start, names = time.perf_counter(), f"expanded by {config.expand}"
        expanded = expand_queries(queries, items, config.expand, config.alpha)
        rankings[names] = rank(similarity_blocks(expanded, items), truth)
        seconds[names] = time.perf_counter() - start
    if config.rerank is not None:
        start, names = time.perf_counter(), f"{names}, re-ranked" if names else "re-ranked"
        rankings[names] = rank(reranked_blocks(expanded, items, config.rerank), truth)
        seconds[names] = time.perf_counter() - start
    return Evaluation(truth.exclusion, rankings, seconds, pairs.result(), pairs, truth, queries, items)


def _why_nothing(truth: GroundTruth) -> str:
    shared = len(np.intersect1d(truth.query.pids[truth.query.pids > 0], truth.gallery.pids))
    if not shared:
        return "no person of the queries is in the gallery: are they of one data set, and numbered alike?"
    return (
        f"{shared} people are in both query and gallery, but no query has a right answer left: excluded is "
        f"{truth.exclusion!s}. With one camera only, exclude by image instead (--exclude image)"
    )
