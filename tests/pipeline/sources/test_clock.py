"""When sources began."""

from __future__ import annotations

import json
import math
import time
from contextlib import closing

import av
import pytest

from fakes import FakeSource
from mdpr.errors import ConfigError
from mdpr.pipeline.commands.track import main
from mdpr.pipeline.sources import CameraSpec, SourceConfig, open_source
from mdpr.pipeline.sources.clock import parse_time, starts_of

NOW = 1_790_000_000.0


def sources(**told: float | str | None):
    found = []
    for camera, at_s in told.items():
        source = FakeSource(camera, 1, is_live=at_s == "live")
        source.started_s = None if at_s == "live" else at_s
        found.append(source)
    return found


def starts(given, **told):
    opened = sources(**told)
    found = starts_of(opened, given, [one.camera for one in opened], NOW)
    return {camera: (start.at_s, start.known_from) for camera, start in found.items()}


def test_files_tell() -> None:
    assert starts([], a=NOW - 50, b=NOW - 20) == {"a": (NOW - 50, "file"), "b": (NOW - 20, "file")}


def test_what_nothing_tells_began_with_the_run_or_with_the_earliest_other() -> None:
    assert starts([], a=None, b=None) == {"a": (NOW, "run"), "b": (NOW, "run")}
    assert starts([], a=None, b=NOW - 20, c=NOW - 50)["a"] == (NOW - 50, "run")


def test_what_is_given_comes_first() -> None:
    noon = "2026-06-01T12:00:00+02:00"
    found = starts([noon, "b=2026-06-01T10:00:05Z"], a=NOW - 50, b=None, c="live")
    assert found == {
        "a": (1780308000.0, "flag"),
        "b": (1780308005.0, "flag"),
        "c": (1780308000.0, "flag"),
    }


def test_a_live_source_has_not_begun() -> None:
    at_s, known_from = starts([], a="live")["a"]
    assert math.isnan(at_s)
    assert known_from == "clock"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["soon"], "soon"),
        (["1970-01-01T00:00:00Z"], "after 2000"),
        (["cellar=2026-06-01T12:00:00"], "cameras are: a, b"),
        (["a=2026-06-01T12:00:00", "a=2026-06-01T12:00:01"], "given already"),
        (["2026-06-01T12:00:00", "2026-06-01T12:00:01"], "given already"),
    ],
)
def test_what_is_wrong_is_said(given, message) -> None:
    with pytest.raises(ConfigError, match=message):
        starts(given, a=None, b=None)


def test_the_creation_time_of_a_video_is_read(make_clip_with, tmp_path) -> None:
    source = open_source(CameraSpec("a", str(make_clip_with("2024-05-01T10:00:00.000000Z"))), SourceConfig())
    with closing(source):
        assert source.started_s == parse_time("2024-05-01T10:00:00Z")


@pytest.fixture
def make_clip_with(tmp_path):
    """A clip of 3 frames with a creation time."""

    def make(creation_time):
        path = tmp_path / "told.mp4"
        with av.open(str(path), "w") as container:
            container.metadata["creation_time"] = creation_time
            stream = container.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for _ in range(3):
                container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
            container.mux(stream.encode(None))
        return path

    return make


def test_a_run_keeps_it(make_clip_with, tmp_path) -> None:
    clip = make_clip_with("2024-05-01T10:00:00.000000Z")
    arguments = [str(clip), f"other={clip}", "--started-at", "other=2024-05-01T10:00:07Z", "--detector", "motion"]
    before = time.time()
    assert main([*arguments, "--project", str(tmp_path), "--quiet"]) == 0
    report = json.loads((tmp_path / "run/run.json").read_text())
    assert before <= report["started_s"] <= time.time()
    told = {name: (one["started_s"], one["started_from"]) for name, one in report["cameras"].items()}
    at_s = parse_time("2024-05-01T10:00:00Z")
    assert told == {"told": (at_s, "file"), "other": (at_s + 7, "flag")}
    assert main([*arguments[:2], "--started-at", "cellar=2024-05-01", "--project", str(tmp_path)]) == 2
