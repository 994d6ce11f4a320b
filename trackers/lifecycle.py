"""Birth, confirmation, loss and end of tracks: all that trackers share besides deciding who goes with whom.

A tracker owns a `Lifecycle` and calls, for each frame,

    scene = lifecycle.begin(detections, frame, embeddings)   checks, ends what is too old, predicts
    match = ...                                              (T,) detection of each track, -1 for none
    return lifecycle.finish(scene, match)                    updates, begins and ends tracks

States: tentative -> confirmed (seen or lost) -> ended. A tentative track ends at the first frame that does not show it
and leaves no tracklet. A confirmed one is lost while nothing matches it and ends after `max_age_s`. Track ids are given
when a track is confirmed, from 1 and without gaps; they are counted by the instance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import iou_matrix, xyxy_to_xywh
from mdpr.trackers.appearance import AppearanceBank
from mdpr.trackers.checks import check_embeddings, check_frame
from mdpr.trackers.motion import initiate, predict, rescale, update
from mdpr.trackers.track_table import LOST, SEEN, TENTATIVE, TrackTable
from mdpr.trackers.tracklets import make_tracklets
from mdpr.trackers.views import Views, rate_views
from mdpr.types import Detections, Frame, Tracklet, Tracks

TIME_TOLERANCE_S = 1e-6
"""Sums of timestamps are not exact: a gap of 30 frames of 1/30 s counts as 1 s."""


@dataclass(frozen=True)
class LifecycleRules:
    """The options that `Lifecycle` needs; trackers document them in their own `Config`."""

    new_track_conf: float
    clear_conf: float
    max_age_s: float
    confirm_s: float
    duplicate_iou: float
    same_person_distance: float
    max_covered: float
    views: int
    view_spacing_s: float
    appearance_memory_s: float


@dataclass(frozen=True, eq=False)
class Scene:
    """One frame, ready for matching.

    Attributes:
        frame, detections: as given.
        embeddings: (N, D) float32, or None when there is no appearance in this frame.
        has_appearance: (N,) whether the detection has an embedding.
        has_area: (N,) boxes without area match nothing and begin nothing.
        views: quality of the detections.
        boxes: (T, 4) float32 `xyxy` where the tracks are expected.
        ended: tracklets that became too old before this frame.
    """

    frame: Frame
    detections: Detections
    embeddings: NDArray[np.float32] | None
    has_appearance: NDArray[np.bool_]
    has_area: NDArray[np.bool_]
    views: Views
    boxes: NDArray[np.float32]
    ended: tuple[Tracklet, ...]


class Lifecycle:
    """The tracks of one camera. `table` is replaced when rows come or go, so hold no reference across frames."""

    def __init__(self, rules: LifecycleRules) -> None:
        self.rules = rules
        self.reset()

    def reset(self) -> None:
        """Forget everything, ids and camera included."""
        rules = self.rules
        self.table = TrackTable.empty()
        self.bank = AppearanceBank(rules.views, rules.view_spacing_s, rules.appearance_memory_s)
        self._last: Frame | None = None
        self._size = (0, 0)
        self._last_id = 0

    def flush(self) -> list[Tracklet]:
        """End all tracks. Later frames may follow; their tracks get new ids."""
        return list(self._end(np.ones(len(self.table), dtype=np.bool_)))

    def begin(self, detections: Detections, frame: Frame, embeddings: NDArray[np.float32] | None) -> Scene:
        """Check the input, end tracks that are too old, and move the others to the time of the frame.

        Raises:
            FormatError: another camera than before, time or index that does not increase, embeddings that do not fit.
                Nothing has changed then.
        """
        check_frame(frame, self._last)
        vectors, has_appearance = check_embeddings(embeddings, len(detections), self.bank.dimension, frame)
        if vectors is not None and self.bank.dimension == 0:
            self.bank.set_dimension(vectors.shape[1])
        self._follow_size(frame.size)
        ended: tuple[Tracklet, ...] = ()
        boxes = np.empty((0, 4), dtype=np.float32)
        if self._last is not None and len(self.table):
            is_old = frame.time_s - self.table.last_s > self.rules.max_age_s + TIME_TOLERANCE_S
            if is_old.any():
                ended = self._end(is_old)
            table = self.table
            table.mean, table.covariance = predict(table.mean, table.covariance, frame.time_s - self._last.time_s)
            boxes = table.boxes()
        views = rate_views(detections, frame.size, self.rules.clear_conf, self.rules.max_covered)
        if self.bank.dimension:
            np.logical_and(views.is_clear, has_appearance, out=views.is_clear)
        has_area: NDArray[np.bool_] = np.all(detections.xyxy[:, 2:] > detections.xyxy[:, :2], axis=1)
        return Scene(frame, detections, vectors, has_appearance, has_area, views, boxes, ended)

    def finish(self, scene: Scene, match: NDArray[np.intp]) -> Tracks:
        """Take over the matches of the frame: (T,) column of each track's detection, -1 for none."""
        frame, detections, table = scene.frame, scene.detections, self.table
        is_first = self._last is None
        self._last = frame
        rows = np.flatnonzero(match >= 0)
        columns = match[rows]
        if len(rows):
            self._take_over(rows, columns, detections, frame)
        is_missed = match < 0
        table.state[is_missed & (table.state == SEEN)] = LOST
        table.mean[is_missed, 2:, 1] = 0  # an unseen person keeps their size
        is_over = is_missed & (table.state == TENTATIVE)

        is_new = scene.has_area & (detections.confidence >= self.rules.new_track_conf)
        is_new[columns] = False
        born = np.flatnonzero(is_new)
        if len(born):
            motion = initiate(xyxy_to_xywh(detections.xyxy[born]))
            births = TrackTable.of_births(detections, born, frame, self.bank.take(len(born)), motion)
            self.table = table = table.append(births)
            is_over = np.concatenate([is_over, np.zeros(len(born), dtype=np.bool_)])
            rows = np.concatenate([rows, np.arange(len(table) - len(born), len(table))])
            columns = np.concatenate([columns, born])
        if len(rows):
            self._confirm(rows, frame.time_s, is_first)
            self.bank.observe(table.slot[rows], columns, detections, scene.views, scene.embeddings, frame)
        is_over |= self._duplicates()
        is_shown = (table.state[rows] == SEEN) & ~is_over[rows]
        rows, columns = rows[is_shown], columns[is_shown]
        ids = table.track_id[rows]
        ended = scene.ended + self._end(is_over)
        return Tracks(
            ids,
            detections.xyxy[columns],
            detections.confidence[columns],
            detections.class_id[columns],
            columns.astype(np.int32),
            tuple(sorted(ended, key=lambda tracklet: tracklet.track_id)),
        )

    def _take_over(
        self, rows: NDArray[np.intp], columns: NDArray[np.intp], detections: Detections, frame: Frame
    ) -> None:
        table, confidence = self.table, detections.confidence[columns]
        xywh = xyxy_to_xywh(detections.xyxy[columns])
        mean, covariance = update(table.mean[rows], table.covariance[rows], xywh, confidence)
        table.mean[rows] = mean
        table.covariance[rows] = covariance
        table.last_s[rows] = frame.time_s
        table.last_frame[rows] = frame.index
        table.detections[rows] += 1
        table.confidence_sum[rows] += confidence

    def _confirm(self, rows: NDArray[np.intp], time_s: float, is_first: bool) -> None:
        """Matched confirmed tracks are seen; tentative ones are confirmed once they have lasted.

        Those in the very first frame are confirmed at once: nothing can be known about them, and the people who are
        there when a camera starts should be reported from the start (as ByteTrack does).
        """
        table = self.table
        state = table.state[rows]
        lasted = time_s - table.start_s[rows] >= self.rules.confirm_s - TIME_TOLERANCE_S
        is_confirmed = (state == TENTATIVE) & (lasted | is_first)
        table.state[rows[(state == LOST) | is_confirmed]] = SEEN
        confirmed = rows[is_confirmed]
        table.track_id[confirmed] = self._last_id + 1 + np.arange(len(confirmed))
        self._last_id += len(confirmed)

    def _duplicates(self) -> NDArray[np.bool_]:
        """(T,) the younger of a seen and a lost track that lie on one another.

        Such a pair is mostly one person, whose track was lost for a moment and began anew. When the younger one ends,
        the older continues with the next detection. Two tracks that both have a detection are left alone: that is what
        the detector's suppression is for, and to end one would only begin another. So are two whose appearance differs:
        one person hidden behind another is not a duplicate.
        """
        table = self.table
        is_over = np.zeros(len(table), dtype=np.bool_)
        lost = np.flatnonzero(table.state == LOST)
        if len(lost) == 0:
            return is_over
        seen = np.flatnonzero(table.state == SEEN)
        boxes = table.boxes()
        overlap = iou_matrix(boxes[seen], boxes[lost])  # (seen, lost)
        is_double = (overlap >= self.rules.duplicate_iou) & (table.class_id[seen][:, None] == table.class_id[lost])
        if not is_double.any():
            return is_over
        seen_at, lost_at = np.nonzero(is_double)
        first, second = seen[seen_at], lost[lost_at]
        distance = 1 - self.bank.mean_similarity(table.slot[first], table.slot[second])
        is_same = ~(distance > self.rules.same_person_distance)  # unknown appearance (NaN) does not speak against it
        younger = np.maximum(first, second)  # rows are in order of birth
        is_over[younger[is_same]] = True
        return is_over

    def _end(self, is_over: NDArray[np.bool_]) -> tuple[Tracklet, ...]:
        """Remove rows and return the tracklets of those that were confirmed."""
        if not is_over.any():
            return ()
        over = np.flatnonzero(is_over)
        camera = "" if self._last is None else self._last.camera
        tracklets = make_tracklets(self.table, self.bank, over, camera)
        self.bank.release(self.table.slot[over])
        self.table = self.table.select(~is_over)
        self.table.slot = self.bank.pack(self.table.slot)
        return tuple(tracklets)

    def _follow_size(self, size: tuple[int, int]) -> None:
        """When a stream changes its resolution, the same scene goes on in other pixels."""
        if size == (0, 0):
            return
        if self._size not in ((0, 0), size):
            factors = size[0] / self._size[0], size[1] / self._size[1]
            self.table.mean, self.table.covariance = rescale(self.table.mean, self.table.covariance, factors)
        self._size = size
