"""Reading and resizing crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mdpr.errors import FormatError
from mdpr.reid.data.images import read_image, resize_image
from reid_images import save_person

Picture = NDArray[np.uint8]


@pytest.fixture
def picture() -> Picture:
    return np.random.default_rng(0).integers(0, 256, (12, 8, 3), dtype=np.uint8)


def test_colours_are_rgb_and_exact(picture: Picture, tmp_path: Path) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == np.uint8
    assert image.flags.writeable
    np.testing.assert_array_equal(image, picture)


def test_grey_gets_three_equal_channels(picture: Picture, tmp_path: Path) -> None:
    Image.fromarray(picture[..., 0]).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image, np.stack([picture[..., 0]] * 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_lose_their_low_byte(suffix: str, picture: Picture, tmp_path: Path) -> None:
    deep = picture[..., 0].astype(np.uint16) * 256 + 255
    Image.fromarray(deep).save(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}")[..., 1], picture[..., 0])


def test_alpha_is_dropped_and_palette_looked_up(picture: Picture, tmp_path: Path) -> None:
    alpha = np.full((12, 8, 1), 7, np.uint8)
    Image.fromarray(np.concatenate([picture, alpha], axis=2)).save(tmp_path / "alpha.png")
    np.testing.assert_array_equal(read_image(tmp_path / "alpha.png"), picture)
    palette = Image.fromarray((picture[..., 0] // 128).astype(np.uint8), mode="P")
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.save(tmp_path / "palette.png")
    expected = np.array([[10, 20, 30], [200, 100, 50]], np.uint8)[picture[..., 0] // 128]
    np.testing.assert_array_equal(read_image(tmp_path / "palette.png"), expected)


def test_pictures_are_turned_as_exif_says(picture: Picture, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Image.fromarray(picture).save(tmp_path / "a.png", exif=exif)
    turned = np.rot90(picture, -1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), turned)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", [1, 2, 9, 6]), turned[2:6, 1:9])


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((1, 2, 5, 9), slice(2, 9), slice(1, 5)),
        ((1.5, 2.5, 4.2, 8.1), slice(2, 9), slice(1, 5)),
        ((-4, -4, 100, 3), slice(0, 3), slice(0, 8)),
        ((7.2, 11.5, 7.4, 11.6), slice(11, 12), slice(7, 8)),
        ((np.nan,) * 4, slice(None), slice(None)),
        (None, slice(None), slice(None)),
    ],
)
def test_boxes_are_clipped_and_widened(
    box: tuple[float, ...] | None, rows: slice, columns: slice, picture: Picture, tmp_path: Path
) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", box), picture[rows, columns])


@pytest.mark.parametrize("box", [(20, 0, 30, 5), (0, -9, 5, -1), (0, 12, 5, 20)])
def test_a_box_outside_is_an_error(box: tuple[float, ...], picture: Picture, tmp_path: Path) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.raises(FormatError, match=r"a\.png: the box .* lies outside the picture of 8x12 pixels"):
        read_image(tmp_path / "a.png", box)


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (5, 5, 2, 9), (0, 0, np.nan, 5), (0, 0, 5)])
def test_a_box_that_is_none_is_an_error(box: tuple[float, ...], picture: Picture, tmp_path: Path) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.raises(FormatError, match=r"a\.png: expected a box x1 < x2, y1 < y2"):
        read_image(tmp_path / "a.png", box)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_truncated_files_are_named(suffix: str, tmp_path: Path) -> None:
    whole = save_person(tmp_path / f"whole{suffix}", 1, size=(96, 48)).read_bytes()
    for part in (0.2, 0.6, 0.9):
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(FormatError, match=rf"cut\{suffix}: "):
            read_image(path)


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "folder.jpg").mkdir()
    for name, why in (
        ("empty.jpg", "not an image (the file has 0 bytes)"),
        ("text.jpg", "not an image (the file has 10 bytes)"),
        ("folder.jpg", "expected an image file, found a folder"),
        ("missing.jpg", "no such image file"),
    ):
        with pytest.raises(FormatError) as caught:
            read_image(tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name}: {why}"


def test_resize_keeps_constants_and_averages_when_it_shrinks() -> None:
    np.testing.assert_array_equal(resize_image(np.full((30, 20, 3), 77, np.uint8), (12, 50)), 77)
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::2] = 200  # a resampling that only picks pixels would give 0 or 200
    small = resize_image(stripes, (8, 8))
    assert small.shape == (8, 8, 3)
    assert np.abs(small.astype(int) - 100).max() <= 8


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_resize_refuses_what_is_no_picture(image: Picture) -> None:
    with pytest.raises(FormatError, match="expected an image"):
        resize_image(image, (4, 4))
