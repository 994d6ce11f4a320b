"""Tracks that were lost for long and found again are linked in parts: whether it was the same person is for linking.

A tracker takes who comes back for the one who left by a fixed threshold, of one camera alone. Linking knows better: its
threshold is calibrated, and other cameras may have seen the person meanwhile. So each visit is a tracklet by itself.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mdpr.trackers.crosscamera.types import VISIT, Sighting, TrackletKey, some_views
from mdpr.trackers.merging import VISIT_GAP_S

SHOWN_S = 1.0
"""So long somebody hidden may be shown after the last box; during that time nobody else is them in this camera."""


def least_gap_s(spacing_s: float) -> float:
    """Seconds between two boxes from which on somebody was gone in between; see `Boxes.spacing_s`."""
    return max(VISIT_GAP_S, 2 * spacing_s)


def visits_of(sighting: Sighting) -> list[Sighting]:
    """The visits of a track, those without a view with the one before; the track itself when there is one.

    Only where all boxes are known: the views of a track tell nothing about gaps.
    """
    whole = sighting.tracklet
    if sighting.boxes is None or sighting.key.part:
        return [sighting]
    times, _ = sighting.boxes_within()
    gaps = np.flatnonzero(np.diff(times) > least_gap_s(sighting.boxes.spacing_s))
    spans = []
    begin = whole.start_s
    for gap in gaps.tolist():
        here = (whole.view_time_s >= begin - 1e-3) & (whole.view_time_s <= times[gap] + VISIT_GAP_S / 2)
        later = whole.view_time_s > times[gap] + VISIT_GAP_S / 2
        if here.any() and later.any():
            spans.append((begin, float(times[gap]) + SHOWN_S))
            begin = float(times[gap + 1])
    if not spans:
        return [sighting]
    spans.append((begin, whole.end_s))
    share = np.array([((times >= a - 1e-6) & (times <= b + 1e-6)).sum() for a, b in spans], np.float64)
    count = np.maximum(np.round(whole.detections * share / share.sum()), 1).astype(int)
    starts = [a for a, _ in spans[1:]]
    owner = np.searchsorted(starts, whole.view_time_s + VISIT_GAP_S / 2, side="right")
    found = []
    for number, (start_s, end_s) in enumerate(spans):
        arrays = some_views(whole, owner == number)
        first, last = float(arrays["view_time_s"][0]), float(arrays["view_time_s"][-1])
        start_s, end_s = min(start_s, first), max(end_s, last)  # boxes are thinned out
        first_frame, last_frame = arrays["view_frame"][[0, -1]].tolist()
        tracklet = replace(
            whole, start_s=start_s, end_s=end_s,
            start_frame=min(math.ceil(_frame_at(sighting, start_s)), first_frame),
            end_frame=max(math.floor(_frame_at(sighting, end_s)), last_frame),
            detections=int(count[number]), **arrays,
        )  # fmt: skip
        key = TrackletKey(*sighting.key[:3], (number + 1) * VISIT)
        found.append(replace(sighting, key=key, tracklet=tracklet))
    return found


def _frame_at(sighting: Sighting, time_s: float) -> float:
    """Frame of a time, between those of the boxes: frames of live sources do not come in equal steps."""
    assert sighting.boxes is not None  # for the type checker: a track without is not cut
    whole = sighting.tracklet
    times = np.concatenate([[whole.start_s], sighting.boxes.time_s, [whole.end_s]])
    frames = np.concatenate([[whole.start_frame], sighting.boxes.frame, [whole.end_frame]])
    order = np.argsort(times, kind="stable")
    return float(np.interp(time_s, times[order], frames[order]))
