"""What every entry of TRACKERS must do, whatever its method."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from mdpr.components import build_config, find_class
from mdpr.errors import ConfigError, FormatError
from mdpr.trackers import TRACKERS
from mdpr.types import Detections, Frame


@pytest.fixture(params=sorted(TRACKERS))
def make(request):
    cls = find_class("tracker", request.param, TRACKERS)
    return lambda **options: cls(build_config(cls.Config, options, "tracker"))


def rows_of(tracks):
    return [(t.track_id.tolist(), t.xyxy.tolist(), t.detection_index.tolist()) for t in tracks]


def same_tracklets(first, second):
    assert [t.track_id for t in first] == [t.track_id for t in second]
    for a, b in zip(first, second, strict=True):
        assert (a.start_frame, a.end_frame, a.detections) == (b.start_frame, b.end_frame, b.detections)
        np.testing.assert_array_equal(a.embeddings, b.embeddings)
        np.testing.assert_array_equal(a.view_frame, b.view_frame)


def test_default_config_is_the_class_default(make):
    assert type(make())().config == make().config


def test_first_frame_is_shown_at_once(make, play, detect):
    tracks = play(make(), [detect([[100, 200], [400, 200]], confidence=[0.9, 0.7])])[0]
    assert tracks.track_id.tolist() == [1, 2]
    assert tracks.detection_index.tolist() == [0, 1]
    np.testing.assert_array_equal(tracks.xyxy, detect([[100, 200], [400, 200]]).xyxy)
    np.testing.assert_array_equal(tracks.confidence, np.array([0.9, 0.7], np.float32))


@pytest.mark.parametrize("embeddings", [None, np.empty((0, 16), np.float32), np.empty((0, 0), np.float32)])
def test_empty_frames(make, play, crowd, embeddings):
    tracker = make()
    assert len(play(tracker, [(Detections.empty(), embeddings)])[0]) == 0
    play(tracker, crowd(), start=1)
    later = play(tracker, [(Detections.empty(), embeddings)] * 100, start=50)
    assert all(len(tracks) == 0 for tracks in later)
    assert all(tracklet.end_frame < 50 for tracklet in tracker.flush())  # a tracker may hold those who may return
    assert tracker.flush() == []


def test_every_confirmed_track_becomes_one_tracklet(make, play, crowd):
    tracker = make()
    shown = play(tracker, crowd(frames=150))
    ended = [tracklet for tracks in shown for tracklet in tracks.ended] + tracker.flush()
    ids = sorted({int(i) for tracks in shown for i in tracks.track_id})
    assert sorted(t.track_id for t in ended) == ids == list(range(1, len(ids) + 1))
    for tracklet in ended:
        frames = [i for i, t in enumerate(shown) if tracklet.track_id in t.track_id[t.detection_index >= 0]]
        assert tracklet.start_frame <= frames[0]
        assert tracklet.end_frame == frames[-1]
        assert tracklet.end_s == pytest.approx(frames[-1] / 30)
        assert tracklet.detections >= len(frames)
        assert 0.1 <= tracklet.confidence <= 1
        assert tracklet.camera == "cam"
        assert 1 <= len(tracklet.view_frame) <= 10
        assert (np.diff(tracklet.view_frame) > 0).all()
        np.testing.assert_allclose(np.linalg.norm(tracklet.embeddings, axis=1), 1, rtol=1e-5)
    assert tracker.flush() == []


def test_after_its_patience_nobody_goes_on(make, play, crowd, detect):
    """What `flush` gives then is what the next frame would end; a moment before somebody might have been back."""
    ended = []
    for is_flushed in (False, True):
        tracker = make()
        shown = play(tracker, crowd(frames=90))
        left = {one.track_id for tracks in shown for one in tracks.ended}
        later_s = 89 / 30 + tracker.patience_s + 0.01
        rest = tracker.flush() if is_flushed else tracker.update(Detections.empty(), Frame("cam", 90, later_s)).ended
        assert not left & {one.track_id for one in rest}
        ended.append([(one.track_id, one.end_s, one.detections, len(one.view_frame)) for one in rest])
    assert ended[0] == ended[1] != []
    tracker = make()
    play(tracker, crowd(frames=90))
    soon = tracker.update(Detections.empty(), Frame("cam", 90, 89 / 30 + 0.9 * tracker.patience_s))
    assert len(soon.ended) < len(ended[0])


def test_views_hold_the_given_boxes_and_embeddings(make, play, crowd):
    tracker, items = make(), crowd()
    play(tracker, items)
    for tracklet in tracker.flush():
        for frame, box, embedding in zip(tracklet.view_frame, tracklet.view_xyxy, tracklet.embeddings, strict=True):
            detections, embeddings = items[frame]
            row = np.flatnonzero((detections.xyxy == box).all(axis=1))
            np.testing.assert_array_equal(embeddings[row[0]], embedding)


@pytest.mark.parametrize("fps", [2, 4, 30])
def test_new_views_tell_all_views_of_each_tracklet(make, play, crowd, fps):
    """Also those of before a track had an id; rare frames leave them in place."""
    tracker, held, before = make(), {}, 0
    shown = play(tracker, crowd(frames=150), fps=fps)
    for index, tracks in enumerate(shown):
        for number, track_id in tracks.confirmed:
            assert number < 0 < track_id
            held[track_id] = held.pop(number, {})
        if tracks.new_views is not None:
            new = tracks.new_views
            for track, box, gone in zip(new.track.tolist(), new.xyxy.tolist(), new.instead_of.tolist(), strict=True):
                if track < 0 and gone < 0:
                    held.pop(track, None)  # of somebody who was never believed
                assert gone == -1 or gone in held[track]
                held.setdefault(track, {}).pop(gone, None)
                held[track][index] = box
                before += track < 0
        for wrong, right in tracks.renamed:
            held[right] = held.pop(wrong, {}) | held.get(right, {})
    ended = [tracklet for tracks in shown for tracklet in tracks.ended] + tracker.flush()
    assert before > 0
    assert ended
    for tracklet in ended:
        views = dict(zip(tracklet.view_frame.tolist(), tracklet.view_xyxy.tolist(), strict=True))
        assert views == {frame: held[tracklet.track_id][frame] for frame in views}
        is_merged = len(held[tracklet.track_id]) > 10
        assert is_merged or set(views) == set(held[tracklet.track_id])


def test_deterministic_and_reset_forgets_everything(make, play, crowd):
    tracker, other = make(), make()
    first = play(tracker, crowd())
    last = tracker.flush()
    tracker.reset()
    tracker.update(Detections.empty(), Frame("another camera", 0, 0.0))
    tracker.reset()
    again = play(tracker, crowd())
    assert rows_of(first) == rows_of(again) == rows_of(play(other, crowd()))
    same_tracklets(last, tracker.flush())


def test_two_instances_interleave(make, play, crowd):
    scenes = crowd(1), crowd(2)
    apart = [rows_of(play(make(), scene)) for scene in scenes]
    trackers = make(), make()
    together = [[], []]
    for index in range(40):
        for i in range(2):
            together[i] += play(trackers[i], [scenes[i][index]], start=index)
    assert [rows_of(tracks) for tracks in together] == apart


def test_inputs_are_not_changed(make, play, crowd):
    items = crowd()
    copies = [(d.xyxy.copy(), d.confidence.copy(), e.copy()) for d, e in items]
    for _, embeddings in items:
        embeddings.flags.writeable = False
    play(make(), items)
    for (detections, embeddings), (xyxy, confidence, before) in zip(items, copies, strict=True):
        np.testing.assert_array_equal(detections.xyxy, xyxy)
        np.testing.assert_array_equal(detections.confidence, confidence)
        np.testing.assert_array_equal(embeddings, before)


def test_results_do_not_change_later(make, play, crowd):
    tracker, items = make(), crowd()
    early = play(tracker, items[:20])
    before = rows_of(early)
    play(tracker, items[20:], start=20)
    assert rows_of(early) == before


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (Frame("cam", 9, 0.1), r"'cam'.*0\.1.*0\.13"),
        (Frame("cam", 9, 4 / 30), "time must increase"),
        (Frame("cam", 9, float("nan")), "time must increase"),
        (Frame("cam", 4, 2.0), "index must increase"),
        (Frame("door", 9, 2.0), "'cam'.*'door'"),
    ],
)
def test_refused_frames_change_nothing(make, play, crowd, frame, message):
    tracker, other, items = make(), make(), crowd()
    play(tracker, items[:5])
    play(other, items[:5])
    with pytest.raises(FormatError, match=message):
        tracker.update(*[items[5][0], frame, items[5][1]])
    assert rows_of(play(tracker, items[5:], start=5)) == rows_of(play(other, items[5:], start=5))


def test_first_time_must_be_finite(make):
    with pytest.raises(FormatError, match="nan"):
        make().update(Detections.empty(), Frame("cam", 0, float("nan")))


def test_refused_embeddings_change_nothing(make, play, crowd):
    tracker, other, items = make(), make(), crowd()
    play(tracker, items[:5])
    play(other, items[:5])
    detections, good = items[5]
    long, broken = good.copy(), good.copy()
    long[2] *= 3
    broken[1, 3] = np.nan
    frame = Frame("cam", 5, 5 / 30)
    for bad, message in [(good[1:], "expected shape"), (good[0], "expected shape"), (good[:, :8], "as before")]:
        with pytest.raises(FormatError, match=message):
            tracker.update(detections, frame, bad)
    with pytest.raises(FormatError, match="row 2 has length 3"):
        tracker.update(detections, frame, long)
    with pytest.raises(FormatError, match="row 1"):
        tracker.update(detections, frame, broken)
    assert rows_of(play(tracker, items[5:], start=5)) == rows_of(play(other, items[5:], start=5))


@pytest.mark.parametrize(("length", "is_taken"), [(0.97, False), (0.985, True), (1.015, True), (1.03, False)])
def test_lengths_of_embeddings_may_be_two_percent_off(make, detect, length, is_taken):
    detections, frame = detect([[100, 200], [400, 200]]), Frame("cam", 0, 0.0)
    rows = np.array([[0, 0, 0], [0, length, 0]], dtype=np.float32)  # the first has no appearance
    if is_taken:
        assert len(make().update(detections, frame, rows)) == 2
    else:
        with pytest.raises(FormatError, match=f"row 1 has length {length}"):
            make().update(detections, frame, rows)


def test_boxes_without_area_are_ignored(make, play, detect):
    flat = Detections(np.array([[50, 50, 50, 80], [10, 10, 10, 10.0]]), np.ones(2), np.zeros(2))
    shown = play(make(), [flat] * 5)
    assert all(len(tracks) == 0 for tracks in shown)


def test_a_frame_of_a_thousand_boxes(make, play):
    rng = np.random.default_rng(0)
    corner = np.stack(np.meshgrid(np.arange(40) * 48, np.arange(25) * 43), axis=-1).reshape(-1, 2)
    looks = rng.normal(size=(1000, 8)).astype(np.float32)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    shown = play(
        make(),
        [(Detections(np.c_[corner + s, corner + s + [30, 40]], np.full(1000, 0.9), np.zeros(1000)), looks)
         for s in range(3)],
    )  # fmt: skip
    for tracks in shown:
        assert tracks.track_id.tolist() == list(range(1, 1001))
        assert tracks.detection_index.tolist() == list(range(1000))


def test_hours_of_nobody_cost_nothing(make, crowd, play):
    tracker, held = make(), []
    play(tracker, crowd())
    tracemalloc.start()
    try:
        started = time.process_time()
        for index in range(40, 1540):
            tracker.update(Detections.empty(), Frame("cam", index, index * 2.0))
            if index in (790, 1539):
                held.append(tracemalloc.get_traced_memory()[0])
        took = time.process_time() - started
    finally:
        tracemalloc.stop()
    assert held[1] < held[0] + 10_000
    assert took < 6  # 4 ms a frame under tracemalloc, which slows it fivefold


BAD_OPTIONS = [
    ("high_conf", 1.5), ("low_conf", -0.1), ("low_conf", 0.9), ("min_iou", 0.0), ("new_track_conf", float("nan")),
    ("max_age_s", 0.0), ("max_age_s", float("inf")), ("confirm_s", -1.0), ("views", 0), ("view_spacing_s", 0.0),
    ("duplicate_iou", 2.0), ("solver", "greedy"), ("max_covered", -1.0), ("no_such_option", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD_OPTIONS)
def test_refuses_options(make, name, value):
    with pytest.raises(ConfigError, match=name):
        make(**{name: value})
