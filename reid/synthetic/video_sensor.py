"""A camera's sensor for video: what `sensor.expose` does to one picture, fast enough for every frame.

Colours go through one matrix and one table of 256 values, noise comes from a few prepared frames at random offsets, and
automatic exposure drifts instead of jumping.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.sensor import Picture, Sensor, tone_curve

_TOP = 1.6  # light up to here is kept apart before the tone curve
_FRAMES, _MARGIN = 6, 64


class VideoSensor:
    """The sensor of one camera over time.

    Args:
        sensor: of the camera.
        width, height: of its frames.
        fps: frames a second.
        rng: of this camera's noise.
    """

    def __init__(self, sensor: Sensor, width: int, height: int, fps: float, rng: np.random.Generator) -> None:
        self._sensor, self._rng, self._fps = sensor, rng, fps
        self._drift = 0.0
        self._curve = (np.clip(tone_curve(np.arange(256) / 255 * _TOP, sensor), 0, 1) * 255 + 0.5).astype(np.uint8)
        shape = (height + _MARGIN, width + _MARGIN)
        self._noise = [self._noise_frame(shape) for _ in range(_FRAMES)]

    def _noise_frame(self, shape: tuple[int, int]) -> NDArray[np.int16]:
        sensor, rng = self._sensor, self._rng
        noise = sensor.noise * 0.85 * (rng.standard_normal((*shape, 1)) + 0.5 * rng.standard_normal((*shape, 3)))
        blotches = rng.normal(0, sensor.chroma_noise, (shape[0] // 5 + 1, shape[1] // 5 + 1, 3))
        noise += cv2.resize(blotches, shape[::-1], interpolation=cv2.INTER_LINEAR)
        return np.rint(255 * noise).astype(np.int16)

    def expose(self, image: Picture) -> Picture:
        """The next frame (H, W, 3) RGB of what is rendered."""
        sensor, rng = self._sensor, self._rng
        pull = 0.15 / self._fps  # automatic exposure wanders about, and comes back within seconds
        self._drift += -pull * self._drift + 0.05 * np.sqrt(2 * pull) * rng.standard_normal()
        grey = np.array([[0.3, 0.59, 0.11]])
        saturate = sensor.saturation * np.eye(3) + (1 - sensor.saturation) * np.ones((3, 1)) @ grey
        gain = sensor.exposure * np.exp(self._drift) / _TOP
        colours = saturate @ np.diag(sensor.white) @ np.array(sensor.mixing) * gain
        picture = cv2.GaussianBlur(image, (0, 0), sensor.blur_px) if sensor.blur_px > 0.2 else image
        picture = cv2.LUT(cv2.transform(picture, colours), self._curve)
        down, right = rng.integers(0, _MARGIN, 2)
        height, width = picture.shape[:2]
        noise = self._noise[rng.integers(_FRAMES)][down : down + height, right : right + width]
        picture = cv2.add(picture, noise, dtype=cv2.CV_8U)
        if sensor.sharpening:
            soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
            picture = cv2.addWeighted(picture, 1 + sensor.sharpening, soft, -sensor.sharpening, 0)
        return picture
