"""What the files of every run of mdpr-track have in common, however it went and whatever was tracked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mdpr.pipeline.formats.mot import read_mot
from mdpr.pipeline.trajectory_files import INTERPOLATED


def assert_whole(run: Path) -> None:
    """Tables, text, identities and links of a run agree with each other."""
    assert not list(run.rglob("*.part"))
    report = json.loads((run / "run.json").read_text())
    for camera, about in report["cameras"].items():
        folder = run / camera
        if not (folder / "tracklets.parquet").exists():
            assert about["error"] or not folder.exists()
            continue
        rows = pq.read_table(folder / "tracks.parquet").to_pylist()
        _check_rows(rows, folder)
        _check_tracklets(pq.read_table(folder / "tracklets.parquet").to_pylist(), rows, camera)
        if rows and "identity" in rows[0]:
            _check_identities(rows, camera)
    if (run / "identities.json").exists():
        numbers = [one["id"] for one in json.loads((run / "identities.json").read_text())["identities"]]
        assert len(set(numbers)) == len(numbers)
        for line in (run / "links.jsonl").read_text().splitlines():
            link = json.loads(line)
            assert not link["is_joined"] or link["ids"][0] == link["ids"][1], line


def _check_rows(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Nobody is twice in a frame, time goes on, boxes are boxes, and the text has the same."""
    places = Counter((row["frame"], row["track_id"]) for row in rows)
    assert max(places.values(), default=1) == 1, [place for place, count in places.items() if count > 1][:3]
    assert all(row["x1"] < row["x2"] and row["y1"] < row["y2"] for row in rows)
    times = [(row["frame"], row["time_s"]) for row in rows]
    for (frame, time_s), (later, later_s) in pairwise(times):
        assert frame < later if time_s < later_s else (frame, time_s) == (later, later_s)
    if (folder / "tracks.txt").exists():
        text = read_mot(folder / "tracks.txt")
        assert Counter(zip(text.frame.tolist(), text.track_id.tolist(), strict=True)) == places


def _check_tracklets(tracklets: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], camera: str) -> None:
    """One of each track, about the time when it was detected."""
    assert Counter(one["track_id"] for one in tracklets) == Counter({row["track_id"] for row in rows})
    detected: dict[int, list[int]] = {}
    for row in rows:
        if row["confidence"] > 0 and not row.get(INTERPOLATED):
            detected.setdefault(row["track_id"], []).append(row["frame"])
    for one in tracklets:
        where = f"{camera}, track {one['track_id']}"
        frames = detected[one["track_id"]]
        assert one["start_frame"] <= min(frames) <= max(frames) <= one["end_frame"], where
        views = [view["frame"] for view in one["views"]]
        assert views == sorted(set(views)), where
        assert all(one["start_frame"] <= frame <= one["end_frame"] for frame in views), where
        lengths = np.linalg.norm(np.array(one["embeddings"] or [[1.0]]), axis=1)
        assert np.allclose(lengths[lengths > 0], 1, atol=1e-3), where


def _check_identities(rows: Sequence[dict[str, Any]], camera: str) -> None:
    """Every box has somebody, and nobody is detected at two places at once."""
    shown = Counter((row["frame"], row["identity"]) for row in rows if row["confidence"] > 0)
    assert all(row["identity"] for row in rows), camera
    assert max(shown.values(), default=1) == 1, (camera, [place for place, count in shown.items() if count > 1][:3])
