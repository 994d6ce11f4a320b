"""The options of birth, confirmation, loss and end of tracks."""

from __future__ import annotations

from dataclasses import dataclass

TIME_TOLERANCE_S = 1e-6
"""Sums of timestamps are not exact: a gap of 30 frames of 1/30 s counts as 1 s."""


@dataclass(frozen=True)
class LifecycleRules:
    """The options that `Lifecycle` needs; trackers document them in their own `Config`."""

    new_track_conf: float
    clear_conf: float
    max_age_s: float
    confirm_s: float
    confirm_border_s: float
    duplicate_iou: float
    same_person_distance: float
    max_covered: float
    views: int
    view_spacing_s: float
    appearance_memory_s: float
    embedding_interval_s: float
    hidden_s: float
    max_exposed_s: float
