"""To and from the types of other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdpr.errors import DependencyError
from mdpr.types import Detections, Tracks

if TYPE_CHECKING:
    import supervision


def to_supervision(tracks: Tracks | Detections) -> supervision.Detections:
    """`supervision.Detections` of the same boxes; tracks fill `tracker_id`.

    Raises:
        DependencyError: supervision is not installed.
    """
    try:
        import supervision
    except ImportError as error:
        raise DependencyError("supervision", "to_supervision") from error
    return supervision.Detections(
        xyxy=np.array(tracks.xyxy, dtype=np.float32),
        confidence=np.array(tracks.confidence, dtype=np.float32),
        class_id=np.array(tracks.class_id, dtype=int),
        tracker_id=np.array(tracks.track_id, dtype=int) if isinstance(tracks, Tracks) else None,
    )


def from_supervision(detections: supervision.Detections) -> Detections:
    """Our detections of the same boxes. Missing confidences count as 1, missing classes as 0 (person).

    Raises:
        FormatError: boxes that are inverted or not finite, or confidences outside [0, 1].
    """
    count = len(detections.xyxy)
    confidence = np.ones(count) if detections.confidence is None else detections.confidence
    class_id = np.zeros(count) if detections.class_id is None else detections.class_id
    return Detections(np.asarray(detections.xyxy, np.float32), np.asarray(confidence), np.asarray(class_id))
