"""What people do in a place: the options, what somebody is at, and the walks that come of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError

Array = NDArray[np.float64]

_SHARES = ("present_first", "arrive_until", "standing", "returning", "in_groups", "meeting", "turning")
_SLOWEST, _FASTEST = 0.5, 2.2  # m/s, of walking


class Activity(IntEnum):
    """What somebody is at in a frame: not there, on the way, standing alone, or standing with others."""

    AWAY = 0
    WALK = 1
    STAND = 2
    TALK = 3


@dataclass(frozen=True)
class PathOptions:
    """How people behave; shares are 0 to 1, ranges are (least, most).

    Attributes:
        present_first: share of the parties who are there when the first frame is taken.
        crowding: people per square metre of free ground; when there are more, others wait outside.
        arrive_until: the others arrive evenly until this share of the duration.
        standing: share of the parties who stop somewhere; the others walk through.
        stops: how often those stop in a visit.
        stand_s: how long they stand each time.
        returning: share of the parties who leave and come back later.
        gap_s: how long those are away.
        in_groups: share of the people who are in groups of two to four.
        meeting: share of the groups whose members come apart and meet; the others walk side by side.
        turning: share of the parties who turn back halfway once.
        speed: preferred speeds, m/s, between 0.5 and 2.2; most people are near 1.3.
    """

    present_first: float = 0.35
    crowding: float = 0.2
    arrive_until: float = 0.8
    standing: float = 0.55
    stops: tuple[int, int] = (1, 3)
    stand_s: tuple[float, float] = (4.0, 25.0)
    returning: float = 0.25
    gap_s: tuple[float, float] = (5.0, 30.0)
    in_groups: float = 0.35
    meeting: float = 0.35
    turning: float = 0.12
    speed: tuple[float, float] = (0.7, 1.8)

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be a share between 0 and 1, got {getattr(self, name)}")
        if not self.crowding > 0:
            raise ConfigError(f"crowding must be above 0 people per square metre, got {self.crowding}")
        for name, least, most in (
            ("stops", 1, math.inf),
            ("stand_s", 0, math.inf),
            ("gap_s", 0, math.inf),
            ("speed", _SLOWEST, _FASTEST),
        ):
            low, high = getattr(self, name)
            if not (least <= low <= high <= most and math.isfinite(high)):
                raise ConfigError(f"{name} must be (least, most) within {least} and {most}, got ({low}, {high})")


@dataclass(frozen=True)
class Walk:
    """One person's way through a place, frame by frame; where nobody is `present` the other values mean nothing.

    Attributes:
        present: (F,) bool.
        xy: (F, 2) metres.
        heading: (F,) rad in [-pi, pi), 0 along +x, counter-clockwise; who walks looks where it goes.
        speed: (F,) m/s.
        walked_m: (F,) metres walked so far in all, for the phase of the gait.
        activity: (F,) int8, an `Activity`.
    """

    present: NDArray[np.bool_]
    xy: Array
    heading: Array
    speed: Array
    walked_m: Array
    activity: NDArray[np.int8]
