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

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.appearance import AppearanceBank
from mdpr.trackers.checks import check_embeddings, check_frame, check_transform
from mdpr.trackers.demand import embedding_demand
from mdpr.trackers.geometry import areas, centres_and_sizes, corners, intersections, overlaps, to_planes
from mdpr.trackers.hidden import LEAST_DETECTIONS, hidden_behind
from mdpr.trackers.motion import POSITION, VELOCITY, initiate, predict, rescale, transform, update
from mdpr.trackers.shared_motion import LEAST_TRACKS, shared_correction
from mdpr.trackers.track_table import LOST, SEEN, TENTATIVE, TrackTable
from mdpr.trackers.tracklets import make_tracklets
from mdpr.trackers.views import Views, covered_by_nearer, rate_views
from mdpr.types import Detections, Frame, Tracklet, Tracks

TIME_TOLERANCE_S = 1e-6
"""Sums of timestamps are not exact: a gap of 30 frames of 1/30 s counts as 1 s."""

_TENTATIVE, _SEEN, _LOST = (np.array(state, np.int8) for state in (TENTATIVE, SEEN, LOST))
_NO_PIXELS = np.array(0, np.float32)
"""As arrays, because a Python number costs numpy as much again as a comparison of ten tracks."""

LOOK_EVERY_S = 0.1
"""Without embeddings views decide nothing, so their quality is looked at only so often, and when somebody is new: the
best of five in half a second instead of the best of fifteen. To look at it takes a sixth of a frame."""

SETTLED_VIEWS = 3
"""Views of a track from which on its appearance is looked at only every `embedding_interval_s`."""


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
    embedding_interval_s: float
    hidden_s: float
    max_exposed_s: float


@dataclass(eq=False)
class Scene:
    """One frame, ready for matching.

    Attributes:
        frame, detections: as given.
        embeddings: (N, D) float32, or None when there is no appearance in this frame.
        has_appearance: (N,) whether the detection has an embedding.
        has_area: (N,) boxes without area match nothing and begin nothing.
        rate: gives `views`.
        xywh: (4, N) float32 centres and sizes of the detections.
        boxes: (4, T) float32 `xyxy` where the tracks are expected.
        overlap: (T, N) intersection over union of `boxes` and the detections.
        is_one_class: whether everything that this tracker has ever been given is of one class.
        ended: tracklets that became too old before this frame.
    """

    frame: Frame
    detections: Detections
    embeddings: NDArray[np.float32] | None
    has_appearance: NDArray[np.bool_]
    has_area: NDArray[np.bool_]
    rate: Callable[[], Views]
    xywh: NDArray[np.float32]
    boxes: NDArray[np.float32]
    overlap: NDArray[np.float32]
    is_one_class: bool
    ended: tuple[Tracklet, ...]

    @cached_property
    def views(self) -> Views:
        """Quality of the detections as views of their people; worked out when it is first asked for."""
        return self.rate()


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
        self._look_s = -math.inf
        self._classes: set[int] = set()

    def flush(self) -> list[Tracklet]:
        """End all tracks. Later frames may follow; their tracks get new ids."""
        return list(self._end(np.ones(len(self.table), dtype=np.bool_)))

    def move_camera(self, affine: NDArray[np.float64]) -> None:
        """See `Tracker`.

        Raises:
            FormatError: see `check_transform`.
        """
        self.table.motion = transform(self.table.motion, check_transform(affine))

    def embedding_needed(self, detections: Detections, frame: Frame, least_conf: float) -> NDArray[np.bool_]:
        """See `Tracker`; detections below `least_conf` and those without area need none.

        Raises:
            FormatError: another camera than before, time or index that does not increase.
        """
        check_frame(frame, self._last)
        rules, table, bank = self.rules, self.table, self.bank
        xyxy = to_planes(detections.xyxy)
        area = areas(xyxy)
        is_wanted = (detections.confidence >= least_conf) & (area > 0)
        if self._last is None or len(table) == 0 or not is_wanted.any():
            return is_wanted
        boxes = corners(predict(table.motion, frame.time_s - self._last.time_s)[POSITION])
        overlap = overlaps(intersections(boxes, xyxy), areas(boxes), area)
        overlap[table.class_id[:, None] != detections.class_id] = 0
        covered = covered_by_nearer(xyxy[3], area, intersections(xyxy, xyxy))
        views = rate_views(xyxy, detections.confidence, covered, frame.size, rules.clear_conf, rules.max_covered)
        if bank.dimension:
            slot = table.slot
            wait_s = np.where(bank.count[slot] < SETTLED_VIEWS, rules.view_spacing_s, rules.embedding_interval_s)
            is_due = ~bank.has_clear[slot] | (frame.time_s - bank.mean_s[slot] >= wait_s - TIME_TOLERANCE_S)
        else:
            is_due = np.ones(len(table), dtype=np.bool_)
        return is_wanted & embedding_demand(overlap, table.state == SEEN, is_due, views.is_clear)

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
        if self._last is not None and len(self.table):
            is_old = self.table.last_s < frame.time_s - self.rules.max_age_s - TIME_TOLERANCE_S
            is_old |= self.table.exposed_s > self.rules.max_exposed_s + TIME_TOLERANCE_S
            ended = self._end(is_old)
            self.table.motion = predict(self.table.motion, frame.time_s - self._last.time_s)
        self._classes.update(detections.class_id.tolist())
        boxes = self.table.boxes()
        xyxy = to_planes(detections.xyxy)
        xywh = centres_and_sizes(xyxy)
        both = np.concatenate([boxes, xyxy], axis=1)
        shared, area, tracks = intersections(both, xyxy), areas(both), boxes.shape[1]

        def rate() -> Views:
            covered = covered_by_nearer(xyxy[3], area[tracks:], shared[tracks:])
            rules, confidence = self.rules, detections.confidence
            views = rate_views(xyxy, confidence, covered, frame.size, rules.clear_conf, rules.max_covered)
            if self.bank.dimension:
                np.logical_and(views.is_clear, has_appearance, out=views.is_clear)
            return views

        return Scene(
            frame=frame,
            detections=detections,
            embeddings=vectors,
            has_appearance=has_appearance,
            has_area=np.minimum(xywh[2], xywh[3]) > _NO_PIXELS,
            rate=rate,
            xywh=xywh,
            boxes=boxes,
            overlap=overlaps(shared[:tracks], area[:tracks], area[tracks:]),
            is_one_class=len(self._classes) < 2,
            ended=ended,
        )

    def finish(self, scene: Scene, match: NDArray[np.intp]) -> Tracks:
        """Take over the matches of the frame: (T,) column of each track's detection, -1 for none."""
        frame, detections, table = scene.frame, scene.detections, self.table
        is_first = self._last is None
        dt_s = 0.0 if self._last is None else frame.time_s - self._last.time_s
        self._last = frame
        rows = (match >= 0).nonzero()[0]
        columns = match[rows]
        is_over = np.zeros(len(table), dtype=np.bool_)
        if len(rows):
            self._take_over(rows, columns, scene)
        if len(rows) < len(table):
            self._miss((match < 0).nonzero()[0], is_over)

        is_new = scene.has_area & (detections.confidence >= self.rules.new_track_conf)
        is_new[columns] = False
        born = is_new.nonzero()[0]
        if len(born):
            births = TrackTable.of_births(
                detections, born, frame, self.bank.take(len(born)), initiate(scene.xywh.take(born, axis=1))
            )
            self.table = table = table.append(births)
            is_over = np.concatenate([is_over, np.zeros(len(born), dtype=np.bool_)])
            rows = np.concatenate([rows, np.arange(len(table) - len(born), len(table))])
            columns = np.concatenate([columns, born])
        if len(rows):
            self._confirm(rows, frame.time_s, is_first)
        if len(born) or scene.embeddings is not None or frame.time_s >= self._look_s:
            self._look_s = frame.time_s + LOOK_EVERY_S - TIME_TOLERANCE_S
            self.bank.observe(table.slot[rows], columns, detections, scene.views, scene.embeddings, frame)
        hidden = self._settle_lost(is_over, dt_s)
        is_shown = (table.state[rows] == _SEEN) > is_over[rows]  # seen and not over
        rows, columns = rows[is_shown], columns[is_shown]
        ids, boxes = table.track_id[rows], detections.xyxy.take(columns, axis=0)
        confidence, class_id = detections.confidence[columns], detections.class_id[columns]
        if len(hidden):
            ids = np.concatenate([ids, table.track_id[hidden]])
            boxes = np.concatenate([boxes, table.boxes().T.take(hidden, axis=0)])
            confidence = np.concatenate([confidence, np.zeros(len(hidden), dtype=np.float32)])
            class_id = np.concatenate([class_id, table.class_id[hidden]])
            columns = np.concatenate([columns, np.full(len(hidden), -1)])
        ended = scene.ended + self._end(is_over)
        if len(ended) > 1:
            ended = tuple(sorted(ended, key=lambda tracklet: tracklet.track_id))
        return Tracks.trusted(ids, boxes, confidence, class_id, columns.astype(np.int32), ended)

    def _take_over(self, rows: NDArray[np.intp], columns: NDArray[np.intp], scene: Scene) -> None:
        """Matched tracks take what their detections say about motion, time and confidence."""
        table, frame, confidence = self.table, scene.frame, scene.detections.confidence[columns]
        before = table.motion.take(rows, axis=2)
        after = update(before, scene.xywh.take(columns, axis=1), confidence)
        if len(rows) < len(table):
            was_seen = (table.state[rows] == _SEEN).nonzero()[0]
            if len(was_seen) >= LEAST_TRACKS:
                pair = before[:2, :2], after[:2, :2]
                if len(was_seen) < len(rows):
                    pair = pair[0].take(was_seen, axis=2), pair[1].take(was_seen, axis=2)
                table.motion[:2, :2] += shared_correction(*pair)[:, :, None]  # of all, then the matched have their own
        table.motion[:, :, rows] = after
        table.last_s[rows] = frame.time_s
        table.exposed_s[rows] = 0
        table.last_frame[rows] = frame.index
        table.detections[rows] += 1
        table.confidence_sum[rows] += confidence

    def _miss(self, missed: NDArray[np.intp], is_over: NDArray[np.bool_]) -> None:
        """Tracks without a detection: confirmed ones are lost, tentative ones are over."""
        table = self.table
        state = table.state[missed]
        is_over[missed] = state == _TENTATIVE
        state[state == _SEEN] = LOST
        table.state[missed] = state
        for speed in table.motion[VELOCITY, 2:]:
            speed[missed] = 0  # an unseen person keeps their size

    def _confirm(self, rows: NDArray[np.intp], time_s: float, is_first: bool) -> None:
        """Matched confirmed tracks are seen; tentative ones are confirmed once they have lasted.

        Those in the very first frame are confirmed at once: nothing can be known about them, and the people who are
        there when a camera starts should be reported from the start (as ByteTrack does).
        """
        table = self.table
        state = table.state[rows]
        if len((state != _SEEN).nonzero()[0]) == 0:
            return
        is_tentative = state == _TENTATIVE
        tentative = rows[is_tentative]
        table.state[rows] = SEEN
        if len(tentative) == 0:
            return
        lasted = table.start_s[tentative] <= time_s - self.rules.confirm_s + TIME_TOLERANCE_S
        is_confirmed = lasted | is_first
        table.state[tentative[~is_confirmed]] = TENTATIVE
        confirmed = tentative[is_confirmed]
        table.track_id[confirmed] = self._last_id + 1 + np.arange(len(confirmed))
        self._last_id += len(confirmed)

    def _settle_lost(self, is_over: NDArray[np.bool_], dt_s: float) -> NDArray[np.intp]:
        """End duplicates, and let the clock of lost tracks in plain view go on; returns rows of the hidden to show."""
        table, rules = self.table, self.rules
        lost = (table.state == _LOST).nonzero()[0]
        if len(lost) == 0:
            return lost
        seen = (table.state == _SEEN).nonzero()[0]
        boxes = table.boxes()
        of_seen, of_lost = boxes.take(seen, axis=1), boxes.take(lost, axis=1)
        shared = intersections(of_seen, of_lost)  # (seen, lost)
        if len(shared.reshape(-1).nonzero()[0]) == 0:
            table.exposed_s[lost] += dt_s
            return lost[:0]
        area = areas(of_lost)
        self._end_duplicates(seen, lost, overlaps(shared, areas(of_seen), area), is_over)
        is_hidden = hidden_behind(of_lost[3], area, of_seen[3], shared)
        table.exposed_s[lost] += np.where(is_hidden, 0, dt_s)
        hidden = lost[is_hidden]
        time_s = 0.0 if self._last is None else self._last.time_s
        is_shown = time_s - table.last_s[hidden] <= rules.hidden_s + TIME_TOLERANCE_S
        is_shown &= (table.detections[hidden] >= LEAST_DETECTIONS) & ~is_over[hidden]
        return hidden[is_shown]

    def _end_duplicates(
        self,
        seen: NDArray[np.intp],
        lost: NDArray[np.intp],
        overlap: NDArray[np.float32],
        is_over: NDArray[np.bool_],
    ) -> None:
        """Set `is_over` for the younger of a seen and a lost track that lie on one another, by (seen, lost) overlap.

        Such a pair is mostly one person, whose track was lost for a moment and began anew. When the younger one ends,
        the older continues with the next detection. Two tracks that both have a detection are left alone: that is what
        the detector's suppression is for, and to end one would only begin another. So are two whose appearance differs:
        one person hidden behind another is not a duplicate.
        """
        table = self.table
        at = (overlap >= self.rules.duplicate_iou).reshape(-1).nonzero()[0]
        if len(at) == 0:
            return
        seen_at, lost_at = divmod(at, len(lost))
        first, second = seen[seen_at], lost[lost_at]
        distance = 1 - self.bank.mean_similarity(table.slot[first], table.slot[second])
        is_same = ~(distance > self.rules.same_person_distance)  # unknown appearance (NaN) does not speak against it
        is_same &= table.class_id[first] == table.class_id[second]
        younger = np.maximum(first, second)  # rows are in order of birth
        is_over[younger[is_same]] = True

    def _end(self, is_over: NDArray[np.bool_]) -> tuple[Tracklet, ...]:
        """Remove rows and return the tracklets of those that were confirmed."""
        over = is_over.nonzero()[0]
        if len(over) == 0:
            return ()
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
            self.table.motion = rescale(self.table.motion, factors)
        self._size = size
