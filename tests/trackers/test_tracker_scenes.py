"""Small scenes whose right answer is known: crossings, gaps, flicker, doubles, and what must not matter."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mdpr.trackers.bytetrack import ByteTrack, ByteTrackConfig
from mdpr.trackers.deepsort import DeepSort, DeepSortConfig
from mdpr.types import Detections, Frame

ANN, BOB = np.eye(8, dtype=np.float32)[:2]


def ids(shown):
    return [tracks.track_id.tolist() for tracks in shown]


def id_at(tracks, x, tolerance=30):
    """The id shown at horizontal position `x`, 0 for none."""
    centres = (tracks.xyxy[:, 0] + tracks.xyxy[:, 2]) / 2
    near = np.flatnonzero(np.abs(centres - x) < tolerance)
    return int(tracks.track_id[near[0]]) if len(near) else 0


def turning_back(detect):
    """Ann and Bob meet, both are hidden for 0.4 s, and each turns back: motion alone takes them for crossing."""
    frames = []
    for step in range(60):
        x = 300 + 4 * min(step, 59 - step)
        away = 660 - x
        if abs(step - 29.5) < 6:
            frames.append((Detections.empty(), np.empty((0, 8), np.float32)))
        else:
            frames.append((detect([[x, 300], [away, 300]]), np.stack([ANN, BOB])))
    return frames


def test_appearance_keeps_ids_that_motion_swaps(detect, play):
    with_looks = play(DeepSort(), turning_back(detect))
    assert ids(with_looks)[0] == ids(with_looks)[-1] == [1, 2]
    assert id_at(with_looks[-1], 300) == 1
    motion_only = play(DeepSort(), [detections for detections, _ in turning_back(detect)])
    assert id_at(motion_only[0], 300) == 1
    assert id_at(motion_only[-1], 300) != 1


def test_zero_rows_mean_decide_by_motion(detect, play):
    frames = turning_back(detect)
    blank = play(DeepSort(), [(detections, np.zeros_like(looks)) for detections, looks in frames])
    none = play(DeepSort(), [detections for detections, _ in frames])
    assert ids(blank) == ids(none)


def test_one_zero_row_among_embeddings_is_matched_by_motion(detect, play):
    frames = [(detect([[300 + 2 * i, 300], [600, 300]]), np.stack([ANN, BOB])) for i in range(20)]
    frames += [(detect([[300 + 2 * i, 300], [600, 300]]), np.stack([0 * ANN, BOB])) for i in range(20, 30)]
    tracker = DeepSort()
    assert all(row == [1, 2] for row in ids(play(tracker, frames)))
    for tracklet, look in zip(tracker.flush(), (ANN, BOB), strict=True):
        assert (tracklet.embeddings == look).all()


def test_embeddings_may_come_late_and_pause(detect, play):
    frames = [(detect([[300, 300]]), ANN[None] if 10 <= i < 20 else None) for i in range(40)]
    tracker = DeepSort()
    assert all(row == [1] for row in ids(play(tracker, frames)))
    (tracklet,) = tracker.flush()
    assert (tracklet.embeddings == ANN).all()
    assert tracklet.view_frame.min() >= 10


def test_another_look_in_the_same_place_is_another_person(detect, play):
    frames = [(detect([[300, 300]]), ANN[None])] * 10 + [(detect([[300, 300]]), BOB[None])] * 10
    shown = ids(play(DeepSort(DeepSortConfig(hidden_s=0)), frames))
    assert shown[9] == [1]
    assert shown[-1] == [2]
    assert ids(play(ByteTrack(), frames))[-1] == [1]


def test_appearance_vouches_for_a_jump_only_within_the_gate(detect, play):
    def jump(by):
        still = [(detect([[300, 300]]), ANN[None])] * 10
        return ids(play(DeepSort(), still + [(detect([[300 + by, 300]]), ANN[None])] * 5))[-1]

    assert jump(34) == [1]  # IoU 0.08
    assert jump(400) != [1]


def test_a_passer_by_does_not_repaint_the_hidden(detect, play):
    tracker, frames = DeepSort(), []
    for step in range(60):
        x = 150 + 5 * step  # Bob walks in front of Ann: nearer, so his lower edge is lower
        hidden = abs(x - 300) < 24
        frames.append((detect([[300, 300], [x, 310]]), np.stack([BOB if hidden else ANN, BOB])))
    assert ids(play(tracker, frames)) == [[1, 2]] * 60
    for tracklet, look in zip(tracker.flush(), (ANN, BOB), strict=True):
        assert (tracklet.embeddings == look).all()


def test_views_without_appearance_make_room_for_those_with(detect, play):
    tracker = DeepSort(DeepSortConfig(views=2))
    frames = [(detect([[300, 300]], confidence=0.95), 0 * ANN[None])] * 60
    frames += [(detect([[300, 300]], confidence=0.8), ANN[None])] * 60
    play(tracker, frames)
    (tracklet,) = tracker.flush()
    assert (tracklet.embeddings == ANN).all()
    assert len(tracklet.view_frame) == 2


def test_of_nearly_equal_claims_the_recently_seen_wins(detect, play):
    """The detection at 318 is a little more plausible for the lost track at 300 than for the seen one at 330."""
    frames = [detect([[300, 300], [330, 300]])] * 10 + [detect([[330, 300]])] * 20 + [detect([[318, 300]])]
    assert ids(play(DeepSort(DeepSortConfig(lost_penalty=0.5, hidden_s=0)), frames))[-1] == [2]
    assert ids(play(DeepSort(DeepSortConfig(lost_penalty=0.0, hidden_s=0)), frames))[-1] == [1]


def gap_scene(detect, gap, fps=30):
    walk = lambda step: detect([[300 + 60 * step / fps, 300]])  # noqa: E731
    return [walk(i) if i < fps or i >= fps + gap else Detections.empty() for i in range(3 * fps + gap)]


def test_a_gap_is_bridged_up_to_max_age_and_not_beyond(detect, play, tracker_class):
    config = dataclasses.replace(tracker_class.Config(), max_age_s=1.0)
    for gap, last in [(29, [1]), (30, [2])]:  # the step over a gap of 29 frames is 30 frames = 1 s
        tracker = tracker_class(config)
        shown = play(tracker, gap_scene(detect, gap))
        assert ids(shown)[-1] == last
        ended = [tracklet for tracks in shown for tracklet in tracks.ended]
        assert [tracklet.track_id for tracklet in ended] == [1] * (last == [2])
        for tracklet in ended:
            assert tracklet.end_frame == 29


def test_ids_are_never_used_again(detect, play, tracker_class):
    tracker, seen = tracker_class(), []
    for visit in range(5):
        frames = [detect([[300, 300]])] * 10 + [Detections.empty()] * 70
        seen += [i for row in ids(play(tracker, frames, start=80 * visit)) for i in row]
    assert sorted(set(seen)) == [1, 2, 3, 4, 5]
    assert seen == sorted(seen)
    play(tracker, [detect([[300, 300]])] * 10, start=400)
    tracker.flush()
    assert ids(play(tracker, [detect([[300, 300]])] * 10, start=410))[-1] == [7]


def test_low_confidence_continues_tracks_and_begins_none(detect, play, tracker_class):
    weak = [detect([[300, 300], [700, 300]], confidence=[0.3, 0.3])] * 20
    assert ids(play(tracker_class(), [detect([[300, 300]])] * 5 + weak)) == [[1]] * 25
    ignored = [detect([[300, 300]], confidence=0.05)] * 5
    assert ids(play(tracker_class(), [detect([[300, 300]])] * 5 + ignored))[-1] == []


def test_a_short_flicker_is_not_a_person(detect, play, tracker_class):
    tracker = tracker_class(dataclasses.replace(tracker_class.Config(), confirm_s=0.1))
    frames = [detect([[300, 300], [700, 300]] if 5 <= i < 8 else [[300, 300]]) for i in range(20)]
    shown = play(tracker, frames)
    assert ids(shown) == [[1]] * 20
    assert [t.track_id for tracks in shown for t in tracks.ended] + [t.track_id for t in tracker.flush()] == [1]


def test_a_tentative_track_ends_at_its_first_gap(detect, play, tracker_class):
    tracker = tracker_class(dataclasses.replace(tracker_class.Config(), confirm_s=0.1))
    frames = [detect([[300, 300], [700, 300]] if i % 3 else [[300, 300]]) for i in range(30)]
    assert ids(play(tracker, frames)) == [[1]] * 30


@pytest.mark.parametrize(("fps", "frames_until_shown"), [(30, 4), (10, 2), (60, 7)])
def test_confirmation_takes_seconds_not_frames(detect, play, tracker_class, fps, frames_until_shown):
    tracker = tracker_class(dataclasses.replace(tracker_class.Config(), confirm_s=0.1))
    shown = ids(play(tracker, [Detections.empty()] + [detect([[300, 300]])] * 10, fps=fps))
    assert [bool(row) for row in shown[1:]].index(True) == frames_until_shown - 1


def test_classes_do_not_mix(detect, play, tracker_class):
    frames = [detect([[300, 300]], class_id=0)] * 5 + [detect([[300, 300]], class_id=2)] * 5
    tracker = tracker_class()
    shown = play(tracker, frames)
    assert ids(shown)[4] == [1]
    assert ids(shown)[-1] == [2]
    assert shown[-1].class_id.tolist() == [2]
    assert [tracklet.class_id for tracklet in tracker.flush()] == [0, 2]


def test_a_track_that_began_anew_goes_back_to_the_older(detect, play, tracker_class):
    """The box jumps away, a new track begins there and walks back until it lies on the lost one."""
    back = [detect([[max(350 - 2 * step, 303), 300]]) for step in range(27)]
    shown = play(tracker_class(), [detect([[300, 300]])] * 10 + back)
    assert [2] in ids(shown)
    assert ids(shown)[-1] == [1]


def test_two_tracks_never_share_a_detection(detect, play, tracker_class):
    """A double detection begins a tentative track, which must not live on from the first track's detections."""
    frames = [detect([[300, 300]])] * 5 + [detect([[300, 300], [312, 300]])] + [detect([[300, 300]])] * 10
    assert ids(play(tracker_class(), frames)) == [[1]] * 16


def test_a_change_of_resolution_keeps_ids(detect, tracker_class):
    tracker = tracker_class()
    for index in range(30):
        scale, size = (1.0, (1280, 720)) if index < 15 else (0.5, (640, 360))
        boxes = detect([[300 + 3 * index, 300], [900, 400]]).xyxy * np.float32(scale)
        tracks = tracker.update(
            Detections(boxes, np.full(2, 0.9), np.zeros(2)), Frame("cam", index, index / 30, size=size)
        )
        assert tracks.track_id.tolist() == [1, 2]


def test_a_long_pause_of_the_stream_ends_all(detect, tracker_class):
    tracker = tracker_class()
    tracker.update(detect([[300, 300]]), Frame("cam", 0, 0.0))
    tracks = tracker.update(detect([[300, 300]]), Frame("cam", 1, 600.0))
    assert [tracklet.track_id for tracklet in tracks.ended] == [1]
    assert len(tracks) == 0


def who_is_where(shown):
    return [{(round(float(x), 2), int(i)) for x, i in zip(t.xyxy[:, 0], t.track_id, strict=True)} for t in shown]


def relabelled(shown):
    """Ids in order of place in their first frame, so that runs can be compared whose births are in another order."""
    names: dict[int, int] = {}
    for tracks in shown:
        for i in tracks.track_id[np.argsort(tracks.xyxy[:, 0])].tolist():
            names.setdefault(i, len(names))
    return [{(round(float(x), 2), names[int(i)]) for x, i in zip(t.xyxy[:, 0], t.track_id, strict=True)} for t in shown]


@pytest.mark.parametrize("has_looks", [True, False])
def test_order_of_detections_does_not_matter(crowd, play, tracker_class, has_looks):
    rng = np.random.default_rng(5)
    plain = [(detections, looks if has_looks else None) for detections, looks in crowd(3, frames=80)]
    mixed = []
    for detections, looks in plain:
        order = rng.permutation(len(detections))
        mixed.append((detections.select(order), None if looks is None else looks[order]))
    assert relabelled(play(tracker_class(), plain)) == relabelled(play(tracker_class(), mixed))


def test_a_translated_scene_has_the_same_ids(crowd, play, tracker_class):
    items = crowd(4, frames=80)
    moved = [(dataclasses.replace(d, xyxy=d.xyxy + np.float32(64)), looks) for d, looks in items]
    config = dataclasses.replace(tracker_class.Config())
    assert ids(play(tracker_class(config), items)) == ids(play(tracker_class(config), moved))


def test_half_and_double_frame_rate_give_the_same_identities(detect, play, tracker_class):
    """Three people with different speeds, one hidden for half a second, at 10, 30 and 60 frames a second."""
    results = []
    for fps in (10, 30, 60):
        frames = []
        for index in range(4 * fps):
            t = index / fps
            centres = [[300 + 50 * t, 300], [900 - 80 * t, 320], [500, 600 + 30 * t]]
            frames.append(detect(centres[:2] if 1.5 <= t < 2.0 else centres))
        results.append(ids(play(tracker_class(), frames, fps=fps))[:: fps // 10])
    assert results[0] == results[1] == results[2]
    assert results[0][-1] == [1, 2, 3]


def test_solvers_give_the_same_tracks(crowd, play):
    for cls, config in [(ByteTrack, ByteTrackConfig), (DeepSort, DeepSortConfig)]:
        items = crowd(6, frames=80)
        first, second = (who_is_where(play(cls(config(solver=name)), items)) for name in ("scipy", "lap"))
        assert first == second
