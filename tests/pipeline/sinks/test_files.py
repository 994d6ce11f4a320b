"""What is written can be read again by others, and is never half a file under its own name."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from fakes import make_tracklet, make_tracks
from mdpr.errors import OutputError
from mdpr.files import part_path, write_errors, write_text
from mdpr.pipeline.sinks import CropSink, MotSink, TrackletSink, TrackSink, VideoSink
from mdpr.types import Frame, Tracks

IMAGE = np.full((60, 80, 3), 90, np.uint8)


def test_mot_is_one_based_with_ten_columns(tmp_path: Path) -> None:
    path = tmp_path / "tracks.txt"
    with MotSink(path) as sink:
        sink.write(Frame("cam", 0, 0.0, IMAGE), make_tracks(3))
        sink.write(Frame("cam", 1, 0.1, IMAGE), make_tracks())
        sink.write(Frame("cam", 4, 0.4, IMAGE), make_tracks(3, 8))
        assert not path.exists()
    rows = np.loadtxt(path, delimiter=",")
    assert rows.shape == (3, 10)
    np.testing.assert_allclose(rows[0], [1, 3, 11, 6.5, 12, 39.75, 0.8, -1, -1, -1])
    assert rows[:, 0].tolist() == [1, 5, 5]
    assert rows[:, 1].tolist() == [3, 3, 8]


def test_tracks_parquet(tmp_path: Path) -> None:
    path = tmp_path / "tracks.parquet"
    with TrackSink(path) as sink:
        for index in range(3):
            sink.write(Frame("cam", index, index / 10, IMAGE), make_tracks(*range(index)))
    table = pq.read_table(path).to_pydict()
    assert table["frame"] == [1, 2, 2]
    assert table["track_id"] == [0, 0, 1]
    assert table["x1"] == [10, 10, 30]
    assert table["camera"] == ["cam"] * 3


def test_tracklets_parquet(tmp_path: Path) -> None:
    path = tmp_path / "tracklets.parquet"
    first, second = make_tracklet("cam", 8), make_tracklet("cam", 5, track_id=2)
    with TrackletSink(path, 4, "model-1") as sink:
        sink.write(Frame("cam", 0, 0.0, IMAGE), Tracks.empty((first,)))
        sink.end([second])
    table = pq.read_table(path)
    assert table.schema.metadata[b"embedding_model"] == b"model-1"
    rows = table.to_pylist()
    assert [row["track_id"] for row in rows] == [1, 2]
    assert rows[0]["end_s"] == 0.8
    assert rows[0]["views"][1] == {
        "frame": 3, "time_s": 0.3, "x1": 4, "y1": 5, "x2": 6, "y2": 7, "confidence": 1.0, "quality": 3.0,
    }  # fmt: skip
    np.testing.assert_allclose(rows[0]["embeddings"], np.eye(2, 4))
    np.testing.assert_allclose(rows[0]["embedding"], first.embedding)


@pytest.mark.parametrize("dimension", [0, 4])
def test_nothing_seen_still_gives_readable_files(tmp_path: Path, dimension: int) -> None:
    with TrackSink(tmp_path / "a.parquet"), TrackletSink(tmp_path / "b.parquet", dimension, "") as sink:
        sink.end([make_tracklet("cam", 3, dimension=dimension)] if dimension == 0 else [])
    assert len(pq.read_table(tmp_path / "a.parquet")) == 0
    assert len(pq.read_table(tmp_path / "b.parquet")) == (1 if dimension == 0 else 0)


def test_crops_hold_the_best_picture(tmp_path: Path) -> None:
    import cv2

    with CropSink(tmp_path / "crops") as sink:
        for index, shade in enumerate((50, 200, 100)):
            tracks = make_tracks(1)
            better = Tracks(tracks.track_id, tracks.xyxy, [0.5, 0.9, 0.6][index : index + 1], np.zeros(1), np.zeros(1))
            sink.write(Frame("cam", index, index / 10, np.full((60, 80, 3), shade, np.uint8)), better)
        sink.end([make_tracklet("cam", 3)])
    crop = cv2.imread(str(tmp_path / "crops/000001.jpg"))
    assert crop.shape[:2] == (39, 12)  # rows 6 to 45, columns 10 to 22
    assert abs(int(crop.mean()) - 200) < 3


def test_a_failed_writer_keeps_its_part_name(tmp_path: Path) -> None:
    path = tmp_path / "tracks.txt"
    sink = MotSink(path)
    sink.write(Frame("cam", 0, 0.0, IMAGE), make_tracks(1))
    error = OutputError("full")
    sink.__exit__(OutputError, error, None)
    assert not path.exists()
    assert part_path(path).read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "no permission"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_write_errors_say_what_to_do(tmp_path: Path, number: int, advice: str) -> None:
    with pytest.raises(OutputError, match=f"tracks.txt: .*{advice}"), write_errors(tmp_path / "tracks.txt"):
        raise OSError(number, os.strerror(number))


SINKS: dict[str, Callable[[Path], Any]] = {
    "mot": lambda path: MotSink(path / "tracks.txt"),
    "tracks": lambda path: TrackSink(path / "tracks.parquet"),
    "tracklets": lambda path: TrackletSink(path / "tracklets.parquet", 4, "m"),
    "video": lambda path: VideoSink(path / "video.mp4"),
    "text": lambda path: write_text(path / "run.json", "{}"),
}


@pytest.mark.parametrize("name", sorted(SINKS))
def test_an_unwritable_folder_is_an_output_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        SINKS[name](tmp_path / "absent")
