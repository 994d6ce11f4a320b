"""Scores that mean what they say: of the boxes with 0.7, seven in ten are right.

The scores of a network depend on how long it was trained. Trackers have thresholds, which are set for detectors whose
scores are about the share of right boxes; so an export brings its scores to that scale.

Reference: Platt, "Probabilistic outputs for support vector machines" (1999), section 2, without his priors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from mdpr.detectors.yolox.metrics import Truth, match
from mdpr.types import Detections

_IOU = np.array([0.5])
_LEAST = 100
"""Right and wrong boxes that must be there, each; with fewer, scores stay as they are."""


@dataclass(frozen=True)
class Calibration:
    """A straight line on the logits of the scores: slope above 0, so that the order of boxes is kept."""

    slope: float = 1.0
    shift: float = 0.0


def calibrate(truths: Sequence[Truth], found: Sequence[Detections]) -> Calibration:
    """The line after which a score is the share of boxes that are right, at IoU 0.5, as nearly as a line can do it.

    Args:
        truths: of pictures that were not trained on.
        found: in each, down to a low confidence.

    Returns:
        The line that changes nothing where there are fewer than 100 right or wrong boxes.
    """
    scores, rights = [], []
    for truth, boxes in zip(truths, found, strict=True):
        order = np.argsort(-boxes.confidence, kind="stable")
        is_hit, is_out = match(boxes.xyxy[order], truth, _IOU)
        scores.append(boxes.confidence[order][~is_out[0]])
        rights.append(is_hit[0][~is_out[0]])
    is_right = np.concatenate([*rights, np.zeros(0, bool)])
    if min(int(is_right.sum()), int((~is_right).sum())) < _LEAST:
        return Calibration()
    return fit(logit(np.concatenate(scores)), is_right)


def fit(logits: NDArray[np.float64], is_right: NDArray[np.bool_]) -> Calibration:
    """The logistic regression of (N,) bool on (N,) logits."""
    sign = np.where(is_right, 1.0, -1.0)

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (np.exp(line[0]) * logits + line[1])
        pull = -sign / (1 + np.exp(margin))
        slope = np.exp(line[0]) * (pull * logits).mean()
        return float(np.logaddexp(0, -margin).mean()), np.array([slope, pull.mean()])

    found = minimize(loss, np.zeros(2), jac=True, method="BFGS")
    return Calibration(float(np.exp(found.x[0])), float(found.x[1]))


def logit(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) log odds; scores nearer to 0 or 1 than 1e-6 are taken to be there."""
    safe = np.clip(np.asarray(scores, np.float64), 1e-6, 1 - 1e-6)
    return np.log(safe) - np.log1p(-safe)
