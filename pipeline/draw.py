"""Boxes, ids and trails on a picture."""

from __future__ import annotations

import colorsys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.types import Frame, Tracks

_GOLDEN_RATIO = 0.618033988749895
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_STILL = (150, 150, 150)


@dataclass
class _Trail:
    points: deque[tuple[float, int, int]] = field(default_factory=deque)  # (time_s, x, y)


class Painter:
    """Draws the tracks of one camera; remembers the last seconds of every id for its trail.

    Args:
        line_width: of a box, in pixels; 0 = by the size of the picture.
        trail_s: length of a trail in seconds; 0 = none.
        names: of ids, for their labels.
        is_still: whether an id never moved so far: such boxes are grey.
    """

    def __init__(
        self,
        line_width: int = 0,
        trail_s: float = 2.0,
        names: Mapping[int, str] | None = None,
        is_still: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self._is_still = is_still
        self._line_width = line_width
        self._trail_s = trail_s
        self._names = names or {}
        self._trails: dict[int, _Trail] = {}

    def paint(self, canvas: NDArray[np.uint8], frame: Frame, tracks: Tracks) -> None:
        """Draw onto `canvas`, (H, W, 3) BGR, in place."""
        width = self._line_width or max(1, round(max(canvas.shape[:2]) / 640))
        boxes = tracks.xyxy.round().astype(int).tolist()
        ids = tracks.track_id.tolist()
        for track_id, box in zip(ids, boxes, strict=True):
            self._paint_trail(canvas, track_id, box, frame.time_s, width)
        colours = [_STILL if self._is_still(track_id) else colour_of(track_id) for track_id in ids]
        for (x1, y1, x2, y2), colour in zip(boxes, colours, strict=True):
            cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, width, cv2.LINE_AA)
        for track_id, (x1, y1, _, _), colour in zip(ids, boxes, colours, strict=True):  # labels last: no box hides one
            label = self._names.get(track_id) or str(track_id)
            _paint_label(canvas, f"{label} still" if colour == _STILL else label, x1, y1, colour, width)
        self._forget(frame.time_s)

    def _paint_trail(
        self, canvas: NDArray[np.uint8], track_id: int, box: list[int], time_s: float, line_width: int
    ) -> None:
        if self._trail_s <= 0:
            return
        points = self._trails.setdefault(track_id, _Trail()).points
        points.append((time_s, (box[0] + box[2]) // 2, box[3]))
        while points[0][0] < time_s - self._trail_s:
            points.popleft()
        line = np.array([point[1:] for point in points], np.int32)
        cv2.polylines(canvas, [line], False, colour_of(track_id), line_width, cv2.LINE_AA)

    def _forget(self, time_s: float) -> None:
        """Drop the trails of people who have not been seen for the length of a trail."""
        gone = [track_id for track_id, trail in self._trails.items() if trail.points[-1][0] < time_s - self._trail_s]
        for track_id in gone:
            del self._trails[track_id]


def colour_of(track_id: int) -> tuple[int, int, int]:
    """A BGR colour for an id: neighbouring ids differ in hue, the same id always has the same colour.

    >>> colour_of(1) == colour_of(1) != colour_of(2)
    True
    """
    hue = track_id * _GOLDEN_RATIO % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75 if track_id % 2 else 0.95, 1.0)
    return round(blue * 255), round(green * 255), round(red * 255)


def _paint_label(
    canvas: NDArray[np.uint8], text: str, x: int, y: int, colour: tuple[int, int, int], line_width: int
) -> None:
    """Text on a filled box above (x, y), kept inside the picture; dark on light colours, light on dark ones."""
    scale = 0.25 + 0.2 * line_width
    thickness = max(1, line_width // 2)
    (text_width, text_height), baseline = cv2.getTextSize(text, _FONT, scale, thickness)
    height = text_height + baseline + 2
    left = min(max(x, 0), max(canvas.shape[1] - text_width - 6, 0))
    bottom = min(max(y, height), canvas.shape[0])
    cv2.rectangle(canvas, (left, bottom - height), (left + text_width + 6, bottom), colour, -1)
    luminance = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
    ink = (0, 0, 0) if luminance > 110 else (255, 255, 255)
    cv2.putText(canvas, text, (left + 3, bottom - baseline), _FONT, scale, ink, thickness, cv2.LINE_AA)
