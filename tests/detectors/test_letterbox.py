"""The place of a picture in a network input, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdpr.detectors.letterbox import Letterbox, rectangular_size

SIDES = st.integers(1, 3000)


@pytest.mark.parametrize(
    ("image", "imgsz", "expected"),
    [((1920, 1080), 640, (640, 384)), ((1080, 1920), 640, (384, 640)), ((640, 480), 640, (640, 480)),
     ((500, 500), 640, (640, 640)), ((4000, 10), 640, (640, 32)), ((1, 1), 64, (64, 64))],
)  # fmt: skip
def test_rectangular_size(image: tuple[int, int], imgsz: int, expected: tuple[int, int]) -> None:
    assert rectangular_size(image, imgsz) == expected


@given(SIDES, SIDES, st.booleans())
def test_fits_and_comes_back(width: int, height: int, centred: bool) -> None:
    size = rectangular_size((width, height), 640)
    box = Letterbox.fit((width, height), size, centred)
    assert box.left >= 0
    assert box.top >= 0
    assert box.left + box.resized[0] <= size[0]
    assert box.top + box.resized[1] <= size[1]
    corners = np.array([[box.left, box.top, box.left + box.resized[0], box.top + box.resized[1]]], np.float64)
    np.testing.assert_allclose(box.restore(corners), [[0, 0, width, height]], atol=1e-3)


def test_padding_is_grey_and_the_picture_is_whole() -> None:
    image = np.full((10, 20, 3), 7, np.uint8)
    padded = Letterbox.fit((20, 10), (64, 64)).apply(image)
    assert padded.shape == (64, 64, 3)
    assert (padded[16:48] == 7).all()
    assert (padded[:16] == 114).all()
    assert (padded[48:] == 114).all()
    corner = Letterbox.fit((20, 10), (64, 64), centred=False).apply(image)
    assert (corner[:32] == 7).all()
    assert (corner[32:] == 114).all()
