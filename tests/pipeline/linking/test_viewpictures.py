"""Pictures of the views of tracks, taken as frames go by: the same as if they were cut from the video afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.pipeline.linking.viewcrops import jpeg_of
from mdpr.pipeline.linking.viewpictures import ViewPictures
from mdpr.trackers.deepsort import DeepSort, DeepSortConfig
from mdpr.types import Detections, Frame, NewViews, Tracklet, Tracks

SIZE = (320, 240)


def frame_at(index: int, fps: float = 5.0) -> Frame:
    """Noise, so that no two pictures are equal."""
    image = np.random.default_rng(index).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    return Frame("cam", index, index / fps, image, SIZE)


def views(*rows: tuple[int, float, int], confirmed: tuple[tuple[int, int], ...] = (), **more: object) -> Tracks:
    """A frame in which tracks get views: (track, x, the frame that it replaces)."""
    boxes = np.array([[x, 20, x + 10, 50] for _, x, _ in rows], np.float32).reshape(-1, 4)
    new = NewViews(np.array([row[0] for row in rows]), boxes, np.array([row[2] for row in rows]))
    return Tracks(*_nobody(), confirmed=confirmed, new_views=new, **more)  # type: ignore[arg-type]


def _nobody() -> tuple[np.ndarray, ...]:
    tracks = Tracks.empty()
    return tracks.track_id, tracks.xyxy, tracks.confidence, tracks.class_id, tracks.detection_index


def tracklet_of(track_id: int, *frames: int) -> Tracklet:
    count = len(frames)
    return Tracklet(
        "cam", track_id, 0, frames[0], frames[-1], frames[0] / 5, frames[-1] / 5, 5, 0.8, np.array(frames),
        np.array(frames) / 5, np.zeros((count, 4)), np.ones(count), np.ones(count), np.ones((count, 2)),
    )  # fmt: skip


def test_every_view_has_its_picture_also_of_who_comes_back() -> None:
    """Ann leaves and comes back, a little different: a new id first. Bob only passes; people flicker."""
    tracker, pictures = DeepSort(DeepSortConfig(confirm_s=0.3)), ViewPictures()
    rng = np.random.default_rng(0)
    ann, bob = np.eye(2, 16, dtype=np.float32)
    poor = np.array([0.9, *[0] * 14, np.sqrt(1 - 0.9**2)], np.float32)
    frames, ended, most, renamed = [], [], 0, []
    for index in range(150):
        frame = frame_at(index)
        frames.append(frame)
        here = []
        if index < 30 or index >= 80:
            here.append((60.0, ann if index < 30 else poor))
        if 10 <= index < 60 and rng.random() < 0.9:
            here.append((200.0, bob))
        boxes = np.array([[x, 60, x + 40, 160] for x, _ in here]).reshape(-1, 4) + rng.normal(0, 1, (len(here), 4))
        looks = np.array([look for _, look in here], np.float32).reshape(-1, 16)
        detections = Detections(boxes, rng.uniform(0.7, 0.95, len(here)), np.zeros(len(here)))
        tracks = tracker.update(detections, frame, looks)
        pictures.write(frame, tracks)
        most = max(most, sum(map(len, pictures._of.values())))
        renamed += tracks.renamed
        ended += tracks.ended
    assert renamed
    ended += tracker.flush()
    assert len(ended) == 2
    for tracklet in ended:
        taken = pictures.pop(tracklet)
        for at, box in zip(tracklet.view_frame.tolist(), tracklet.view_xyxy, strict=True):
            assert taken[at] == jpeg_of(frames[at], box)
    assert most <= 3 * 10  # visits of views
    assert pictures.bytes == 0


def test_a_picture_goes_with_its_view() -> None:
    pictures = ViewPictures()
    pictures.write(frame_at(0), views((1, 10, -1)))
    pictures.write(frame_at(1), views((1, 12, 0)))
    held = pictures.bytes
    assert held == len(jpeg_of(frame_at(1), np.array([12, 20, 22, 50], np.float32)))
    assert set(pictures.pop(tracklet_of(1, 0, 1, 2))) == {1}
    assert pictures.bytes == 0


def test_pictures_of_before_an_id_go_to_the_track() -> None:
    pictures = ViewPictures()
    pictures.write(frame_at(0), views((-3, 10, -1)))
    pictures.write(frame_at(1), views((7, 12, -1), confirmed=((-3, 7),)))
    assert set(pictures.pop(tracklet_of(7, 0, 1))) == {0, 1}


def test_who_was_never_believed_leaves_nothing_behind() -> None:
    """False boxes at night, again and again: the number stands for another track each time."""
    pictures = ViewPictures()
    held = set()
    for index in range(0, 100, 10):
        pictures.write(frame_at(index), views((-3, 10, -1)))
        held.add(len(pictures._of[-3]))
    assert held == {1}
    pictures.write(frame_at(100), views((7, 10, -1), confirmed=((-3, 7),)))
    assert set(pictures.pop(tracklet_of(7, *range(101)))) == {90, 100}


def test_an_own_picture_is_not_replaced_by_that_of_a_number() -> None:
    pictures = ViewPictures()
    pictures.write(frame_at(0), views((7, 10, -1), (8, 100, -1)))
    own = jpeg_of(frame_at(0), np.array([10, 20, 20, 50], np.float32))
    pictures.write(frame_at(1), views(renamed=((8, 7),)))
    assert pictures.pop(tracklet_of(7, 0)) == {0: own}
    assert pictures.bytes == 0


def test_memory_is_bounded_and_who_has_most_gives_up_some() -> None:
    pictures = ViewPictures(most_bytes=20_000)
    pictures.write(frame_at(0), views((1, 10, -1)))
    for index in range(1, 200):
        pictures.write(frame_at(index), views((2, 100, -1)))
        assert pictures.bytes <= 20_000
    assert pictures.bytes == sum(len(one) for track in pictures._of.values() for one in track.values())
    assert set(pictures.pop(tracklet_of(1, 0))) == {0}
    left = sorted(pictures.pop(tracklet_of(2, *range(200))))
    assert 2 < len(left) < 30
    assert left[0] < 60  # still over all of the time


def test_the_last_one_goes_when_it_alone_is_too_much() -> None:
    pictures = ViewPictures(most_bytes=10)
    pictures.write(frame_at(0), views((1, 10, -1)))
    assert pictures.bytes == 0


@pytest.mark.parametrize("box", [400.0, -50.0])
def test_a_box_outside_the_picture_has_none(box: float) -> None:
    pictures = ViewPictures()
    pictures.write(frame_at(0), views((1, box, -1)))
    assert pictures.pop(tracklet_of(1, 0)) == {}


def test_without_pixels_there_is_nothing() -> None:
    pictures = ViewPictures()
    pictures.write(Frame("cam", 0, 0.0), views((1, 10, -1)))
    assert pictures.pop(tracklet_of(1, 0)) == {}
