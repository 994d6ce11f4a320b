"""Which boxes overlap, as a list of pairs: in a crowd nearly all of all pairs lie far apart, and cost nothing here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.geometry import intersections

IntArray = NDArray[np.intp]
FloatArray = NDArray[np.floating]

FEW_PAIRS = 8_000
"""Up to here all pairs are worked out, which needs the fewest calls; above, only neighbours along x (measured with
boxes strewn over a picture: equal at 60 boxes and twice as many, five times as fast at 500)."""

MOST_AT_ONCE = 1_000_000
"""Neighbours that are looked at together, to bound memory where thousands of boxes lie on one another."""


def overlapping_pairs(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> tuple[IntArray, IntArray, NDArray[np.float32]]:
    """The pairs of (4, N) and (4, M) planes of boxes that share any area.

    Returns:
        rows, columns and square pixels of the P pairs, (P,) each, ascending by row and then by column.

    >>> one, two = np.array([[0, 0, 4, 4.0]], np.float32).T, np.array([[3, 2, 9, 9], [5, 5, 6, 6.0]], np.float32).T
    >>> overlapping_pairs(one, two)
    (array([0]), array([0]), array([2.], dtype=float32))
    """
    count = second.shape[1]
    if first.shape[1] * count <= FEW_PAIRS:
        shared = intersections(first, second).reshape(-1)
        at = shared.nonzero()[0]  # numpy finds what is true in one axis ten times as fast as in two
        return *_rows_and_columns(at, count), shared[at]
    widest = (second[2] - second[0]).max()
    parts = []
    for rows, columns in _neighbours(first[0] - widest, first[2], second[0]):
        sides = np.minimum(first[2:].take(rows, axis=1), second[2:].take(columns, axis=1))
        sides -= np.maximum(first[:2].take(rows, axis=1), second[:2].take(columns, axis=1))
        at = ((sides[0] > 0) & (sides[1] > 0)).nonzero()[0]
        parts.append((rows[at], columns[at], sides[0][at] * sides[1][at]))
    rows, columns, shared = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = (rows * count + columns).argsort()
    return rows[order], columns[order], shared[order]


def pairs_within(centre: FloatArray, reach: FloatArray, point: FloatArray) -> tuple[IntArray, IntArray]:
    """The pairs of T centres and N points that differ by at most `reach` in x and in y.

    Args:
        centre, reach: (2, T) each.
        point: (2, N).

    Returns:
        rows and columns, (P,) each, ascending by row.

    >>> pairs_within(np.array([[5.0], [5.0]]), np.array([[2.0], [1.0]]), np.array([[3.0, 5, 8], [6, 7, 5]]))
    (array([0]), array([0]))
    """
    count = point.shape[1]
    if centre.shape[1] * count <= FEW_PAIRS:
        is_near = np.abs(point[:, None] - centre[:, :, None]) <= reach[:, :, None]  # (2, T, N)
        at = (is_near[0] & is_near[1]).reshape(-1).nonzero()[0]
        return _rows_and_columns(at, count)
    parts = []
    for rows, columns in _neighbours(centre[0] - reach[0], centre[0] + reach[0], point[0]):
        is_within = np.abs(point.take(columns, axis=1) - centre.take(rows, axis=1)) <= reach.take(rows, axis=1)
        at = (is_within[0] & is_within[1]).nonzero()[0]
        parts.append((rows[at], columns[at]))
    rows, columns = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows, columns


def _rows_and_columns(at: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """Places in a matrix with `count` columns, from those in its rows one after the other."""
    length = np.array(max(count, 1))  # an array, see `geometry`; two operations are faster than divmod
    return at // length, at % length


def overlaps_of_pairs(
    rows: IntArray,
    columns: IntArray,
    shared: NDArray[np.float32],
    first_area: NDArray[np.float32],
    second_area: NDArray[np.float32],
) -> NDArray[np.float32]:
    """(P,) intersection over union of `overlapping_pairs`, whose boxes have the areas (N,) and (M,)."""
    union = first_area[rows]
    union += second_area[columns]
    union -= shared
    ratio: NDArray[np.float32] = np.divide(shared, union, out=union)
    return ratio


def _neighbours(low: FloatArray, high: FloatArray, value: FloatArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs of a range and a value in it: (N,) ranges [low, high] and (M,) values; in parts, ascending by range."""
    order = value.argsort(kind="stable")
    sorted_value = value[order]
    start = sorted_value.searchsorted(low, "left")
    count = np.maximum(sorted_value.searchsorted(high, "right") - start, 0)
    end = count.cumsum()
    at = 0
    while True:
        begin = end[at] - count[at]
        stop = max(int(end.searchsorted(begin + MOST_AT_ONCE, "right")), at + 1)  # one range at least
        some = count[at:stop]
        places = np.arange(begin, end[stop - 1]) + (start[at:stop] - end[at:stop] + some).repeat(some)
        yield np.arange(at, stop).repeat(some), order[places]
        at = stop
        if at == len(count):
            return
