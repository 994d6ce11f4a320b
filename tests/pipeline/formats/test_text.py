"""MOTChallenge and multi-camera text: what is read, what is written, and what is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.errors import FormatError
from mdpr.pipeline.formats.mot import read_mot, write_mot
from mdpr.pipeline.formats.multicamera import read_multicamera, write_multicamera
from mdpr.pipeline.formats.trackboxes import NO_CLASS, TrackBoxes
from mdpr.pipeline.sinks.mot import MotSink
from mdpr.types import Detections, Frame, Tracks


def written(folder: Path, text: str, name: str = "file.txt") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@st.composite
def some_boxes(draw: st.DrawFn) -> TrackBoxes:
    keys = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), unique=True, max_size=12))
    count = len(keys)
    numbers = st.lists(st.integers(0, 10**6), min_size=4 * count, max_size=4 * count)
    ltwh = np.array(draw(numbers), np.float64).reshape(-1, 4) / 100
    score = np.array(draw(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=count, max_size=count)), np.float64)
    classes = np.array(draw(st.lists(st.integers(1, 13), min_size=count, max_size=count)), np.int64)
    frame, track_id = np.array(keys, np.int64).reshape(-1, 2).T
    return TrackBoxes.of(frame, track_id, ltwh, score=score, class_id=classes, visibility=0.5, world=score[:, None] * 3,
                         first_pixel=draw(st.sampled_from([0, 1])))  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(boxes=some_boxes(), is_truth=st.booleans())
def test_mot_there_and_back(boxes: TrackBoxes, is_truth: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.txt"
        write_mot(path, boxes, is_truth)
        again = read_mot(path)
    assert again.frame.tolist() == boxes.frame.tolist()
    assert again.track_id.tolist() == boxes.track_id.tolist()
    np.testing.assert_allclose(again.corners, boxes.corners, atol=1e-6)
    if is_truth and len(boxes):
        assert again.class_id.tolist() == boxes.class_id.tolist()
        assert again.score.tolist() == (boxes.score != 0).tolist()
        assert again.visibility.tolist() == boxes.visibility.tolist()
    else:
        assert again.score.tolist() == boxes.score.tolist()


@settings(max_examples=30, deadline=None)
@given(first=some_boxes(), second=some_boxes())
def test_multicamera_there_and_back(first: TrackBoxes, second: TrackBoxes) -> None:
    cameras = {"hall": first, "7": second}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.txt"
        write_multicamera(path, cameras)
        again = read_multicamera(path)
    assert set(again) == {name for name, boxes in cameras.items() if len(boxes)}
    for name, recording in again.items():
        assert recording.boxes.frame.tolist() == cameras[name].frame.tolist()
        assert recording.boxes.track_id.tolist() == cameras[name].track_id.tolist()
        np.testing.assert_allclose(recording.boxes.corners, cameras[name].corners, atol=1e-6)
        np.testing.assert_array_equal(recording.boxes.world, cameras[name].world)


def test_mot_counts_from_one(tmp_path: Path) -> None:
    boxes = read_mot(written(tmp_path, "3,7,11,21,5,6,1,1,0.5\n1,7,1,1,5,6,0,12,-1\n"))
    assert boxes.frame.tolist() == [0, 2]
    assert boxes.corners.tolist() == [[0, 0, 5, 6], [10, 20, 15, 26]]
    assert (boxes.class_id.tolist(), boxes.visibility.tolist(), boxes.score.tolist()) == ([12, 1], [1, 0.5], [0, 1])


@pytest.mark.parametrize(
    ("line", "class_id"),
    [("1,2,3,4,5,6,0.9", NO_CLASS), ("1,2,3,4,5,6,0.9,1", 1), ("1,2,3,4,5,6,1,-1,-1,-1", NO_CLASS),
     ("1,2,3,4,5,6,1,3,9.5,0", NO_CLASS)],
)  # fmt: skip
def test_columns(tmp_path: Path, line: str, class_id: int) -> None:
    boxes = read_mot(written(tmp_path, f"\ufeff{line}\n\n"))
    assert (len(boxes), boxes.class_id.tolist()) == (1, [class_id])


def test_lines_of_different_length(tmp_path: Path) -> None:
    boxes = read_mot(written(tmp_path, "1,2,3,4,5,6,1,7\n  \n2,2,3,4,5,6,1\n3,2,3,4,5,6,1,7,0.5\n"))
    assert boxes.class_id.tolist() == [7, NO_CLASS, 7]
    assert boxes.visibility.tolist() == [1, 1, 0.5]


def test_what_mdpr_track_writes(tmp_path: Path) -> None:
    found = Detections(np.array([[0, 0, 10, 20]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32))
    with MotSink(tmp_path / "tracks.txt") as sink:
        tracks = Tracks(np.array([4]), found.xyxy, found.confidence, found.class_id, np.zeros(1, np.int32))
        sink.write(Frame("a", 2, 0.1), tracks)
    boxes = read_mot(tmp_path / "tracks.txt")
    assert (boxes.frame.tolist(), boxes.track_id.tolist()) == ([2], [4])
    assert boxes.corners.tolist() == [[0, 0, 10, 20]]


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_empty_files_have_no_boxes(tmp_path: Path, text: str) -> None:
    assert len(read_mot(written(tmp_path, text))) == 0
    assert read_multicamera(written(tmp_path, text)) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,1,0,0,5,5,1\n\n0,1,0,0,5,5,1\n", r"file\.txt:3: expected a frame number from 1 to 1000000000, got 0"),
        ("1.5,1,0,0,5,5,1\n", r":1: expected a frame number from 1 .*, got 1\.5"),
        ("1,-1,0,0,5,5,1\n", r":1: .*got -1; id -1 is what detections have"),
        ("1,2.5,0,0,5,5,1\n", r":1: expected a whole id"),
        ("1,1e30,0,0,5,5,1\n", r":1: expected a whole id from 0 to 2\^53, got 1e\+30"),
        ("1e12,1,0,0,5,5,1\n", r":1: expected a frame number from 1 to 1000000000, got 1e\+12"),
        ("1,7,0,0,5,5,1\n2,7,0,0,5,5,1\n1,7,9,9,5,5,1\n", r":3: id 7 already has a box in frame 1"),
        ("1,1,0,0,-5,5,1\n", r":1: expected width and height of at least 0, got -5 and 5"),
        ("1,1,0,0,5,5,1\n1,2,0,0,nan,5,1\n", r":2: a value is not finite"),
        ("1,1,0,0,5,5,1\n1,2,0,0,five,5,1\n", r":2: not a number"),
        ("1,1,0,0,5\n", r":1: expected 7 to 10 columns"),
        ("1,1,0,0,5,5,1,1.5\n", "whole class numbers in column 8, got 1.5"),
        ("1,1,0,0,5,5,1,1\n2,1,0,0,5,5,1,-1,-1,-1\n", "some lines have 8 columns and others 10"),
    ],
)
def test_mot_refuses(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_mot(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 0 0 0 5 5 0\n", r"file\.txt:1: expected 9 columns"),
        ("a 1 0 0 0 5 5 0 0\na 1 0 9 9 5 5 0 0\n", r":2: id 1 already has a box in frame 0"),
        ("a 1 -1 0 0 5 5 0 0\n", r":1: expected a frame number from 0 .*, got -1"),
        ("a one 0 0 0 5 5 0 0\n", r":1: not a number"),
        ("a 1 0 0 0 inf 5 0 0\n", r":1: a value is not finite"),
        ("b 1 0 0 0 5 5 0 0\na 1 0 0 0 5 -5 0 0\n", r":2: expected width and height"),
    ],
)
def test_multicamera_refuses(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_multicamera(written(tmp_path, text))


def test_unknown_world_and_blank_names(tmp_path: Path) -> None:
    found = read_multicamera(written(tmp_path, "1 5 0 1 2 3 4 -1 -1\n1 6 0 1 2 3 4 -1 2.5\n"))["1"].boxes
    assert np.isnan(found.world).tolist() == [[True, True], [False, False]]
    with pytest.raises(FormatError, match="without blanks"):
        write_multicamera(tmp_path / "x", {"my camera": found})


def test_not_text(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"\xff\xfe1,2")
    with pytest.raises(FormatError, match="cannot be read as text"):
        read_mot(tmp_path / "x.txt")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0], [1], [[0, 0, -1, 1]]), "width and height of at least 0"),
        (([0], [1], [[0, 0, np.nan, 1]]), "finite"),
        (([-1], [1], [[0, 0, 1, 1]]), "frame: expected 0 or more"),
        (([0], [-1], [[0, 0, 1, 1]]), "track_id: expected 0 or more"),
        (([3, 3], [1, 1], [[0, 0, 1, 1]] * 2), "id 1 has more than one box in frame 3"),
    ],
)
def test_boxes_are_checked(columns: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        TrackBoxes.of(*columns)
