"""Tracklets of a run that goes on, from the moment they end until they are linked, with where they were."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np

from mdpr.pipeline.linking.runs import LEAST_SPACING_S
from mdpr.pipeline.trajectory_files import Boxes
from mdpr.types import Frame, Tracklet, Tracks

MOST_BOXES = 2000
"""Boxes that are kept of a track; of one that stays longer every second one goes, again and again."""

Arrival = tuple[Tracklet, Boxes | None]


class Arrivals:
    """What the writers of all cameras hand over to whoever links; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Arrival] = []

    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Hand over."""
        with self._lock:
            self._waiting.extend(arrivals)

    def take(self) -> list[Arrival]:
        """All that wait; nothing waits afterwards."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken


class ArrivalSink:
    """A `mdpr.contracts.Sink` of one camera: remembers where open tracks are, and hands over those that ended.

    A track's boxes are kept as `trajectory_files.read_boxes` would read them from tracks.parquet.
    """

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._paths: dict[int, _Path] = {}

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Take the boxes of a frame, and the tracklets that ended with it."""
        for track_id, box, confidence in zip(
            tracks.track_id.tolist(), tracks.xyxy.tolist(), tracks.confidence.tolist(), strict=True
        ):
            if confidence > 0:  # else a guess where somebody hidden is
                self._paths.setdefault(track_id, _Path()).add(frame.time_s, box)
        for shown, right in tracks.renamed:
            if (path := self._paths.pop(shown, None)) is not None:
                self._paths.setdefault(right, _Path()).extend(path)
        self.end(tracks.ended)

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """Hand these over."""
        if tracklets:
            paths = [self._paths.pop(one.track_id, None) for one in tracklets]
            boxes = [None if path is None else path.boxes() for path in paths]
            self._arrivals.add(list(zip(tracklets, boxes, strict=True)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._paths.clear()


class _Path:
    """Times and boxes of one track, about once in `spacing_s`."""

    def __init__(self) -> None:
        self.spacing_s = LEAST_SPACING_S
        self.points: list[tuple[float, list[float]]] = []
        self._slot = -1

    def add(self, time_s: float, box: list[float]) -> None:
        """Take a box unless there is one in its part of the time."""
        slot = math.floor(time_s / self.spacing_s)
        if slot == self._slot:
            return
        self._slot = slot
        self.points.append((time_s, box))
        if len(self.points) > MOST_BOXES:
            del self.points[1::2]
            self.spacing_s *= 2

    def extend(self, other: _Path) -> None:
        """Take the boxes of a track that turned out to be this one, which may be earlier or later."""
        points, self.points, self._slot = sorted([*self.points, *other.points]), [], -1
        for time_s, box in points:
            self.add(time_s, box)

    def boxes(self) -> Boxes:
        """(B,) seconds and (B, 4) boxes."""
        times, boxes = zip(*self.points, strict=True)
        return np.array(times, np.float64), np.array(boxes, np.float32)
