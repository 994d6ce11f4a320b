"""Which boxes of a tracking ground truth are worth a crop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError
from mdpr.mottext import mot_values

_PEDESTRIAN = 1


@dataclass(frozen=True)
class CropOptions:
    """Which boxes become crops.

    Attributes:
        every_s: at most one crop of a person in so many seconds; 0 takes every frame.
        min_visibility: smallest visible part of a box, 0 to 1; ground truth that does not say it passes.
        min_height_px: smallest height of a box.
    """

    every_s: float = 1.0
    min_visibility: float = 0.5
    min_height_px: float = 64.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.every_s) and self.every_s >= 0):
            raise ConfigError(f"every_s: expected 0 or more seconds, got {self.every_s}")
        if not 0 <= self.min_visibility <= 1:
            raise ConfigError(f"min_visibility: expected 0 to 1, got {self.min_visibility}")
        if not (math.isfinite(self.min_height_px) and self.min_height_px >= 0):
            raise ConfigError(f"min_height_px: expected 0 or more pixels, got {self.min_height_px}")


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """Pedestrians of a MOTChallenge ground truth.

    Attributes:
        frames: (N,) int64 from 0, rising.
        people: (N,) int64 identity above 0.
        boxes: (N, 4) float32 `xyxy` pixels from 0; may reach beyond the image.
        visibility: (N,) float32 visible part, 0 to 1; 1 where the file does not say.
    """

    frames: NDArray[np.int64]
    people: NDArray[np.int64]
    boxes: NDArray[np.float32]
    visibility: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frames)


def read_ground_truth(path: Path) -> GroundTruth:
    """The considered pedestrians of a gt.txt: lines whose flag is not 0 and whose class is 1, or not given.

    Lines are frame,id,x,y,width,height,flag[,class,visibility]; ten columns end in world coordinates instead. Frames
    and pixels count from 1 there, from 0 here.

    Raises:
        FormatError: unreadable, or a line that does not fit; names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as text: {error}") from error
    parsed = [_parse(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    table = np.array([row for row in parsed if row is not None], np.float64).reshape(-1, 7)
    table = table[np.argsort(table[:, 0], kind="stable")]
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    return GroundTruth(
        table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), corners.astype(np.float32),
        table[:, 6].astype(np.float32),
    )  # fmt: skip


def usable(truth: GroundTruth, options: CropOptions) -> NDArray[np.bool_]:
    """(N,) whether each box is visible and tall enough.

    >>> boxes = np.array([[0, 0, 40, 90], [0, 0, 40, 30]], np.float32)
    >>> truth = GroundTruth(np.zeros(2, int), np.array([1, 2]), boxes, np.ones(2, np.float32))
    >>> usable(truth, CropOptions()).tolist()
    [True, False]
    """
    heights = truth.boxes[:, 3] - truth.boxes[:, 1]
    return (truth.visibility >= options.min_visibility) & (heights >= options.min_height_px)


def due(people: NDArray[np.int64], time_s: float, last_s: Mapping[int, float], every_s: float) -> NDArray[np.bool_]:
    """(N,) whether each person had no crop within the last `every_s` seconds.

    Args:
        people: (N,) identities.
        time_s: of the frame.
        last_s: when each person was last cropped.
        every_s: wanted distance; half a millisecond of rounding is forgiven.

    >>> due(np.array([1, 2, 3]), 2.0, {1: 1.5, 2: 1.0}, 1.0).tolist()
    [False, True, True]
    """
    return np.array([time_s - last_s.get(person, -math.inf) >= every_s - 5e-4 for person in people.tolist()], bool)


def _parse(line: str, where: str) -> tuple[float, ...] | None:
    """Frame, identity, x, y, width, height, visibility of a line; None for one that does not count."""
    values = mot_values(line, where, "frame,id,x,y,width,height,flag,class,visibility")
    frame, person, x, y, width, height, flag = values[:7]
    has_class = len(values) in (8, 9) and values[7] >= 0
    if flag == 0 or (has_class and values[7] != _PEDESTRIAN):
        return None
    if frame < 1 or frame != int(frame) or person < 1 or person != int(person):
        raise FormatError(f"{where}: expected a frame and an identity from 1, got {frame:g} and {person:g}")
    if width <= 0 or height <= 0:
        raise FormatError(f"{where}: expected width and height above 0, got {width:g} and {height:g}")
    visibility = values[8] if len(values) == 9 and values[8] >= 0 else 1.0
    return frame - 1, person, x - 1, y - 1, width, height, visibility
