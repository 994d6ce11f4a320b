"""DeepSORT's idea, motion and appearance together, with what later papers showed to help.

From DeepSORT: gating by Mahalanobis distance, cosine distance to a gallery, priority for recently seen tracks. From
ByteTrack: a second chance for detections of low confidence. From StrongSORT: a moving average of the embeddings, and a
Kalman filter that weighs a detection by its confidence.

Reference: Wojke et al., DeepSORT (1703.07402); Zhang et al., ByteTrack (2110.06864); Du et al., StrongSORT
(2202.13514).
"""

from __future__ import annotations

import dataclasses
import itertools
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.claims import Claims, LookLimits, claims_of
from mdpr.trackers.deepsort_config import DeepSortConfig
from mdpr.trackers.lifecycle import Lifecycle
from mdpr.trackers.lifecycle_rules import LifecycleRules
from mdpr.trackers.matching import Matching, match_by_overlap
from mdpr.trackers.returning import ReturnGallery, ReturnRules
from mdpr.trackers.scene import Scene
from mdpr.trackers.track_table import SEEN, TENTATIVE
from mdpr.types import Detections, Frame, Tracklet, Tracks

MATCH_DISTANCE = 0.4
"""`appearance_threshold` of a tracker that is not told which embedder it works with: usual for learned ReID models."""

SURE_DISTANCE = 0.25
"""The same for `reid_threshold`."""


RECENT_S = 0.3
"""A track seen within that time takes an overlapping detection that nothing else explains, however implausible."""

ANY_COST = 3.0
"""Above the cost of every pair."""

DEFAULTS = DeepSortConfig()


class DeepSort:
    """A `mdpr.contracts.Tracker` by motion and appearance; without embeddings, by motion alone."""

    Config: ClassVar[type[DeepSortConfig]] = DeepSortConfig

    def __init__(self, config: DeepSortConfig = DEFAULTS) -> None:
        self.config = config
        match = config.appearance_threshold or MATCH_DISTANCE
        sure = min(SURE_DISTANCE if config.reid_threshold is None else config.reid_threshold, match)
        again = sure / 2 if config.return_distance is None else config.return_distance
        self._limits = LookLimits(sure, match, again)
        self._gallery = ReturnGallery(
            ReturnRules(
                return_s=config.return_s,
                capacity=config.return_capacity,
                least_views=config.return_views,
                max_distance=again,
                few_views_distance=again * 2 / 3,
                crop_distance=(sure + match) / 2,
                margin=(match - sure) / 3 if config.return_margin is None else config.return_margin,
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
                same_person_distance=self._limits.match,
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

    @property
    def patience_s(self) -> float:
        """See `Tracker`."""
        return max(self.config.max_age_s, self.config.return_s)

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
        claims = claims_of(table, self._lifecycle.bank, scene, is_high & matching.is_free, config, self._limits)
        self._settle(matching, claims, scene, claims.cost < config.max_cost, config.max_cost)
        if len(matching.is_free.nonzero()[0]):
            match_by_overlap(matching, table, scene, state == SEEN, ~is_high, config.low_iou, config.solver)
        if len((matching.is_free & is_high).nonzero()[0]):
            is_open = (matching.column < 0)[claims.rows] & matching.is_free[claims.columns]
            is_open &= table.unseen_s(claims.rows, frame) <= RECENT_S
            self._settle(matching, claims, scene, is_open, ANY_COST)
            match_by_overlap(matching, table, scene, state == TENTATIVE, is_high, config.tentative_iou, config.solver)
        return self._recognise(self._lifecycle.finish(scene, matching.column), frame)

    def _settle(
        self, matching: Matching, claims: Claims, scene: Scene, is_allowed: NDArray[np.bool_], max_cost: float
    ) -> None:
        """Match the allowed claims, which cost less than `max_cost`; again without those that have to be given up."""
        at = is_allowed.nonzero()[0]
        while len(at):
            rows, columns = claims.rows[at], claims.columns[at]
            if claims.are_settled:
                matching.match(rows, columns)
            else:
                matching.assign(rows, columns, claims.cost[at], self.config.solver, max_cost)
            if len(self._gallery) == 0 or scene.embeddings is None:
                return
            is_taken = matching.column[rows] == columns
            is_far = is_taken & (claims.overlap[at] < self.config.min_iou)
            far = is_far.nonzero()[0]
            if len(far) == 0:
                return
            given_up = self._of_who_left(rows[far], columns[far], claims.overlap[at[far]], scene, scene.embeddings)
            if not given_up.any():
                return
            matching.release(rows[is_taken])
            at = np.delete(at, far[given_up])

    def _of_who_left(
        self,
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        overlap: NDArray[np.float32],
        scene: Scene,
        embeddings: NDArray[np.float32],
    ) -> NDArray[np.bool_]:
        """(P,) whether the detection of a pair that hardly overlaps is rather somebody who left, and who was there.

        A person who stands hidden for longer than tracks wait is where they were when they are found again. Where they
        overlap the detection by more than the track does, looks that are nearer by the margin of a return tell that it
        is they.
        """
        there = self._gallery.overlaps(scene.xyxy.take(columns, axis=1), scene.detections.class_id[columns])
        shown = embeddings.take(columns, axis=0)
        own = self._lifecycle.bank.mean_distance(self._lifecycle.table.slot[rows], shown)
        return self._gallery.are_nearer(shown, own, there > overlap[:, None])

    def _recognise(self, tracks: Tracks, frame: Frame) -> Tracks:
        """Give new tracks of people who have been here before their old ids, and hold the tracklets of those who left.

        A track asks when it is first shown, and again with every further view until it has `views` of them.
        """
        table, bank, gallery = self._lifecycle.table, self._lifecycle.bank, self._gallery
        renamed = []
        if len(gallery) and bank.dimension:
            may_ask = (table.asked < self.config.views).nonzero()[0]
            slots = table.slot[may_ask]
            views = bank.count[slots]
            is_new = (table.state[may_ask] == SEEN) & bank.has_clear[slots]
            asking = is_new & (views > table.asked[may_ask])
            ask = asking.nonzero()[0].tolist()
            new = is_new.nonzero()[0].tolist() if ask else []
            table.asked[may_ask[ask]] = views[ask]
            rows = may_ask[ask]
            near = gallery.may_find(*bank.summary(slots[ask]), table.start_s[rows]).tolist() if ask else []
            for at in itertools.compress(ask, near):
                row = int(may_ask[at])
                shown = int(table.track_id[row])
                rivals = partial(bank.summary, slots[[other for other in new if other != at]])
                looks = bank.views_of(slots[at])
                found = gallery.find(looks, float(table.start_s[row]), int(table.class_id[row]), rivals)
                if found:
                    new.remove(at)
                    first, *others = found
                    table.track_id[row] = first
                    table.asked[row] = self.config.views
                    renamed += [(wrong, first) for wrong in (shown, *others)]
        ended = gallery.hold(tracks.ended, frame.time_s) if tracks.ended or len(gallery) else []
        if not renamed and not tracks.ended and not ended:
            return tracks
        ids = tracks.track_id.copy()
        for wrong, right in renamed:
            ids[ids == wrong] = right
        ended.sort(key=lambda tracklet: tracklet.track_id)
        return dataclasses.replace(tracks, track_id=ids, ended=tuple(ended), renamed=tuple(renamed))

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
