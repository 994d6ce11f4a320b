"""Pairs of boxes that overlap, over all frames at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_PAIRS_AT_ONCE = 1_000_000
"""Of boxes of the same frame; bounds the memory for one block of frames."""
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Pairs of boxes of the same frame that overlap, in order of first, then second.

    Attributes:
        first, second: (K,) rows of the boxes.
        intersection: (K,) square pixels, above 0.
        iou: (K,) in (0, 1].
    """

    first: Integers
    second: Integers
    intersection: Floats
    iou: Floats


def overlapping_pairs(first_frame: Integers, first: Floats, second_frame: Integers, second: Floats) -> Overlaps:
    """All pairs that overlap; boxes without area overlap nothing.

    The arithmetic is that of TrackEval, so that a box at the threshold falls on the same side.

    Args:
        first_frame, second_frame: (N,), (M,) never falling.
        first, second: (N, 4), (M, 4) left, top, width, height.

    >>> zero = np.zeros(1, int)
    >>> overlapping_pairs(zero, np.array([[0, 0, 2, 2.0]]), zero, np.array([[1, 0, 2, 2.0]])).iou.round(3).tolist()
    [0.333]
    """
    a, b = _corners(first), _corners(second)
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (a, b)]
    nothing = np.empty(0, np.int64)
    parts: list[tuple[Integers, Integers, Floats]] = [(nothing, nothing, np.empty(0))]
    for i, j in _pairs_of_frames(first_frame, second_frame):
        width = np.minimum(a[2][i], b[2][j]) - np.maximum(a[0][i], b[0][j])
        kept = width > 0
        i, j, width = i[kept], j[kept], width[kept]
        height = np.minimum(a[3][i], b[3][j]) - np.maximum(a[1][i], b[1][j])
        kept = (height > 0) & (areas[0][i] > EPSILON) & (areas[1][j] > EPSILON)
        parts.append((i[kept], j[kept], width[kept] * height[kept]))
    i, j = (np.concatenate([part[place] for part in parts]).astype(np.int64) for place in (0, 1))
    intersection = np.concatenate([part[2] for part in parts])
    union = areas[0][i] + areas[1][j] - intersection
    return Overlaps(i, j, intersection, intersection / union)


def _corners(ltwh: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """x1, y1, x2, y2, each (N,)."""
    left, top, width, height = np.ascontiguousarray(ltwh.T)
    return left, top, left + width, top + height


def _pairs_of_frames(first_frame: Integers, second_frame: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Rows of all pairs of the same frame, in blocks of whole frames."""
    frames, starts, counts = np.unique(first_frame, return_index=True, return_counts=True)
    other_starts = np.searchsorted(second_frame, frames)
    others = np.searchsorted(second_frame, frames, side="right") - other_starts
    sizes = counts * others
    block = np.cumsum(sizes) // _PAIRS_AT_ONCE
    for number in np.unique(block[sizes > 0]):
        here = np.flatnonzero((block == number) & (sizes > 0))
        frame = np.repeat(here, sizes[here])
        place = np.arange(len(frame)) - np.repeat(np.cumsum(sizes[here]) - sizes[here], sizes[here])
        row, column = np.divmod(place, others[frame])
        yield starts[frame] + row, other_starts[frame] + column
