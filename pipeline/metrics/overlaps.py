"""Pairs of boxes that overlap, over all frames at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Corners = tuple[Floats, Floats, Floats, Floats]

_PAIRS_AT_ONCE = 1_000_000
"""Candidates that are looked at together; bounds the memory."""
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
    for i, j in _candidates(first_frame, a, second_frame, b):
        width = np.minimum(a[2][i], b[2][j]) - np.maximum(a[0][i], b[0][j])
        kept = width > 0
        i, j, width = i[kept], j[kept], width[kept]
        height = np.minimum(a[3][i], b[3][j]) - np.maximum(a[1][i], b[1][j])
        kept = height > 0
        parts.append((i[kept], j[kept], width[kept] * height[kept]))
    i, j = (np.concatenate([part[place] for part in parts]).astype(np.int64) for place in (0, 1))
    intersection = np.concatenate([part[2] for part in parts])
    order = np.lexsort((j, i))
    i, j, intersection = i[order], j[order], intersection[order]
    union = areas[0][i] + areas[1][j] - intersection
    return Overlaps(i, j, intersection, intersection / union)


def _corners(ltwh: Floats) -> Corners:
    """x1, y1, x2, y2, each (N,)."""
    left, top, width, height = np.ascontiguousarray(ltwh.T)
    return left, top, left + width, top + height


def _candidates(
    first_frame: Integers, first: Corners, second_frame: Integers, second: Corners
) -> Iterator[tuple[Integers, Integers]]:
    """Rows of pairs of the same frame that may overlap, in blocks; none that does is left out.

    Sorted by frame and left edge, the boxes that may overlap one box lie side by side: from its left edge less the
    widest box of the frame to its right edge.
    """
    frames, starts = np.unique(second_frame, return_index=True)
    rows = np.flatnonzero(np.isin(first_frame, frames))
    if not len(rows):
        return
    widest = np.maximum.reduceat(second[2] - second[0], starts)
    order = np.lexsort((second[0], second_frame))
    lowest = first[0][rows] - widest[np.searchsorted(frames, first_frame[rows])]
    # edges as ranks: with the frame in one exact whole number, one search serves all frames
    values, ranks = np.unique(np.concatenate([second[0][order], lowest, first[2][rows]]), return_inverse=True)
    left, low, high = np.split(ranks, [len(order), len(order) + len(rows)])
    keys, here = second_frame[order] * len(values) + left, first_frame[rows] * len(values)
    begin, end = np.searchsorted(keys, here + low), np.searchsorted(keys, here + high)
    counts = np.maximum(end - begin, 0)
    block = np.cumsum(counts) // _PAIRS_AT_ONCE
    for number in np.unique(block).tolist():
        chosen = np.flatnonzero(block == number)
        sizes = counts[chosen]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield np.repeat(rows[chosen], sizes), order[np.repeat(begin[chosen], sizes) + within]
