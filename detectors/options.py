"""The options that detectors share, under the names that YOLO users know, checked in one place."""

from __future__ import annotations

import re

from mdpr.errors import ConfigError

DEFAULT_SIZE = 640
"""Longer side of the input of networks that take any, unless something else is asked for."""

STRIDE = 32
"""Pixels that one cell of the coarsest grid of a YOLO covers; input sides are multiples of it."""


def check_options(
    *,
    conf: float | None = None,
    iou: float | None = None,
    imgsz: int | None = None,
    max_det: int | None = None,
    classes: tuple[int, ...] | None = None,
    device: str = "",
) -> None:
    """Check the options that are not None.

    Raises:
        ConfigError: a value out of range; it says what was expected.

    >>> check_options(conf=0.1, imgsz=640, device="cuda:0")
    >>> check_options(imgsz=650)
    Traceback (most recent call last):
    mdpr.errors.ConfigError: detector.imgsz: expected a positive multiple of 32, got 650; the next one is 672
    """
    for name, value in (("conf", conf), ("iou", iou)):
        if value is not None and not 0 <= value <= 1:
            raise ConfigError(f"detector.{name}: expected a value in [0, 1], got {value}")
    if imgsz is not None and (imgsz <= 0 or imgsz % STRIDE):
        following = max(-(-imgsz // STRIDE), 1) * STRIDE
        raise ConfigError(
            f"detector.imgsz: expected a positive multiple of {STRIDE}, got {imgsz}; the next one is {following}"
        )
    if max_det is not None and max_det < 1:
        raise ConfigError(f"detector.max_det: expected at least 1, got {max_det}")
    if classes is not None and (not classes or min(classes) < 0):
        raise ConfigError(f"detector.classes: expected class numbers from 0 (person), or null for all, got {classes}")
    if not re.fullmatch(r"|cpu|mps|cuda|(cuda:)?\d+", device):
        raise ConfigError(f"detector.device: expected cpu, cuda, cuda:0, 0 or mps, or '' to choose, got {device!r}")
