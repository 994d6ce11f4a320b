"""What the simplest linking would give: tracklets by their mean embedding, joined below one distance for all.

Average linkage of cosine distances, without cameras or times; the distance is the one that scores best, which needs the
truth, so this is what such a method reaches at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from mdpr.pipeline.formats.trackboxes import Recording
from mdpr.pipeline.metrics.comparison import Comparison, concatenated
from mdpr.pipeline.metrics.evaluate import EvaluateConfig, sequence_length
from mdpr.pipeline.metrics.identity import Identity, identity
from mdpr.pipeline.metrics.overlaps import Integers
from mdpr.pipeline.metrics.preprocessing import compare, rules_for
from mdpr.types import Tracklet

_CUTS = 60


@dataclass(frozen=True)
class OneThreshold:
    """The best cosine distance and what it gives across cameras."""

    distance: float
    identity: Identity

    def values(self) -> dict[str, Any]:
        """By name."""
        return {"distance": self.distance, **self.identity.values()}


def best_threshold(
    truth: Mapping[str, Recording],
    predicted: Mapping[str, Recording],
    tracklets: Sequence[Tracklet],
    config: EvaluateConfig | None = None,
) -> OneThreshold | None:
    """The best of `_CUTS` distances; None with fewer than two tracklets that have an appearance.

    Args:
        truth: by camera, with ids that are the same person in every camera.
        predicted: the same cameras, with ids of the tracklets.
        tracklets: of the same cameras; those without appearance are people of their own.
        config: how.

    Raises:
        FormatError: boxes that do not fit the truth.
    """
    config = config or EvaluateConfig()
    number: dict[tuple[str, int], int] = {}
    parts = []
    for name, one in truth.items():
        boxes, where = predicted[name].boxes, predicted[name].where
        rules = rules_for(config.rules, one.boxes, config.ignores_crowds)
        ids = [number.setdefault((name, track_id), len(number)) for track_id in boxes.track_id.tolist()]
        parts.append(
            compare(
                one.boxes, boxes.with_ids(np.array(ids, np.int64)), sequence_length(one, boxes, where, config), rules
            )
        )
    seen = [one for one in tracklets if one.embedding.any() and (one.camera, one.track_id) in number]
    if len(seen) < 2:
        return None
    rows = np.array([number[one.camera, one.track_id] for one in seen])
    tree = linkage(np.array([one.embedding for one in seen], np.float64), "average", metric="cosine")
    together = concatenated(parts)
    found = []
    for distance in np.unique(np.quantile(tree[:, 2], np.linspace(0, 1, _CUTS))).tolist():
        group = np.arange(len(number)) + len(seen) + 1
        group[rows] = fcluster(tree, distance, "distance")
        found.append(OneThreshold(distance, _score(together, group, config)))
    return max(found, key=lambda one: one.identity.tp)


def _score(comparison: Comparison, group: Integers, config: EvaluateConfig) -> Identity:
    return identity(replace(comparison, predicted_id=group[comparison.predicted_id]), config.iou_threshold)
