"""Overlaps of all frames at once, against frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.boxes import iou_matrix
from mdpr.pipeline.metrics import overlaps
from mdpr.pipeline.metrics.overlaps import overlapping_pairs

Scene = tuple[np.ndarray, np.ndarray]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Frames and boxes on a small grid, so that touching, equal and empty boxes are common."""
    count = draw(st.integers(0, 12))
    frame = np.sort(np.array(draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)), np.int64))
    cells = st.lists(st.integers(0, 5), min_size=4 * count, max_size=4 * count)
    return frame, np.array(draw(cells), np.float64).reshape(count, 4)


def frame_by_frame(first: Scene, second: Scene) -> dict[tuple[int, int], float]:
    corners = [np.concatenate([ltwh[:, :2], ltwh[:, :2] + ltwh[:, 2:]], axis=1) for _, ltwh in (first, second)]
    iou = iou_matrix(*corners)
    return {
        (i, j): iou[i, j] for i, j in np.argwhere(iou > 0).tolist() if first[0][i] == second[0][j]
    }  # fmt: skip


@pytest.mark.parametrize("at_once", [1, 5, 10**6])
@settings(max_examples=60, deadline=None)
@given(first=scenes(), second=scenes())
def test_equal_to_frame_by_frame(at_once: int, first: Scene, second: Scene) -> None:
    before = overlaps._PAIRS_AT_ONCE
    overlaps._PAIRS_AT_ONCE = at_once
    try:
        found = overlapping_pairs(*first, *second)
    finally:
        overlaps._PAIRS_AT_ONCE = before
    pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert pairs == sorted(pairs)
    assert dict(zip(pairs, found.iou.tolist(), strict=True)) == pytest.approx(frame_by_frame(first, second))


def test_intersection() -> None:
    zero = np.zeros(1, np.int64)
    found = overlapping_pairs(zero, np.array([[0.0, 0, 4, 4]]), zero, np.array([[3.0, 2, 10, 10]]))
    assert found.intersection.tolist() == [2.0]
    assert found.iou.tolist() == [2.0 / 114]
