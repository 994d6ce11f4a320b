"""A stranger who appears before somebody is not taken over by their track, however much the two boxes overlap."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.trackers.appearance import spread_of
from mdpr.trackers.deepsort import DeepSort
from mdpr.types import Detections, Frame

SIZE = (1280, 720)
CHAIR, MAN = (985, 200, 1090, 370), (1000, 166, 1209, 500)  # IoU 0.2, twice as high
CLUTTER = (1000, 300, 1209, 560)  # a weak detection that covers his legs


def turned(degrees):
    """A look that far from (1, 0), in the plane of the first two values."""
    look = np.zeros(8, np.float32)
    look[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return look


def play(tracker, start, scenes):
    """Track ids in the last of the scenes: lists of (box, confidence, degrees)."""
    for number, scene in enumerate(scenes):
        boxes = np.array([box for box, _, _ in scene], np.float32).reshape(-1, 4)
        confidence = np.array([conf for _, conf, _ in scene])
        looks = np.array([turned(degrees) for _, _, degrees in scene]).reshape(-1, 8)
        looks[confidence < tracker.embedding_conf] = 0
        index = start + number
        frame = Frame("cam", index, index / 10, size=SIZE)
        tracks = tracker.update(Detections(boxes, confidence, np.zeros(len(boxes))), frame, looks)
    return {int(one): box.round().astype(int).tolist() for one, box in zip(tracks.track_id, tracks.xyxy, strict=True)}


def tracker_of(spread, seconds=4):
    """A tracker that has seen the chair, whose looks stray by so many degrees to both sides."""
    tracker = DeepSort()
    frames = [[(CHAIR, 0.8, spread if index // 5 % 2 else -spread)] for index in range(10 * seconds)]
    assert list(play(tracker, 0, frames)) == [1]
    return tracker, 10 * seconds


def test_who_looks_otherwise_than_the_views_of_a_track_do_is_not_taken():
    """By 34 degrees (0.17) from a track whose own looks hardly differ: near enough in general, not for this one."""
    tracker, start = tracker_of(1)
    play(tracker, start, [[(MAN, 0.8, 34)]] * 6)
    shown = play(tracker, start + 6, [[(CHAIR, 0.8, 0), (MAN, 0.8, 34)]])
    assert {box[1]: one for one, box in shown.items()} == {200: 1, 166: 2}


def test_whose_looks_vary_may_change():
    """By no less from a track whose own looks are 36 degrees apart (0.19): it grew, and is the same."""
    tracker, start = tracker_of(18)
    assert list(play(tracker, start, [[(MAN, 0.8, -34)]])) == [1]


def test_who_is_where_they_are_expected_may_look_otherwise():
    tracker, start = tracker_of(1)
    assert list(play(tracker, start, [[(CHAIR, 0.8, 34)]])) == [1]


@pytest.mark.parametrize(("weak", "expected"), [(0.4, CHAIR), (0.05, MAN)])
def test_a_covered_stranger_waits_for_a_weak_detection_of_the_track(weak, expected):
    """Of a covered crop looks forbid nothing. But the chair is still there: nothing shows below `low_conf`."""
    tracker, start = tracker_of(1)
    scene = [(MAN, 0.8, 34), (CHAIR, weak, 0), (CLUTTER, 0.15, 0)]
    assert play(tracker, start, [scene])[1] == pytest.approx(expected, abs=12)


def test_spread_is_over_different_pairs():
    views = np.array([turned(0), turned(60), turned(90)])
    pairs = [1 - np.cos(np.radians(angle)) for angle in (60, 90, 30)]
    assert spread_of(views) == pytest.approx(np.mean(pairs), abs=1e-6)
    assert spread_of(views[:1]) == -1
