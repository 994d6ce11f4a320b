"""DeepSORT's idea, motion and appearance together, with what later papers showed to help.

From DeepSORT: gating by Mahalanobis distance, cosine distance to a gallery, priority for recently seen tracks. From
ByteTrack: a second chance for detections of low confidence. From StrongSORT: a moving average of the embeddings, and a
Kalman filter that weighs a detection by its confidence.

Reference: Wojke et al., DeepSORT (1703.07402); Zhang et al., ByteTrack (2110.06864); Du et al., StrongSORT
(2202.13514).
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.assignment import assign_pairs
from mdpr.trackers.deepsort_config import DeepSortConfig
from mdpr.trackers.lifecycle import Lifecycle
from mdpr.trackers.lifecycle_rules import LifecycleRules
from mdpr.trackers.matching import Matching, match_by_overlap, same_class
from mdpr.trackers.plausibility import implausibility
from mdpr.trackers.returning import ReturnGallery, ReturnRules
from mdpr.trackers.scene import Scene
from mdpr.trackers.track_table import LOST, SEEN, TENTATIVE
from mdpr.types import Detections, Frame, Tracklet, Tracks

MATCH_DISTANCE = 0.4
"""`appearance_threshold` of a tracker that is not told which embedder it works with: usual for learned ReID models."""

SURE_DISTANCE = 0.25
"""The same for `reid_threshold`."""


RECENT_S = 0.3
"""A track seen within that time takes an overlapping detection that nothing else explains, however implausible."""

OPEN_COVER = 0.7
"""Largest part of a detection that somebody nearer may cover for `open_iou`. A small overlap says little where boxes
lie on one another: what is covered may be a part of the person in front, or somebody behind them."""

ANY_COST = 3.0
"""Above the cost of every pair."""


_ONE, _HALF = np.array(1.0), np.array(0.5)

DEFAULTS = DeepSortConfig()


class DeepSort:
    """A `mdpr.contracts.Tracker` by motion and appearance; without embeddings, by motion alone."""

    Config: ClassVar[type[DeepSortConfig]] = DeepSortConfig

    def __init__(self, config: DeepSortConfig = DEFAULTS) -> None:
        self.config = config
        self._match_distance = config.appearance_threshold or MATCH_DISTANCE
        sure_distance = SURE_DISTANCE if config.reid_threshold is None else config.reid_threshold
        self._sure_distance = min(sure_distance, self._match_distance)
        halfway = (self._sure_distance + self._match_distance) / 2
        self._gallery = ReturnGallery(
            ReturnRules(
                return_s=config.return_s,
                capacity=config.return_capacity,
                least_views=config.return_views,
                max_distance=halfway if config.return_distance is None else config.return_distance,
                sure_distance=self._sure_distance,
                margin=config.return_margin,
                views=config.views,
                hidden_s=config.hidden_s,
            )
        )
        self._lifecycle = Lifecycle(
            LifecycleRules(
                new_track_conf=config.new_track_conf,
                clear_conf=config.high_conf,
                max_age_s=config.max_age_s,
                max_exposed_s=config.max_exposed_s,
                confirm_s=config.confirm_s,
                confirm_border_s=min(config.confirm_border_s, config.confirm_s),
                hidden_s=config.hidden_s,
                duplicate_iou=config.duplicate_iou,
                same_person_distance=self._match_distance,
                max_covered=config.max_covered,
                views=config.views,
                view_spacing_s=config.view_spacing_s,
                embedding_interval_s=config.embedding_interval_s,
                appearance_memory_s=config.appearance_memory_s,
            )
        )

    @property
    def embedding_conf(self) -> float:
        """See `Tracker`: weaker detections only continue tracks, by overlap, and never become views."""
        return min(self.config.high_conf, self.config.new_track_conf)

    def update(self, detections: Detections, frame: Frame, embeddings: NDArray[np.float32] | None = None) -> Tracks:
        """Take the next frame; see `Tracker`. A row of zeros in `embeddings` means: no appearance, decide by motion.

        Raises:
            FormatError: see `Lifecycle.begin`.
        """
        config = self.config
        scene = self._lifecycle.begin(detections, frame, embeddings)
        table = self._lifecycle.table
        state = table.state
        matching = Matching(len(state), scene, config.low_conf)
        is_high = detections.confidence >= config.high_conf
        self._match_confirmed(matching, scene, is_high, math.inf, config.max_cost)
        if len(matching.is_free.nonzero()[0]):
            match_by_overlap(matching, table, scene, state == SEEN, ~is_high, config.low_iou, config.solver)
        if len((matching.is_free & is_high).nonzero()[0]):
            self._match_confirmed(matching, scene, is_high, RECENT_S, ANY_COST)
            match_by_overlap(matching, table, scene, state == TENTATIVE, is_high, config.tentative_iou, config.solver)
        return self._recognise(self._lifecycle.finish(scene, matching.column), frame)

    def _recognise(self, tracks: Tracks, frame: Frame) -> Tracks:
        """Give new tracks of people who have been here before their old ids, and hold the tracklets of those who left.

        A track asks when it is first shown, and again with every further view until it has `return_views`.
        """
        table, bank, gallery = self._lifecycle.table, self._lifecycle.bank, self._gallery
        renamed = []
        if len(gallery) and bank.dimension:
            may_ask = (table.asked < self.config.return_views).nonzero()[0]
            slots = table.slot[may_ask]
            views = np.minimum(bank.count[slots], self.config.return_views)
            is_new = (table.state[may_ask] == SEEN) & bank.has_clear[slots]
            asking = is_new & (views > table.asked[may_ask])
            ask = asking.nonzero()[0].tolist()
            new = is_new.nonzero()[0].tolist() if ask else []
            looks = {at: bank.embedding[slots[at], : bank.count[slots[at]]] for at in new}
            for at in ask:
                row = int(may_ask[at])
                table.asked[row] = views[at]
                shown = int(table.track_id[row])
                rivals = [view for other, view in looks.items() if other != at]
                found = gallery.find(looks[at], float(table.start_s[row]), int(table.class_id[row]), rivals)
                if found:
                    del looks[at]
                    table.track_id[row] = found
                    table.asked[row] = self.config.return_views
                    renamed.append((shown, found))
        ended = gallery.hold(tracks.ended, frame.time_s) if tracks.ended or len(gallery) else []
        if not renamed and not tracks.ended and not ended:
            return tracks
        ids = tracks.track_id.copy()
        for shown, found in renamed:
            ids[ids == shown] = found
        ended.sort(key=lambda tracklet: tracklet.track_id)
        return dataclasses.replace(tracks, track_id=ids, ended=tuple(ended), renamed=tuple(renamed))

    def _match_confirmed(
        self, matching: Matching, scene: Scene, is_high: NDArray[np.bool_], max_unseen_s: float, max_cost: float
    ) -> None:
        """Confirmed tracks with detections of high confidence, by motion and appearance.

        Only tracks seen within `max_unseen_s` seconds, and only pairs that cost less than `max_cost`.

        A pair may match when the boxes overlap and appearance does not forbid it, or when they do not but appearance
        vouches for it where it is not entirely implausible (`implausibility` below 1: a gate that grows with the time
        that a track was not seen). The gate does not apply to overlapping boxes: when a person is half
        hidden the box halves, which no gate allows, and the overlap is evidence enough. A covered crop may show
        somebody else, so its appearance counts in the cost but forbids nothing.

        Recently seen tracks have priority through `lost_penalty` and not, as in DeepSORT's cascade, by going first: the
        penalty decides between nearly equal claims, and a clearly better claim of a lost track still wins.
        """
        config, table = self.config, self._lifecycle.table
        is_candidate = table.state != TENTATIVE
        if max_unseen_s < math.inf:
            is_candidate &= scene.frame.time_s - table.last_s <= max_unseen_s
        rows = matching.open_rows(is_candidate)
        columns = matching.open_columns(is_high)
        if len(rows) == 0 or len(columns) == 0:
            return
        overlap = scene.overlap.take(rows, axis=0).take(columns, axis=1)  # (R, C)
        is_near = is_possible = overlap >= min(config.open_iou, config.min_iou)
        distance = None
        if scene.embeddings is not None:
            distance = self._distance(scene.embeddings.take(columns, axis=0), scene.has_appearance[columns], rows)
            is_possible = is_near | (distance <= self._sure_distance)
        at = is_possible.reshape(-1).nonzero()[0]  # numpy finds what is true in one axis ten times as fast as in two
        overlap, (at_row, at_column) = overlap.reshape(-1)[at], divmod(at, len(columns))
        rows, columns = rows[at_row], columns[at_column]  # (P,) from here on
        unseen_s = scene.frame.time_s - table.last_s[rows]
        unlikely = implausibility(table.motion.take(rows, axis=2), scene.xywh.take(columns, axis=1), unseen_s)
        cost = unlikely - overlap
        cost += _ONE
        cost *= _HALF
        if distance is not None:
            distance = distance.reshape(-1)[at]
            look = distance * (config.appearance_weight / self._match_distance)
            np.minimum(look, config.appearance_weight, out=look)
            unknown = np.isnan(look).nonzero()[0]
            by_motion = cost[unknown]
            cost *= 1 - config.appearance_weight
            cost += look
            cost[unknown] = by_motion
        lost = (table.state[rows] == LOST).nonzero()[0]
        if len(lost):
            cost[lost] += config.lost_penalty / config.max_age_s * unseen_s[lost]
        is_enough = overlap >= config.min_iou
        small = (~is_enough).nonzero()[0]
        if len(small):
            is_open = scene.covered[columns[small]] <= OPEN_COVER
            is_enough[small] = is_open & (overlap[small] >= config.open_iou)
        if distance is not None:
            is_unlike = (distance > self._match_distance) & (scene.covered[columns] <= config.max_covered)
            is_enough |= (distance <= self._sure_distance) & (unlikely < _ONE)
            is_enough &= ~is_unlike
        admissible = is_enough & (cost < max_cost)
        if not scene.is_one_class:
            admissible &= same_class(table, scene, rows, columns)
        taken = admissible.nonzero()[0]
        matching.take(*assign_pairs(rows[taken], columns[taken], cost[taken], config.solver, max_cost))

    def _distance(
        self, embeddings: NDArray[np.float32], has_appearance: NDArray[np.bool_], rows: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """(R, C) cosine distance of tracks and embeddings, NaN where one of the two has no appearance."""
        bank, table = self._lifecycle.bank, self._lifecycle.table
        slots = table.slot[rows]
        distance = bank.distance(slots, table.state[rows] == LOST, embeddings)
        unknown_rows, unknown_columns = (~bank.has_clear[slots]).nonzero()[0], (~has_appearance).nonzero()[0]
        if len(unknown_rows):
            distance[unknown_rows] = np.nan
        if len(unknown_columns):
            distance[:, unknown_columns] = np.nan
        return distance

    def embedding_needed(self, detections: Detections, frame: Frame) -> NDArray[np.bool_]:
        """See `Tracker`: what is new, lost, crowded, or has not been looked at for `embedding_interval_s`.

        Raises:
            FormatError: see `Lifecycle.embedding_needed`.
        """
        return self._lifecycle.embedding_needed(detections, frame, self.embedding_conf)

    def move_camera(self, transform: NDArray[np.float64]) -> None:
        """See `Tracker`.

        Raises:
            FormatError: see `check_transform`.
        """
        self._lifecycle.move_camera(transform)

    def flush(self) -> list[Tracklet]:
        """End all tracks and return their tracklets; a second call returns none."""
        return self._gallery.flush(self._lifecycle.flush())

    def reset(self) -> None:
        """Forget everything, ids included; the next frame may be of another camera."""
        self._lifecycle.reset()
        self._gallery.reset()
