"""Options of refining."""

from __future__ import annotations

from dataclasses import dataclass

from mdpr.errors import ConfigError


@dataclass(frozen=True)
class RefineConfig:
    """Options; none of them is a distance in pixels or a similarity, which depend on camera and model.

    Attributes:
        split: whether tracks that hold two people are cut; needs embeddings.
        connect: whether tracks that continue each other become one.
        min_probability: least probability of a connection, in [0.5, 1). The alternatives are all others that either
            track could be connected to, and none.
        max_gap_s: longest time out of sight that is bridged.
        max_fill_s: longest gap that is filled with boxes; where somebody was in a longer one, nobody knows.
        smooth: whether boxes are smoothed.
        views: most views kept of a visit of a track that was put together; four times as many of all.
    """

    split: bool = True
    connect: bool = True
    min_probability: float = 0.95
    max_gap_s: float = 10.0
    max_fill_s: float = 2.0
    smooth: bool = True
    views: int = 10

    def __post_init__(self) -> None:
        if not 0.5 <= self.min_probability < 1:
            raise ConfigError(f"refine.min_probability: expected a value in [0.5, 1), got {self.min_probability}")
        for name in ("max_gap_s", "max_fill_s"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"refine.{name}: expected seconds from 0, got {getattr(self, name)}")
        if self.views < 1:
            raise ConfigError(f"refine.views: expected 1 or more, got {self.views}")
