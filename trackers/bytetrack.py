"""ByteTrack: motion and overlap only, with a second chance for detections of low confidence.

Reference: Zhang et al., ByteTrack: multi-object tracking by associating every detection box (2110.06864), algorithm 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.assignment import SOLVERS
from mdpr.trackers.checks import check_choice, check_within
from mdpr.trackers.lifecycle import Lifecycle
from mdpr.trackers.lifecycle_rules import LifecycleRules
from mdpr.trackers.matching import Matching, match_by_overlap
from mdpr.trackers.track_table import SEEN, TENTATIVE
from mdpr.types import Detections, Frame, Tracklet, Tracks


@dataclass(frozen=True)
class ByteTrackConfig:
    """Options of `ByteTrack`.

    Attributes:
        high_conf: detections from here on are matched first and with lost tracks too.
        low_conf: detections below are ignored; those from here to `high_conf` only continue tracks.
        new_track_conf: least confidence that begins a track.
        min_iou: least overlap of a confirmed track's expected box with a detection of high confidence.
        low_iou: the same for detections of low confidence, which are more often wrong.
        tentative_iou: the same for tentative tracks, which have no reliable velocity yet.
        max_age_s: seconds a track may be lost. A camera with fewer than 1 / max_age_s frames a second needs more.
        max_exposed_s: seconds a track may be lost in plain view, where nobody hides it.
        confirm_s: seconds from the first detection, seen in every frame, until a track is believed.
        hidden_s: seconds for which somebody hidden by a nearer person is still shown, where they are expected; 0 = not.
        duplicate_iou: overlap from which a seen and a lost track are one person; the younger ends.
        max_covered: largest hidden part of a box that may become a view.
        views: most views kept of a track.
        view_spacing_s: least seconds between two views.
        embedding_interval_s: seconds after which a track with several views is looked at again (`embedding_needed`).
        solver: "scipy" or "lap"; the same result.
    """

    high_conf: float = 0.5
    low_conf: float = 0.1
    new_track_conf: float = 0.6
    min_iou: float = 0.2
    low_iou: float = 0.5
    tentative_iou: float = 0.3
    max_age_s: float = 1.0
    max_exposed_s: float = 1.0
    confirm_s: float = 0.03
    hidden_s: float = 0.7
    duplicate_iou: float = 0.85
    max_covered: float = 0.3
    views: int = 10
    view_spacing_s: float = 0.5
    embedding_interval_s: float = 1.0
    solver: str = "scipy"

    def __post_init__(self) -> None:
        shares = ("high_conf", "low_conf", "new_track_conf", "duplicate_iou", "max_covered")
        check_within(self, shares, 0, 1)
        check_within(self, ("min_iou", "low_iou", "tentative_iou"), 0.01, 1)
        check_within(self, ("confirm_s", "hidden_s"), 0, math.inf)
        check_within(self, ("max_age_s", "max_exposed_s", "view_spacing_s", "embedding_interval_s"), 0.001, math.inf)
        check_within(self, ("views",), 1, math.inf)
        check_within(self, ("low_conf",), 0, self.high_conf)
        check_choice(self, "solver", SOLVERS)


class ByteTrack:
    """A `mdpr.contracts.Tracker` without appearance. Embeddings are only kept as views of the tracklets."""

    Config: ClassVar[type[ByteTrackConfig]] = ByteTrackConfig

    def __init__(self, config: ByteTrackConfig = ByteTrackConfig()) -> None:
        self.config = config
        self._lifecycle = Lifecycle(
            LifecycleRules(
                new_track_conf=config.new_track_conf,
                clear_conf=config.high_conf,
                max_age_s=config.max_age_s,
                max_exposed_s=config.max_exposed_s,
                confirm_s=config.confirm_s,
                confirm_border_s=config.confirm_s,
                hidden_s=config.hidden_s,
                duplicate_iou=config.duplicate_iou,
                same_person_distance=math.inf,
                max_covered=config.max_covered,
                views=config.views,
                view_spacing_s=config.view_spacing_s,
                embedding_interval_s=config.embedding_interval_s,
                appearance_memory_s=1.0,
            )
        )

    @property
    def embedding_conf(self) -> float:
        """See `Tracker`: weaker detections only continue tracks, by overlap, and never become views."""
        return min(self.config.high_conf, self.config.new_track_conf)

    @property
    def patience_s(self) -> float:
        """See `Tracker`."""
        return self.config.max_age_s

    def update(self, detections: Detections, frame: Frame, embeddings: NDArray[np.float32] | None = None) -> Tracks:
        """Take the next frame; see `Tracker`.

        Raises:
            FormatError: see `Lifecycle.begin`.
        """
        config = self.config
        scene = self._lifecycle.begin(detections, frame, embeddings)
        state = self._lifecycle.table.state
        matching = Matching(len(state), scene, config.low_conf)
        is_high = detections.confidence >= config.high_conf
        rounds = (
            (state != TENTATIVE, is_high, config.min_iou),
            (state == SEEN, ~is_high, config.low_iou),
            (state == TENTATIVE, is_high, config.tentative_iou),
        )
        for is_candidate, is_offered, min_iou in rounds:
            match_by_overlap(matching, self._lifecycle.table, scene, is_candidate, is_offered, min_iou, config.solver)
        return self._lifecycle.finish(scene, matching.column)

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
        return self._lifecycle.flush()

    def reset(self) -> None:
        """Forget everything, ids included; the next frame may be of another camera."""
        self._lifecycle.reset()
