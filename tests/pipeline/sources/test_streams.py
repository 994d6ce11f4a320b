"""Network streams and webcams: what they give, and that a dead one ends quickly and alone."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing

import cv2
import numpy as np
import pytest
from live_sources import FakeCapture, elementary, send

from mdpr.errors import SourceError
from mdpr.pipeline.sources import CameraSpec, SourceConfig, open_source

FASTSTART = {"movflags": "faststart"}


def noise(count: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 255, (96, 128, 3), dtype=np.uint8) for _ in range(count)]


def test_a_file_over_http_is_not_live(clips, read, serve) -> None:
    path = clips.video("a.mp4", clips.pictures(30), container_options=FASTSTART)
    url = serve(lambda handler: send(handler, path.read_bytes())) + "/a.mp4"
    with closing(open_source(CameraSpec("cam", url), SourceConfig())) as source:
        assert not source.is_live
        assert [frame.time_s for frame in source] == [frame.time_s for frame in read(path)[0]]
        assert source.losses == {}


def test_start_of_a_file_over_http_that_cannot_seek(clips, read, serve) -> None:
    path = clips.video("a.mp4", clips.pictures(60), container_options=FASTSTART, options={"g": "10"})
    url = serve(lambda handler: send(handler, path.read_bytes())) + "/a.mp4"
    frames, _ = read(url, start_s=1.5, vid_stride=5)
    expected, _ = read(path, start_s=1.5, vid_stride=5)
    assert [frame.index for frame in frames] == [frame.index for frame in expected]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(frames, expected, strict=True))


def test_mjpeg_over_http_is_live_and_timed_by_arrival(clips, serve) -> None:
    jpegs = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in clips.pictures(12)]

    def answer(handler) -> None:
        send(handler, b"", "multipart/x-mixed-replace; boundary=frame", stated=0)
        for jpeg in jpegs:
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            handler.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(0.1)

    with closing(open_source(CameraSpec("cam", serve(answer)), SourceConfig(timeout_s=5, reconnect_s=0))) as source:
        assert source.is_live
        times = [frame.time_s for frame in source]
    assert len(times) >= 11
    assert (np.diff(times) > 0).all()
    assert np.median(np.diff(times)) == pytest.approx(0.1, abs=0.04)  # not the 0.04 s that FFmpeg assumes


def test_a_download_that_breaks_off_keeps_what_was_read(clips, read, serve, caplog) -> None:
    data = clips.video("a.mp4", noise(100), container_options=FASTSTART).read_bytes()
    url = serve(lambda handler: send(handler, data[: len(data) // 2], stated=len(data))) + "/a.mp4"
    frames, losses = read(url, timeout_s=2.0)
    assert 30 <= len(frames) <= 60
    assert losses["stream_error"] == 1
    assert len(caplog.records) == 1


def test_a_download_that_falls_silent_ends_after_the_timeout(clips, read, serve, caplog) -> None:
    data = clips.video("a.mp4", noise(100), container_options=FASTSTART).read_bytes()
    stop = threading.Event()

    def answer(handler) -> None:
        send(handler, data[: len(data) // 2], stated=len(data))
        stop.wait(20)

    url = serve(answer) + "/a.mp4"
    start = time.monotonic()
    frames, losses = read(url, timeout_s=1.0)
    stop.set()
    assert time.monotonic() - start < 8
    assert len(frames) >= 30
    assert losses["stream_error"] == 1
    assert "no answer in time" in caplog.text


@pytest.mark.parametrize("status", [401, 404, 500])
def test_an_http_error_is_told(serve, status: int) -> None:
    url = serve(lambda handler: handler.send_error(status)) + "/a.mp4"
    with pytest.raises(SourceError, match="cannot be opened") as caught:
        open_source(CameraSpec("cam", url), SourceConfig(timeout_s=2))
    assert url in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_dead_host_is_an_error_at_once(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    start = time.monotonic()
    with pytest.raises(SourceError, match="Connection refused"):
        open_source(CameraSpec("cam", f"{scheme}://127.0.0.1:{port}/x"), SourceConfig(timeout_s=5))
    assert time.monotonic() - start < 3


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_host_that_says_nothing_is_an_error_after_the_timeout(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        start = time.monotonic()
        url = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/x"
        with pytest.raises(SourceError, match=r"no answer within 0\.5 s"):
            open_source(CameraSpec("cam", url), SourceConfig(timeout_s=0.5))
        assert 0.4 < time.monotonic() - start < 4


@pytest.mark.parametrize(("is_silent", "first_timestamp"), [(False, 123456), (True, 123456), (False, 0)])
def test_rtsp_over_tcp(clips, rtsp_server, is_silent: bool, first_timestamp: int) -> None:
    options = {"tune": "zerolatency", "g": "10"}
    packets = elementary(clips.video("a.h264", clips.pictures(60), options=options))
    url = rtsp_server(packets, is_silent, first_timestamp)
    start = time.monotonic()
    with closing(open_source(CameraSpec("cam", url), SourceConfig(timeout_s=1.0, reconnect_s=0))) as source:
        assert source.is_live
        frames = list(source)
        losses = source.losses
    assert time.monotonic() - start < 10
    assert 50 <= len(frames) <= 60
    assert frames[0].time_s == pytest.approx(0, abs=0.05)
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx(np.full(len(frames) - 1, 0.04), abs=1e-3)
    assert np.abs(frames[-1].image.astype(int) - clips.pictures(60)[-1]).mean() < 4
    assert losses == ({"stream_error": 1} if is_silent else {})


def test_close_ends_a_live_stream_that_another_thread_reads(clips, rtsp_server) -> None:
    packets = elementary(clips.video("a.h264", clips.pictures(60), options={"tune": "zerolatency", "g": "10"}))
    source = open_source(CameraSpec("cam", rtsp_server(packets, silent_at_end=True)), SourceConfig(timeout_s=1.0))
    thread = threading.Thread(target=lambda: list(source))
    thread.start()
    source.close()
    thread.join(5)
    assert not thread.is_alive()


def test_an_unknown_protocol_is_an_error() -> None:
    with pytest.raises(SourceError, match=r"foo://x: cannot be opened: Protocol not found"):
        open_source(CameraSpec("cam", "foo://x"), SourceConfig())


def test_an_absent_webcam_is_named(capfd) -> None:
    with pytest.raises(SourceError, match="webcam 97"):
        open_source(CameraSpec("webcam97", "97"), SourceConfig())
    assert capfd.readouterr().err == ""


def test_a_webcam_is_live_and_timed_by_arrival(monkeypatch) -> None:
    capture = FakeCapture(10)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: capture)
    source = open_source(CameraSpec("webcam0", "0"), SourceConfig(vid_stride=3, reconnect_s=0))
    assert source.is_live
    frames = list(source)
    assert [frame.index for frame in frames] == [int(frame.image[0, 0, 0]) for frame in frames] == [0, 3, 6, 9]
    assert frames[0].time_s == 0
    assert (np.diff([frame.time_s for frame in frames]) > 0.025).all()
    assert capture.converted == 4
    assert capture.is_released
    assert source.losses == {"stream_error": 1}
