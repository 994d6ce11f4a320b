"""Nearest neighbours of every point within one set, by a matrix product in tiles of the upper triangle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError

Floats = NDArray[np.float32]

TILE = 2048


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
        FormatError: k is more than N, or than a tile.
    """
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
    """The best so far of some consecutive points, and candidates that are not yet sorted in."""

    def __init__(self, first: int, count: int, k: int) -> None:
        self.first, self.last, self.count, self._k = first, first + count, count, k
        self.index = np.empty((count, 0), np.int64)
        self.similarity = np.empty((count, 0), np.float32)
        self.bound = np.full(count, -np.inf, np.float32)
        self.lowest = np.full(count, np.inf, np.float32)
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.int64], Floats]] = []
        self._waiting_count = 0

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
        self._waiting.append((owner, other, similarity))
        self._waiting_count += len(owner)
        if self._waiting_count > 8 * self.count * self._k:
            self.merge()

    def merge(self) -> None:
        """Sort the candidates in and keep the k best of each point (fewer while there are not so many)."""
        kept = np.repeat(np.arange(self.count), self.index.shape[1])
        owners, others, scores = zip((kept, self.index.ravel(), self.similarity.ravel()), *self._waiting, strict=True)
        owner, other, score = np.concatenate(owners), np.concatenate(others), np.concatenate(scores)
        order = np.lexsort((other, -score, owner))
        begin = np.searchsorted(owner[order], np.arange(self.count))
        found = min(self._k, int(np.diff(np.append(begin, len(owner))).min()))
        best = order[begin[:, None] + np.arange(found)]
        self.index, self.similarity = other[best], score[best]
        if found == self._k:
            self.bound = self.similarity[:, -1].copy()
        self._waiting, self._waiting_count = [], 0
