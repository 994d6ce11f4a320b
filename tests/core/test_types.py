"""The types refuse bad values once, when they are made, and cannot be changed afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mdpr.errors import FormatError
from mdpr.types import Detections, Frame, Tracklet, Tracks


def detections(xyxy: Any, confidence: Any = (0.5,), class_id: Any = (0,)) -> Detections:
    return Detections(np.array(xyxy), np.array(confidence), np.array(class_id))


@pytest.mark.parametrize(
    ("xyxy", "confidence", "message"),
    [
        ([[0, 0, 1]], [0.5], r"expected shape \(any, 4\), got \(1, 3\)"),
        ([[0, 0, 1, 1]], [0.5, 0.6], r"confidence: expected shape \(1\), got \(2,\)"),
        ([[0, 0, np.nan, 1]], [0.5], "not finite"),
        ([[0, 0, np.inf, 1]], [0.5], "not finite"),
        ([[5, 0, 1, 1]], [0.5], r"inverted.*\[5.0, 0.0, 1.0, 1.0\]"),
        ([[0, 0, 1, 1]], [1.5], "outside"),
        ([[0, 0, 1, 1]], [np.nan], "outside"),
    ],
)
def test_bad_detections_are_refused_with_the_values(xyxy: Any, confidence: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        detections(xyxy, confidence)


def test_zero_area_and_outside_boxes_are_allowed() -> None:
    assert len(detections([[3, 3, 3, 3]])) == 1
    assert len(detections([[-10, -10, -5, -5]])) == 1


def test_arrays_cannot_be_changed_and_the_callers_can() -> None:
    boxes = np.array([[0, 0, 1, 1]], np.float32)
    made = Detections(boxes, np.array([0.5], np.float32), np.array([0], np.int32))
    with pytest.raises(ValueError, match="read-only"):
        made.xyxy[0, 0] = 7
    boxes[0, 0] = 0.5  # the caller's own array stays writeable


def test_select_keeps_order() -> None:
    some = detections([[0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 3, 3]], [0.1, 0.2, 0.3], [0, 1, 2])
    assert some.select(np.array([2, 0])).class_id.tolist() == [2, 0]
    assert some.select(some.confidence > 0.15).class_id.tolist() == [1, 2]


def test_frame_takes_its_size_from_the_image() -> None:
    assert Frame("cam", 0, 0.0, np.zeros((4, 6, 3), np.uint8)).size == (6, 4)
    assert Frame("cam", 0, 0.0, size=(10, 5)).size == (10, 5)
    assert not Frame("cam", 0, 0.0).has_image
    with pytest.raises(FormatError, match="expected a uint8 image"):
        Frame("cam", 3, 0.0, np.zeros((4, 6), np.uint8))


def test_tracklet_embedding_is_the_unit_mean() -> None:
    views = np.array([[1, 0], [0, 1]], np.float32)
    tracklet = make_tracklet(embeddings=views)
    np.testing.assert_allclose(tracklet.embedding, [np.sqrt(0.5), np.sqrt(0.5)], rtol=1e-6)
    assert make_tracklet(embeddings=np.zeros((2, 0))).embedding.shape == (0,)


def test_tracklet_cannot_end_before_it_starts() -> None:
    with pytest.raises(FormatError, match="ends before it starts"):
        make_tracklet(end_frame=-1)


def test_tracks_shapes_are_checked() -> None:
    with pytest.raises(FormatError, match="xyxy"):
        Tracks(np.array([1]), np.zeros((2, 4)), np.zeros(1), np.zeros(1), np.zeros(1))
    assert len(Tracks.empty()) == 0


def make_tracklet(**changes: Any) -> Tracklet:
    values: dict[str, Any] = {
        "camera": "cam",
        "track_id": 1,
        "class_id": 0,
        "start_frame": 0,
        "end_frame": 9,
        "start_s": 0.0,
        "end_s": 0.9,
        "detections": 10,
        "confidence": 0.8,
        "view_frame": np.array([0, 5]),
        "view_time_s": np.array([0.0, 0.5]),
        "view_xyxy": np.zeros((2, 4)),
        "view_confidence": np.ones(2),
        "view_quality": np.ones(2),
        "embeddings": np.ones((2, 3)),
    }
    return Tracklet(**{**values, **changes})
