"""Visits of one person to one camera as one tracklet."""

from __future__ import annotations

import numpy as np

from mdpr.types import Tracklet


def merge_tracklets(first: Tracklet, second: Tracklet, views: int) -> Tracklet:
    """The tracklet of a person who left and came back, under the id of the first visit.

    Args:
        first, second: visits to one camera, or what earlier ones were merged to; the first one began before the second.
        views: most views that are kept: the best of both by quality, in order of time.
    """
    quality = np.concatenate([first.view_quality, second.view_quality])
    time_s = np.concatenate([first.view_time_s, second.view_time_s])
    best = np.argsort(-quality, kind="stable")[:views]
    kept = best[np.argsort(time_s[best], kind="stable")]
    last = first if first.end_s > second.end_s else second
    detections = first.detections + second.detections
    confidence = first.confidence * first.detections + second.confidence * second.detections
    return Tracklet(
        camera=first.camera,
        track_id=first.track_id,
        class_id=first.class_id,
        start_frame=first.start_frame,
        end_frame=last.end_frame,
        start_s=first.start_s,
        end_s=last.end_s,
        detections=detections,
        confidence=confidence / detections,
        view_frame=np.concatenate([first.view_frame, second.view_frame])[kept],
        view_time_s=time_s[kept],
        view_xyxy=np.concatenate([first.view_xyxy, second.view_xyxy])[kept],
        view_confidence=np.concatenate([first.view_confidence, second.view_confidence])[kept],
        view_quality=quality[kept],
        embeddings=np.concatenate([first.embeddings, second.embeddings])[kept],
    )
