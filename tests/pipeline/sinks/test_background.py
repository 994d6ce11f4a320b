"""Writing in the background: in order, complete, and a writer that fails takes no other with it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from fakes import make_tracklet, make_tracks
from mdpr.errors import OutputError
from mdpr.pipeline.sinks import BackgroundSink
from mdpr.pipeline.timing import StageTimes
from mdpr.types import Frame, Tracklet, Tracks


class Recorder:
    def __init__(self, fails_at: int = -1, pause_s: float = 0.0) -> None:
        self.frames: list[int] = []
        self.tracklets: list[int] = []
        self.closed_with: list[Any] = []
        self._fails_at = fails_at
        self._pause_s = pause_s

    def write(self, frame: Frame, tracks: Tracks) -> None:
        time.sleep(self._pause_s)
        if frame.index == self._fails_at:
            raise OutputError("cannot write x: the disk is full")
        self.frames.append(frame.index)

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        self.tracklets.extend(tracklet.track_id for tracklet in tracklets)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.closed_with.append(kind)


def write_frames(sink: BackgroundSink, count: int) -> None:
    for index in range(count):
        sink.write(Frame("cam", index, index / 10), make_tracks(1))


def test_everything_in_order() -> None:
    slow, fast, times = Recorder(pause_s=0.002), Recorder(), StageTimes()
    with BackgroundSink([slow, fast], times) as sink:
        write_frames(sink, 30)
        sink.end([make_tracklet("cam", 3)])
    for recorder in (slow, fast):
        assert recorder.frames == list(range(30))
        assert recorder.tracklets == [1]
        assert recorder.closed_with == [None]
    assert times.summary()["write"]["frames"] == 30


def test_a_failing_writer_is_told_once_and_the_others_go_on() -> None:
    failing, good = Recorder(fails_at=3), Recorder()
    with pytest.raises(OutputError, match="disk is full"), BackgroundSink([failing, good], StageTimes()) as sink:
        write_frames(sink, 1000)
    assert failing.frames == [0, 1, 2]
    assert failing.closed_with == [OutputError]
    assert good.closed_with == [None]
    assert good.frames == list(range(len(good.frames)))
    assert 4 <= len(good.frames) < 1000  # the run stopped soon after


def test_a_failure_at_the_very_end_is_raised_when_closed() -> None:
    with pytest.raises(OutputError, match="disk is full"), BackgroundSink([Recorder(fails_at=2)], StageTimes()) as sink:
        write_frames(sink, 3)


def test_an_error_of_the_caller_closes_the_writers_as_complete() -> None:
    recorder = Recorder()
    with pytest.raises(ValueError, match="mine"), BackgroundSink([recorder], StageTimes()) as sink:
        write_frames(sink, 2)
        raise ValueError("mine")
    assert recorder.frames == [0, 1]
    assert recorder.closed_with == [None]
