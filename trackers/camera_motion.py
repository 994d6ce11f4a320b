"""How the picture of a moving camera shifts from frame to frame, by sparse optical flow between people.

Corners of a small grey picture are followed into the next frame, people left out, and the shift, rotation and zoom that
most of them agree on is the camera's. On a fixed camera there is nothing to measure: whether it is fixed is decided in
the first seconds and looked at again rarely, so that it costs nothing.

Reference: Shi, Tomasi, "Good Features to Track", CVPR 1994; Lucas, Kanade, 1981, in Bouguet's pyramidal form; Fischler,
Bolles, "Random Sample Consensus", 1981; Aharon et al., BoT-SORT (2206.14651), section 3.2, for its use in tracking.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.types import Frame

MODES = ("auto", "on", "off")
DECIDING, FIXED, MOVING = "deciding", "fixed", "moving"

CORNERS, CORNER_QUALITY, CORNER_SPACING = 120, 0.01, 0.02
"""Most corners, least part of the best one's quality, and least distance in widths of the picture."""

WINDOW_PX = 15
"""Size of the patch around a corner that is followed."""

LEAST_INLIERS, LEAST_SHARE = 12, 0.4
"""Corners that must agree for a motion to be believed: number, and share of those that could be followed."""

TOLERANCE_PX = 1.0
"""Distance from the common motion, in pixels of the small picture, up to which a corner agrees."""

RETURN_PX = 0.5
"""A corner followed there and back must come this close to where it was."""

FIXED_SHIFT = 0.005
"""Widths of the picture that a fixed camera's picture never moves by."""

CHECK_S = 0.5
"""Time between the two frames that a look at a camera taken for fixed compares."""

MASK_MARGIN = 0.1
"""Boxes of people are taken this much larger in each direction, as arms reach out of them."""


@dataclass(frozen=True)
class CameraMotionConfig:
    """Options of `CameraMotion`.

    Attributes:
        mode: "on", "off", or "auto": on, until the camera turns out to be fixed.
        width_px: of the small picture.
        decide_s: seconds without motion after which a camera counts as fixed.
        recheck_s: seconds between looks at a camera that counts as fixed.
    """

    mode: str = "auto"
    width_px: int = 480
    decide_s: float = 3.0
    recheck_s: float = 10.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"camera_motion.mode: unknown {self.mode!r}. Known: {', '.join(MODES)}")
        if not 64 <= self.width_px <= 4096:
            raise ConfigError(f"camera_motion.width_px: expected 64 to 4096, got {self.width_px}")
        for name, least in (("decide_s", 0.0), ("recheck_s", CHECK_S)):
            if not least < getattr(self, name) < math.inf:
                raise ConfigError(f"camera_motion.{name}: expected seconds above {least:g}, got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class _Small:
    """A small grey picture, where people are not (255) and are (0), and when it was taken."""

    grey: NDArray[np.uint8]
    background: NDArray[np.uint8]
    time_s: float


class CameraMotion:
    """The motion of one camera, frame by frame.

    Attributes:
        state: "deciding" at first, then "fixed" or "moving".
        measured, failed: frames whose motion was looked for, and of these, not found: too dark, too blurred, or hidden
            by people.
    """

    def __init__(self, config: CameraMotionConfig | None = None) -> None:
        self.config = config or CameraMotionConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next frame may be of another camera."""
        self.state = MOVING if self.config.mode == "on" else FIXED if self.config.mode == "off" else DECIDING
        self.measured = self.failed = 0
        self._last: _Small | None = None
        self._still_since_s: float | None = None
        self._drift = np.eye(3)  # since then, of small pictures
        self._next_check_s = -math.inf
        self._size = (0, 0)

    def update(self, frame: Frame, boxes: NDArray[np.floating]) -> NDArray[np.float64] | None:
        """How the picture moved since the frame before.

        Args:
            frame: the next frame of the camera, in order of time.
            boxes: (N, 4) `xyxy` of the people in it.

        Returns:
            (2, 3) affine map of the last frame's pixels to this one's, or None when the camera is fixed or the motion
            is not known: at the first frame, without a picture, when the size changed, or when corners do not agree.
        """
        if self.config.mode == "off" or not frame.has_image:
            return None
        if frame.size != self._size:
            self._size, self._last, self._still_since_s = frame.size, None, None
        if self.state == FIXED:
            return self._check(frame, boxes)
        small, last = self._small(frame, boxes), self._last
        self._last = small
        if last is None:
            self._start_still(frame.time_s)
            return None
        motion = self._measure(last, small)
        if motion is not None:
            self._follow(motion, frame.time_s)
        return None if motion is None else self._full(motion)

    def _follow(self, motion: NDArray[np.float64], time_s: float) -> None:
        """Take the camera for fixed once the picture has stayed where it was for long, and for moving when not."""
        if self.config.mode != "auto":
            return
        self._drift = _square(motion) @ self._drift
        if self._shift(self._drift[:2]) > FIXED_SHIFT:
            self.state = MOVING
            self._start_still(time_s)
        elif self._still_since_s is not None and time_s - self._still_since_s >= self.config.decide_s - 1e-6:
            self.state = FIXED
            self._last = None
            self._next_check_s = time_s + self.config.recheck_s

    def _start_still(self, time_s: float) -> None:
        self._still_since_s, self._drift = time_s, np.eye(3)

    def _check(self, frame: Frame, boxes: NDArray[np.floating]) -> NDArray[np.float64] | None:
        """Compare two frames `CHECK_S` apart every `recheck_s`; with the second one the camera may be moving again."""
        if frame.time_s < self._next_check_s:
            return None
        if self._last is None:
            self._last = self._small(frame, boxes)
            return None
        if frame.time_s - self._last.time_s < CHECK_S - 1e-6:
            return None
        now = self._small(frame, boxes)
        motion = self._measure(self._last, now)
        self._last = None
        self._next_check_s = frame.time_s + self.config.recheck_s
        if motion is not None and self._shift(motion) > FIXED_SHIFT:
            self.state = MOVING
            self._last = now
            self._start_still(frame.time_s)
        return None

    def _small(self, frame: Frame, boxes: NDArray[np.floating]) -> _Small:
        width = min(self.config.width_px, frame.size[0])
        height = max(round(frame.size[1] * width / frame.size[0]), 8)
        step = max(frame.size[0] // (2 * width), 1)  # reading every pixel of a large picture costs more than the flow
        green = np.ascontiguousarray(frame.image[step // 2 :: step, step // 2 :: step, 1])  # a good grey, and at hand
        grey = cv2.resize(green, (width, height), interpolation=cv2.INTER_AREA)
        background = np.full((height, width), 255, np.uint8)
        size = np.array([width, height])
        corner = np.asarray(boxes, np.float64).reshape(-1, 2, 2)
        margin = MASK_MARGIN * (corner[:, 1] - corner[:, 0])
        scale = size / np.array(frame.size)
        low = np.clip((corner[:, 0] - margin) * scale, 0, size).astype(int).tolist()
        high = np.clip(np.ceil((corner[:, 1] + margin) * scale), 0, size).astype(int).tolist()
        for (left, top), (right, bottom) in zip(low, high, strict=True):
            background[top:bottom, left:right] = 0
        return _Small(np.asarray(grey, np.uint8), background, frame.time_s)

    def _measure(self, before: _Small, after: _Small) -> NDArray[np.float64] | None:
        """(2, 3) motion between two small pictures, or None."""
        self.measured += 1
        motion = _motion_between(before, after)
        self.failed += motion is None
        return motion

    def _shift(self, motion: NDArray[np.float64]) -> float:
        """How far the corners of the picture move at most, in widths of the picture."""
        width, height = self.config.width_px, self.config.width_px * self._size[1] / self._size[0]
        width, height = min(width, self._size[0]), min(height, self._size[1])
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
        moved = corners @ motion[:, :2].T + motion[:, 2] - corners
        return float(np.linalg.norm(moved, axis=1).max()) / width

    def _full(self, motion: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same motion in pixels of the frame."""
        factor = self._size[0] / min(self.config.width_px, self._size[0])
        full = motion.copy()
        full[:, 2] *= factor
        return full


def _motion_between(before: _Small, after: _Small) -> NDArray[np.float64] | None:
    width = before.grey.shape[1]
    corners = cv2.goodFeaturesToTrack(
        before.grey, CORNERS, CORNER_QUALITY, max(CORNER_SPACING * width, 3), mask=before.background
    )
    if corners is None or len(corners) < LEAST_INLIERS:
        return None
    start = np.asarray(corners, np.float32).reshape(-1, 1, 2)
    window = (WINDOW_PX, WINDOW_PX)
    there, is_found, _ = cv2.calcOpticalFlowPyrLK(before.grey, after.grey, start, None, winSize=window)
    back, is_back, _ = cv2.calcOpticalFlowPyrLK(after.grey, before.grey, there, None, winSize=window)
    first, second = start.reshape(-1, 2), np.asarray(there).reshape(-1, 2)
    strayed = np.linalg.norm(np.asarray(back).reshape(-1, 2) - first, axis=1)
    is_good = np.ravel(is_found).astype(bool) & np.ravel(is_back).astype(bool) & (strayed <= RETURN_PX)
    is_good &= _on(after.background, second)
    if is_good.sum() < LEAST_INLIERS:
        return None
    motion, is_inlier = cv2.estimateAffinePartial2D(
        first[is_good], second[is_good], method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE_PX
    )
    if motion is None or is_inlier is None:
        return None
    if is_inlier.sum() < max(LEAST_INLIERS, LEAST_SHARE * is_good.sum()):
        return None
    return np.asarray(motion, np.float64)


def _on(background: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) which points lie in the picture and on no person."""
    place = np.rint(points).astype(int)
    height, width = background.shape
    inside: NDArray[np.bool_] = np.all((place >= 0) & (place < (width, height)), axis=1)
    place[~inside] = 0
    return inside & (background[place[:, 1], place[:, 0]] > 0)


def _square(motion: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.vstack([motion, [0.0, 0.0, 1.0]])
