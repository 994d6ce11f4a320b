"""What a surveillance camera does to light: colour response, exposure, optics, noise, compression.

A sensor belongs to a camera and is the same for all its pictures; only small things change, such as automatic exposure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Values = NDArray[np.floating]


@dataclass(frozen=True)
class Sensor:
    """A camera's response.

    Attributes:
        white: gain of red, green and blue.
        mixing: (3, 3) crosstalk of the channels, rows sum to 1.
        exposure: gain of all, near 1.
        contrast: exponent of the tone curve, near 1.
        black: lifted black level, 0 to 0.15: haze, dirty glass.
        saturation: 0 grey, 1 as is.
        noise: standard deviation in the dark, of 1; bright pixels get less.
        chroma_noise: of colour, in blotches.
        blur_px: standard deviation of the optics, at 720 lines.
        sharpening: of the camera's processing; it leaves halos.
        quality: of JPEG, 1 to 100.
        night: infrared or nearly no colour.
    """

    white: tuple[float, float, float]
    mixing: tuple[tuple[float, float, float], ...]
    exposure: float
    contrast: float
    black: float
    saturation: float
    noise: float
    chroma_noise: float
    blur_px: float
    sharpening: float
    quality: int
    night: bool


def sample_sensor(rng: np.random.Generator) -> Sensor:
    """A camera somebody might have bought, set up more or less well."""
    good = rng.random()  # of one camera: cheap ones err in all respects
    cast = np.exp(rng.normal(0, 0.05 + 0.08 * (1 - good), 3) * [1, 0.4, 1])
    mixing = np.eye(3) + np.abs(rng.normal(0, 0.05 * (1.3 - good), (3, 3)))
    mixing /= mixing.sum(1, keepdims=True)
    night = bool(rng.random() < 0.02)
    return Sensor(
        white=tuple((cast / cast.mean()).tolist()),
        mixing=tuple(map(tuple, mixing.tolist())),
        exposure=float(np.exp(rng.normal(0, 0.22))),
        contrast=float(np.exp(rng.normal(0, 0.16))),
        black=float(rng.uniform(0, 0.13) ** (1.0 if rng.random() < 0.5 else 1.6)),
        saturation=0.08 if night else float(np.clip(rng.normal(0.88, 0.2), 0.35, 1.35)),
        noise=float(rng.uniform(0.003, 0.022) * (1.4 - good)),
        chroma_noise=float(rng.uniform(0, 0.02) * (1.4 - good)),
        blur_px=float(rng.uniform(0.2, 1.1) * (1.3 - 0.7 * good)),
        sharpening=float(rng.uniform(0, 1.2) if rng.random() < 0.7 else 0.0),
        quality=int(rng.uniform(38, 94)),
        night=night,
    )


def auto_exposure(sensor: Sensor, image: Picture) -> Sensor:
    """The sensor set up for what it sees: exposed so that the picture (H, W, 3) is about half bright on average."""
    mean = float(image.mean()) / 255
    return replace(sensor, exposure=sensor.exposure * float(np.clip(0.42 / max(mean, 1e-3), 0.75, 2.8)))


def expose(
    image: Picture, sensor: Sensor, rng: np.random.Generator, drift: float = 0.05, scale: float = 1.0
) -> Picture:
    """The picture that the sensor makes of (H, W, 3) RGB light as rendered, before compression.

    Args:
        image: uint8, rendered by `tone_map`.
        sensor: of the camera.
        rng: noise, and automatic exposure and white balance, which differ by `drift` from moment to moment.
        drift: standard deviation of their logarithms.
        scale: size of a pixel of `image` in pixels of the camera's own picture, where it was resampled.
    """
    light: Values = image.astype(np.float32) / 255
    gain = sensor.exposure * np.exp(rng.normal(0, drift)) * np.exp(rng.normal(0, drift / 3, 3))
    light = light @ np.array(sensor.mixing, np.float32).T * (np.array(sensor.white) * gain).astype(np.float32)
    sigma = sensor.blur_px / scale
    if sigma > 0.2:
        light = cv2.GaussianBlur(light, (0, 0), sigma)
    grey = light @ np.array([0.3, 0.59, 0.11], np.float32)
    light = grey[..., None] + (light - grey[..., None]) * np.float32(sensor.saturation)
    light = tone_curve(light, sensor)
    shot = sensor.noise * (1.3 - light[..., :1])
    light = light + shot * rng.standard_normal((*light.shape[:2], 1), np.float32)
    light += 0.5 * shot * rng.standard_normal(light.shape, np.float32)
    if sensor.chroma_noise > 0.004:
        height, width = light.shape[:2]
        blotches = rng.normal(0, sensor.chroma_noise, (height // 5 + 1, width // 5 + 1, 3)).astype(np.float32)
        light += cv2.resize(blotches, (width, height), interpolation=cv2.INTER_LINEAR)
    if sensor.sharpening:
        light += sensor.sharpening * (light - cv2.GaussianBlur(light, (0, 0), 1.2))
    return (np.clip(light, 0, 1) * 255 + 0.5).astype(np.uint8)


def tone_curve(light: Values, sensor: Sensor) -> Values:
    """Display values of light, any shape: contrast, highlights that roll off, lifted blacks."""
    light = np.clip(light, 0, None) ** np.float32(sensor.contrast)
    light = np.where(light > 0.85, 1 - 0.15 * np.exp(-(light - 0.85) / 0.15), light)
    return sensor.black + (1 - sensor.black) * light


def compress(image: Picture, quality: int) -> bytes:
    """JPEG of an RGB picture."""
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return data.tobytes()
