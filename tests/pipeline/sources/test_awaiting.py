"""Cameras that are not there when a run begins: looked for while the others are tracked."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_sources import elementary, send
from whole_runs import assert_whole

from mdpr.contracts import Source
from mdpr.errors import AbsentError, SourceError
from mdpr.pipeline.commands.track import main
from mdpr.pipeline.sources import CameraSpec, SourceConfig, open_or_await, reconnecting


@pytest.fixture(autouse=True)
def _soon(monkeypatch) -> None:
    monkeypatch.setattr(reconnecting, "FIRST_PAUSE_S", 0.05)


@pytest.fixture
def packets(clips) -> list[bytes]:
    return elementary(clips.video("a.h264", clips.pictures(30), options={"tune": "zerolatency", "g": "10"}))


@pytest.fixture
def port() -> int:
    """At which nobody answers yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def later() -> Iterator[Callable[..., None]]:
    """later(seconds, do, ...): do something while the test goes on."""
    timers: list[threading.Timer] = []

    def start(seconds: float, do: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        timers.append(threading.Timer(seconds, do, arguments, options))
        timers[-1].start()

    yield start
    for timer in timers:
        timer.cancel()
        timer.join()


def await_cam(location: str, **options: Any) -> Source:
    return open_or_await(CameraSpec("cam", location), SourceConfig(**({"timeout_s": 1.0} | options)))


def test_a_camera_that_comes_later(packets, port, rtsp_server, later, caplog) -> None:
    url = f"rtsp://viewer:s3cret@127.0.0.1:{port}/live"
    start = time.monotonic()
    with closing(await_cam(url, end_s=6.0)) as source:
        assert time.monotonic() - start < 1  # nothing is waited for
        assert source.is_live
        assert source.losses == {}
        later(0.5, rtsp_server, packets, port=port)
        first = next(iterator := iter(source))
        assert time.monotonic() - start > 0.5
        frames = [first, *(frame for frame, _ in zip(iterator, range(20), strict=False))]
        losses = source.losses
    assert [frame.index for frame in frames] == list(range(21))
    assert frames[0].time_s == pytest.approx(0, abs=0.05)  # its time begins when it comes
    assert (np.diff([frame.time_s for frame in frames]) > 0).all()
    assert losses == {"interruptions": 1}
    assert "Connection refused" in caplog.messages[0]
    assert "looked for again for up to 6 s" in caplog.messages[0]
    assert "is back after" in caplog.messages[1]
    assert "s3cret" not in caplog.text


def test_it_is_given_up_in_time(port) -> None:
    start = time.monotonic()
    with closing(await_cam(f"rtsp://127.0.0.1:{port}/live", reconnect_s=0.4)) as source:
        with pytest.raises(SourceError, match="Connection refused"):
            next(iter(source))
        assert 0.4 <= time.monotonic() - start < 3
        assert source.losses == {"interruptions": 1, "stream_error": 1}


def test_nothing_is_looked_for_where_that_was_not_wanted(port) -> None:
    with pytest.raises(AbsentError, match="Connection refused"):
        await_cam(f"rtsp://127.0.0.1:{port}/live", reconnect_s=0)


def test_closing_ends_the_search_at_once(port, monkeypatch) -> None:
    monkeypatch.setattr(reconnecting, "FIRST_PAUSE_S", 60.0)
    source = await_cam(f"rtsp://127.0.0.1:{port}/live")
    found: list[object] = []

    def read() -> None:
        found.extend(source)
        found.append("ended")

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.1)
    source.close()
    thread.join(5)
    assert not thread.is_alive()
    assert found == ["ended"]  # without an error


@pytest.mark.parametrize(("status", "is_awaited"), [(401, False), (403, False), (404, False), (500, True), (503, True)])
def test_what_time_does_not_mend_is_an_error_at_once(serve, status: int, is_awaited: bool) -> None:
    url = serve(lambda handler: handler.send_error(status)) + "/a.mjpg"
    if is_awaited:
        await_cam(url).close()
        return
    with pytest.raises(SourceError, match="cannot be opened"):
        await_cam(url)


def test_who_says_nothing_is_awaited() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        await_cam(f"rtsp://127.0.0.1:{server.getsockname()[1]}/x", timeout_s=0.3).close()


@pytest.mark.parametrize("location", ["foo://x", "no/such/file.mp4", "rtsp://no-such-host.invalid/x"])
def test_a_wrong_address_is_an_error_at_once(location: str) -> None:
    with pytest.raises(SourceError) as caught:
        await_cam(location)
    assert not isinstance(caught.value, AbsentError)


def test_a_recording_that_comes_later_is_no_camera(clips, serve) -> None:
    """It was promised to be live, so pictures would be left out of it."""
    video = clips.video("a.mp4", clips.pictures(30), container_options={"movflags": "faststart"}).read_bytes()
    asked: list[int] = []

    def answer(handler) -> None:
        asked.append(1)
        handler.send_error(503) if len(asked) < 3 else send(handler, video)

    with (
        closing(await_cam(serve(answer) + "/a.mp4")) as source,
        pytest.raises(SourceError, match="a recording and no camera: run again"),
    ):
        next(iter(source))


def report_of(folder: Path) -> dict[str, Any]:
    cameras: dict[str, Any] = json.loads((folder / "run.json").read_text())["cameras"]
    return cameras


def test_by_the_command(clips, packets, port, rtsp_server, later, tmp_path, caplog) -> None:
    """A file, and a camera that comes later; then one that never comes."""
    walk = clips.video("walk.mp4", clips.pictures(30))
    arguments = [str(walk), f"door=rtsp://127.0.0.1:{port}/live", "--detector", "motion", "--reid", "none"]
    arguments += ["--project", str(tmp_path), "--timeout", "1", "--no-save"]
    caplog.set_level(logging.INFO)
    later(1.0, rtsp_server, packets, port=port, pace_s=0.02)
    assert main([*arguments, "--reconnect", "5", "--end", "3", "--name", "comes"]) == 0
    cameras = report_of(tmp_path / "comes")
    assert cameras["walk"]["frames"] == 30
    assert cameras["door"]["frames"] > 5
    assert cameras["door"]["started_s"] > cameras["walk"]["started_s"] + 0.5
    assert (tmp_path / "comes/door/tracks.txt").is_file()
    assert_whole(tmp_path / "comes")
    assert main([*arguments, "--reconnect", "0.5", "--name", "never"]) == 3
    cameras = report_of(tmp_path / "never")
    assert cameras["walk"]["frames"] == 30
    assert "Connection refused" in cameras["door"]["error"]
    assert_whole(tmp_path / "never")
