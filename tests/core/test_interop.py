"""Conversion to and from supervision keeps every value."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mdpr.errors import DependencyError, FormatError
from mdpr.interop import from_supervision, to_supervision
from mdpr.types import Detections, Tracks


def make_tracks() -> Tracks:
    boxes = np.array([[0, 0, 5, 9], [3, 3, 8, 8]], np.float32)
    return Tracks(np.array([4, 7]), boxes, np.array([0.9, 0.4]), np.array([0, 2]), np.array([1, 0]))


def test_there_and_back() -> None:
    pytest.importorskip("supervision")
    tracks = make_tracks()
    theirs = to_supervision(tracks)
    assert theirs.tracker_id.tolist() == [4, 7]
    ours = from_supervision(theirs)
    np.testing.assert_array_equal(ours.xyxy, tracks.xyxy)
    np.testing.assert_array_equal(ours.confidence, tracks.confidence)
    np.testing.assert_array_equal(ours.class_id, tracks.class_id)
    theirs.xyxy[0, 0] = -1  # a copy: ours did not change
    assert tracks.xyxy[0, 0] == 0


def test_empty_and_missing_values() -> None:
    supervision = pytest.importorskip("supervision")
    assert len(from_supervision(to_supervision(Detections.empty()))) == 0
    bare = from_supervision(supervision.Detections(xyxy=np.array([[0, 0, 1, 1.0]])))
    assert bare.confidence.tolist() == [1.0]
    assert bare.class_id.tolist() == [0]
    with pytest.raises(FormatError, match="inverted"):
        from_supervision(supervision.Detections(xyxy=np.array([[2, 0, 1, 1.0]])))


def test_without_supervision_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(DependencyError, match="pip install supervision"):
        to_supervision(make_tracks())
