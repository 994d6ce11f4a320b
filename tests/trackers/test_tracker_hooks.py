"""What the frame loop asks of a tracker beside updates: camera motion, and which detections need an embedding."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.errors import FormatError
from mdpr.trackers import motion
from mdpr.trackers.demand import SAFE_IOU, SAFE_MARGIN, embedding_demand
from mdpr.types import Detections, Frame


def naive_demand(overlap, is_seen, is_due, is_clear):
    tracks, detections = overlap.shape
    needed = []
    for j in range(detections):
        is_needed = True
        for i in range(tracks):
            rivals = [overlap[k, j] for k in range(tracks) if k != i] + [
                overlap[i, k] for k in range(detections) if k != j
            ]
            if is_seen[i] and overlap[i, j] >= max(SAFE_IOU, max(rivals, default=0) + SAFE_MARGIN):
                is_needed = bool(is_due[i] and is_clear[j])
        needed.append(is_needed)
    return needed


@pytest.mark.parametrize("seed", range(30))
def test_demand_equals_loops(seed):
    rng = np.random.default_rng(seed)
    tracks, detections = rng.integers(0, 6, 2)
    overlap = rng.random((tracks, detections)) * (rng.random((tracks, detections)) < 0.4)
    is_seen, is_due = rng.random((2, tracks)) < 0.6
    is_clear = rng.random(detections) < 0.6
    found = embedding_demand(overlap, is_seen, is_due, is_clear)
    assert found.tolist() == naive_demand(overlap, is_seen, is_due, is_clear)


def asked(tracker, frames, fps=30):
    """Feed frames of (detections, looks) and embed only what is asked for; ids shown and rows asked for."""
    shown, needed = [], []
    for index, (detections, looks) in enumerate(frames):
        frame = Frame("cam", index, index / fps, size=(1920, 1080))
        needed.append(tracker.embedding_needed(detections, frame))
        tracks = tracker.update(detections, frame, np.where(needed[-1][:, None], looks, np.nan).astype(np.float32))
        shown.append(tracks.track_id.tolist())
    return shown, needed


def test_people_apart_are_looked_at_rarely_and_keep_their_ids(detect, tracker_class):
    looks = np.eye(3, dtype=np.float32)
    frames = [(detect([[200 + 2 * i, 300], [900, 300], [1500, 600]]), looks) for i in range(300)]
    tracker = tracker_class()
    shown, needed = asked(tracker, frames)
    assert shown == [[1, 2, 3]] * 300
    assert needed[0].all()
    assert 10 * 3 <= np.sum(needed) <= 30 * 3  # 10 s at once a second, a little more often at first
    for tracklet, look in zip(tracker.flush(), looks, strict=True):
        assert len(tracklet.view_frame) >= 8
        assert (tracklet.embeddings == look).all()


def test_people_who_meet_or_appear_are_looked_at(detect, tracker_class):
    looks = np.eye(3, dtype=np.float32)
    frames = [(detect([[200, 300], [900, 300]]), looks[:2])] * 60
    frames += [(detect([[200, 300], [900, 300], [905, 305]]), looks)] * 10
    needed = asked(tracker_class(), frames)[1]
    assert not any(rows[0] and rows[1] for rows in needed[50:59])
    assert all(rows[1] and rows[2] for rows in needed[60:])
    assert not any(rows[0] for rows in needed[61:65])


def test_whoever_is_lost_is_looked_at_when_found(detect, tracker_class):
    look = np.eye(1, 4, dtype=np.float32)
    frames = [(detect([[300, 300]]), look)] * 50 + [(Detections.empty(), look[:0])] * 5 + [(detect([[300, 300]]), look)]
    shown, needed = asked(tracker_class(), frames)
    assert needed[-1].tolist() == [True]
    assert shown[-1] == [1]


def test_asking_changes_nothing_and_refuses_what_update_refuses(crowd, play, tracker_class):
    asker, other, items = tracker_class(), tracker_class(), crowd()
    for index, (detections, looks) in enumerate(items):
        frame = Frame("cam", index, index / 30, size=(1920, 1080))
        is_needed = asker.embedding_needed(detections, frame)
        assert is_needed.shape == (len(detections),)
        assert not is_needed[detections.confidence < asker.embedding_conf].any()
        with_asking, without = asker.update(detections, frame, looks), other.update(detections, frame, looks)
        assert with_asking.track_id.tolist() == without.track_id.tolist()
    with pytest.raises(FormatError, match="time must increase"):
        asker.embedding_needed(items[0][0], Frame("cam", 99, 0.0))


def test_rows_of_nan_are_rows_of_zeros(crowd, play, tracker_class):
    rng = np.random.default_rng(0)
    blank, zero = [], []
    for detections, looks in crowd():
        is_known = rng.random((len(looks), 1)) < 0.5
        blank.append((detections, np.where(is_known, looks, np.nan).astype(np.float32)))
        zero.append((detections, np.where(is_known, looks, 0).astype(np.float32)))
    before = [looks.copy() for _, looks in blank]
    first, second = tracker_class(), tracker_class()
    for one, two in zip(play(first, blank), play(second, zero), strict=True):
        assert one.track_id.tolist() == two.track_id.tolist()
    for one, two in zip(first.flush(), second.flush(), strict=True):
        np.testing.assert_array_equal(one.embeddings, two.embeddings)
    for (_, looks), kept in zip(blank, before, strict=True):
        np.testing.assert_array_equal(looks, kept)


@pytest.mark.parametrize("angle", [0.0, 0.05])
def test_tracks_follow_a_camera_that_jumps(detect, tracker_class, angle):
    """At every tenth frame the picture jumps by more than a person's width and turns; ids stay only when told so."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    jump = np.concatenate([turn, [[150.0], [-40.0]]], axis=1)
    told, untold = tracker_class(), tracker_class()
    centres = np.array([[400, 500], [900, 500.0]])
    for index in range(40):
        if index % 10 == 9:
            centres = centres @ turn.T + jump[:, 2]
            told.move_camera(jump)
        frame = Frame("cam", index, index / 30, size=(1920, 1080))
        ids = told.update(detect(centres), frame).track_id.tolist()
        others = untold.update(detect(centres), frame).track_id.tolist()
        assert ids == [1, 2]
    assert others != [1, 2]


def test_a_transform_moves_a_measured_state_as_it_moves_the_boxes():
    """Filtering boxes and then zooming equals zooming the boxes and then filtering."""
    zoom = np.array([[1.5, 0, 30], [0, 1.5, -20]])
    plain = motion.initiate(np.array([[100, 200, 40, 90.0]]).T)
    zoomed = motion.transform(plain, zoom)
    for step in range(1, 6):
        box = np.array([[100 + 7 * step, 200 - 3 * step, 40 + step, 90.0]]).T
        large = box * 1.5
        large[:2] += zoom[:, 2:]
        plain = motion.update(motion.predict(plain, 0.1), box, np.array([0.7]))
        zoomed = motion.update(motion.predict(zoomed, 0.1), large, np.array([0.7]))
    np.testing.assert_allclose(motion.transform(plain, zoom), zoomed, rtol=1e-9)


@pytest.mark.parametrize(
    ("bad", "message"),
    [(np.eye(3), "finite"), (np.full((2, 3), np.nan), "nan"), (np.array([[-1, 0, 0], [0, 1, 0.0]]), "got -1")],
)
def test_refuses_transforms(tracker_class, bad, message):
    with pytest.raises(FormatError, match=message):
        tracker_class().move_camera(bad)
