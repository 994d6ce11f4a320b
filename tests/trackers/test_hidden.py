"""People without a detection who are still shown, because somebody nearer explains why nothing was found."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mdpr.types import Detections, Frame


def passing(detect, hidden_frames=15, detected_before=30, lower=10):
    """Ann walks at 60 px/s; Bob, nearer when `lower` > 0, joins her at once, and for a while only he is found."""
    frames = []
    for index in range(detected_before + hidden_frames + 15):
        ann, bob = [300 + 2 * index, 300], [312 + 2 * index + 4 * max(10 - index, 0), 300 + lower]
        is_hidden = detected_before <= index < detected_before + hidden_frames
        frames.append(detect([bob] if is_hidden else [ann, bob]))
    return frames


def test_the_hidden_are_shown_where_they_are_expected(detect, play, tracker_class):
    shown = play(tracker_class(), passing(detect))
    for index in range(30, 45):
        tracks = shown[index]
        assert sorted(tracks.track_id.tolist()) == [1, 2]
        (hidden,) = np.flatnonzero(tracks.detection_index < 0)
        assert tracks.track_id[hidden] == 1
        assert tracks.confidence[hidden] == 0
        centre = (tracks.xyxy[hidden, :2] + tracks.xyxy[hidden, 2:]) / 2
        np.testing.assert_allclose(centre, [300 + 2 * index, 300], atol=5)
    assert (shown[-1].detection_index >= 0).all()
    assert shown[-1].track_id.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("scene", "options"),
    [
        ({"lower": -10}, {}),  # Bob is behind
        ({"detected_before": 5}, {}),  # hardly seen before
        ({}, {"hidden_s": 0.0}),
    ],
)
def test_others_are_not_shown(detect, play, tracker_class, scene, options):
    config = dataclasses.replace(tracker_class.Config(), **options)
    shown = play(tracker_class(config), passing(detect, **scene))
    start = scene.get("detected_before", 30)
    assert all(tracks.track_id.tolist() == [2] for tracks in shown[start : start + 15])


def test_nobody_in_front_nobody_hidden(detect, play, tracker_class):
    shown = play(tracker_class(), [detect([[300, 300], [700, 300]])] * 30 + [detect([[700, 300]])] * 10)
    assert all(tracks.track_id.tolist() == [2] for tracks in shown[30:])


def test_they_are_shown_for_as_long_as_configured_and_leave_no_trace(detect, play, tracker_class):
    tracker = tracker_class(dataclasses.replace(tracker_class.Config(), hidden_s=0.5, max_age_s=1.0))
    shown = play(tracker, passing(detect, hidden_frames=60))
    assert sum(1 in tracks.track_id for tracks in shown) == 30 + 15
    ended = [tracklet for tracks in shown for tracklet in tracks.ended]
    assert [(tracklet.track_id, tracklet.end_frame, tracklet.detections) for tracklet in ended] == [(1, 29, 30)]


def test_lost_tracks_go_along_with_a_camera_that_turns(detect, tracker_class):
    """Six people; the camera starts to turn while one is hidden: he is found again, because the others moved alike."""
    tracker = tracker_class()
    for index in range(60):
        turned = 0 if index < 30 else 0.6 * (index - 30) ** 2 * (index < 45) + (135 + 18 * (index - 45)) * (index >= 45)
        centres = np.array([[200 + 150 * i - turned, 300 + 30 * i] for i in range(6)])
        found = centres[1:] if 30 <= index < 45 else centres
        boxes = detect(found)
        ids = tracker.update(boxes, Frame("cam", index, index / 30)).track_id.tolist()
    assert sorted(ids) == [1, 2, 3, 4, 5, 6]


def test_empty_frames_show_nobody(detect, play, tracker_class):
    shown = play(tracker_class(), [detect([[300, 300], [305, 305]])] * 30 + [Detections.empty()] * 5)
    assert [len(tracks) for tracks in shown[30:]] == [0] * 5
