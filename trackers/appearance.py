"""What each track looks like: a moving average of its embeddings and a small bank of its best views.

Heavy arrays stay where they are: a track owns a slot until it ends, and slots are used again. Frame to frame a track is
compared by its moving average; a lost track may come back in another pose, so it is compared by its closest view.

Reference: Wojke et al., DeepSORT (1703.07402), section 2.2 (smallest cosine distance to a gallery); Du et al.,
StrongSORT (2202.13514), section 3.2 (moving average), here with a memory in seconds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.views import Views
from mdpr.types import Detections, Frame

IntArray = NDArray[np.intp]

FIRST_CAPACITY = 32

_ONE, _LEAST_LENGTH, _LEAST_SHARE = (np.array(number, np.float32) for number in (1, 1e-12, 1e-7))
_HALF = np.array(0.5)
"""As arrays, because a Python number costs numpy as much again as the operation on ten tracks."""

_NO_FRAMES = np.empty(0, dtype=np.int64)


class AppearanceBank:
    """Moving average and best views of every open track, by slot.

    A view enters the bank only from a clear detection (see `views`), so that a person who passes in front of another
    does not repaint them. Until a track has a clear view, its best unclear one stands in as its picture, and the track
    has no appearance to be matched by. Views are at least `view_spacing_s` apart: within that time the better one
    stays; a full bank gives up its worst view for a better one.

    Args:
        views: most views of a track, >= 1.
        view_spacing_s: seconds between two views of a track.
        memory_s: seconds after which an embedding's share of the moving average has fallen to 1/e.
    """

    def __init__(self, views: int, view_spacing_s: float, memory_s: float) -> None:
        self.views = views
        self.view_spacing_s = view_spacing_s
        self.memory_s = memory_s
        self.dimension = 0
        self._allocate(FIRST_CAPACITY)
        self._free = list(range(FIRST_CAPACITY))[::-1]

    def _allocate(self, capacity: int) -> None:
        views = self.views
        self.has_clear = np.zeros(capacity, dtype=np.bool_)
        self.count = np.zeros(capacity, dtype=np.intp)
        self.place = np.zeros(capacity, dtype=np.intp)  # where a view goes within the spacing, in place of the newest
        self.next_place = np.zeros(capacity, dtype=np.intp)  # where one goes after the spacing
        self.bar = np.full(capacity, -1, dtype=np.float32)  # the quality that a view must exceed there; -1 when empty
        self.next_bar = np.full(capacity, -1, dtype=np.float32)
        self.opened_s = np.zeros(capacity)  # when the newest view's spacing began
        self.mean_s = np.zeros(capacity)  # last change of the moving average
        self.mean = np.zeros((capacity, self.dimension), dtype=np.float32)
        self.frame = np.zeros((capacity, views), dtype=np.int64)
        self.time_s = np.zeros((capacity, views))
        self.xyxy = np.zeros((capacity, views, 4), dtype=np.float32)
        self.confidence = np.zeros((capacity, views), dtype=np.float32)
        self.quality = np.zeros((capacity, views), dtype=np.float32)
        self.embedding = np.zeros((capacity, views, self.dimension), dtype=np.float32)

    def _arrays(self) -> tuple[NDArray[Any], ...]:
        light = (self.has_clear, self.count, *self._plans(), self.opened_s, self.mean_s, self.mean)
        return (*light, self.frame, self.time_s, self.xyxy, self.confidence, self.quality, self.embedding)

    def _plans(self) -> tuple[NDArray[Any], ...]:
        return self.place, self.next_place, self.bar, self.next_bar

    def set_dimension(self, dimension: int) -> None:
        """Embeddings appear for the first time; views kept without one are replaced by the next clear view."""
        self.dimension = dimension
        capacity = len(self.count)
        self.mean = np.zeros((capacity, dimension), dtype=np.float32)
        self.embedding = np.zeros((capacity, self.views, dimension), dtype=np.float32)
        self.has_clear[:] = False
        bar = np.where(self.count > 0, self.quality[:, 0], -1)
        for plan, values in zip(self._plans(), (0, 0, bar, bar), strict=True):
            plan[:] = values

    def take(self, number: int) -> IntArray:
        """Slots for `number` new tracks."""
        if number > len(self._free):
            self._resize(max(2 * len(self.count), len(self.count) - len(self._free) + number))
        slots = np.array([self._free.pop() for _ in range(number)], dtype=np.intp)
        self.has_clear[slots] = False
        self.count[slots] = 0
        for plan, value in zip(self._plans(), (0, 0, -1, -1), strict=True):
            plan[slots] = value
        return slots

    def release(self, slots: IntArray) -> None:
        """Give the slots of ended tracks back."""
        self._free.extend(slots[::-1].tolist())

    def pack(self, slots: IntArray) -> IntArray:
        """Give memory back after a crowd has left: moves the `slots` of all open tracks, returns where they went."""
        capacity = len(self.count)
        if capacity <= FIRST_CAPACITY or 4 * len(slots) > capacity:
            return slots
        self._resize(max(2 * len(slots), FIRST_CAPACITY), slots)
        return np.arange(len(slots))

    def _resize(self, capacity: int, slots: IntArray | None = None) -> None:
        """Move `slots` (all, when None) to the front of arrays for `capacity` tracks."""
        moved = np.arange(len(self.count)) if slots is None else slots
        old = [array[moved] for array in self._arrays()]
        self._allocate(capacity)
        for array, values in zip(self._arrays(), old, strict=True):
            array[: len(moved)] = values
        free = list(range(capacity))[::-1][: capacity - len(moved)]
        self._free = free + (self._free if slots is None else [])

    def observe(
        self,
        slots: IntArray,
        rows: IntArray,
        detections: Detections,
        views: Views,
        embeddings: NDArray[np.float32] | None,
        frame: Frame,
    ) -> tuple[IntArray, NDArray[np.int64]]:
        """Detection `rows[i]` of `frame` belongs to the track in `slots[i]`.

        `views.is_clear` must be False where a detection has no embedding although the bank has a dimension.

        Returns:
            (V,) which of these became views, and (V,) the index of the frame whose view each took the place of, -1 for
            none.
        """
        is_clear, quality, had_clear = views.is_clear[rows], views.quality[rows], self.has_clear[slots]
        if embeddings is not None:
            clear = is_clear.nonzero()[0]
            self._average(slots[clear], had_clear[clear], embeddings.take(rows[clear], axis=0), frame.time_s)
        no_clear = ~had_clear
        is_spaced = self.opened_s[slots] <= frame.time_s - self.view_spacing_s + 1e-6
        bar = np.where(is_spaced, self.next_bar[slots], self.bar[slots])
        is_better = (quality > bar) | (is_clear & no_clear)
        kept = (is_better & (is_clear | no_clear)).nonzero()[0]
        if len(kept) == 0:
            return kept, _NO_FRAMES
        rows, slots, quality, is_spaced = rows[kept], slots[kept], quality[kept], is_spaced[kept]
        place = np.where(is_spaced, self.next_place[slots], self.place[slots])
        is_clear, had_clear = is_clear[kept], had_clear[kept]
        instead_of = np.where(place < self.count[slots], self.frame[slots, place], -1)
        self.opened_s[slots[is_spaced | ~had_clear]] = frame.time_s
        self.has_clear[slots] = is_clear | had_clear
        self.count[slots] = np.maximum(self.count[slots], place + 1)
        self.count[slots[~had_clear]] = 1
        self.frame[slots, place] = frame.index
        self.time_s[slots, place] = frame.time_s
        self.xyxy[slots, place] = detections.xyxy[rows]
        self.confidence[slots, place] = detections.confidence[rows]
        self.quality[slots, place] = quality
        if self.dimension:
            self.embedding[slots, place] = 0 if embeddings is None else embeddings[rows]
        self._plan_next(slots, place, quality)
        return kept, instead_of

    def _plan_next(self, slots: IntArray, place: IntArray, quality: NDArray[np.float32]) -> None:
        """Say where the next views of the tracks in `slots` go, which have just got one of `quality` at `place`."""
        count = self.count[slots]
        self.place[slots], self.next_place[slots] = place, count
        self.bar[slots], self.next_bar[slots] = quality, -1
        full = (count == self.views).nonzero()[0]
        if len(full):
            kept = self.quality[slots[full]]  # (full, views)
            worst = kept.argmin(axis=1)
            self.next_place[slots[full]] = worst
            self.next_bar[slots[full]] = kept[np.arange(len(full)), worst]
        unclear = (~self.has_clear[slots]).nonzero()[0]
        if len(unclear):  # what stands in is replaced, never kept beside another
            self.next_place[slots[unclear]] = 0
            self.next_bar[slots[unclear]] = quality[unclear]

    def _average(
        self, slots: IntArray, had_clear: NDArray[np.bool_], embeddings: NDArray[np.float32], time_s: float
    ) -> None:
        """Move the averages towards the embeddings; never by more than half, so that one view cannot replace them."""
        share = np.maximum(np.exp((self.mean_s[slots] - time_s) / self.memory_s), _HALF).astype(np.float32)
        share *= had_clear  # (M,) share of the old average
        share /= np.maximum(_ONE - share, _LEAST_SHARE)  # to one of the new: only the direction of the sum matters
        mean = self.mean.take(slots, axis=0)
        mean *= share[:, None]
        mean += embeddings
        length = np.sqrt(np.vecdot(mean, mean))
        mean *= (_ONE / np.maximum(length, _LEAST_LENGTH, out=length))[:, None]
        self.mean[slots] = mean
        self.mean_s[slots] = time_s

    def views_of(self, slot: int) -> NDArray[np.float32]:
        """(V, D) embeddings of the track's views."""
        return self.embedding[slot, : self.count[slot]]

    def distance(
        self, slots: IntArray, is_lost: NDArray[np.bool_], embeddings: NDArray[np.float32], rows: IntArray
    ) -> NDArray[np.float32]:
        """Cosine distance of a track and an embedding, pair by pair.

        Args:
            slots: (P,) slots of the tracks.
            is_lost: (P,) compare with the moving average and all views instead of with the average alone.
            embeddings: (N, D) unit rows; a row of zeros has distance 1 to everything.
            rows: (P,) which of them.

        Returns:
            (P,) in [0, 2]; only meaningful for tracks with `has_clear`.
        """
        shown = embeddings.take(rows, axis=0)
        similarity: NDArray[np.float32] = np.vecdot(self.mean.take(slots, axis=0), shown)
        lost = is_lost.nonzero()[0]
        if len(lost):
            held = slots[lost]
            of_views = np.vecdot(self.embedding.take(held, axis=0), shown.take(lost, axis=0)[:, None])  # (lost, views)
            of_views[np.arange(self.views) >= self.count[held][:, None]] = -1  # what an earlier track left there
            similarity[lost] = np.maximum(similarity[lost], np.maximum.reduce(of_views, axis=1))
        return np.subtract(_ONE, similarity, out=similarity)

    def mean_distance(self, slots: IntArray, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean cosine distance of the views of a track and an embedding, pair by pair, as `returning` compares people.

        Args:
            slots: (P,) slots of the tracks.
            embeddings: (P, D) unit rows.

        Returns:
            (P,) NaN where the track has no appearance.
        """
        count = self.count[slots]
        similarity = np.vecdot(self.embedding.take(slots, axis=0), embeddings[:, None])  # (P, views)
        similarity[np.arange(self.views) >= count[:, None]] = 0  # what an earlier track left there
        distance: NDArray[np.float32] = _ONE - np.add.reduce(similarity, axis=1) / count.astype(np.float32)
        distance[~self.has_clear[slots]] = math.nan
        return distance

    def summary(self, slots: IntArray) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """(P, D) mean of the views of the tracks, which have an appearance, and (P,) `spread_of` them."""
        count = self.count[slots]
        most = int(count.max(initial=0))
        views = self.embedding[slots, :most]  # (P, most, D)
        views[np.arange(most) >= count[:, None]] = 0  # what an earlier track left there
        mean: NDArray[np.float32] = np.add.reduce(views, axis=1)
        mean /= count[:, None].astype(np.float32)
        spread: NDArray[np.float64] = np.maximum(1 - np.vecdot(mean, mean), 0) * count / np.maximum(count - 1, 1)
        spread[count < 2] = -1
        return mean, spread

    def mean_similarity(self, first: IntArray, second: IntArray) -> NDArray[np.float32]:
        """Cosine similarity of the averages of pairs of slots; NaN where one of the two has no appearance."""
        is_known = self.has_clear[first] & self.has_clear[second] & (self.dimension > 0)
        similarity = np.einsum("nd,nd->n", self.mean[first], self.mean[second])
        return np.where(is_known, similarity, math.nan).astype(np.float32)


def spread_of(views: NDArray[np.float32]) -> float:
    """Mean cosine distance of two different views of (V, D) unit rows, from 0; -1 = not known, of a single one.

    >>> spread_of(np.array([[1, 0], [0, 1], [1, 0]], np.float32))
    0.6666666269302368
    """
    count = len(views)
    if count < 2:
        return -1.0
    mean = views.mean(axis=0)
    return max(1 - float(mean @ mean), 0.0) * count / (count - 1)
