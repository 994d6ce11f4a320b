"""Video files: time, position, pixels, and what damage does."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mdpr.errors import SourceError
from mdpr.pipeline.sources import CameraSpec, SourceConfig, open_source

LONG_GOP = {"g": "40", "bf": "3", "keyint_min": "40", "sc_threshold": "0"}
SHARED = Path(__file__).resolve().parents[3].parent / "shared"


def test_times_of_a_variable_frame_rate_are_kept(clips, read) -> None:
    times_ms = [0, 40, 80, 500, 520, 1500]
    frames, losses = read(clips.video("vfr.mkv", clips.pictures(6), times_ms=times_ms, options={"bf": "0"}))
    assert [frame.time_s for frame in frames] == pytest.approx([t / 1000 for t in times_ms], abs=1e-9)
    assert [frame.index for frame in frames] == list(range(6))
    assert losses == {}


def test_time_starts_at_zero_when_the_stream_starts_later(clips, read) -> None:
    path = clips.video("late.ts", clips.pictures(5), options={"bf": "0"})  # MPEG-TS starts at 1.4 s
    frames, _ = read(path)
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16], abs=1e-6)


def test_missing_timestamps_are_repaired_and_counted(clips, read) -> None:
    frames, losses = read(clips.video("raw.h264", clips.pictures(8), options={"bf": "0"}))
    assert len(frames) == 8
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx(np.full(7, 1 / 25))
    assert losses["timestamps_repaired"] >= 7


def test_timestamps_that_do_not_increase_are_repaired(clips, read) -> None:
    path = clips.folder / "twice.mkv"
    source = clips.video("once.mkv", clips.pictures(6), codec="mjpeg", pix_fmt="yuvj420p")
    with av.open(str(source)) as reading, av.open(str(path), "w") as writing:
        stream = writing.add_stream_from_template(reading.streams.video[0])
        for i, packet in enumerate(reading.demux(video=0)):
            if packet.size:
                packet.pts = packet.dts = [0, 40, 40, 120, 160, 200][i]
                packet.stream = stream
                writing.mux(packet)
    frames, losses = read(path)
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 0.2])
    assert losses == {"timestamps_repaired": 1}


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_applied_as_opencv_does(clips, read, rotation: int) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 250  # top left
    path = clips.video("turned.mp4", [picture] * 3, rotation=rotation)
    image = read(path)[0][0].image
    turns = rotation // 90
    assert image.shape == np.rot90(picture, turns).shape
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - np.rot90(picture, turns)).mean() < 3
    capture = cv2.VideoCapture(str(path))
    expected = capture.read()[1]
    capture.release()
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 6


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "size"),
    [
        ("odd.mkv", "ffv1", "yuv420p", (63, 47)),
        ("odd_rgb.mkv", "ffv1", "bgr0", (37, 21)),
        ("grey.mkv", "ffv1", "gray", (63, 47)),
        ("grey10.mkv", "ffv1", "gray10le", (64, 48)),
        ("alpha.mkv", "ffv1", "bgra", (64, 48)),
        ("deep.mkv", "ffv1", "yuv444p10le", (64, 48)),
        ("palette.gif", "gif", "rgb8", (64, 48)),
        ("alpha.png", "png", "rgba", (31, 17)),
    ],
)
def test_every_pixel_format_becomes_bgr(
    clips, read, name: str, codec: str, pix_fmt: str, size: tuple[int, int]
) -> None:
    is_grey = pix_fmt.startswith("gray")
    colour = (128, 128, 128) if is_grey else (219, 36, 36)  # exact in rgb8
    picture = np.full((size[1], size[0], 3), colour, np.uint8)
    options = {"update": "1"} if name.endswith("png") else None
    path = clips.video(name, [picture], codec=codec, pix_fmt=pix_fmt, container_options=options)
    image = read(path)[0][0].image
    assert image.shape == picture.shape
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert np.abs(image.mean(axis=(0, 1)) - colour).max() <= 12  # GIF dithers


@pytest.mark.parametrize("name", ["long.mp4", "long.mkv", "long.ts"])
@pytest.mark.parametrize(
    ("start_s", "end_s", "stride"), [(0.0, None, 7), (1.3, 3.9, 1), (3.21, None, 3), (4.75, 4.77, 1)]
)
def test_start_end_and_stride_equal_a_full_decode(clips, read, name: str, start_s, end_s, stride) -> None:
    path = clips.video(name, clips.pictures(120), options=LONG_GOP)  # keyframes at 0, 1.6, 3.2 s
    everything, _ = read(path)
    assert len(everything) == 120
    late = [frame for frame in everything if frame.time_s >= start_s and (end_s is None or frame.time_s < end_s)]
    expected = late[::stride]
    frames, losses = read(path, start_s=start_s, end_s=end_s, vid_stride=stride)
    assert [(frame.index, frame.time_s) for frame in frames] == [(frame.index, frame.time_s) for frame in expected]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(frames, expected, strict=True))
    assert losses == {}


def test_a_late_start_decodes_only_from_its_keyframe(clips, monkeypatch) -> None:
    path = clips.video("long.mp4", clips.pictures(120), options=LONG_GOP)
    decoded: list[float] = []
    from mdpr.pipeline.sources import video

    plain = video.decode_frames

    def counting(*arguments):
        for frame in plain(*arguments):
            decoded.append(frame.time)
            yield frame

    monkeypatch.setattr(video, "decode_frames", counting)
    with closing(open_source(CameraSpec("cam", str(path)), SourceConfig(start_s=4.0))) as source:
        first = next(iter(source))
    assert first.index == 100
    assert decoded[0] == 0.0  # the check that the file can be read
    assert min(decoded[1:]) == pytest.approx(3.2)


def test_start_in_a_gif(clips, read) -> None:
    path = clips.video("a.gif", clips.pictures(30), codec="gif", pix_fmt="gray")
    everything, _ = read(path)
    frames, _ = read(path, start_s=0.5)
    assert [frame.index for frame in frames] == [frame.index for frame in everything if frame.time_s >= 0.5]
    assert np.array_equal(frames[0].image, everything[frames[0].index].image)


def test_start_after_the_end_is_an_error_that_tells_the_length(clips) -> None:
    path = clips.video("short.mp4", clips.pictures(10))
    with pytest.raises(SourceError, match=r"start_s = 9 s.*last one is at 0.36 s"):
        open_source(CameraSpec("cam", str(path)), SourceConfig(start_s=9))


def packet_places(path: Path) -> list[tuple[int, int]]:
    """(offset, size) of each video packet."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def damage(path: Path, offset: int, size: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset : offset + size] = bytes(value ^ 0xA5 for value in data[offset : offset + size])
    path.write_bytes(data)


@pytest.mark.parametrize("broken", [{10}, {10, 11, 12}, {3, 10, 14}])
def test_a_corrupt_packet_is_skipped_and_counted(clips, read, broken: set[int]) -> None:
    path = clips.video("damaged.mp4", clips.pictures(20), codec="png", pix_fmt="rgb24")
    places = packet_places(path)
    for number in broken:
        damage(path, *places[number])
    frames, losses = read(path)
    good = sorted(set(range(20)) - broken)
    assert [round(frame.time_s * 25) for frame in frames] == good
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [20 + 10 * i for i in good]
    assert losses == {"packets_skipped": len(broken)}


def test_damage_at_the_very_end_is_counted_with_what_it_hides(clips, read) -> None:
    path = clips.video("damaged.mp4", clips.pictures(20), codec="png", pix_fmt="rgb24")
    damage(path, *packet_places(path)[18])
    frames, losses = read(path)
    assert [frame.index for frame in frames[:18]] == list(range(18))
    assert len(frames) + losses["packets_skipped"] == 20


def test_damage_in_h264_is_counted_and_decoding_goes_on(clips, read) -> None:
    noise = np.random.default_rng(0)
    pictures = [noise.integers(0, 255, (96, 128, 3), dtype=np.uint8) for _ in range(60)]
    path = clips.video("damaged.mp4", pictures, options={"g": "10", "bf": "2"})
    offset, size = packet_places(path)[25]
    damage(path, offset, size)
    frames, losses = read(path)
    assert len(frames) >= 50
    assert frames[-1].time_s == pytest.approx(59 / 25)
    assert set(losses) <= {"packets_skipped", "frames_corrupt"}
    assert sum(losses.values()) >= 1


def test_a_truncated_file_gives_its_beginning(clips, read, caplog) -> None:
    noise = np.random.default_rng(0)
    pictures = [noise.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(100)]
    path = clips.video("cut.mp4", pictures, container_options={"movflags": "faststart"}, options={"bf": "0"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames, losses = read(path)
    assert 40 <= len(frames) <= 60
    assert losses["stream_error"] == 1
    assert len([record for record in caplog.records if "cut off" in record.message]) == 1


def bad_files(clips) -> dict[str, Path]:
    cut = clips.video("cut.mp4", clips.pictures(10))  # the index stands at the end
    cut.write_bytes(cut.read_bytes()[: cut.read_bytes().index(b"moov") - 4])
    broken = clips.video("broken.mp4", clips.pictures(10))
    broken.write_bytes(broken.read_bytes()[:-100])
    (clips.folder / "text.mp4").write_text("hello " * 2000)
    (clips.folder / "notes.txt").write_text("hello\n" * 2000)
    (clips.folder / "empty.mp4").write_bytes(b"")
    (clips.folder / "folder").mkdir()
    header = clips.video("none.mkv", clips.pictures(1))
    header.write_bytes(header.read_bytes()[: packet_places(header)[0][0] - 8])  # no packet left
    return {
        "missing": clips.folder / "missing.mp4",
        "empty": clips.folder / "empty.mp4",
        "text": clips.folder / "text.mp4",
        "terminal": clips.folder / "notes.txt",
        "sound": clips.sound("sound.m4a"),
        "cut": cut,
        "broken": broken,
        "folder": clips.folder / "folder",
        "no frame": header,
        "list": clips.folder / "absent.streams",
        "odd name": Path("a\0b.mp4"),
    }


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "no such file"),
        ("empty", "0 bytes"),
        ("text", "expected a video that FFmpeg can read"),
        ("terminal", "expected a video stream"),
        ("sound", "found only audio"),
        ("cut", "cut off before its index"),
        ("broken", "expected a video"),
        ("folder", "expected images or videos"),
        ("no frame", "not a single frame|cannot be opened|expected a video"),
        ("list", "does not exist"),
        ("odd name", "no such file|cannot be opened"),
    ],
)
def test_what_cannot_be_read_fails_at_opening(clips, capfd, kind: str, message: str) -> None:
    path = bad_files(clips)[kind]
    with pytest.raises(SourceError, match=message) as caught:
        open_source(CameraSpec("cam", str(path)), SourceConfig())
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_forbidden_file_is_named(clips, monkeypatch) -> None:
    path = clips.video("secret.mp4", clips.pictures(2))
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything: let PyAV refuse

        def refuse(*arguments, **options):
            raise av.error.PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(SourceError, match=r"secret\.mp4.*Permission denied"):
        open_source(CameraSpec("cam", str(path)), SourceConfig())


def test_ffmpeg_says_nothing_on_stderr(clips, read, capfd) -> None:
    path = clips.video("damaged.mp4", clips.pictures(20), options={"g": "5"})
    for place in packet_places(path)[5:9]:
        damage(path, *place)
    read(path)
    assert capfd.readouterr().err == ""


def test_a_name_that_looks_like_a_protocol_is_a_file(clips, read, monkeypatch) -> None:
    clips.video("odd.mp4", clips.pictures(3)).rename(clips.folder / "tcp:cam.mp4")
    monkeypatch.chdir(clips.folder)
    assert len(read("tcp:cam.mp4")[0]) == 3


def test_frames_are_not_kept(clips) -> None:
    path = clips.video("a.mp4", clips.pictures(30))
    with closing(open_source(CameraSpec("cam", str(path)), SourceConfig())) as source:
        iterator = iter(source)
        for _ in range(3):
            frame = next(iterator)
            image = weakref.ref(frame)
            del frame
            gc.collect()
            assert image() is None


def test_close_ends_the_iteration(clips) -> None:
    path = clips.video("a.mp4", clips.pictures(30))
    source = open_source(CameraSpec("cam", str(path)), SourceConfig())
    next(iter(source))
    source.close()
    source.close()
    assert list(source) == []


@pytest.mark.parametrize("pause", [0, 1])
def test_close_from_another_thread(clips, pause: int) -> None:
    path = clips.video("a.mp4", clips.pictures(400, (320, 240)), options={"preset": "ultrafast"})
    for _ in range(5):
        source = open_source(CameraSpec("cam", str(path)), SourceConfig())
        started = threading.Event()
        read_frames: list[int] = []

        def work(source=source, started=started, read_frames=read_frames) -> None:
            for frame in source:
                read_frames.append(frame.index)
                started.set()

        thread = threading.Thread(target=work)
        thread.start()
        if pause:
            started.wait(10)
        source.close()
        thread.join(10)
        assert not thread.is_alive()
        assert len(read_frames) < 400
        assert list(source) == []


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no development data beside the checkout (../shared)")
@pytest.mark.parametrize(
    ("name", "count", "last_s"),
    [("retail-cctv-1080p.mp4", 603, 602 / 30), ("one-by-one.mp4", 1394, 139.3), ("store-aisle.gif", 67, 4.4)],
)
def test_real_videos_are_read_to_the_end(read: Callable, name: str, count: int, last_s: float) -> None:
    location = str(SHARED / "data" / "video" / name)
    indices, times, losses = [], [], {}
    with closing(open_source(CameraSpec("cam", location), SourceConfig(vid_stride=1))) as source:
        for frame in source:
            indices.append(frame.index)
            times.append(frame.time_s)
        losses = source.losses
    assert indices == list(range(count))
    assert times[0] == 0
    assert times[-1] == pytest.approx(last_s)
    assert (np.diff(times) > 0).all()
    assert losses == {}
    late, _ = read(location, start_s=last_s - 0.2)
    assert [frame.index for frame in late] == [i for i, t in enumerate(times) if t >= last_s - 0.2]
