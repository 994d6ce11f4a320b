"""How large pictures are shown to the detector: larger where people are small, camera by camera.

A network that looks at 640 pixels finds nine of ten people who are 80 of them high, and four of ten at 40. So every
camera is looked at closely now and then, and from a look on that finds many small people, its pictures are shown
larger; unless fewer are found so, because a network breaks up people who fill its input. What a camera once needs it
keeps.

Which frames are looked at follows from their times alone, so results do not depend on how frames come in batches.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mdpr.contracts import Detector, ResizableDetector
from mdpr.detectors.options import DEFAULT_SIZE
from mdpr.types import Detections, Frame

log = logging.getLogger("mdpr")

SIZES = (DEFAULT_SIZE, 960, 1280)
"""Longer sides of the detector's input in pixels; time grows with the square."""

_CLEAR_PX = 80.0  # height in the input from which on people are found reliably
_SMALL_SHARE = 0.25  # of the people who are seen: when more are smaller than that, pictures are shown larger
_LEAST_PEOPLE = 5  # seen in close looks, before anything is decided
_CONF = 0.5  # of people that count
_LARGEST_ZOOM = 1.5  # of the picture: beyond that there is nothing more to see
_FIRST_LOOKS_S = (0.0, 1.0, 2.0, 4.0, 8.0)  # after the first frame; then one every
_LOOK_EVERY_S = 10.0
_MEMORY = 100  # people seen; beyond that earlier ones count half


def with_input_sizes(detector: Detector, imgsz: int | None) -> Detector:
    """The detector, or one that chooses the size of its input by camera when that is left open and it takes any.

    Args:
        detector: made.
        imgsz: as configured; None leaves it open.
    """
    if imgsz is None and isinstance(detector, ResizableDetector) and detector.takes_any_size:
        return InputSizes(detector)
    return detector


class InputSizes:
    """A detector that shows pictures larger where people are small; see the module.

    Args:
        detector: what finds people.

    Attributes:
        description: of the detector.
        batch_size: of the detector.
    """

    def __init__(self, detector: ResizableDetector) -> None:
        self._detector = detector
        self._cameras: dict[str, _Camera] = {}
        self.description = f"{detector.description}; up to {SIZES[-1]} where people are small"
        self.batch_size = detector.batch_size

    @property
    def sizes(self) -> dict[str, int]:
        """Longer side of the input for each camera seen so far."""
        return {name: camera.size for name, camera in self._cameras.items()}

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """See `mdpr.contracts.Detector`; the result for a frame also depends on the earlier ones of its camera."""
        found: list[Detections] = []
        for part in self._parts(frames):
            found += self._detect(part)
        return found

    def _parts(self, frames: Sequence[Frame]) -> Iterator[list[Frame]]:
        """Runs of frames; of each camera only the last one may be looked at closely, since that decides on the next."""
        part: list[Frame] = []
        looked_at: set[str] = set()
        for frame in frames:
            if frame.camera in looked_at:
                yield part
                part, looked_at = [], set()
            if self._cameras.setdefault(frame.camera, _Camera(frame.camera)).is_due(frame):
                looked_at.add(frame.camera)
            part.append(frame)
        if part:
            yield part

    def _detect(self, frames: list[Frame]) -> list[Detections]:
        due = [row for row, frame in enumerate(frames) if self._cameras[frame.camera].is_due(frame)]
        sizes = [self._cameras[frame.camera].size for frame in frames]
        closer = [largest_size(frames[row].size) for row in due]
        found = self._detector.detect([*frames, *(frames[row] for row in due)], [*sizes, *closer])
        for row, close in zip(due, found[len(frames) :], strict=True):
            self._cameras[frames[row].camera].look(frames[row], found[row], close)
        return found[: len(frames)]


class _Camera:
    """What is known of a camera: the size it has, and what close looks have found since it has it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.size = SIZES[0]
        self._first_s: float | None = None
        self._looks = 0
        self._needed = [0.0] * len(SIZES)  # people for whom each size is the smallest that shows them well
        self._before = 0.0  # people found in the same frames at the size of the camera

    def is_due(self, frame: Frame) -> bool:
        """Whether this frame is to be looked at closely."""
        if self.size >= largest_size(frame.size):
            return False
        return self._first_s is None or frame.time_s >= self._first_s + _look_s(self._looks)

    def look(self, frame: Frame, found: Detections, close: Detections) -> None:
        """Take what a close look found beside what was found at the size of the camera; it may get another one."""
        self._first_s = frame.time_s if self._first_s is None else self._first_s
        while frame.time_s >= self._first_s + _look_s(self._looks):
            self._looks += 1
        heights = _heights(close) / max(frame.size)  # of the longer side
        for height in heights.tolist():
            self._needed[_smallest_for(height)] += 1
        self._before += len(_heights(found))
        people = sum(self._needed)
        if people >= max(_LEAST_PEOPLE, self._before):
            self._enlarge(min(self._wanted(people), largest_size(frame.size)), frame.time_s)
        if people > _MEMORY:
            self._needed = [count / 2 for count in self._needed]
            self._before /= 2

    def _wanted(self, people: float) -> int:
        """The smallest size at which few enough people are small, by more than chance (a standard deviation)."""
        few = _SMALL_SHARE * people + math.sqrt(_SMALL_SHARE * (1 - _SMALL_SHARE) * people)
        return next(size for place, size in enumerate(SIZES) if sum(self._needed[place + 1 :]) <= few)

    def _enlarge(self, size: int, time_s: float) -> None:
        if size <= self.size:
            return
        log.info(
            "%s: people are small, so its pictures are shown to the detector at %d pixels instead of %d from %.1f s on "
            "(--imgsz %d: as before, and faster)",
            self._name, size, self.size, time_s, SIZES[0],
        )  # fmt: skip
        self.size = size
        self._needed = [0.0] * len(SIZES)
        self._before = 0.0


def largest_size(picture: tuple[int, int]) -> int:
    """The largest of `SIZES` that a picture of (width, height) pixels may be shown at.

    >>> largest_size((960, 540)), largest_size((704, 576)), largest_size((320, 240))
    (1280, 960, 640)
    """
    return max((size for size in SIZES if size <= _LARGEST_ZOOM * max(picture)), default=SIZES[0])


def _smallest_for(height: float) -> int:
    """Position in `SIZES` of the smallest at which a person is shown well; `height` as a share of the longer side."""
    return next((place for place, size in enumerate(SIZES) if height * size >= _CLEAR_PX), len(SIZES) - 1)


def _heights(found: Detections) -> NDArray[np.float32]:
    is_sure = found.confidence >= _CONF
    heights: NDArray[np.float32] = (found.xyxy[:, 3] - found.xyxy[:, 1])[is_sure]
    return heights


def _look_s(number: int) -> float:
    """When close look `number` is due, in seconds after the first frame."""
    if number < len(_FIRST_LOOKS_S):
        return _FIRST_LOOKS_S[number]
    return _FIRST_LOOKS_S[-1] + (number - len(_FIRST_LOOKS_S) + 1) * _LOOK_EVERY_S
