"""Tracklets from rows of the track table, made once when a track ends; not on the hot path."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.appearance import AppearanceBank
from mdpr.trackers.track_table import TrackTable
from mdpr.types import Tracklet


def make_tracklets(table: TrackTable, bank: AppearanceBank, rows: NDArray[np.intp], camera: str) -> list[Tracklet]:
    """Tracklets of those `rows` that were ever confirmed, in order of track id."""
    confirmed = [int(row) for row in rows if table.track_id[row] > 0]
    confirmed.sort(key=lambda row: int(table.track_id[row]))
    return [_make_tracklet(table, bank, row, camera) for row in confirmed]


def _make_tracklet(table: TrackTable, bank: AppearanceBank, row: int, camera: str) -> Tracklet:
    """One tracklet, its views in order of time.

    Views without an embedding are left out when others have one. A track whose detections never had an embedding,
    although the others of its camera did, has a row of zeros, whose similarity with everything is 0.
    """
    slot = int(table.slot[row])
    views = np.arange(bank.count[slot])
    has_embedding = bank.embedding[slot, views].any(axis=1)
    if has_embedding.any():
        views = views[has_embedding]
    views = views[np.argsort(bank.frame[slot, views])]
    detections = int(table.detections[row])
    return Tracklet(
        camera=camera,
        track_id=int(table.track_id[row]),
        class_id=int(table.class_id[row]),
        start_frame=int(table.start_frame[row]),
        end_frame=int(table.last_frame[row]),
        start_s=float(table.start_s[row]),
        end_s=float(table.last_s[row]),
        detections=detections,
        confidence=min(float(table.confidence_sum[row]) / detections, 1.0),
        view_frame=bank.frame[slot, views],
        view_time_s=bank.time_s[slot, views],
        view_xyxy=bank.xyxy[slot, views],
        view_confidence=bank.confidence[slot, views],
        view_quality=bank.quality[slot, views],
        embeddings=bank.embedding[slot, views],
    )
