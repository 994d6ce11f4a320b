"""A track as refining sees it: all its boxes, and its tracklet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError
from mdpr.trackers.merging import merge_tracklets
from mdpr.types import Tracklet

BOX_ARRAYS = ("frame", "time_s", "xyxy", "confidence", "is_interpolated")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The boxes that were shown of one track, in order of time; at least one.

    Attributes:
        tracklet: what is known of it beside its boxes.
        frame: (N,) int64, rising.
        time_s: (N,) float64 seconds, rising.
        xyxy: (N, 4) float64 pixels.
        confidence: (N,) float64.
        is_interpolated: (N,) whether no detection stands behind the box.

    Raises:
        FormatError: no box, shapes that do not fit, or frames or times that do not rise.
    """

    tracklet: Tracklet
    frame: NDArray[np.int64]
    time_s: NDArray[np.float64]
    xyxy: NDArray[np.float64]
    confidence: NDArray[np.float64]
    is_interpolated: NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.frame)
        where = f"track {self.tracklet.track_id} of {self.tracklet.camera!r}"
        if count == 0:
            raise FormatError(f"{where}: expected at least one box, got none")
        shapes = {"time_s": (count,), "xyxy": (count, 4), "confidence": (count,), "is_interpolated": (count,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise FormatError(f"{where}: {name}: expected shape {shape}, got {getattr(self, name).shape}")
        if np.any(np.diff(self.frame) <= 0) or np.any(np.diff(self.time_s) <= 0):
            raise FormatError(f"{where}: expected one box a frame with rising frames and times")

    @classmethod
    def of(cls, tracklet: Tracklet, frame: Any, time_s: Any, xyxy: Any, confidence: Any) -> Trajectory:
        """Boxes in any order; those with a confidence of 0 are a tracker's guesses, the others come from detections."""
        frame = np.asarray(frame, np.int64)
        order = np.argsort(frame, kind="stable")
        return cls(
            tracklet,
            frame[order],
            np.asarray(time_s, np.float64)[order],
            np.asarray(xyxy, np.float64).reshape(-1, 4)[order],
            np.asarray(confidence, np.float64)[order],
            np.asarray(confidence)[order] == 0,
        )

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def track_id(self) -> int:
        """Of the tracklet."""
        return self.tracklet.track_id

    @property
    def height(self) -> float:
        """Typical height of the person in pixels, at least 1: halves of people who are half hidden count less."""
        return max(float(np.percentile(self.xyxy[:, 3] - self.xyxy[:, 1], 75)), 1.0)

    def select(self, rows: NDArray[np.intp]) -> Trajectory:
        """The boxes at rising positions, of the same tracklet."""
        return Trajectory(self.tracklet, *(getattr(self, name)[rows] for name in BOX_ARRAYS))

    def followed_by(self, other: Trajectory) -> Trajectory:
        """With the later boxes of another one, of the same tracklet."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in BOX_ARRAYS)
        return Trajectory(self.tracklet, *map(np.concatenate, pairs))

    def with_id(self, track_id: int) -> Trajectory:
        """The same boxes under another id."""
        return replace(self, tracklet=replace(self.tracklet, track_id=track_id))


def join(parts: Sequence[Trajectory], views: int) -> Trajectory:
    """One trajectory of several that follow each other in time."""
    arrays = {name: np.concatenate([getattr(one, name) for one in parts]) for name in BOX_ARRAYS}
    return Trajectory(merge_tracklets([one.tracklet for one in parts], views), **arrays)
