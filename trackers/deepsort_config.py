"""The options of `DeepSort`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mdpr.trackers.assignment import SOLVERS
from mdpr.trackers.checks import check_choice, check_within


@dataclass(frozen=True)
class DeepSortConfig:
    """Options of `DeepSort`.

    Attributes:
        high_conf: detections from here on are matched first, by motion and appearance, with lost tracks too.
        low_conf: detections below are ignored; those from here to `high_conf` only continue tracks, by overlap.
        new_track_conf: least confidence that begins a track.
        min_iou: least overlap of a confirmed track's expected box with a detection, unless appearance vouches for it.
        open_iou: the same, when smaller, where nobody nearer covers more than `OPEN_COVER` of the detection.
        low_iou: least overlap with a detection of low confidence.
        tentative_iou: least overlap of a tentative track, which has no reliable velocity yet.
        appearance_threshold: largest cosine distance of one person's embeddings; None = `match_distance` of
            the embedder.
        reid_threshold: distance up to which appearance vouches for a match without overlap, inside the motion gate;
            None = `sure_distance` of the embedder. Never above `appearance_threshold`.
        appearance_weight: share of appearance in the cost of a pair; the rest is half overlap, half `implausibility`.
        lost_penalty: added to the cost of a track that has been lost for `max_age_s`, in proportion when shorter.
        max_cost: cost from which a pair is not matched, in (0, 1]: 0 = exactly expected and alike, 1 = neither.
        max_age_s: seconds a track may be lost. A camera with fewer than 1 / max_age_s frames a second needs more.
        max_exposed_s: seconds a track may be lost in plain view, where nobody hides it.
        confirm_s: seconds from the first detection, seen in every frame, until a track is believed.
        confirm_border_s: the same where the border of the picture cuts the box, because people come in there; at most
            `confirm_s`.
        hidden_s: seconds for which somebody hidden by a nearer person is still shown, where they are expected; 0 = not.
        duplicate_iou: overlap from which a seen and a lost track are one person; the younger ends.
        max_covered: largest hidden part of a box whose appearance is believed.
        views: most views kept of a visit; four times as many of all visits of a track.
        view_spacing_s: least seconds between two views.
        embedding_interval_s: seconds after which a track with several views is looked at again (`embedding_needed`).
        appearance_memory_s: seconds after which an embedding's share of the moving average has fallen to 1/e.
        return_s: seconds for which somebody who has left is known when they come back (a minute, and the time until a
            new track has enough views); until then their tracklet is held back. 0 = never. Needs embeddings.
        return_capacity: most people who are held; the one who left first goes.
        return_views: views (of either visit) from which on a return is decided up to `return_distance`; with fewer only
            up to two thirds of it.
        return_distance: largest distance of a return: the mean cosine distance of views of the two visits, less that of
            views of one visit; None = half of the sure distance.
        return_margin: how much farther everybody else must be; None = a third of the way from the sure to the match
            distance, because what two people differ by depends on the embedder.
        solver: "scipy" or "lap"; the same result.
    """

    high_conf: float = 0.5
    low_conf: float = 0.1
    new_track_conf: float = 0.6
    min_iou: float = 0.2
    open_iou: float = 0.1
    low_iou: float = 0.5
    tentative_iou: float = 0.3
    appearance_threshold: float | None = None
    reid_threshold: float | None = None
    appearance_weight: float = 0.7
    lost_penalty: float = 0.1
    max_cost: float = 0.85
    max_age_s: float = 2.0
    max_exposed_s: float = 1.0
    confirm_s: float = 0.1
    confirm_border_s: float = 0.06
    hidden_s: float = 0.7
    duplicate_iou: float = 0.85
    max_covered: float = 0.3
    views: int = 10
    view_spacing_s: float = 0.5
    embedding_interval_s: float = 1.0
    appearance_memory_s: float = 1.0
    return_s: float = 65.0
    return_capacity: int = 500
    return_views: int = 3
    return_distance: float | None = None
    return_margin: float | None = None
    solver: str = "scipy"

    def __post_init__(self) -> None:
        shares = ("high_conf", "low_conf", "new_track_conf", "appearance_weight", "duplicate_iou", "max_covered")
        check_within(self, shares, 0, 1)
        check_within(self, ("max_cost",), 0.01, 1)
        check_within(self, ("min_iou", "open_iou", "low_iou", "tentative_iou"), 0.01, 1)
        if self.appearance_threshold is not None:
            check_within(self, ("appearance_threshold",), 0.001, 2)
        if self.reid_threshold is not None:
            check_within(self, ("reid_threshold",), 0, 2)
        check_within(self, ("lost_penalty", "confirm_s", "confirm_border_s", "hidden_s"), 0, math.inf)
        check_within(
            self,
            ("max_age_s", "max_exposed_s", "view_spacing_s", "embedding_interval_s", "appearance_memory_s"),
            0.001,
            math.inf,
        )
        if self.return_distance is not None:
            check_within(self, ("return_distance",), 0, 2)
        if self.return_margin is not None:
            check_within(self, ("return_margin",), 0, 2)
        check_within(self, ("return_s",), 0, math.inf)
        check_within(self, ("views", "return_capacity", "return_views"), 1, math.inf)
        check_within(self, ("low_conf",), 0, self.high_conf)
        check_choice(self, "solver", SOLVERS)
