"""Live sources that break off: looked for again, with time going on, until they are back or given up."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from typing import Any

import cv2
import numpy as np
import pytest
from live_sources import FakeCapture, elementary, send

from mdpr.errors import ConfigError, SourceError
from mdpr.pipeline.sources import CameraSpec, SourceConfig, open_source, reconnecting
from mdpr.pipeline.sources.health import Health
from mdpr.pipeline.sources.reconnecting import Reconnecting


@pytest.fixture(autouse=True)
def _soon(monkeypatch) -> None:
    monkeypatch.setattr(reconnecting, "FIRST_PAUSE_S", 0.05)


@pytest.fixture
def packets(clips) -> list[bytes]:
    return elementary(clips.video("a.h264", clips.pictures(30), options={"tune": "zerolatency", "g": "10"}))


def open_cam(location: str, **options: Any):
    return closing(open_source(CameraSpec("cam", location), SourceConfig(**({"timeout_s": 1.0} | options))))


@pytest.mark.parametrize("is_silent", [False, True])
def test_an_rtsp_camera_that_restarts(packets, rtsp_server, caplog, is_silent: bool) -> None:
    """It hangs up, or falls silent; frames are numbered on, and their time is that of the wall."""
    url = rtsp_server(packets, is_silent, visits=2, away_s=0.3, pace_s=0.04)
    start = time.monotonic()
    with open_cam(url, reconnect_s=12.0, end_s=5.5) as source:
        frames = [(time.monotonic() - start, frame) for frame in source]
        losses = source.losses
    times = np.array([frame.time_s for _, frame in frames])
    assert [frame.index for _, frame in frames] == list(range(len(frames)))
    assert (np.diff(times) > 0).all()
    breaks = np.flatnonzero(np.diff(times) > 0.2)
    assert len(breaks) == 1
    for at in breaks:
        arrived = frames[at + 1][0] - frames[0][0]
        assert times[at + 1] == pytest.approx(arrived, abs=0.3)
    assert (losses["interruptions"], losses["stream_error"]) == (2, 1)  # at last it never came back
    first, back, second, gave_up = caplog.messages
    assert ("no answer in time" if is_silent else "the stream ended") in first
    assert "looked for again for up to" in first
    assert "is back after" in back
    assert "the stream ended" in second
    assert "not back after" in gave_up
    assert "s3cret" not in caplog.text


def test_time_never_goes_back_where_a_camera_sends_faster_than_it_says(packets, rtsp_server) -> None:
    with open_cam(rtsp_server(packets, visits=2, away_s=0.1), reconnect_s=1.0) as source:
        frames = list(source)
    times = np.array([frame.time_s for frame in frames])
    assert len(frames) > 40
    assert (np.diff(times) > 0).all()
    assert times[-1] > 2 * 0.9  # two times 30 pictures of 0.04 s, in far less time


def test_an_mjpeg_camera_that_hangs_up_now_and_then(clips, serve) -> None:
    jpegs = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in clips.pictures(5)]
    visits: list[float] = []

    def answer(handler) -> None:
        visits.append(time.monotonic())
        send(handler, b"", "multipart/x-mixed-replace; boundary=frame", stated=0)
        for jpeg in jpegs:
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            handler.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(0.02)

    with open_cam(serve(answer), end_s=1.5) as source:
        times = [frame.time_s for frame in source]
    assert len(visits) >= 3
    assert len(times) >= 3 * 4
    assert (np.diff(times) > 0).all()
    assert max(times) < 1.5


def test_a_recording_of_unstated_length_is_not_read_twice(clips, serve) -> None:
    """MPEG-TS over HTTP without a length: live as far as one can see, but its end is an end."""
    data = clips.video("a.ts", clips.pictures(30)).read_bytes()
    visits = []

    def answer(handler) -> None:
        visits.append(1)
        send(handler, data, "video/mp2t", stated=0)

    with open_cam(serve(answer) + "/a.ts", reconnect_s=5.0) as source:
        assert source.is_live
        count = len(list(source))
    assert 20 < count <= 30
    assert len(visits) == 1


def test_a_recording_over_rtsp_is_not_played_twice(packets, rtsp_server) -> None:
    with open_cam(rtsp_server(packets, visits=2, length_s=1.2), reconnect_s=5.0) as source:
        assert source.is_live
        count = len(list(source))
        assert "interruptions" not in source.losses
    assert 20 < count <= 30


def test_closing_ends_the_search_at_once(packets, rtsp_server, monkeypatch) -> None:
    monkeypatch.setattr(reconnecting, "FIRST_PAUSE_S", 60.0)
    with open_cam(rtsp_server(packets), reconnect_s=float("inf")) as source:
        thread = threading.Thread(target=lambda: list(source))
        thread.start()
        time.sleep(0.6)
        assert thread.is_alive()
        source.close()
        thread.join(2)
        assert not thread.is_alive()
        assert source.losses == {"interruptions": 1}


def test_nothing_is_looked_for_after_the_chosen_end(packets, rtsp_server) -> None:
    start = time.monotonic()
    with open_cam(rtsp_server(packets), reconnect_s=60.0, end_s=1.6) as source:
        list(source)
    assert time.monotonic() - start < 4


def test_a_webcam_that_is_unplugged_and_plugged_in_again(monkeypatch) -> None:
    captures = [FakeCapture(5), FakeCapture(0), FakeCapture(4)]
    opened = iter(captures)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: next(opened, FakeCapture(0)))
    with open_cam("0", reconnect_s=0.5) as source:
        frames = list(source)
        losses = source.losses
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert [frame.index for frame in frames] == list(range(9))
    times = [frame.time_s for frame in frames]
    assert (np.diff(times) > 0).all()
    assert times[5] - times[4] > 0.05 + 0.1  # two attempts
    assert losses == {"interruptions": 2, "stream_error": 1}
    assert all(capture.is_released for capture in captures)


class Door:
    """Opens at an attempt; tells when it was tried."""

    def __init__(self, opens_at: int) -> None:
        self.opens_at, self.tried_s = opens_at, [time.monotonic()]

    def open(self) -> None:
        self.tried_s.append(time.monotonic())
        if len(self.tried_s) - 1 < self.opens_at:
            raise SourceError("closed")

    @property
    def pauses_s(self) -> np.ndarray:
        return np.diff(self.tried_s)


def test_pauses_grow_up_to_a_limit_and_stay_long_while_it_keeps_breaking_off(monkeypatch) -> None:
    monkeypatch.setattr(reconnecting, "LONGEST_PAUSE_S", 0.2)
    search = Reconnecting(Health("cam"), SourceConfig(reconnect_s=10.0))
    door = Door(4)
    assert search.is_back("gone", 0.0, door.open)
    np.testing.assert_allclose(door.pauses_s, [0.05, 0.1, 0.2, 0.2], atol=0.04)
    door = Door(1)
    assert search.is_back("gone", 0.0, door.open)
    np.testing.assert_allclose(door.pauses_s, [0.2], atol=0.04)
    monkeypatch.setattr(reconnecting, "STEADY_S", 0.0)
    door = Door(1)
    assert search.is_back("gone", 0.0, door.open)
    np.testing.assert_allclose(door.pauses_s, [0.05], atol=0.04)


def test_who_is_back_after_the_end_is_not_read() -> None:
    health = Health("cam")
    assert not Reconnecting(health, SourceConfig()).is_back("gone", 0.0, health.is_closed.set)


@pytest.mark.parametrize(("limit_s", "told"), [(0.2, "for up to 0.2 s"), (float("inf"), "until it is back")])
def test_what_is_said(limit_s: float, told: str, caplog) -> None:
    caplog.set_level(logging.WARNING, "mdpr")
    health = Health("door")
    health.is_sought = True
    search = Reconnecting(health, SourceConfig(reconnect_s=limit_s))
    door = Door(2 if limit_s > 1 else 99)
    assert search.is_back("the cable is out", 0.0, door.open) == (limit_s > 1)
    assert caplog.messages[0] == f"door: the cable is out; looked for again {told}"
    assert "stream_error" not in health.losses or limit_s < 1


@pytest.mark.parametrize("wrong", [-1.0, float("nan")])
def test_a_wrong_time_is_refused(wrong: float) -> None:
    with pytest.raises(ConfigError, match="reconnect_s"):
        SourceConfig(reconnect_s=wrong)
