"""Birth, confirmation, loss and end of tracks: all that trackers share besides deciding who goes with whom.

`scene` prepares a frame, `confirming` says when a track is believed, `losing` what becomes of those not matched.

A tracker owns a `Lifecycle` and calls, for each frame,

    scene = lifecycle.begin(detections, frame, embeddings)   checks, ends what is too old, predicts
    match = ...                                              (T,) detection of each track, -1 for none
    return lifecycle.finish(scene, match)                    updates, begins and ends tracks

States: tentative -> confirmed (seen or lost) -> ended. A tentative track ends at the first frame that does not show it
and leaves no tracklet. A confirmed one is lost while nothing matches it and ends after `max_age_s`. Track ids are given
when a track is first shown, from 1 and without gaps; they are counted by the instance.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.appearance import AppearanceBank
from mdpr.trackers.checks import check_embeddings, check_frame, check_transform
from mdpr.trackers.confirming import confirm
from mdpr.trackers.demand import embedding_demand
from mdpr.trackers.geometry import areas, corners, intersections, overlaps, to_planes
from mdpr.trackers.lifecycle_rules import TIME_TOLERANCE_S, LifecycleRules
from mdpr.trackers.losing import count_clear, miss, settle_lost
from mdpr.trackers.motion import POSITION, VARIANCE, initiate, predict, rescale, transform, update
from mdpr.trackers.pairs import overlapping_pairs
from mdpr.trackers.scene import Scene, make_scene
from mdpr.trackers.shared_motion import LEAST_TRACKS, shared_correction
from mdpr.trackers.track_table import SEEN, TrackTable
from mdpr.trackers.tracklets import make_tracklets
from mdpr.trackers.views import covered_by_nearer, rate_views
from mdpr.types import Detections, Frame, NewViews, Tracklet, Tracks

LOOK_EVERY_S = 0.1
"""Without embeddings views decide nothing, so their quality is looked at only so often, and when somebody is new: the
best of five in half a second instead of the best of fifteen. To look at it takes a sixth of a frame."""

NONE = np.array(-1)
"""The match of a track without a detection; an array, see `track_table`."""

SETTLED_VIEWS = 3
"""Views of a track from which on its appearance is looked at only every `embedding_interval_s`."""


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
        covered = covered_by_nearer(xyxy[3], area, *overlapping_pairs(xyxy, xyxy))
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
        return make_scene(
            detections,
            frame,
            vectors,
            has_appearance,
            self.table.boxes(),
            self.rules,
            needs_appearance=self.bank.dimension > 0,
            is_one_class=len(self._classes) < 2,
            ended=ended,
        )

    def finish(self, scene: Scene, match: NDArray[np.intp]) -> Tracks:
        """Take over the matches of the frame: (T,) column of each track's detection, -1 for none."""
        frame, detections, table = scene.frame, scene.detections, self.table
        is_first = self._last is None
        dt_s = 0.0 if self._last is None else frame.time_s - self._last.time_s
        self._last = frame
        is_matched = match != NONE
        rows = is_matched.nonzero()[0]
        columns = match[rows]
        is_over = np.zeros(len(table), dtype=np.bool_)
        if len(rows):
            self._take_over(match, is_matched, rows, scene)
        if len(rows) < len(table):
            miss(table, (~is_matched).nonzero()[0], is_over)

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
        believed = rows
        if len(rows):
            count_clear(table, rows, columns, scene, self.rules)
            believed = confirm(table, rows, columns, scene, self.rules, is_first)
        look = None
        if len(born) or scene.embeddings is not None or frame.time_s >= self._look_s:
            self._look_s = frame.time_s + LOOK_EVERY_S - TIME_TOLERANCE_S
            look = self.bank.observe(table.slot[rows], columns, detections, scene.views, scene.embeddings, frame)
        hidden = settle_lost(table, self.bank, self.rules, is_over, frame.time_s, dt_s)
        confirmed = self._give_ids(believed[~is_over[believed]]) if len(believed) else ()
        new_views = None if look is None else self._views_of(rows, columns, scene, *look)
        is_shown = (table.state[rows] == SEEN) > is_over[rows]  # seen and not over
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
        return Tracks.trusted(ids, boxes, confidence, class_id, columns.astype(np.int32), ended, confirmed, new_views)

    def _give_ids(self, rows: NDArray[np.intp]) -> tuple[tuple[int, int], ...]:
        """Give the next ids to these rows; returns `Tracks.confirmed`."""
        ids = self._last_id + 1 + np.arange(len(rows))
        self._last_id += len(rows)
        self.table.track_id[rows] = ids
        return tuple(zip(_numbers(self.table.slot[rows]).tolist(), ids.tolist(), strict=True))

    def _views_of(
        self,
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        scene: Scene,
        kept: NDArray[np.intp],
        instead_of: NDArray[np.int64],
    ) -> NewViews | None:
        """`Tracks.new_views` from what `AppearanceBank.observe` kept of the matched tracks (`rows`)."""
        if len(kept) == 0:
            return None
        kept_rows = rows[kept]
        track_id = self.table.track_id[kept_rows]
        track = np.where(track_id > 0, track_id, _numbers(self.table.slot[kept_rows]))
        return NewViews(track, scene.detections.xyxy.take(columns[kept], axis=0), instead_of)

    def _take_over(
        self, match: NDArray[np.intp], is_matched: NDArray[np.bool_], rows: NDArray[np.intp], scene: Scene
    ) -> None:
        """Matched tracks take what their detections say about motion, time and confidence."""
        table, frame, confidence = self.table, scene.frame, scene.detections.confidence[match]
        # All are corrected, those without a match (-1) by the last detection, and then only the matched are taken: to
        # pick them out before and to put them back costs more.
        after = update(table.motion, scene.xywh.take(match, axis=1), confidence)
        if len(rows) < len(table):
            was_seen = rows[table.state[rows] == SEEN]
            if len(was_seen) >= LEAST_TRACKS:  # of all, then the matched have their own
                table.motion[:VARIANCE, :2] += shared_correction(table.motion, after, was_seen)[:, :, None]
        np.copyto(table.motion, after, where=is_matched)
        table.last_s[rows] = frame.time_s
        table.exposed_s[rows] = 0
        table.last_frame[rows] = frame.index
        table.detections += is_matched
        table.confidence_sum += confidence * is_matched

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


def _numbers(slots: NDArray[np.intp]) -> NDArray[np.intp]:
    """Numbers below 0 that stand for the tracks in these slots until they have an id."""
    return -1 - slots
