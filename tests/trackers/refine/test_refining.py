"""Refining: who is connected, who is split, what is filled, and that nothing depends on order or frame rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mdpr.errors import ConfigError, FormatError
from mdpr.trackers.merging import merge_tracklets
from mdpr.trackers.refine.config import RefineConfig
from mdpr.trackers.refine.refining import frames_of, refine
from mdpr.trackers.refine.trajectory import Trajectory
from trajectories import FPS, looks, walk

FAR = [walk(90 + i, range(0, 200, 1), (3000 + 400 * i, 900)) for i in range(2)]  # two people who stand elsewhere


def ids(refined):
    return [one.track_id for one in refined.trajectories]


def test_a_walk_behind_a_pillar_is_one_track():
    before = walk(1, range(0, 40), (300, 300), (60, 0))
    after = walk(2, range(52, 90), (300, 300), (60, 0))
    refined = refine([before, after, *FAR])
    assert refined.connected == [(1, 2)]
    assert ids(refined) == [1, 90, 91]
    one = refined.trajectories[0]
    assert one.frame.tolist() == list(range(90))
    assert one.is_interpolated.nonzero()[0].tolist() == list(range(40, 52))
    truth = walk(1, range(0, 90), (300, 300), (60, 0)).xyxy
    np.testing.assert_allclose(one.xyxy, truth, atol=0.5)
    assert one.tracklet.detections == 78
    assert (one.tracklet.start_frame, one.tracklet.end_frame) == (0, 89)


@pytest.mark.parametrize(
    ("start", "velocity", "why"),
    [
        ((900, 300), (60, 0), "elsewhere"),
        ((300, 300), (-60, 0), "on its way back, 400 px away"),
        ((300, 500), (60, 0), "another row"),
    ],
)
def test_somebody_elsewhere_is_not_connected(start, velocity, why):
    before = walk(1, range(0, 40), (300, 300), (60, 0))
    after = walk(2, range(45, 90), start, velocity)
    assert refine([before, after, *FAR]).connected == [], why


def test_another_class_or_the_same_time_is_never_connected():
    before = walk(1, range(0, 40), (300, 300), (60, 0))
    after = walk(2, range(42, 90), (300, 300), (60, 0))
    other = Trajectory.of(replace(after.tracklet, class_id=2), after.frame, after.time_s, after.xyxy, after.confidence)
    assert refine([before, other, *FAR]).connected == []
    overlapping = walk(2, range(38, 90), (300, 300), (60, 0))
    assert refine([before, overlapping, *FAR]).connected == []


def test_two_who_could_both_be_it_are_left_alone_until_looks_decide():
    one, two = looks(2)
    for look, other, expected in ((None, None, []), (one, two, [(1, 3)])):
        tracks = [
            walk(1, range(0, 40), (300, 300), (40, 0), look),
            walk(2, range(50, 90), (300, 306), (40, 0), other),
            walk(3, range(50, 90), (300, 294), (40, 0), look),
        ]
        assert refine([*tracks, *(FAR if look is None else [])]).connected == expected


def glued(first, second):
    """One trajectory of two with the same id."""
    names = ("frame", "time_s", "xyxy", "confidence")
    boxes = [np.concatenate([getattr(first, name), getattr(second, name)]) for name in names]
    return Trajectory.of(merge_tracklets([first.tracklet, second.tracklet], 20), *boxes)


def crowd(exchange=True):
    """Ten people; the first two meet at frame 50 and, with `exchange`, their tracks change over."""
    rows = looks(10)
    tracks = [walk(i + 1, range(0, 100), (200 + 150 * i, 700), (0, 0), rows[i]) for i in range(2, 10)]

    def part(track_id, person, frames):
        sign = 1 if person == 0 else -1
        return walk(track_id, frames, (500 - sign * 250, 300), (sign * 50, 0), rows[person])

    for track_id, mine in ((1, 0), (2, 1)):
        after = 1 - mine if exchange else mine
        tracks.append(glued(part(track_id, mine, range(0, 50)), part(track_id, after, range(50, 100))))
    return tracks


def test_two_who_changed_over_change_back():
    tracks = crowd()
    refined = refine(tracks)
    assert len(refined.split) == 2
    assert len(refined.connected) == 2
    assert ids(refined) == list(range(1, 11))
    by_id = {one.track_id: one for one in refined.trajectories}
    for track_id, sign in ((1, 1), (2, -1)):  # each goes on in its own direction
        middle = (by_id[track_id].xyxy[:, 0] + by_id[track_id].xyxy[:, 2]) / 2
        assert (np.diff(middle) * sign > 0).all()
        assert by_id[track_id].tracklet.detections == 100


def test_who_did_not_change_over_is_not_split():
    refined = refine(crowd(exchange=False))
    assert refined.split == refined.connected == []


def test_who_turns_round_is_not_split():
    rows = looks(12)
    tracks = [walk(i + 1, range(0, 100), (200 + 150 * i, 700), (0, 0), rows[i]) for i in range(10)]
    turning = walk(11, range(0, 100), (900, 300), (0, 0), lambda frame: rows[10] if frame < 25 else rows[11])
    refined = refine([*tracks, turning])
    assert refined.split == []
    last = refined.trajectories[-1]
    assert (last.track_id, len(last)) == (11, 100)
    np.testing.assert_array_equal(last.tracklet.embeddings, turning.tracklet.embeddings)


def test_who_turns_round_while_the_box_takes_in_more_is_not_split():
    rows = looks(12)
    tracks = [walk(i + 1, range(0, 100), (200 + 150 * i, 700), (0, 0), rows[i]) for i in range(10)]
    first = walk(11, range(0, 25), (900, 300), (0, 0), rows[10])
    second = walk(11, range(25, 70), (900, 300), (0, 0), rows[11], height=160.0)
    refined = refine([*tracks, glued(first, second)])
    assert refined.split == []
    assert len(refined.trajectories) == 11


def test_who_jumps_to_somebody_else_is_split():
    rows = looks(12)
    tracks = [walk(i + 1, range(0, 100), (200 + 150 * i, 700), (0, 0), rows[i]) for i in range(10)]
    first = walk(11, range(0, 22), (300, 300), (0, 0), rows[10])
    second = walk(11, range(22, 60), (800, 300), (0, 0), rows[11])
    jump = glued(first, second)
    refined = refine([*tracks, jump])
    assert refined.split == [(11, 12)]
    pieces = {one.track_id: one for one in refined.trajectories}
    assert pieces[11].frame[-1] == 21
    assert pieces[12].frame[0] == 22
    assert (pieces[11].tracklet.view_frame < 22).all()
    assert (pieces[12].tracklet.view_frame >= 22).all()
    assert refine([*tracks, jump], RefineConfig(split=False)).split == []


def test_nothing_depends_on_the_order():
    rng = np.random.default_rng(0)
    tracks = crowd()
    first = refine(tracks)
    for _ in range(3):
        again = refine([tracks[i] for i in rng.permutation(len(tracks))])
        assert (again.split, again.connected) == (first.split, first.connected)
        for one, two in zip(first.trajectories, again.trajectories, strict=True):
            np.testing.assert_array_equal(one.xyxy, two.xyxy)


def test_half_the_frame_rate_connects_the_same():
    tracks = [
        walk(1, range(0, 40), (300, 300), (60, 0)),
        walk(2, range(52, 90), (300, 300), (60, 0)),
        walk(3, range(60, 90), (300, 700), (60, 0)),
        *FAR,
    ]
    halved = []
    for one in tracks:
        rows = one.frame % 2 == 0
        halved.append(
            Trajectory.of(one.tracklet, one.frame[rows], one.time_s[rows], one.xyxy[rows], one.confidence[rows])
        )
    assert refine(halved).connected == refine(tracks).connected == [(1, 2)]
    filled = refine(halved).trajectories[0].frame
    assert (np.diff(filled) == 2).all()


def guessed(frames, guesses, start=(300, 300), velocity=(60, 0)):
    """A walk in which the boxes of `guesses` are a tracker's, 30 px too low."""
    one = walk(1, frames, start, velocity)
    is_guess = np.isin(one.frame, guesses)
    xyxy = one.xyxy + is_guess[:, None] * np.array([0, 30, 0, 30])
    return Trajectory.of(one.tracklet, one.frame, one.time_s, xyxy, np.where(is_guess, 0, one.confidence))


def test_guesses_of_the_tracker_give_way_to_what_is_known_later():
    one = guessed(range(60), range(20, 30))
    refined = refine([one]).trajectories[0]
    np.testing.assert_allclose(refined.xyxy, walk(1, range(60), (300, 300), (60, 0)).xyxy, atol=0.5)
    assert refined.is_interpolated.nonzero()[0].tolist() == list(range(20, 30))
    assert (refined.confidence[20:30] > 0).all()
    same = refine([one], RefineConfig(max_fill_s=0, smooth=False)).trajectories[0]
    np.testing.assert_array_equal(same.xyxy, one.xyxy)


def test_guesses_at_the_end_stay_unless_the_track_goes_on():
    one = guessed(range(50), range(40, 50))
    alone = refine([one, *FAR]).trajectories[0]
    assert alone.frame[-1] == 49
    assert alone.is_interpolated.nonzero()[0].tolist() == list(range(40, 50))
    after = walk(2, range(46, 90), (300, 300), (60, 0))  # begins while the first is still shown where it is guessed
    both = refine([one, after, *FAR])
    assert both.connected == [(1, 2)]
    np.testing.assert_allclose(both.trajectories[0].xyxy, walk(1, range(90), (300, 300), (60, 0)).xyxy, atol=0.5)


def test_long_gaps_stay_open_and_steps_can_be_switched_off():
    one = walk(1, [*range(0, 30), *range(60, 90)], (300, 300), noise=2)
    assert refine([one]).filled == 0
    assert refine([one], RefineConfig(max_fill_s=5)).filled == 30
    same = refine([one], RefineConfig(smooth=False)).trajectories[0]
    np.testing.assert_array_equal(same.xyxy, one.xyxy)
    tracks = [walk(1, range(0, 40), (300, 300), (60, 0)), walk(2, range(52, 90), (300, 300), (60, 0)), *FAR]
    assert refine(tracks, RefineConfig(connect=False)).connected == []
    assert refine(tracks, RefineConfig(max_gap_s=1)).connected == []


def test_nothing_and_one_box():
    assert refine([]).trajectories == []
    one = walk(1, [7], (300, 300))
    np.testing.assert_array_equal(refine([one]).trajectories[0].xyxy, one.xyxy)


def test_frames_in_which_nobody_was_seen_are_known():
    frames, times = frames_of([walk(1, [0, 3, 12], (0, 0)), walk(2, [3, 6], (0, 0))])
    assert frames.tolist() == [0, 3, 6, 9, 12]
    np.testing.assert_allclose(times, frames / FPS)


def test_what_cannot_be_refined():
    one = walk(1, range(5), (0, 0))
    with pytest.raises(FormatError, match="twice"):
        refine([one, one])
    other = Trajectory.of(
        replace(one.tracklet, camera="other", track_id=2), one.frame, one.time_s, one.xyxy, one.confidence
    )
    with pytest.raises(FormatError, match="one camera, got cam, other"):
        refine([one, other])
    with pytest.raises(FormatError, match="rising"):
        Trajectory.of(one.tracklet, [1, 1], [0.1, 0.1], np.zeros((2, 4)), [1, 1])
    for bad in ({"min_probability": 1.0}, {"max_gap_s": -1.0}, {"max_fill_s": float("nan")}, {"views": 0}):
        with pytest.raises(ConfigError, match=next(iter(bad))):
            RefineConfig(**bad)
