"""Exact nearest views: a matrix of embeddings in memory, in blocks, and a scan of it.

Cost: a query reads the whole matrix once, N x D x 4 bytes, at the speed of the memory; queries that come together share
the reading. Memory: the matrix, rounded up to a block, and a few hundred bytes a tracklet. New tracklets are appended
without copying the others; deleting copies the matrix block by block.

Reference: Johnson et al., "Billion-scale similarity search with GPUs" (1702.08734), section 3: exact search as a matrix
product followed by k-selection, which is what an index has to beat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.store.values import Filters, Group, Match, TrackletKey

BLOCK_BYTES = 32 << 20
"""Of one block of the matrix."""

_SCORE_BYTES = 64 << 20  # of the similarities that are held at once


@dataclass(frozen=True, eq=False)
class Entry:
    """A tracklet for the index: wall times of its ends, and (V, D) unit rows or zeros, which are left out."""

    key: TrackletKey
    start_s: float
    end_s: float
    embeddings: NDArray[np.float32]


class ViewIndex:
    """All views of a store that have an appearance.

    Args:
        dimension: D, at least 1.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._block_rows = max(BLOCK_BYTES // (4 * dimension), 1)
        self._blocks: list[NDArray[np.float32]] = []
        self._keys: list[TrackletKey] = []
        self._place: dict[TrackletKey, int] = {}
        self._first = np.zeros(1, np.int64)  # (T + 1,) first row of each tracklet, then the number of rows
        self._view = np.empty(0, np.int32)  # (N,) position of the row among the views of its tracklet
        self._ends_s = np.empty((0, 2))  # (T, 2)
        self._identity = np.empty(0, np.int64)  # (T,) 0 for none
        self._person: NDArray[np.intp] | None = None  # (T,) the same, numbered without gaps; None until it is needed

    def __len__(self) -> int:
        """Number of views."""
        return int(self._first[-1])

    @property
    def bytes(self) -> int:
        """Of the matrix."""
        return sum(block.nbytes for block in self._blocks)

    def extend(self, entries: Iterable[Entry]) -> None:
        """Append tracklets that are not in it."""
        counts, views, ends, filled = [], [], [], len(self)
        for entry in entries:
            kept = np.flatnonzero(entry.embeddings.any(axis=1))
            if len(kept):
                self._append(entry.embeddings[kept], filled)
                filled += len(kept)
                self._place[entry.key] = len(self._keys)
                self._keys.append(entry.key)
                counts.append(len(kept))
                views.append(kept.astype(np.int32))
                ends.append((entry.start_s, entry.end_s))
        if counts:
            self._first = np.concatenate([self._first, self._first[-1] + np.cumsum(counts)])
            self._view = np.concatenate([self._view, *views])
            self._ends_s = np.concatenate([self._ends_s, np.array(ends)])
            self._identity = np.concatenate([self._identity, np.zeros(len(counts), np.int64)])
            self._person = None

    def assign(self, identities: Mapping[TrackletKey, int | None]) -> None:
        """Set the identity of tracklets; those that are not in the index are passed over."""
        for key, identity in identities.items():
            if (place := self._place.get(key)) is not None:
                self._identity[place] = identity or 0
        self._person = None

    def remove(self, keys: Iterable[TrackletKey]) -> None:
        """Take tracklets out; those that are not in the index are passed over."""
        gone = [self._place[key] for key in keys if key in self._place]
        if not gone:
            return
        stays = np.ones(len(self._keys), dtype=np.bool_)
        stays[gone] = False
        counts = np.diff(self._first)
        row_stays = np.repeat(stays, counts)
        old, self._blocks, row, filled = self._blocks, [], 0, 0
        for place, block in enumerate(old):
            kept = block[: len(row_stays) - row][row_stays[row : row + len(block)]]
            row += len(block)
            old[place] = np.empty((0, self.dimension), np.float32)  # so that no more than one block is there twice
            self._append(kept, filled)
            filled += len(kept)
        self._keys = [key for key, is_kept in zip(self._keys, stays.tolist(), strict=True) if is_kept]
        self._place = {key: place for place, key in enumerate(self._keys)}
        self._first = np.concatenate([[0], np.cumsum(counts[stays])])
        self._view, self._ends_s, self._identity = self._view[row_stays], self._ends_s[stays], self._identity[stays]
        self._person = None

    def tracklets(self) -> Sequence[TrackletKey]:
        """Keys of those in it."""
        return self._keys

    def nearest(self, queries: NDArray[np.float32], k: int, filters: Filters, group: Group) -> list[list[Match]]:
        """See `Store.nearest`."""
        queries = np.ascontiguousarray(queries, np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dimension:
            raise FormatError(
                f"search: expected embeddings (queries, {self.dimension}) as in the store, got {queries.shape}"
            )
        if group not in get_args(Group):
            raise ConfigError(f"search: expected a group of {', '.join(get_args(Group))}, got {group!r}")
        is_wanted = self._wanted(filters)
        matches: list[list[Match]] = [[] for _ in queries]
        if k < 1 or not is_wanted.any():
            return matches
        asked = np.flatnonzero(queries.any(axis=1))
        at_once = max(_SCORE_BYTES // (4 * len(self)), 1)
        for start in range(0, len(asked), at_once):
            rows = asked[start : start + at_once]
            for row, scores in zip(rows.tolist(), self._similarities(queries[rows]), strict=True):
                matches[row] = self._best(scores, k, is_wanted, group)
        return matches

    def _append(self, rows: NDArray[np.float32], filled: int) -> None:
        """Copy rows behind the `filled` ones."""
        while len(rows):
            place, offset = divmod(filled, self._block_rows)
            if place == len(self._blocks):
                self._blocks.append(np.empty((self._block_rows, self.dimension), np.float32))
            taken = rows[: self._block_rows - offset]
            self._blocks[place][offset : offset + len(taken)] = taken
            rows, filled = rows[len(taken) :], filled + len(taken)

    def _similarities(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """(Q, N) cosine similarities, which rounding may take a little beyond 1."""
        scores = np.empty((len(queries), len(self)), np.float32)
        for start, block in self._filled_blocks():
            if len(queries) == 1:
                np.dot(block, queries[0], out=scores[0, start : start + len(block)])
            else:
                scores[:, start : start + len(block)] = queries @ block.T
        return scores

    def _filled_blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for place, block in enumerate(self._blocks):
            start = place * self._block_rows
            yield start, block[: len(self) - start]

    def _wanted(self, filters: Filters) -> NDArray[np.bool_]:
        """(T,) which tracklets the filters let through."""
        wanted = np.ones(len(self._keys), dtype=np.bool_)
        for names, part in ((filters.runs, 0), (filters.cameras, 1)):
            if names is not None:
                allowed = frozenset(names)
                wanted &= np.fromiter((key[part] in allowed for key in self._keys), np.bool_, len(self._keys))
        if filters.identities is not None:
            wanted &= np.isin(self._identity, filters.identities) & (self._identity > 0)
        if filters.since_s is not None:
            wanted &= self._ends_s[:, 1] >= filters.since_s
        if filters.until_s is not None:
            wanted &= self._ends_s[:, 0] <= filters.until_s
        for key in filters.without:
            if (place := self._place.get(key)) is not None:
                wanted[place] = False
        return wanted

    def _best(self, scores: NDArray[np.float32], k: int, is_wanted: NDArray[np.bool_], group: Group) -> list[Match]:
        """The k best of (N,) scores."""
        if group == "view":
            if not is_wanted.all():
                scores = np.where(np.repeat(is_wanted, np.diff(self._first)), scores, -np.inf)
            rows = _at_least_kth(scores, k)
            tracklets = np.searchsorted(self._first, rows, side="right") - 1
            found = [self._match(*at, scores) for at in zip(tracklets.tolist(), rows.tolist(), strict=True)]
            return sorted(found, key=_rank)[:k]
        best = np.where(is_wanted, np.maximum.reduceat(scores, self._first[:-1]), -np.inf)  # (T,)
        if group == "identity":
            best = self._best_of_each(best)
        found = []
        for tracklet in _at_least_kth(best, k).tolist():
            start, end = self._first[tracklet], self._first[tracklet + 1]
            found.append(self._match(tracklet, int(start + np.argmax(scores[start:end])), scores))
        return sorted(found, key=_rank)[:k]

    def _best_of_each(self, best: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T,) scores, -inf for all tracklets of an identity but the best; of those that tie the first in order."""
        if self._person is None:
            self._person = np.unique(self._identity, return_inverse=True)[1]
        person = self._person
        top = np.full(int(person.max()) + 1, -np.inf, np.float32)
        np.maximum.at(top, person, best)
        best = np.where((best < top[person]) & (self._identity > 0), -np.inf, best)
        left = ((best > -np.inf) & (self._identity > 0)).nonzero()[0]
        if len(np.unique(person[left])) < len(left):
            first: dict[int, int] = {}
            for tracklet in sorted(left.tolist(), key=self._keys.__getitem__):
                if first.setdefault(int(person[tracklet]), tracklet) != tracklet:
                    best[tracklet] = -np.inf
        return best

    def _match(self, tracklet: int, row: int, scores: NDArray[np.float32]) -> Match:
        identity = int(self._identity[tracklet]) or None
        return Match(self._keys[tracklet], int(self._view[row]), identity, min(max(float(scores[row]), -1.0), 1.0))


def _at_least_kth(scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Positions of all scores that reach the k-th largest, without those of -inf.

    >>> _at_least_kth(np.array([0.5, 0.9, 0.5, -np.inf, 0.1]), 2).tolist()
    [0, 1, 2]
    """
    if k < len(scores):
        bar = np.partition(scores, len(scores) - k)[len(scores) - k]
        return ((scores >= bar) & (scores > -np.inf)).nonzero()[0]
    return (scores > -np.inf).nonzero()[0]


def _rank(match: Match) -> tuple[float, TrackletKey, int]:
    return -match.similarity, match.key, match.view
