"""The annotated video: right size, colours and times; playable after a kill; a plain MP4 when it is closed."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from fakes import make_tracks
from mdpr.files import part_path
from mdpr.pipeline.draw import Painter, colour_of
from mdpr.pipeline.sinks import VideoSink
from mdpr.pipeline.sources import CameraSpec, SourceConfig, open_source
from mdpr.types import Frame


def read(path: Path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [frame.to_ndarray(format="bgr24") for frame in frames], [float(frame.time) for frame in frames]


@pytest.mark.parametrize(("width", "height"), [(80, 60), (81, 61), (17, 33)])
def test_size_colour_and_times(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "video.mp4"
    colour = np.array([200, 60, 20], np.uint8)
    times = [0.0, 0.04, 0.2, 0.21, 1.5]  # a variable frame rate
    with VideoSink(path, crf=10) as sink:
        for index, time_s in enumerate(times):
            sink.write(Frame("cam", index, time_s, np.broadcast_to(colour, (height, width, 3)).copy()), make_tracks())
    pictures, got_times = read(path)
    np.testing.assert_allclose(got_times, times, atol=1e-4)
    assert pictures[0].shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(pictures[-1].reshape(-1, 3).mean(axis=0) - colour).max() < 4


def test_boxes_are_drawn_in_the_colour_of_their_id(tmp_path: Path) -> None:
    canvas = np.zeros((200, 200, 3), np.uint8)
    Painter(line_width=3).paint(canvas, Frame("cam", 0, 0.0, canvas.copy()), make_tracks(5, x=100))
    assert tuple(canvas[30, 100].tolist()) == colour_of(5)
    assert not canvas[30, 106].any()  # inside of the box
    assert not canvas[150:].any()


def test_trails_end_and_are_forgotten() -> None:
    painter = Painter(trail_s=1.0)
    canvas = np.zeros((200, 300, 3), np.uint8)
    for index in range(50):
        painter.paint(canvas, Frame("cam", index, index / 10, canvas), make_tracks(1, x=index))
    assert len(painter._trails[1].points) <= 11
    painter.paint(canvas, Frame("cam", 70, 7.0, canvas), make_tracks())
    assert not painter._trails


def test_labels_stay_inside_small_pictures() -> None:
    canvas = np.zeros((12, 10, 3), np.uint8)
    Painter().paint(canvas, Frame("cam", 0, 0.0, canvas), make_tracks(123456, x=-50))


def test_playable_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with VideoSink(path) as sink:
        noise = np.random.default_rng(0)
        for index in range(250):
            image = noise.integers(0, 255, (120, 160, 3)).astype(np.uint8)
            sink.write(Frame("cam", index, index / 25, image), make_tracks(1))
        shutil.copy(part_path(path), tmp_path / "killed.mp4")  # what a kill would leave
    killed = open_source(CameraSpec("killed", str(tmp_path / "killed.mp4")), SourceConfig())
    assert len(list(killed)) > 150  # ten seconds were written, the last three may be missing
    assert len(read(path)[0]) == 250
    with av.open(str(path)) as container:
        assert container.duration == pytest.approx(10e6, rel=0.01)
    assert "moof" not in boxes_of(path)  # no fragments: a plain file with one index
    assert "moof" in boxes_of(tmp_path / "killed.mp4")


def boxes_of(path: Path) -> list[str]:
    """Types of the top-level boxes of an MP4 file."""
    data, position, found = path.read_bytes(), 0, []
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        found.append(data[position + 4 : position + 8].decode("latin-1"))
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        position += size or len(data)
    return found


def test_a_change_of_size_is_fitted(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with VideoSink(path) as sink:
        for index, size in enumerate([(60, 80), (120, 160), (30, 40), (90, 30)]):
            sink.write(Frame("cam", index, index / 10, np.full((*size, 3), 255, np.uint8)), make_tracks())
    pictures, _ = read(path)
    assert {picture.shape for picture in pictures} == {(60, 80, 3)}
    assert pictures[1].min() > 240  # scaled to fill
    assert pictures[2][40:, 50:].max() < 20  # the small one has a border


def test_without_pixels_boxes_are_drawn_on_a_canvas_and_without_a_size_nothing(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "a.mp4") as sink:
        sink.write(Frame("cam", 0, 0.0, size=(320, 240)), make_tracks(1))
    assert read(tmp_path / "a.mp4")[0][0].shape == (240, 320, 3)
    with VideoSink(tmp_path / "b.mp4") as sink:
        sink.write(Frame("cam", 0, 0.0), make_tracks(1))
    assert not list(tmp_path.glob("b.mp4*"))
