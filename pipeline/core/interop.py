"""To and from the types of other tools. None of them is imported, except supervision where one of its own is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mdpr.errors import DependencyError, FormatError
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


def from_array(boxes: ArrayLike) -> Detections:
    """Our detections of rows x1, y1, x2, y2[, confidence[, class]] in pixels; missing ones count as 1 and 0 (person).

    Raises:
        FormatError: another shape than (N, 4) to (N, 6), or boxes that are inverted or not finite.

    >>> from_array([[10, 20, 50, 120, 0.9, 0]]).confidence
    array([0.9], dtype=float32)
    """
    rows = np.asarray(boxes, np.float32)
    if rows.size == 0:
        return Detections.empty()
    if rows.ndim != 2 or not 4 <= rows.shape[1] <= 6:
        raise FormatError(
            f"detections: expected shape (N, 4), (N, 5) or (N, 6) (x1, y1, x2, y2, confidence, class), got {rows.shape}"
        )
    missing = np.tile(np.array([1, 0], np.float32), (len(rows), 1))[:, rows.shape[1] - 4 :]
    rows = np.concatenate([rows, missing], axis=1)
    return Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))


def from_ultralytics(results: Any) -> Detections:
    """Our detections of an ultralytics `Results` of one picture, or of its `boxes`; tensors may be on any device.

    Raises:
        FormatError: no boxes in it, as in results of classification, or a list of results.
    """
    boxes = getattr(results, "boxes", results)
    if boxes is None or not all(hasattr(boxes, name) for name in ("xyxy", "conf", "cls")):
        raise FormatError(
            f"expected ultralytics results of one picture with boxes, got {type(results).__name__}"
            + ("; take them one by one: results[0]" if isinstance(results, list) else "")
        )
    return Detections(_numpy(boxes.xyxy), _numpy(boxes.conf), _numpy(boxes.cls))


def from_anything(detections: Any) -> Detections:
    """Our detections of our own, of `supervision.Detections`, of ultralytics' `Results`, or of rows as in `from_array`.

    Raises:
        FormatError: see the others.
    """
    if isinstance(detections, Detections):
        return detections
    if hasattr(detections, "boxes") or hasattr(detections, "cls"):
        return from_ultralytics(detections)
    if hasattr(detections, "xyxy"):
        return from_supervision(detections)
    try:
        return from_array(detections)
    except (TypeError, ValueError) as error:
        raise FormatError(
            "detections: expected rows x1, y1, x2, y2, confidence, class, or detections of mdpr, supervision or "
            f"ultralytics, got {type(detections).__name__}"
        ) from error


def to_array(tracks: Tracks) -> NDArray[np.float64]:
    """(N, 8) rows x1, y1, x2, y2, track id, confidence, class, row of the detection, as other trackers give them."""
    return np.column_stack(
        [tracks.xyxy, tracks.track_id, tracks.confidence, tracks.class_id, tracks.detection_index]
    ).astype(np.float64)


def _numpy(values: Any) -> NDArray[Any]:
    """A tensor of any device, or an array."""
    return np.asarray(values.detach().cpu().numpy() if hasattr(values, "detach") else values)
