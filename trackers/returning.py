"""People who come back: ended tracklets stay in a bounded gallery, and new tracks are compared with them.

A tracklet whose person may come back is held until `return_s` has passed, the gallery is full, or the tracker is
flushed; when the person returns, the new track takes the old id, and one tracklet covers both visits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.appearance import spread_of
from mdpr.trackers.geometry import areas, intersections, overlaps
from mdpr.trackers.merging import best_views, merge_tracklets
from mdpr.types import Tracklet

IntArray = NDArray[np.intp]

Spans = tuple[tuple[float, float], ...]
"""Start and end in seconds of the visits of somebody."""

Looks = tuple[NDArray[np.float32], NDArray[np.float64]]
"""(A, D) mean of the views of each of some tracks, and (A,) `spread_of` them, see `AppearanceBank.summary`."""

SMALL_PRODUCT = 500_000
"""Multiplications of a matrix product up to which OpenBLAS surely works on the rows as they lie. Beyond, it copies both
into blocks first, which for a few new tracks and hundreds who left takes up to six times as long (measured: 4 and 446
rows of 512 values, 128 us at once, 22 us in parts)."""

_MOST_SPANS = 32  # visits whose times are kept; earlier ones count as one that lasted all the time


@dataclass(frozen=True)
class ReturnRules:
    """The options of returning; `DeepSortConfig` documents them.

    Attributes:
        max_distance: of two visits of one person; `few_views_distance` where one of them has fewer views than
            `least_views`.
        crop_distance: largest mean cosine distance of a single crop and the views of who left, see `are_nearer`.
    """

    return_s: float
    capacity: int
    least_views: int
    max_distance: float
    few_views_distance: float
    crop_distance: float
    margin: float
    views: int
    hidden_s: float = 0.0


class ReturnGallery:
    """Tracklets of people who have left one camera, by the mean of their views.

    Two visits are compared by the mean cosine distance over all pairs of their views, less that over the pairs within
    each: half the energy distance (Székely and Rizzo, Energy statistics, 2013). What views of one visit differ by
    depends on the place: where everybody stands at one table it is little, and two people are nearer there than two
    visits of one person who walks through a shop. It needs no sums over pairs: of unit vectors the mean over pairs is a
    product of means.
    """

    def __init__(self, rules: ReturnRules) -> None:
        self.rules = rules
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        self._held: list[Tracklet] = []  # in order of their end
        self._spans: list[Spans] = []  # of each
        self._mean = np.empty((0, 0), dtype=np.float32)  # (held or more, D), a row for each
        self._facts = np.empty((3, 0))  # (3, held or more) end in seconds, class and `spread_of` of each
        self._last = np.empty((4, 0), dtype=np.float32)  # (4, held or more) box of the last view of each
        self._back: dict[int, tuple[Tracklet, Spans]] = {}  # earlier visits of those who are here again

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, ended: Iterable[Tracklet], time_s: float) -> list[Tracklet]:
        """Take tracklets that have ended; returns those that nobody can return to, merged with earlier visits."""
        done = []
        for tracklet in ended:
            whole = tracklet
            spans: Spans = ((tracklet.start_s, tracklet.end_s),)
            if tracklet.track_id in self._back:
                earlier, before = self._back.pop(tracklet.track_id)
                spans = before + spans
                whole = self._merged([earlier, tracklet], spans)
            if self.rules.return_s > 0 and whole.embeddings.any():
                self._append(whole, _bounded(spans))
            else:
                done.append(whole)
        too_many = len(self._held) - self.rules.capacity
        count = max(too_many, 0)
        while count < len(self._held) and time_s - self._held[count].end_s > self.rules.return_s:
            count += 1
        return done + self._drop(count)

    def flush(self, ended: Iterable[Tracklet]) -> list[Tracklet]:
        """All tracklets, the held ones and those that end now, in order of track id; nobody is held afterwards."""
        done = self.hold(ended, 0.0) + self._drop(len(self._held))
        return sorted(done, key=lambda tracklet: tracklet.track_id)

    def may_find(
        self, mean: NDArray[np.float32], spread: NDArray[np.float64], start_s: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Whether `find` can be anything but 0 for each of some new tracks: somebody who had left is near enough.

        Args:
            mean: (A, D) of the views of each.
            spread: (A,) `spread_of` them.
            start_s: (A,) when each began.
        """
        found = np.zeros(len(mean), dtype=np.bool_)
        if not self._held:
            return found
        end_s, _, spreads = self._facts[:, : len(self._held)]
        limit = max(self.rules.max_distance, self.rules.few_views_distance) + 1e-5
        similarity = _products(mean, self._mean[: len(self._held)])
        # Few are as near as the largest spread allows; only these are looked at further.
        at = (similarity >= 1 - limit - max(spreads.max(), spread.max(initial=0), 0)).reshape(-1).nonzero()[0]
        if len(at):
            new, held = np.divmod(at, len(self._held))
            distance = _beyond(1 - similarity[new, held], spreads[held], spread[new])
            found[new[(distance <= limit) & self._had_left(end_s[held], start_s[new])]] = True
        return found

    def _had_left(self, end_s: NDArray[np.float64], start_s: Any) -> NDArray[np.bool_]:
        """Who ended at `end_s`, and was no longer shown as hidden, when a track began at `start_s`."""
        gone: NDArray[np.bool_] = end_s + self.rules.hidden_s < start_s
        return gone

    def find(
        self, views: NDArray[np.float32], start_s: float, class_id: int, rivals: Callable[[], Looks] | None = None
    ) -> tuple[int, ...]:
        """The track ids of the person whom the views of a new track show; none when it is nobody's, or nobody's surely.

        They must be closer than `max_distance`, or than `few_views_distance` when one of the two has fewer views than
        `least_views`; and everybody else in the gallery must be farther by the margin. Who was lost now and then is in
        the gallery several times: those who look like the nearest one, were never there at the same time, and not
        when the new track began, are not somebody else. Those of them who are near enough themselves are that person,
        too.

        Args:
            views: (V, D) unit rows.
            start_s: when the new track began; only those are asked who had left by then, and were no longer shown as
                hidden (`hidden_s`), so that nobody is at two places in one frame.
            class_id: of the new track.
            rivals: what other new tracks that may be the same person look like, asked for only where it matters; when
                one of them is as near or nearer, up to the margin, this is not settled, because people often come
                back together.

        Returns:
            The first id that the person had, which they keep, and then the others.
        """
        rules = self.rules
        if not self._held or len(views) == 0:
            return ()
        mean, spread = views.mean(axis=0), spread_of(views)
        end_s, class_ids, spreads = self._facts[:, : len(self._held)]
        distance = _beyond(1 - self._mean[: len(self._held)] @ mean, spreads, spread)  # (held,)
        candidates = np.where(self._had_left(end_s, start_s) & (class_ids == class_id), distance, np.inf)
        best = int(candidates.argmin())
        nearest = candidates[best]
        if not nearest <= self._limit(len(views), best):
            return ()
        same = [best]
        near = (distance < max(nearest + rules.margin, rules.max_distance)).nonzero()[0]
        for other in near[distance[near].argsort(kind="stable")].tolist():
            if other == best:
                continue
            # Who was there when the new track began is not the new one, nor then is who is one with them.
            is_same = end_s[other] < start_s and all(self._are_one(one, other) for one in same)
            if not is_same and distance[other] - nearest < rules.margin:
                return ()
            if is_same and candidates[other] <= self._limit(len(views), other):
                same.append(other)
        if rivals is not None:
            means, others = rivals()
            if (_beyond(1 - means @ self._mean[best], others, spreads[best]) < nearest + rules.margin).any():
                return ()
        return self._take(same)

    def _limit(self, views: int, held: int) -> float:
        """The largest distance of so many views and somebody who is held."""
        fewer = min(views, len(self._held[held].embeddings))
        return self.rules.max_distance if fewer >= self.rules.least_views else self.rules.few_views_distance

    def _are_one(self, one: int, other: int) -> bool:
        """Whether two who are held may be one person: by looks, by class, and never there at the same time."""
        _, class_ids, spreads = self._facts
        distance = _beyond(1 - self._mean[one] @ self._mean[other], spreads[one], spreads[other])
        if distance > self._limit(len(self._held[one].embeddings), other) or class_ids[one] != class_ids[other]:
            return False
        shown_s = self.rules.hidden_s  # beyond the end, as hidden
        return not any(
            start <= end_s + shown_s and start_s <= end + shown_s
            for start, end in self._spans[one]
            for start_s, end_s in self._spans[other]
        )

    def _take(self, held: list[int]) -> tuple[int, ...]:
        """Take out those who are the same person and here again, as one; returns their ids, the first one's first."""
        held = sorted(held, key=lambda at: (self._held[at].start_s, self._held[at].track_id))
        ids = tuple(self._held[at].track_id for at in held)
        spans = _bounded([span for at in held for span in self._spans[at]])
        whole = self._merged([self._held[at] for at in held], spans)
        self._back[whole.track_id] = whole, spans
        for at in sorted(held, reverse=True):
            del self._held[at], self._spans[at]
            count = len(self._held)
            self._mean[at:count] = self._mean[at + 1 : count + 1]
            self._facts[:, at:count] = self._facts[:, at + 1 : count + 1]
            self._last[:, at:count] = self._last[:, at + 1 : count + 1]
        return ids

    def _merged(self, visits: Sequence[Tracklet], spans: Spans) -> Tracklet:
        return merge_tracklets(visits, self.rules.views, spans)

    def overlaps(self, xyxy: NDArray[np.float32], class_id: NDArray[np.int32]) -> NDArray[np.float32]:
        """(N, held) IoU of (4, N) boxes and the last views of all of their class who left; 0 for other classes."""
        last = self._last[:, : len(self._held)]
        overlap = overlaps(intersections(xyxy, last), areas(xyxy), areas(last))
        overlap[class_id[:, None] != self._facts[1, : len(self._held)]] = 0
        return overlap

    def are_nearer(
        self, embeddings: NDArray[np.float32], distance: NDArray[np.float32], is_asked: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Whether one of those asked looks nearer than `distance` by the margin, and near enough for a return.

        Args:
            embeddings: (P, D) single crops, unit rows.
            distance: (P,) mean cosine distance of each to somebody else; nobody is nearer than NaN.
            is_asked: (P, held) which of those who left.
        """
        most = np.minimum(distance - self.rules.margin, self.rules.crop_distance)
        is_near = 1 - embeddings @ self._mean[: len(self._held)].T < most[:, None]
        found: NDArray[np.bool_] = np.logical_or.reduce(is_near & is_asked, axis=1)
        return found

    def _append(self, tracklet: Tracklet, spans: Spans) -> None:
        count = len(self._held)
        if count >= len(self._mean):
            grown = np.zeros((max(2 * count, 16), tracklet.embeddings.shape[1]), dtype=np.float32)
            facts, last = np.zeros((3, len(grown))), np.zeros((4, len(grown)), dtype=np.float32)
            if count:
                grown[:count], facts[:, :count] = self._mean[:count], self._facts[:, :count]
                last[:, :count] = self._last[:, :count]
            self._mean, self._facts, self._last = grown, facts, last
        known = tracklet.embeddings[best_views(tracklet, self.rules.views)]
        self._mean[count] = known.mean(axis=0)
        self._facts[:, count] = tracklet.end_s, tracklet.class_id, spread_of(known)
        self._last[:, count] = tracklet.view_xyxy[-1]
        self._held.append(tracklet)
        self._spans.append(spans)

    def _drop(self, count: int) -> list[Tracklet]:
        """Let the first ones go."""
        if count == 0:
            return []
        gone, self._held, self._spans = self._held[:count], self._held[count:], self._spans[count:]
        self._mean = self._mean[count:].copy() if self._held else np.empty((0, 0), dtype=np.float32)
        self._facts, self._last = self._facts[:, count:].copy(), self._last[:, count:].copy()
        return gone


def _bounded(spans: Iterable[tuple[float, float]]) -> Spans:
    """The visits in order; the first ones as one where there are too many, which says of nobody that they were away."""
    ordered = sorted(spans)
    if len(ordered) <= _MOST_SPANS:
        return tuple(ordered)
    early, late = ordered[: 1 - _MOST_SPANS], ordered[1 - _MOST_SPANS :]
    return ((early[0][0], max(end for _, end in early)), *late)


def _products(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """(A, B) inner products of (A, D) and (B, D) rows, a part of `second` at a time."""
    step = max(SMALL_PRODUCT // max(first.size, 1), 1)
    if len(second) <= step:
        return first.dot(second.T)
    return np.concatenate([first.dot(second[at : at + step].T) for at in range(0, len(second), step)], axis=1)


def _beyond(distance: Any, spread: Any, other: Any) -> Any:
    """Distances less what views of one visit differ by: the mean of both spreads, the one that is known, or nothing."""
    one, two = np.where(spread < 0, other, spread), np.where(other < 0, spread, other)
    return distance - np.maximum((one + two) * 0.5, 0)
