"""HOTA: detection and association in one number, at all overlap thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.pipeline.metrics.comparison import Comparison, Counted, counted
from mdpr.pipeline.metrics.matching import FramePairs, best_matches
from mdpr.pipeline.metrics.overlaps import EPSILON, Floats

ALPHAS = np.arange(0.05, 0.99, 0.05)
"""Overlap thresholds: 0.05, 0.1, ..., 0.95."""


@dataclass(frozen=True, eq=False)
class Hota:
    """HOTA and its parts at each of `ALPHAS`; every value is in [0, 1].

    Attributes:
        tp, fn, fp: (19,) matched boxes, truth without a match, predictions without a match.
        ass_a, ass_re, ass_pr: (19,) association score, recall and precision, mean over the matches.
        loc_a: (19,) mean overlap of the matches; 1 without any.
    """

    tp: Floats
    fn: Floats
    fp: Floats
    ass_a: Floats
    ass_re: Floats
    ass_pr: Floats
    loc_a: Floats

    @property
    def det_a(self) -> Floats:
        """(19,) detection accuracy TP / (TP + FN + FP)."""
        return self.tp / np.maximum(1, self.tp + self.fn + self.fp)

    @property
    def det_re(self) -> Floats:
        """(19,) detection recall."""
        return self.tp / np.maximum(1, self.tp + self.fn)

    @property
    def det_pr(self) -> Floats:
        """(19,) detection precision."""
        return self.tp / np.maximum(1, self.tp + self.fp)

    @property
    def hota(self) -> Floats:
        """(19,) geometric mean of detection and association."""
        return np.sqrt(self.det_a * self.ass_a)

    def values(self) -> dict[str, float]:
        """Means over the thresholds, and HOTA(0), LocA(0) at the lowest."""
        means = {
            "HOTA": self.hota, "DetA": self.det_a, "AssA": self.ass_a, "DetRe": self.det_re, "DetPr": self.det_pr,
            "AssRe": self.ass_re, "AssPr": self.ass_pr, "LocA": self.loc_a,
        }  # fmt: skip
        lowest = {"HOTA(0)": self.hota[0], "LocA(0)": self.loc_a[0]}
        return {name: float(value.mean()) for name, value in means.items()} | {
            name: float(value) for name, value in lowest.items()
        }


def hota(comparison: Comparison) -> Hota:
    """HOTA of a sequence. Without truth or predictions all is 0 but LocA, which is 1.

    Reference: Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021,
    equations 6 to 14; matches maximise the alignment of whole tracks, as in TrackEval.
    """
    ids = counted(comparison)
    alignment = _alignment(comparison, ids)
    score = alignment[ids.pair] * comparison.iou
    rows = np.flatnonzero(score > 0)
    pairs = FramePairs(
        comparison.first[rows], comparison.second[rows], comparison.truth_frame, comparison.predicted_frame
    )
    matched = rows[best_matches(pairs, score[rows])]
    iou, pair = comparison.iou[matched], ids.pair[matched]
    levels = np.searchsorted(ALPHAS - EPSILON, iou, side="right")  # a match counts at the `levels` lowest thresholds
    tp = _at_least(np.bincount(levels, minlength=len(ALPHAS) + 1))
    overlap = _at_least(np.bincount(levels, weights=iou, minlength=len(ALPHAS) + 1))
    together = np.zeros((len(ids.pair_truth), len(ALPHAS) + 1))
    np.add.at(together, (pair, levels), 1)
    together = _at_least(together)  # (pairs of ids, 19) matches
    truth_boxes = ids.truth_boxes[ids.pair_truth][:, None]
    predicted_boxes = ids.predicted_boxes[ids.pair_predicted][:, None]

    def per_match(boxes: NDArray[Any]) -> Floats:
        return np.sum(together * together / np.maximum(1, boxes), axis=0) / np.maximum(1, tp)

    return Hota(
        tp, len(comparison.truth_id) - tp, len(comparison.predicted_id) - tp,
        ass_a=per_match(truth_boxes + predicted_boxes - together), ass_re=per_match(truth_boxes),
        ass_pr=per_match(predicted_boxes), loc_a=np.maximum(1e-10, overlap) / np.maximum(1e-10, tp),
    )  # fmt: skip


def combined_hota(scores: Sequence[Hota]) -> Hota:
    """HOTA over several sequences: counts add up, association and localisation are means over all matches.

    Reference: TrackEval, "combine_sequences".
    """
    tp, fn, fp = (np.sum([getattr(one, name) for one in scores], axis=0) for name in ("tp", "fn", "fp"))

    def over_matches(name: str) -> Floats:
        return np.sum([getattr(one, name) * one.tp for one in scores], axis=0)

    association = {name: over_matches(name) / np.maximum(1, tp) for name in ("ass_a", "ass_re", "ass_pr")}
    loc_a = np.maximum(1e-10, over_matches("loc_a")) / np.maximum(1e-10, tp)
    return Hota(tp, fn, fp, **association, loc_a=loc_a)


def _alignment(comparison: Comparison, ids: Counted) -> Floats:
    """How well two ids fit over the whole sequence, for each pair of ids that meet."""
    per_truth = np.bincount(comparison.first, weights=comparison.iou, minlength=len(comparison.truth_id))
    per_predicted = np.bincount(comparison.second, weights=comparison.iou, minlength=len(comparison.predicted_id))
    total = per_predicted[comparison.second] + per_truth[comparison.first] - comparison.iou
    share = np.divide(comparison.iou, total, out=np.zeros_like(total), where=total > EPSILON)
    shared = np.bincount(ids.pair, weights=share, minlength=len(ids.pair_truth))
    return shared / (ids.truth_boxes[ids.pair_truth] + ids.predicted_boxes[ids.pair_predicted] - shared)


def _at_least(counts: NDArray[Any]) -> Floats:
    """(..., 20) values by number of thresholds reached to (..., 19) sums over all that reach each threshold."""
    return np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1][..., 1:].astype(np.float64)
