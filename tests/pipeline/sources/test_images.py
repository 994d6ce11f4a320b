"""Images as a camera: order, pixels, rates, MOTChallenge sequences."""

from __future__ import annotations

import gc
import logging
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest

from mdpr.errors import SourceError
from mdpr.pipeline.sources import CameraSpec, SourceConfig, expand_sources, open_source

SHARED = Path(__file__).resolve().parents[3].parent / "shared"


def write(path: Path, level: int = 100, size: tuple[int, int] = (8, 6)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), level, np.uint8))


def levels(frames) -> list[int]:
    return [int(frame.image[0, 0, 0]) for frame in frames]


def test_images_come_in_natural_order(tmp_path: Path, read) -> None:
    for number in [10, 2, 1]:
        write(tmp_path / f"frame{number}.png", number)
    frames, losses = read(tmp_path, fps=10.0)
    assert levels(frames) == [1, 2, 10]
    assert [(frame.index, frame.time_s) for frame in frames] == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert losses == {}


def test_a_glob_of_images_and_a_single_image(tmp_path: Path, read) -> None:
    for number in [1, 2, 3]:
        write(tmp_path / f"{number}.png", number)
    write(tmp_path / "4.bmp", 4)
    assert levels(read(tmp_path / "*.png")[0]) == [1, 2, 3]
    assert levels(read(tmp_path / "4.bmp")[0]) == [4]


def test_start_end_and_stride_keep_the_numbering(tmp_path: Path, read) -> None:
    for number in range(20):
        write(tmp_path / f"{number}.png", number)
    frames, _ = read(tmp_path, fps=10.0, start_s=0.5, end_s=1.5, vid_stride=4)
    assert [frame.index for frame in frames] == levels(frames) == [5, 9, 13]


def test_without_a_rate_25_is_taken_and_said_once(tmp_path: Path, read, caplog) -> None:
    caplog.set_level(logging.INFO, "mdpr")
    for number in range(3):
        write(tmp_path / f"{number}.png")
    assert [frame.time_s for frame in read(tmp_path)[0]] == [0, 1 / 25, 2 / 25]
    assert [record.message for record in caplog.records] == [
        "cam: images do not state a frame rate; assuming 25 frames a second (see --fps)"
    ]
    caplog.clear()
    read(tmp_path, fps=5.0)
    assert not caplog.records


def test_sizes_may_change(tmp_path: Path, read) -> None:
    write(tmp_path / "1.png", size=(8, 6))
    write(tmp_path / "2.png", size=(31, 17))
    assert [frame.size for frame in read(tmp_path)[0]] == [(8, 6), (31, 17)]


@pytest.mark.parametrize(
    ("name", "stored", "expected"),
    [
        ("grey.png", np.full((6, 8), 77, np.uint8), (77, 77, 77)),
        ("deep.png", np.full((6, 8, 3), (10 * 257, 20 * 257, 30 * 257), np.uint16), (10, 20, 30)),
        ("alpha.png", np.full((6, 8, 4), (10, 20, 30, 0), np.uint8), (10, 20, 30)),
        ("colour.tiff", np.full((6, 8, 3), (10, 20, 30), np.uint8), (10, 20, 30)),
    ],
)
def test_every_image_becomes_bgr(tmp_path: Path, read, name: str, stored: np.ndarray, expected) -> None:
    cv2.imwrite(str(tmp_path / name), stored)
    image = read(tmp_path)[0][0].image
    assert image.shape == (6, 8, 3)
    assert image.flags.c_contiguous
    assert (image == expected).all()


def test_exif_orientation_is_applied(tmp_path: Path, read) -> None:
    picture = np.zeros((16, 32, 3), np.uint8)
    picture[:, :16] = 250
    data = cv2.imencode(".jpg", picture)[1].tobytes()
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + b"\0\0\0\0"  # orientation 6
    exif = b"Exif\0\0" + tiff
    (tmp_path / "a.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + data[2:])
    image = read(tmp_path)[0][0].image
    assert image.shape == (32, 16, 3)
    assert image[:14].mean() > 230 > 20 > image[18:].mean()  # a quarter turn clockwise: left becomes top


def test_unreadable_images_are_skipped_and_counted(tmp_path: Path, read, capfd) -> None:
    write(tmp_path / "2.png", 2)
    write(tmp_path / "4.png", 4)
    (tmp_path / "1.png").write_text("no image")
    (tmp_path / "3.jpg").write_bytes(b"")
    frames, losses = read(tmp_path)
    assert [frame.index for frame in frames] == [1, 3]
    assert levels(frames) == [2, 4]
    assert losses == {"images_skipped": 2}
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("count", "message"), [(0, "found none"), (3, "none of the 3 images can be read")])
def test_no_readable_image_is_an_error(tmp_path: Path, count: int, message: str) -> None:
    for number in range(count):
        (tmp_path / f"{number}.jpg").write_text("no image")
    (spec,) = expand_sources([str(tmp_path)])
    with pytest.raises(SourceError, match=message):
        open_source(spec, SourceConfig())


def test_a_start_after_the_end_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "1.png")
    with pytest.raises(SourceError, match="start_s = 9 s"):
        open_source(CameraSpec("cam", str(tmp_path)), SourceConfig(start_s=9))


def test_frames_are_not_kept_and_closing_ends(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path / f"{number}.png")
    source = open_source(CameraSpec("cam", str(tmp_path)), SourceConfig(fps=1))
    for _ in range(3):
        frame = next(iter(source))
        image = weakref.ref(frame)
        del frame
        gc.collect()
        assert image() is None
    source.close()
    assert list(source) == []


def sequence(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "seqinfo.ini").write_text(f"[Sequence]\n{text}")
    return folder


def test_a_sequence_is_numbered_by_its_file_names(tmp_path: Path, read) -> None:
    folder = sequence(tmp_path, "imDir=pictures\nframeRate=10\nseqLength=600")
    for number in [1, 2, 4]:
        write(folder / "pictures" / f"{number:06}.png", number)
    frames, _ = read(folder, fps=99.0)
    assert [(frame.index, frame.time_s) for frame in frames] == [(0, 0.0), (1, 0.1), (3, 0.3)]
    assert levels(frames) == [1, 2, 4]


@pytest.mark.parametrize("stems", [["000000", "000001"], ["a1", "a2"]])
def test_other_names_are_numbered_by_position(tmp_path: Path, read, stems: list[str]) -> None:
    folder = sequence(tmp_path, "frameRate=10")
    for stem in stems:
        write(folder / "img1" / f"{stem}.png")
    assert [frame.index for frame in read(folder)[0]] == [0, 1]


@pytest.mark.parametrize(
    ("text", "config", "rate", "size"),
    [
        ("seqLength=4\nframeRate=10\nimWidth=64\nimHeight=48", {}, 10, (64, 48)),
        ("seqLength=4\nimWidth=64", {"fps": 5.0}, 5, (0, 0)),
        ("seqLength=4", {}, 25, (0, 0)),
        ("SEQLENGTH = 4\nframerate = 12.5", {"fps": 5.0}, 12.5, (0, 0)),
    ],
)
def test_a_sequence_without_images_gives_frames_without_pixels(tmp_path: Path, read, text, config, rate, size) -> None:
    folder = sequence(tmp_path, text)
    frames, losses = read(folder, **config)
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert [frame.time_s for frame in frames] == pytest.approx([i / rate for i in range(4)])
    assert not any(frame.has_image for frame in frames)
    assert {frame.size for frame in frames} == {size}
    assert losses == {}
    assert not open_source(CameraSpec("cam", str(folder)), SourceConfig(**config)).has_images


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[Sequence]\nframeRate=fast", "frameRate: expected a number above 0, got 'fast'"),
        ("[Sequence]\nseqLength=-3", "seqLength: expected a whole number above 0"),
        ("[Sequence]\nseqLength=2.5", "seqLength: expected a whole number above 0"),
        ("[Sequence]\nname=x", "images in img1/ or a seqLength"),
        ("[Other]\nseqLength=3", r"expected a section \[Sequence\], found \[Other\]"),
        ("", "found no section"),
        ("seqLength=3", "not an INI file"),
        ("[Sequence]\nname=\udcff", "not an INI file"),
    ],
)
def test_a_broken_seqinfo_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "seqinfo.ini").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SourceError, match=message):
        open_source(CameraSpec("cam", str(tmp_path)), SourceConfig())


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no development data beside the checkout (../shared)")
@pytest.mark.parametrize(
    ("name", "count", "last_s", "size", "has_images"),
    [
        ("MOT16-02", 600, 599 / 30, (1920, 1080), False),
        ("TUD-Campus", 71, 70 / 25, (0, 0), False),
        ("MOT17-02-mini", 4, 3 / 30, (1920, 1080), True),
    ],
)
def test_real_sequences(read, name: str, count: int, last_s: float, size: tuple[int, int], has_images: bool) -> None:
    frames, losses = read(SHARED / "data" / "mot" / name)
    assert len(frames) == count
    assert (frames[-1].index, frames[-1].time_s) == (count - 1, pytest.approx(last_s))
    assert {frame.size for frame in frames} == {size}
    assert frames[0].has_image == has_images
    assert losses == {}
