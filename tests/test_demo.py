"""The demo's clips are what the README says, and what it tells about a run is true."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import pytest

from mdpr.pipeline.formats.mot import write_mot
from mdpr.pipeline.formats.trackboxes import TrackBoxes

DEMO = Path(__file__).resolve().parents[1] / "demo"


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo_run", DEMO / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_clips_are_short_small_and_play_anywhere(demo: ModuleType) -> None:
    assert {path.stem for path in DEMO.glob("*.mp4")} == set(demo.CLIPS)
    assert sum(path.stat().st_size for path in DEMO.glob("*.mp4")) < 4e6
    for clip in demo.CLIPS:
        with av.open(str(DEMO / f"{clip}.mp4")) as video:
            (stream,) = video.streams.video
            assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
            assert (stream.width, stream.height, float(stream.average_rate)) == (960, 540, demo.FPS)
            assert 10 <= stream.frames / demo.FPS <= 20


def test_people_of_both_cameras_are_told_with_their_times(demo: ModuleType, tmp_path: Path) -> None:
    for camera, tracks in {"east": {7: range(0, 26), 8: range(5)}, "north": {3: range(50, 101), 4: range(9)}}.items():
        rows = [(frame, track) for track, frames in tracks.items() for frame in frames]
        boxes = TrackBoxes.of(
            *map(list, zip(*rows, strict=True)), [[40 * row[1], 1, 20, 50] for row in rows], first_pixel=1
        )
        (tmp_path / camera).mkdir()
        write_mot(tmp_path / camera / "tracks.txt", boxes)
    people = [[("east", 7), ("north", 3)], [("east", 8)], [("north", 4)]]
    listed: list[dict[str, Any]] = [
        {"id": number, "tracklets": [{"camera": camera, "track_id": track} for camera, track in who]}
        for number, who in enumerate(people, 1)
    ]
    (tmp_path / "identities.json").write_text(json.dumps({"identities": listed}))
    text = demo.describe(tmp_path)
    assert text.splitlines() == [
        "3 people, 1 of them in both corridors:", "  person 1: east 0.0 to 2.0 s, north 4.0 to 8.0 s",
    ]  # fmt: skip
    for entry, is_still in zip(listed, (False, True, False), strict=True):
        entry["is_still"] = is_still
    (tmp_path / "identities.json").write_text(json.dumps({"identities": listed}))
    first, _, last = demo.describe(tmp_path).splitlines()
    assert first == "2 people, 1 of them in both corridors:"
    assert last == "Drawn in grey: 1 more that never moved, things that the detector takes for people."
