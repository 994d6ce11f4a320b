"""Tracks that never move: chairs, plants, posters and mannequins that a detector takes for people.

People do not keep as still as things: somebody at a desk or behind a counter changes a tenth and more of the picture at
their place, a chair changes none of it. So small grey pictures of the place where a track began are compared. A track
that is called still stays in all results, marked: it may be somebody who sleeps. docs/tracking.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import iou_matrix
from mdpr.types import Frame, Tracklet, Tracks

LOOK_EVERY_S = 1.0
LEAST_S, LEAST_PICTURES = 10.0, 5
"""Nothing is called still before it was looked at so often, over so long a time."""

STILL_SHARE = 0.01
"""Largest part of its place that a still thing changes, in seven of eight pictures: who passes unseen by the detector
hides things, too."""

LEAST_IOU = 0.5
"""A track is at its place while its box and the first one overlap by so much."""

AWAY_S = 3.0
"""Somebody who is elsewhere for so long has moved, for good."""

COVERED = STILL_SHARE
"""No look at a place of which another track, which passes nearer to the camera, covers so much."""

_SIZE = (16, 32)  # pixels of a picture, width and height
_MOST_PICTURES = 32
_LEAST_CHANGE, _MOST_CHANGE, _OF_CONTRAST = 3.0, 8.0, 3.0  # grey levels, and the part of the contrast, of a change


@dataclass(slots=True)
class _Place:
    """Where a track began, and what was seen there since."""

    box: NDArray[np.float32]
    start_s: float
    next_s: float
    seen_s: float  # when it was last found there
    spacing_s: float = LOOK_EVERY_S
    times: list[float] = field(default_factory=list)
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    has_moved: bool = False
    is_still: bool = False

    def holds(self, box: NDArray[np.float32]) -> bool:
        """Whether a track whose box this is, is at its place."""
        return float(iou_matrix(box[None], self.box[None])[0, 0]) >= LEAST_IOU


class Stillness:
    """Watches the tracks of one camera as a sink does, before the sinks that ask. It remembers open tracks only."""

    def __init__(self) -> None:
        self.count = 0
        """Tracklets so far that never moved."""
        self._places: dict[int, _Place] = {}
        self._ended: list[int] = []

    def is_still(self, track_id: int) -> bool:
        """Whether a track, open or ended with the last frame, has never moved; False while that is not known."""
        place = self._places.get(track_id)
        return place is not None and place.is_still

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Look at the places of the tracks of this frame whose turn it is."""
        for track_id in self._ended:
            self._places.pop(track_id, None)
        for shown, _ in tracks.renamed:  # somebody who was here before keeps that place
            self._places.pop(shown, None)
        for row in np.flatnonzero(tracks.detection_index >= 0).tolist():
            track_id = int(tracks.track_id[row])
            place = self._places.get(track_id)
            if place is None:
                place = _Place(tracks.xyxy[row].copy(), frame.time_s, frame.time_s, frame.time_s)
                self._places[track_id] = place
            if not place.has_moved and frame.time_s >= place.next_s:
                place.next_s = frame.time_s + LOOK_EVERY_S
                self._look(place, frame, tracks, row)
        self._ended = []
        self.end(tracks.ended)

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """Count those of these tracklets that never moved."""
        self._ended += [tracklet.track_id for tracklet in tracklets]
        self.count += sum(self.is_still(tracklet.track_id) for tracklet in tracklets)

    def _look(self, place: _Place, frame: Frame, tracks: Tracks, row: int) -> None:
        if not place.holds(tracks.xyxy[row]):
            if frame.time_s - place.seen_s >= AWAY_S:
                place.has_moved, place.is_still = True, False
                place.times, place.pictures = [], []
            return
        place.seen_s = frame.time_s
        is_due = not place.times or frame.time_s >= place.times[-1] + place.spacing_s * 0.999
        if not frame.has_image or not is_due or self._is_covered(place.box, frame, tracks, row):
            return
        picture = picture_of(frame.image, place.box)
        if picture is None:
            return
        if len(place.pictures) == _MOST_PICTURES:
            place.times, place.pictures, place.spacing_s = place.times[::2], place.pictures[::2], 2 * place.spacing_s
        place.times.append(frame.time_s)
        place.pictures.append(picture)
        if len(place.pictures) >= LEAST_PICTURES and place.times[-1] - place.times[0] >= LEAST_S * 0.999:
            share = np.sort(changed_share(np.stack(place.pictures)))
            place.is_still = bool(share[7 * len(share) // 8 - 1] <= STILL_SHARE)

    def _is_covered(self, box: NDArray[np.float32], frame: Frame, tracks: Tracks, row: int) -> bool:
        """Whether another track, which ends lower in the picture and does not rest at its place, is before the box."""
        sides = np.minimum(tracks.xyxy[:, 2:], box[2:]) - np.maximum(tracks.xyxy[:, :2], box[:2])
        shared = np.maximum(sides, 0).prod(axis=1)
        is_before = (tracks.xyxy[:, 3] >= box[3]) & (shared > COVERED * float((box[2:] - box[:2]).prod()))
        is_before[row] = False
        for other in is_before.nonzero()[0].tolist():
            place = self._places.get(int(tracks.track_id[other]))
            if place is None or place.has_moved or frame.time_s - place.start_s < AWAY_S:
                return True
            if not place.holds(tracks.xyxy[other]):
                return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing: `count` stays."""


def picture_of(image: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """(32, 16) grey picture of a box of `image`, (H, W, 3) BGR; None where that has fewer pixels."""
    height, width = image.shape[:2]
    x1, y1 = max(int(box[0]), 0), max(int(box[1]), 0)
    x2, y2 = min(int(box[2]), width), min(int(box[3]), height)
    if x2 - x1 < _SIZE[0] or y2 - y1 < _SIZE[1]:
        return None
    small = cv2.resize(image[y1:y2, x1:x2], _SIZE, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def changed_share(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(K,) part of the pixels of each of (K, H, W) pictures of a place that is not what it mostly is.

    Light that grows or fades everywhere is no change: each picture's median is taken off.

    >>> place = np.tile(np.arange(0, 200, 50, dtype=np.uint8), (3, 2, 1))
    >>> place[2, 0, 0] = 90
    >>> changed_share(place)
    array([0.   , 0.   , 0.125])
    """
    flat = pictures.reshape(len(pictures), -1)
    usual = _middle(flat, axis=0)
    apart = flat.astype(np.int16) - usual.astype(np.int16)
    apart -= _middle(apart, axis=1)[:, None]
    least = np.clip(usual.std() / _OF_CONTRAST, _LEAST_CHANGE, _MOST_CHANGE)
    share: NDArray[np.float64] = (np.abs(apart) > least).mean(axis=1)
    return share


def _middle(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """The median, the upper one of two: a whole number stays one, for a fifth of the time."""
    middle = values.shape[axis] // 2
    return np.partition(values, middle, axis=axis).take(middle, axis=axis)
