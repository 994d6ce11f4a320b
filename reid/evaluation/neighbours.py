"""Nearest neighbours of every point within one set, by a matrix product in tiles of the upper triangle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError

Floats = NDArray[np.float32]

TILE = 2048
_POSITION_BITS = 21  # with 32 for a similarity and 11 for a point within its tile they make 64


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest of each of N points, itself first.

    Attributes:
        index: (N, k) int64, by falling similarity; equal ones by position.
        similarity: (N, k) float32 cosine.
        lowest: (N,) float32 similarity to the farthest point of all.
    """

    index: NDArray[np.int64]
    similarity: Floats
    lowest: Floats


def nearest(points: Floats, k: int, tile: int = TILE) -> Neighbours:
    """The k nearest neighbours of each point; a point is its own first neighbour.

    Half of the product suffices, because similarity is symmetric: each tile serves its rows and its columns. What is in
    memory beside the points is one tile and a few candidates a point.

    Args:
        points: (N, D) unit rows.
        k: neighbours, the point itself included; at most N.
        tile: rows and columns of a tile; at least k.

    Raises:
        FormatError: k is more than N, or than a tile; a tile of more than 2048; or more than 2 million points.
    """
    if tile > TILE or len(points) >= 1 << _POSITION_BITS:
        raise FormatError(
            f"expected tiles of up to {TILE} and fewer than {1 << _POSITION_BITS} points, got {tile} and {len(points)}"
        )
    if not 1 <= k <= min(len(points), tile):
        raise FormatError(
            f"{k} neighbours asked for: expected 1 to {min(len(points), tile)}, there are {len(points)} points"
        )
    starts = range(0, len(points), tile)
    lists = [_Candidates(first, min(tile, len(points) - first), k) for first in starts]
    memory = np.empty(tile * tile, np.float32)
    for offset in range(len(lists)):  # the diagonal first: it gives every point a bound that later tiles must beat
        for rows, columns in zip(lists, lists[offset:], strict=False):
            part = memory[: rows.count * columns.count].reshape(rows.count, columns.count)
            np.matmul(points[rows.first : rows.last], points[columns.first : columns.last].T, out=part)
            if offset == 0:
                rows.lowest[:] = part.min(axis=1)
                np.fill_diagonal(part, np.inf)  # first even among copies of the same picture
                rows.start(part)
                continue
            np.minimum(rows.lowest, part.min(axis=1), out=rows.lowest)
            np.minimum(columns.lowest, part.min(axis=0), out=columns.lowest)
            owner, other = np.divmod(np.flatnonzero(part >= rows.bound[:, None]), columns.count)
            rows.add(owner, columns.first + other, part[owner, other])
            other, owner = np.divmod(np.flatnonzero(part >= columns.bound), columns.count)
            columns.add(owner, rows.first + other, part[other, owner])
    for some in lists:
        some.merge()
    similarity = np.concatenate([some.similarity for some in lists])
    similarity[:, 0] = 1
    return Neighbours(
        np.concatenate([some.index for some in lists]), similarity, np.concatenate([some.lowest for some in lists])
    )


class _Candidates:
    """The best so far of some consecutive points, and candidates that are not yet sorted in.

    A candidate is one number: whose neighbour it is, its similarity turned so that the highest comes first, and its
    position. Sorting plain numbers takes a tenth of the time of sorting by three keys.
    """

    def __init__(self, first: int, count: int, k: int) -> None:
        self.first, self.last, self.count, self._k = first, first + count, count, k
        self.bound = np.full(count, -np.inf, np.float32)
        self.lowest = np.full(count, np.inf, np.float32)
        self._best = np.empty((count, 0), np.uint64)
        self._waiting: list[NDArray[np.uint64]] = []
        self._waiting_count = 0

    @property
    def index(self) -> NDArray[np.int64]:
        """(count, k) neighbours."""
        return (self._best & np.uint64((1 << _POSITION_BITS) - 1)).astype(np.int64)

    @property
    def similarity(self) -> Floats:
        """(count, k), falling."""
        return _from_falling(self._best >> np.uint64(_POSITION_BITS))

    def start(self, similarity: Floats) -> None:
        """Take the first tile, the one with the points themselves: (count, count)."""
        if self.count <= self._k:
            owner, other = np.divmod(np.arange(self.count * self.count), self.count)
        else:
            bound = np.partition(similarity, self.count - self._k, axis=1)[:, self.count - self._k]
            owner, other = np.nonzero(similarity >= bound[:, None])  # ties at the bound included
        self.add(owner, self.first + other, similarity[owner, other])
        self.merge()

    def add(self, owner: NDArray[np.int64], other: NDArray[np.int64], similarity: Floats) -> None:
        """Take candidates: owner counts from 0 within these points, other from 0 within all."""
        keys = owner.astype(np.uint64) << np.uint64(_POSITION_BITS + 32)
        keys |= _falling(similarity) << np.uint64(_POSITION_BITS)
        keys |= other.astype(np.uint64)
        self._waiting.append(keys)
        self._waiting_count += len(keys)
        if self._waiting_count > 8 * self.count * self._k:
            self.merge()

    def merge(self) -> None:
        """Sort the candidates in and keep the k best of each point (fewer while there are not so many)."""
        keys = np.concatenate([self._best.ravel(), *self._waiting])
        keys.sort()
        owners = np.arange(self.count, dtype=np.uint64) << np.uint64(_POSITION_BITS + 32)
        begin = np.searchsorted(keys, owners)
        found = min(self._k, int(np.diff(np.append(begin, len(keys))).min()))
        self._best = keys[begin[:, None] + np.arange(found)]
        if found == self._k:
            self.bound = self.similarity[:, -1].copy()
        self._waiting, self._waiting_count = [], 0


def _falling(values: Floats) -> NDArray[np.uint64]:
    """32-bit numbers in a uint64 that rise where float32 values fall.

    >>> _falling(np.array([2, 1, 0, -1], np.float32)).tolist() == sorted(_falling(np.array([-1, 0, 1, 2], np.float32)))
    True
    """
    bits = (values + np.float32(0)).view(np.uint32)  # 0 for -0
    is_negative = bits >> np.uint32(31) == 1
    return np.where(is_negative, bits, ~bits & np.uint32(0x7FFFFFFF)).astype(np.uint64)


def _from_falling(numbers: NDArray[np.uint64]) -> Floats:
    """The values of `_falling`; higher bits do not matter.

    >>> _from_falling(_falling(np.array([0.5, -3], np.float32))).tolist()
    [0.5, -3.0]
    """
    bits = numbers.astype(np.uint32)
    return np.where(bits >> np.uint32(31) == 1, bits, ~bits & np.uint32(0x7FFFFFFF)).view(np.float32)
