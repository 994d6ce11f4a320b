"""Somebody shown as new who turned out to have been there before: the files have the right id at the end."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from fakes import make_tracklet, make_tracks
from mdpr.pipeline.sinks import CropSink, MotSink, TrackSink
from mdpr.types import Frame

IMAGE = np.full((60, 80, 3), 90, np.uint8)


def play(sink, more=1):
    """3 leaves, comes back as 8, and is known again; 9 turns out to be 8, that is 3."""
    renamed = {4: ((8, 3),), 7: ((9, 8),)}
    for index, ids in enumerate([(3,), (3,), (), (8, 5), (3, 5), (5,), (9, 5), (3, 5)] * more):
        tracks = dataclasses.replace(make_tracks(*ids), renamed=renamed.get(index, ()))
        sink.write(Frame("cam", index, index / 10, IMAGE), tracks)


EXPECTED = [3, 3, 3, 5, 3, 5, 5, 3, 5, 3, 5]


def test_mot_text(tmp_path: Path) -> None:
    with MotSink(tmp_path / "tracks.txt") as sink:
        play(sink)
    rows = np.loadtxt(tmp_path / "tracks.txt", delimiter=",")
    assert rows[:, 1].tolist() == EXPECTED
    assert rows[:, 0].tolist() == [1, 2, 4, 4, 5, 5, 6, 7, 7, 8, 8]
    assert rows.shape[1] == 10
    assert [path.name for path in tmp_path.iterdir()] == ["tracks.txt"]


def test_parquet_keeps_everything_else_over_several_row_groups(tmp_path: Path) -> None:
    with TrackSink(tmp_path / "renamed.parquet") as sink:
        play(sink, more=2000)  # 22,000 rows
    renamed = pq.ParquetFile(tmp_path / "renamed.parquet")
    assert renamed.num_row_groups > 1
    table = renamed.read()
    assert table.column("track_id").to_pylist() == EXPECTED * 2000
    with TrackSink(tmp_path / "plain.parquet") as sink:
        for index, ids in enumerate([(3,), (3,), (), (8, 5), (3, 5), (5,), (9, 5), (3, 5)] * 2000):
            sink.write(Frame("cam", index, index / 10, IMAGE), make_tracks(*ids))
    plain = pq.read_table(tmp_path / "plain.parquet")
    assert table.schema == plain.schema
    assert table.drop(["track_id"]).equals(plain.drop(["track_id"]))


def test_a_run_that_fails_leaves_the_part_file_as_it_was_written(tmp_path: Path) -> None:
    sink = MotSink(tmp_path / "tracks.txt")
    play(sink)
    sink.__exit__(RuntimeError, RuntimeError(), None)
    rows = np.loadtxt(tmp_path / "tracks.txt.part", delimiter=",")
    assert 8 in rows[:, 1]


def test_the_crop_goes_to_the_right_id(tmp_path: Path) -> None:
    with CropSink(tmp_path) as sink:
        play(sink)
        sink.end([make_tracklet("cam", 8, track_id=3), make_tracklet("cam", 8, track_id=5)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000003.jpg", "000005.jpg"]
