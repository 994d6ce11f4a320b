"""Tracklets of one person in one camera as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.types import Tracklet

VIEW_ARRAYS = ("view_frame", "view_time_s", "view_xyxy", "view_confidence", "view_quality", "embeddings")
"""Arrays of a tracklet that have a row a view."""

VISIT_GAP_S = 2.0
"""A tracker waits about so long for somebody who is hidden; who is away for longer has left, and comes back for another
visit."""

MOST_VISITS = 4
"""So many visits keep all their views; more share the room of so many."""


def merge_tracklets(tracklets: Sequence[Tracklet], views: int, spans: Sequence[tuple[float, float]] = ()) -> Tracklet:
    """One tracklet of several of one person, under the id of the first.

    Every visit keeps views of its own, so that it can still be told later whether it was the same person.

    Args:
        tracklets: of one camera; at least one.
        views: most views of a visit, and `MOST_VISITS` times as many of all: those with an embedding before those
            without, then by quality, from all visits alike, in order of time.
        spans: start and end in seconds of what they were put together from, where that is more than these tracklets.
    """
    rows = sorted(tracklets, key=lambda one: (one.start_frame, one.track_id))
    if len(rows) == 1:
        return rows[0]
    arrays: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in rows]) for name in VIEW_ARRAYS}
    starts_s = _starts(spans or [(one.start_s, one.end_s) for one in rows])
    visit = np.searchsorted(starts_s, arrays["view_time_s"], side="right")
    has_embedding = arrays["embeddings"].any(axis=1)
    best = _from_all(visit, np.where(has_embedding, arrays["view_quality"], -1), views)
    best = best[np.argsort(arrays["view_time_s"][best], kind="stable")]
    detections = sum(one.detections for one in rows)
    last = max(rows, key=lambda one: one.end_frame)
    return replace(
        rows[0],
        end_frame=last.end_frame,
        end_s=last.end_s,
        detections=detections,
        confidence=sum(one.confidence * one.detections for one in rows) / max(detections, 1),
        **{name: values[best] for name, values in arrays.items()},
    )


def best_views(tracklet: Tracklet, views: int) -> NDArray[np.intp]:
    """Positions of at most so many views, the best ones with an embedding, in order of time."""
    usable = np.flatnonzero(tracklet.embeddings.any(axis=1))
    best = np.argsort(-tracklet.view_quality[usable], kind="stable")[:views]
    return np.sort(usable[best])


def _starts(spans: Sequence[tuple[float, float]]) -> list[float]:
    """When visits began: after nobody was there for `VISIT_GAP_S`.

    >>> _starts([(9, 12), (0, 4), (5, 6)])
    [0, 9]
    """
    starts: list[float] = []
    until = -np.inf
    for start, end in sorted(spans):
        if start - until > VISIT_GAP_S:
            starts.append(start)
        until = max(until, end)
    return starts


def _from_all(visit: NDArray[np.intp], quality: NDArray[np.floating], views: int) -> NDArray[np.intp]:
    """The best views of each visit, then the second ones, and so on, until there are enough.

    >>> _from_all(np.array([0, 0, 0, 1, 1]), np.array([5, 9, 7, 1, 2.0]), 1).tolist()
    [1, 4]
    """
    order = np.lexsort((-quality, visit))
    count = np.arange(len(order)) - np.searchsorted(visit[order], visit[order])
    rank = np.empty(len(order), np.intp)
    rank[order] = count
    chosen = np.lexsort((-quality, rank))
    return chosen[rank[chosen] < views][: MOST_VISITS * views]
