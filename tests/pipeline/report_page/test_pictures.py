"""Crops show the box of their view, come from the right frame, and are left out with a reason."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mdpr.pipeline.report_page.pictures import cut_pictures
from mdpr.pipeline.report_page.reading import read_run
from mdpr.types import Tracklet
from report_runs import two_people, visit, write_linking, write_run

PLENTY = 10**9


def walker(track_id=1, frames=(2, 10, 18), fps=25.0, camera="walk"):
    """The dark rectangle 0 of `make_walk`: 30 wide, 80 high, 5 pixels further in each frame."""
    frames = np.array(frames)
    boxes = np.stack([10 + 5 * frames, np.full(len(frames), 20), 40 + 5 * frames, np.full(len(frames), 100)], axis=1)
    return Tracklet(
        camera, track_id, 0, int(frames[0]), int(frames[-1]), frames[0] / fps, frames[-1] / fps, len(frames), 0.9,
        frames, frames / fps, boxes, np.full(len(frames), 0.9), np.linspace(0.2, 0.8, len(frames)),
        np.eye(len(frames), 4),
    )  # fmt: skip


@pytest.fixture
def tracked(tmp_path, make_walk):
    """A run of one walker, whose source is where run.json says."""
    clip = make_walk("walk.mp4", frames=20, walkers=1)
    info = {"cameras": {"walk": {"source": str(clip), "error": ""}}}
    return write_run(tmp_path / "run", [walker()], info), clip


def decoded(picture):
    return cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)


def only(pictures):
    ((_, found),) = pictures.of.items()
    return found


def test_crops_are_cut_from_the_source(tracked):
    pictures = cut_pictures(read_run(tracked[0]), 2, True, PLENTY)
    found = only(pictures)
    assert [picture.time_s for picture in found] == [18 / 25, 10 / 25]  # the best view first
    for picture in found:
        image = decoded(picture)
        assert image.shape == (80, 30, 3)
        assert image[5:-5, 5:-5].mean() < 80  # the walker, not the ground of 150
    assert pictures.notes == []


def test_another_video_under_the_same_name_is_not_cut(tracked, make_walk):
    folder, clip = tracked
    write_run(folder, [walker(fps=24.0)])
    pictures = cut_pictures(read_run(folder), 2, True, PLENTY)
    assert pictures.of == {}
    assert any("not the video that was tracked" in note for note in pictures.notes)
    write_run(folder, [walker(frames=(2, 10, 400))])
    pictures = cut_pictures(read_run(folder), 3, True, PLENTY)
    assert len(only(pictures)) == 2
    clip.unlink()
    pictures = cut_pictures(read_run(folder), 2, True, PLENTY)
    assert pictures.of == {}
    assert pictures.notes == ["1 of 1 visits have no picture.", f"walk: its source {clip.name} is not where it was."]


def test_damaged_and_live_sources_are_not_opened(tracked):
    folder, clip = tracked
    clip.write_bytes(b"no video")
    (_, note) = cut_pictures(read_run(folder), 2, True, PLENTY).notes
    assert note.startswith(f"walk: the source cannot be read any more: {clip.name}: expected a video")
    for source in ("0", "rtsp://10.0.0.7/live", "http://10.0.0.7/a.mp4"):
        write_run(folder, [walker()], {"cameras": {"walk": {"source": source}}})
        notes = cut_pictures(read_run(folder), 2, True, PLENTY).notes
        assert any("its source was live" in note for note in notes), source


def test_crops_that_were_kept_are_taken_where_the_video_is_gone(tracked):
    folder, clip = tracked
    clip.unlink()
    crops = folder / "walk" / "crops"
    crops.mkdir()
    cv2.imwrite(str(crops / "000001.jpg"), np.full((400, 200, 3), 77, np.uint8))
    pictures = cut_pictures(read_run(folder), 2, True, PLENTY)
    (picture,) = only(pictures)
    assert picture.time_s is None
    assert decoded(picture).shape == (160, 80, 3)  # made smaller, in proportion
    assert pictures.notes == []
    (crops / "000001.jpg").write_bytes(b"damaged")
    assert cut_pictures(read_run(folder), 2, True, PLENTY).of == {}


def test_no_video_reads_no_video(tracked):
    pictures = cut_pictures(read_run(tracked[0]), 2, False, PLENTY)
    assert pictures.of == {}
    assert pictures.notes == ["1 of 1 visits have no picture."]
    assert cut_pictures(read_run(tracked[0]), 0, True, PLENTY).notes == ["Pictures were left out on request."]


def test_a_piece_shows_its_own_views(tracked):
    folder, _ = tracked
    piece = {"camera": "walk", "track_id": 1}
    pieces = [
        {**piece, "part": 1, "id": 1, "start_s": 2 / 25, "end_s": 10 / 25},
        {**piece, "part": 2, "id": 2, "start_s": 11 / 25, "end_s": 18 / 25},
    ]
    write_linking(folder, {1: [("walk", 1)], 2: []}, pieces=pieces)
    pictures = cut_pictures(read_run(folder), 5, True, PLENTY)
    times = {key.part: [picture.time_s for picture in found] for key, found in pictures.of.items()}
    assert times == {1: [10 / 25, 2 / 25], 2: [18 / 25]}


def test_the_budget_gives_everybody_one_picture_first(tmp_path, make_walk):
    clip = make_walk("walk.mp4", frames=20, walkers=1)
    info = {"cameras": {"walk": {"source": str(clip)}}}
    run = read_run(write_run(tmp_path / "run", [walker(1), walker(2), walker(3)], info))
    everything = cut_pictures(run, 3, True, PLENTY)
    sizes = [len(picture.jpeg) for found in everything.of.values() for picture in found]
    assert len(sizes) == 9
    first = sum(len(found[0].jpeg) for found in everything.of.values())
    limited = cut_pictures(run, 3, True, first)
    assert [len(found) for found in limited.of.values()] == [1, 1, 1]
    assert [found[0] for found in limited.of.values()] == [found[0] for found in everything.of.values()]
    assert any("6 pictures were left out" in note for note in limited.notes)


def test_relative_sources_are_found_from_where_the_run_lies(tmp_path, make_walk, monkeypatch):
    make_walk("walk.mp4", frames=20, walkers=1)
    info = {"folder": "runs/track/run", "cameras": {"walk": {"source": "walk.mp4"}}}
    folder = write_run(tmp_path / "runs/track/run", [walker()], info)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(only(cut_pictures(read_run(folder), 2, True, PLENTY))) == 2


def test_boxes_beyond_the_picture(tmp_path, make_walk):
    clip = make_walk("walk.mp4", frames=20, walkers=1)
    outside = visit("walk", 1, 0.0, 0.4, views=1)
    far = Tracklet(**{**vars(outside), "view_xyxy": np.array([[5000, 5000, 5050, 5100]], np.float32)})
    run = read_run(write_run(tmp_path / "run", [far], {"cameras": {"walk": {"source": str(clip)}}}))
    assert cut_pictures(run, 2, True, PLENTY).of == {}


def test_a_run_without_run_json(tmp_path):
    pictures = cut_pictures(read_run(two_people(tmp_path / "monday")), 2, True, PLENTY)
    assert pictures.notes == ["4 of 4 visits have no picture.", "door, hall: run.json does not name its source."]
