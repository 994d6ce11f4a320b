"""Boxes of other detectors: every kind gives the same tracks, and what does not fit is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import mdpr
from mdpr.errors import ConfigError, FormatError
from mdpr.interop import from_anything, from_array, from_ultralytics, to_array
from mdpr.types import Detections


def boxes_at(index: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Two people who walk; rows x1, y1, x2, y2, confidence, class."""
    return np.array(
        [[10 + 4 * index, 20, 50 + 4 * index, 120, 0.9, 0], [400 - 4 * index, 60, 440 - 4 * index, 160, 0.8, 0]]
    )


def supervised(rows: Any) -> Any:
    supervision = pytest.importorskip("supervision")
    return supervision.Detections(xyxy=rows[:, :4], confidence=rows[:, 4], class_id=rows[:, 5].astype(int))


def ultralytic(rows: Any) -> Any:
    """What ultralytics gives, as far as it is used: tensors in `boxes`."""
    values = torch.as_tensor(rows, dtype=torch.float32)
    return SimpleNamespace(boxes=SimpleNamespace(xyxy=values[:, :4], conf=values[:, 4], cls=values[:, 5]))


KINDS = {
    "rows": lambda rows: rows,
    "list": lambda rows: rows.tolist(),
    "ours": lambda rows: Detections(rows[:, :4], rows[:, 4], rows[:, 5]),
    "supervision": supervised,
    "ultralytics": ultralytic,
    "ultralytics boxes": lambda rows: ultralytic(rows).boxes,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_tracks(kind: str) -> None:
    tracker = mdpr.BoxTracker(fps=25)
    for index in range(10):
        tracks = tracker.update(KINDS[kind](boxes_at(index)))
        assert to_array(tracks)[:, [4, 6, 7]].tolist() == [[1, 0, 0], [2, 0, 1]]
        np.testing.assert_allclose(to_array(tracks)[:, :4], boxes_at(index)[:, :4])
    assert len(tracker.update([])) == 0
    assert [tracklet.track_id for tracklet in tracker.flush()] == [1, 2]
    tracker.reset()
    assert tracker.update(boxes_at(0)).track_id.tolist() == [1, 2]


def test_two_kinds_with_columns_missing() -> None:
    assert from_array([[1, 2, 3, 4]]).confidence.tolist() == [1]
    assert from_array([[1, 2, 3, 4, 0.5]]).class_id.tolist() == [0]
    assert from_array(np.empty((0, 6))).xyxy.shape == (0, 4)
    assert from_array([[1, 2, 3, 4, 0.5, 2]]).class_id.tolist() == [2]


@pytest.mark.parametrize(
    ("detections", "message"),
    [
        ([[1, 2, 3]], r"\(N, 6\)"),
        ([1, 2, 3, 4], r"\(N, 6\)"),
        ([[5, 2, 3, 4]], "inverted"),
        ([[1, 2, np.nan, 4]], "not finite"),
        ("boxes", "expected rows"),
        ([SimpleNamespace(boxes=None)], "expected rows"),
        (SimpleNamespace(boxes=None), "with boxes"),
    ],
)
def test_what_does_not_fit_is_said(detections: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        from_anything(detections)


def test_a_list_of_results_is_taken_one_by_one() -> None:
    with pytest.raises(FormatError, match=r"results\[0\]"):
        from_ultralytics([ultralytic(boxes_at(0))])


def test_times_and_rates() -> None:
    with pytest.raises(FormatError, match="fps"):
        mdpr.BoxTracker().update([])
    with pytest.raises(ConfigError, match="fps"):
        mdpr.BoxTracker(fps=0)
    tracker = mdpr.BoxTracker(fps=25)
    tracker.update([], time_s=1.0)
    with pytest.raises(FormatError, match="time must increase"):
        tracker.update([], time_s=0.5)


def test_appearance_from_images_or_from_outside() -> None:
    image = np.random.default_rng(0).integers(0, 255, (200, 500, 3)).astype(np.uint8)
    tracker = mdpr.BoxTracker(reid="histogram", fps=25, reid_every="auto", camera_motion="off")
    for index in range(25):
        tracker.update(boxes_at(index), image)
    assert tracker.embeddings.made > 0 < tracker.embeddings.saved
    assert all(tracklet.embeddings.shape[1] > 0 for tracklet in tracker.flush())
    with pytest.raises(FormatError, match="no image"):
        tracker.update(boxes_at(25))
    own = mdpr.BoxTracker(fps=25)
    for index in range(5):
        own.update(boxes_at(index), embeddings=np.eye(2, 8))
    assert [tracklet.embeddings.shape[1] for tracklet in own.flush()] == [8, 8]
