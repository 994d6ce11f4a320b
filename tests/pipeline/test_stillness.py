"""A chair is told from somebody who sits on it, however long that takes, and nobody is called still on a guess."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from fakes import make_tracklet
from mdpr.errors import FormatError
from mdpr.pipeline.draw import Painter, colour_of
from mdpr.pipeline.sinks import TrackletSink
from mdpr.pipeline.sinks.parquet import IS_STILL
from mdpr.pipeline.stillness import Stillness
from mdpr.pipeline.store.tracklet_files import read_still, read_tracklets
from mdpr.types import Frame, Tracks

PLACE = (40, 20, 70, 90)
"""x1, y1, x2, y2 of the thing in `room`."""

Scene = Iterator[tuple[Frame, Tracks]]
Draw = Callable[[np.ndarray, float], None]


def room(
    seconds: float, draw: Draw = lambda *_: None, at: Callable[[float], tuple[int, ...]] = lambda _: PLACE, **others
) -> Scene:
    """Five noisy frames a second of a room with a thing, as track 1; `draw(picture, time_s)` changes it.

    Args:
        at: box of the track at a time.
        others: track id, as "t7", to box at a time or None.
    """
    rng = np.random.default_rng(0)
    ground = np.kron(rng.uniform(40, 200, (12, 16, 3)), np.ones((10, 10, 1)))
    for index in range(round(seconds * 5)):
        time_s = index / 5
        picture = ground.copy()
        draw(picture, time_s)
        picture = np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
        found = {1: at(time_s)} | {int(name[1:]): box(time_s) for name, box in others.items()}
        ids, boxes = zip(*((one, box) for one, box in found.items() if box is not None), strict=True)
        yield Frame("cam", index, time_s, picture), tracks_of(ids, boxes)


def tracks_of(ids, boxes, **more) -> Tracks:
    count = len(ids)
    return Tracks(np.array(ids), np.array(boxes), np.full(count, 0.9), np.zeros(count), np.arange(count), **more)


def watch(scene: Scene) -> Stillness:
    stillness = Stillness()
    for frame, tracks in scene:
        stillness.write(frame, tracks)
    return stillness


def breathe(picture: np.ndarray, time_s: float) -> None:
    """Somebody who sits there moves a head of a fiftieth of the box by two pixels."""
    left = 50 + 2 * (int(time_s) % 3)
    picture[25:33, left : left + 6] = 10


def test_what_does_not_move_for_ten_seconds_is_still():
    assert not watch(room(10)).is_still(1)  # the last frame is at 9.8 s
    assert watch(room(10.2)).is_still(1)
    assert not watch(room(10.2)).is_still(2)  # nobody


def test_somebody_who_sits_is_not():
    assert not watch(room(60, breathe)).is_still(1)


def test_light_that_changes_everywhere_is_no_movement():
    def fade(picture, time_s):
        picture -= 2 * time_s

    assert watch(room(15, fade)).is_still(1)


def test_who_passes_changes_nothing():
    def walker(time_s):
        left = 5 + round(30 * (time_s % 5))  # before the thing for two fifths of the time
        return (left, 30, left + 30, 100) if time_s % 5 < 3 else None

    def pass_by(picture, time_s):
        if walker(time_s) is not None:
            left, top, right, bottom = walker(time_s)
            picture[top:bottom, left:right] = 250

    assert watch(room(40, pass_by, t7=walker)).is_still(1)
    assert not watch(room(40, pass_by)).is_still(1)  # nobody says that it is somebody else


def test_things_that_stand_before_one_another_are_still():
    both = watch(room(15, t7=lambda _: (45, 40, 75, 95)))
    assert both.is_still(1)
    assert both.is_still(7)


@pytest.mark.parametrize("moves_at_s", [2, 30])
def test_who_walks_away_has_moved_for_good(moves_at_s):
    def at(time_s):
        left = PLACE[0] + 40 * (moves_at_s < time_s < moves_at_s + 4)
        return left, PLACE[1], left + 30, PLACE[3]

    stillness = Stillness()
    was_still = False
    for frame, tracks in room(moves_at_s + 30, at=at):
        stillness.write(frame, tracks)
        was_still |= stillness.is_still(1)
    assert was_still == (moves_at_s > 10)
    assert not stillness.is_still(1)


def test_a_box_that_jumps_aside_for_two_seconds_has_not():
    def at(time_s):
        left = PLACE[0] + 40 * (12 < time_s < 14)
        return left, PLACE[1], left + 30, PLACE[3]

    assert watch(room(20, at=at)).is_still(1)


def test_nothing_is_known_without_pictures_of_some_pixels():
    boxes_only = ((Frame("cam", frame.index, frame.time_s, size=(160, 120)), tracks) for frame, tracks in room(20))
    assert not watch(boxes_only).is_still(1)
    assert not watch(room(20, at=lambda _: (40, 20, 55, 90))).is_still(1)
    assert not watch(room(20, at=lambda _: (-30, 20, -2, 90))).is_still(1)


def test_hidden_people_are_not_looked_at():
    hidden = []
    for frame, tracks in room(20):
        index = np.array([-1 if frame.time_s > 1 else 0])
        hidden.append((frame, Tracks(tracks.track_id, tracks.xyxy, tracks.confidence, tracks.class_id, index)))
    assert not watch(iter(hidden)).is_still(1)


def test_who_was_here_before_keeps_their_place():
    """Track 5 turns out to be 1, who sat elsewhere: what counts is where 1 was first."""
    stillness = watch(room(12))
    assert stillness.is_still(1)
    later = Frame("cam", 900, 180.0, np.zeros((120, 160, 3), np.uint8))
    stillness.write(later, tracks_of([5], [(100, 20, 130, 90)]))
    for index in range(20):
        frame = Frame("cam", 901 + index, 180.2 + index / 5, later.image)
        stillness.write(frame, tracks_of([1], [(100, 20, 130, 90)], renamed=((5, 1),) if index == 0 else ()))
    assert not stillness.is_still(1)
    assert list(stillness._places) == [1]


def test_an_hour_takes_no_more_memory_than_a_minute():
    stillness = Stillness()
    frame, tracks = next(room(1))
    for second in range(3600):
        stillness.write(Frame("cam", second, float(second), frame.image), tracks)
    (place,) = stillness._places.values()
    assert 10 < len(place.pictures) <= 32
    assert place.times[-1] > 3400
    assert stillness.is_still(1)


def test_what_ended_is_counted_told_and_forgotten():
    stillness = watch(room(12))
    frame = Frame("cam", 60, 12.0, np.zeros((120, 160, 3), np.uint8))
    stillness.write(frame, tracks_of([8], [(0, 0, 20, 60)], ended=(make_tracklet("cam", 60, track_id=1),)))
    assert stillness.is_still(1)
    assert stillness.count == 1
    stillness.write(Frame("cam", 61, 12.2, frame.image), tracks_of([8], [(0, 0, 20, 60)]))
    assert list(stillness._places) == [8]
    stillness.end([make_tracklet("cam", 2, track_id=8)])
    assert stillness.count == 1


def test_files_tell_which_tracks_are_still(tmp_path: Path):
    path = tmp_path / "tracklets.parquet"
    with TrackletSink(path, 4, "model-1", {2}.__contains__) as sink:
        sink.end([make_tracklet("cam", 9, track_id=track_id) for track_id in (1, 2, 3)])
    assert pq.read_table(path)[IS_STILL].to_pylist() == [False, True, False]
    assert read_still(path) == {2}
    assert len(read_tracklets(path)[1]) == 3
    pq.write_table(pq.read_table(path).drop_columns(IS_STILL), path)  # as earlier versions wrote it
    assert read_still(path) == frozenset()
    assert len(read_tracklets(path)[1]) == 3
    pq.write_table(pq.read_table(path).append_column(IS_STILL, [["no"] * 3]), path)
    with pytest.raises(FormatError, match="expected a column is_still"):
        read_still(path)


def test_still_boxes_are_grey_and_say_so():
    def paint(**options):
        canvas = np.zeros((120, 160, 3), np.uint8)
        Painter(line_width=2, trail_s=0, **options).paint(canvas, Frame("cam", 0, 0.0, canvas), tracks_of([3], [PLACE]))
        return canvas

    moving, still = paint(), paint(is_still={3}.__contains__)
    assert tuple(moving[60, 40]) == colour_of(3)
    assert len(set(still[60, 40].tolist())) == 1
    width, longer = ((canvas[:19] > 0).any(axis=(0, 2)).sum() for canvas in (moving, still))
    assert longer > width + 10  # "3 still" is longer than "3"
