"""Tracklets of a run that goes on, until they are linked, with where they were and pictures of live sources."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import numpy as np

from mdpr.pipeline.linking.runs import LEAST_SPACING_S
from mdpr.pipeline.linking.viewpictures import Pictures, ViewPictures
from mdpr.trackers.crosscamera import Boxes
from mdpr.trackers.crosscamera.visits import least_gap_s
from mdpr.types import Frame, Tracklet, Tracks

MOST_BOXES = 2000
"""Boxes that are kept of a track; of one that stays longer every second one goes, again and again."""

MOST_WAITING_BYTES = 256 << 20
"""Of the pictures that wait to be linked, which is more than a minute has; those of the earliest tracklets go first."""


@dataclass(frozen=True)
class Arrival:
    """A tracklet that has ended.

    Attributes:
        tracklet: the tracklet.
        boxes: where it was; None when nobody saw.
        pictures: JPEGs of its views by frame; empty when none were asked for.
    """

    tracklet: Tracklet
    boxes: Boxes | None = None
    pictures: Pictures = field(default_factory=dict)

    @property
    def track(self) -> tuple[str, int]:
        """Its camera and track id."""
        return self.tracklet.camera, self.tracklet.track_id

    @property
    def bytes(self) -> int:
        """Of its pictures."""
        return sum(map(len, self.pictures.values()))


class Arrivals:
    """What the writers of all cameras hand over to whoever links; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Arrival] = []

    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Hand over."""
        with self._lock:
            self._waiting.extend(arrivals)
            excess = sum(one.bytes for one in self._waiting) - MOST_WAITING_BYTES
            for place, one in enumerate(self._waiting):
                if excess <= 0:
                    break
                self._waiting[place] = replace(one, pictures={})
                excess -= one.bytes

    def take(self) -> list[Arrival]:
        """All that wait; nothing waits afterwards."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken


class ArrivalSink:
    """A `mdpr.contracts.Sink` of one camera: remembers where open tracks are, and hands over those that ended.

    A track's boxes are kept as `trajectory_files.read_boxes` would read them from tracks.parquet.

    Args:
        arrivals: where they go.
        with_pictures: whether pictures of their views go with them.
    """

    def __init__(self, arrivals: Arrivals, with_pictures: bool = False) -> None:
        self._arrivals = arrivals
        self._pictures = ViewPictures() if with_pictures else None
        self._paths: dict[int, _Path] = {}

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Take the boxes of a frame, and the tracklets that ended with it."""
        for track_id, box, confidence in zip(
            tracks.track_id.tolist(), tracks.xyxy.tolist(), tracks.confidence.tolist(), strict=True
        ):
            if confidence > 0:  # else a guess where somebody hidden is
                self._paths.setdefault(track_id, _Path()).add(frame.time_s, frame.index, box)
        for shown, right in tracks.renamed:
            if (path := self._paths.pop(shown, None)) is not None:
                self._paths.setdefault(right, _Path()).extend(path)
        if self._pictures is not None:
            self._pictures.write(frame, tracks)
        self.end(tracks.ended)

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """Hand these over."""
        if tracklets:
            self._arrivals.add([self._arrival_of(one) for one in tracklets])

    def _arrival_of(self, tracklet: Tracklet) -> Arrival:
        path = self._paths.pop(tracklet.track_id, None)
        pictures = {} if self._pictures is None else self._pictures.pop(tracklet)
        return Arrival(tracklet, None if path is None else path.boxes(), pictures)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._paths.clear()
        if self._pictures is not None:
            self._pictures.clear()


class _Path:
    """Times and boxes of one track, about once in `spacing_s`."""

    def __init__(self) -> None:
        self.spacing_s = LEAST_SPACING_S
        self.points: list[tuple[float, int, list[float]]] = []  # seconds, frame, box
        self._slot = -1

    def add(self, time_s: float, frame: int, box: list[float]) -> None:
        """Take a box unless there is one in its part of the time."""
        slot = math.floor(time_s / self.spacing_s)
        if slot == self._slot:
            return
        self._slot = slot
        self.points.append((time_s, frame, box))
        if len(self.points) > MOST_BOXES:
            self._thin_out()
            self.spacing_s *= 2

    def _thin_out(self) -> None:
        """Every second point goes, but not those where a visit begins or ends."""
        gap = np.diff([time_s for time_s, _, _ in self.points]) > least_gap_s(self.spacing_s)
        is_kept = np.append(gap, True) | np.insert(gap, 0, True)
        is_kept[::2] = True
        self.points = list(itertools.compress(self.points, is_kept))

    def extend(self, other: _Path) -> None:
        """Take the boxes of a track that turned out to be this one, which may be earlier or later."""
        points, self.points, self._slot = sorted([*self.points, *other.points]), [], -1
        for point in points:
            self.add(*point)

    def boxes(self) -> Boxes:
        """As linking takes them."""
        times, frames, boxes = zip(*self.points, strict=True)
        return Boxes(
            np.array(times, np.float64), np.array(boxes, np.float32), np.array(frames, np.int64), self.spacing_s
        )
