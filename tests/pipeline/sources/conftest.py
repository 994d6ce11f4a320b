"""Tiny clips with known pixels, and servers on the loopback that behave well or badly."""

from __future__ import annotations

import contextlib
import http.server
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mdpr.pipeline.sources import CameraSpec, SourceConfig, open_source
from mdpr.types import Frame

RATE = 25


class Clips:
    """Writes test media below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def pictures(self, count: int, size: tuple[int, int] = (64, 48)) -> list[np.ndarray]:
        """BGR pictures of one grey level each, all different."""
        width, height = size
        return [np.full((height, width, 3), 20 + i * 200 // max(count, 1), np.uint8) for i in range(count)]

    def video(
        self,
        name: str,
        pictures: Sequence[np.ndarray],
        codec: str = "libx264",
        pix_fmt: str = "yuv420p",
        times_ms: Sequence[int] | None = None,
        rotation: int = 0,
        options: dict[str, str] | None = None,
        container_options: dict[str, str] | None = None,
    ) -> Path:
        """Encode BGR (or grey) pictures; `times_ms` gives each its time, else they are 1/25 s apart."""
        path = self.folder / name
        height, width = pictures[0].shape[:2]
        with av.open(str(path), "w", options=container_options or {}) as container:
            stream = container.add_stream(codec, rate=RATE, options=options or {})
            stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
            if times_ms is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            if rotation:
                stream.set_display_rotation(rotation)
            for i, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, format="gray" if picture.ndim == 2 else "bgr24")
                frame.pts, frame.time_base = i, Fraction(1, RATE)
                if times_ms is not None:
                    frame.pts, frame.time_base = times_ms[i], Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    def sound(self, name: str) -> Path:
        """A file with sound only."""
        path = self.folder / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=44100)
            stream.layout = "mono"
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 44100
            frame.pts = 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    return Clips(tmp_path)


@pytest.fixture
def read() -> Callable[..., tuple[list[Frame], dict[str, int]]]:
    """Read a location to its end: (frames, losses)."""

    def read_all(location: object, **config: float | None) -> tuple[list[Frame], dict[str, int]]:
        with closing(open_source(CameraSpec("cam", str(location)), SourceConfig(**config))) as source:
            return list(source), source.losses

    return read_all


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[http.server.BaseHTTPRequestHandler], None]], str]]:
    """Start an HTTP server that answers every GET with a function; gives its address without a path."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    answer(self)
                except OSError:  # the reader hung up
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Play:
    """What an RTSP server does: it plays H.264 pictures over TCP, then hangs up.

    Attributes:
        packets: the pictures.
        silent_at_end: the first time it falls silent instead.
        first_timestamp: of RTP.
        visits: how many times it plays.
        away_s: seconds between them, in which it refuses to be asked.
        pace_s: seconds between two pictures.
        length_s: that it states; 0 states none, as a camera does.
    """

    packets: list[bytes]
    silent_at_end: bool = False
    first_timestamp: int = 123456
    visits: int = 1
    away_s: float = 0.0
    pace_s: float = 0.005
    length_s: float = 0.0


@pytest.fixture
def rtsp_server() -> Iterator[Callable[..., str]]:
    """Start an RTSP server, at a port of its own unless one is given; the rest is as for `Play`; gives its URL."""
    stop = threading.Event()
    listeners: list[socket.socket] = []

    def start(packets: list[bytes], *arguments: Any, port: int = 0, **options: Any) -> str:
        listener = socket.create_server(("127.0.0.1", port))
        listeners.append(listener)
        play = Play(packets, *arguments, **options)
        threading.Thread(target=_serve_rtsp, args=(listener, play, stop), daemon=True).start()
        return f"rtsp://viewer:s3cret@127.0.0.1:{listener.getsockname()[1]}/live"

    yield start
    stop.set()
    for listener in listeners:
        listener.close()


def _serve_rtsp(listener: socket.socket, play: Play, stop: threading.Event) -> None:
    with contextlib.suppress(OSError):  # the test is over
        for visit in range(play.visits):
            _serve_visit(listener, play, play.silent_at_end and visit == 0, stop)
            until_s = time.monotonic() + play.away_s
            listener.settimeout(0.05)
            while time.monotonic() < until_s and not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    listener.accept()[0].close()
            listener.settimeout(None)
        listener.close()


def _serve_visit(listener: socket.socket, play: Play, is_silent: bool, stop: threading.Event) -> None:
    try:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as requests:
            while _answer_rtsp(connection, requests, play.length_s) != "PLAY":
                pass
            for i, packet in enumerate(play.packets):
                _send_rtp(connection, packet, timestamp=play.first_timestamp + i * 90000 // RATE)
                time.sleep(play.pace_s)
            connection.settimeout(0.05)
            until_s = time.monotonic() + (10 if is_silent else 0)
            while time.monotonic() < until_s and not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(4096):
                        break  # the reader hung up
    except OSError:
        pass


def _answer_rtsp(connection: socket.socket, requests: object, length_s: float) -> str:
    lines = iter(requests.readline, b"\r\n")  # type: ignore[attr-defined]
    request = [line.decode().strip() for line in lines if line]
    if not request:
        raise OSError("hung up")
    method = request[0].split()[0]
    sequence = next(line for line in request if line.lower().startswith("cseq"))
    body, extra = "", ""
    if method == "DESCRIBE":
        body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        body += f"a=range:npt=0-{length_s:g}\r\n" if length_s else ""
        extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
    if method == "SETUP":
        transport = next(line for line in request if line.lower().startswith("transport"))
        assert "RTP/AVP/TCP" in transport, "expected the reader to ask for TCP"
        extra = f"{re.sub('client_port[^;]*;?', '', transport)}\r\n"
    head = f"RTSP/1.0 200 OK\r\n{sequence}\r\nSession: 1\r\nPublic: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n{extra}\r\n"
    connection.sendall((head + body).encode())
    return method


def _send_rtp(connection: socket.socket, packet: bytes, timestamp: int) -> None:
    """One access unit (Annex B), one RTP packet for each of its NAL units."""
    units = [unit for unit in re.split(b"\x00\x00\x00?\x01", packet) if unit]
    for i, unit in enumerate(units):
        _send_rtp.sequence = getattr(_send_rtp, "sequence", 0) + 1  # type: ignore[attr-defined]
        marker = 0x80 if i == len(units) - 1 else 0
        number = _send_rtp.sequence & 0xFFFF  # type: ignore[attr-defined]
        rtp = bytes([0x80, marker | 96]) + number.to_bytes(2) + timestamp.to_bytes(4) + b"\0\0\0\1" + unit
        connection.sendall(b"$\0" + len(rtp).to_bytes(2) + rtp)
