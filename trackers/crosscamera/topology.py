"""What is known about how cameras lie to each other: travel times, and which of them see the same place.

entrance -> hall: 5..40 s        # seconds from leaving the first to entering the second
hall <-> stairs: 2..20 s         # both directions
hall <-> gallery: overlapping    # see the same place: a person can be in both at once
yard <-> roof: apart             # nobody is in both at once; nothing is known about the time between
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from mdpr.errors import ConfigError

_WINDOW = re.compile(r"(\d+(?:\.\d+)?)\s*\.\.\s*(\d+(?:\.\d+)?|inf)\s*(s|min)?")
OVERLAPPING, APART = "overlapping", "apart"

CameraPair = tuple[str, str]


@dataclass(frozen=True)
class Topology:
    """Pairs of cameras that something is known about; nothing is assumed about the others.

    Attributes:
        travel_s: for (from, to) the shortest and the usual longest time between leaving one and entering the other.
            Nobody is faster; somebody slower has been elsewhere, which is unlikely but possible. A person is never in
            both at once.
        apart: sorted pairs in which nobody is at once.
        overlapping: sorted pairs that see the same place.
    """

    travel_s: Mapping[CameraPair, tuple[float, float]] = field(default_factory=dict)
    apart: frozenset[CameraPair] = frozenset()
    overlapping: frozenset[CameraPair] = frozenset()

    def __post_init__(self) -> None:
        never = self.apart | {_sorted(pair) for pair in self.travel_s}
        for a, b in sorted(never & self.overlapping):
            raise ConfigError(f"topology: {a} and {b} are declared overlapping, but also apart or with a travel time")
        for (a, b), (low, high) in self.travel_s.items():
            if not 0 <= low <= high:
                raise ConfigError(f"topology: {a} -> {b}: expected 0 <= shortest <= longest, got {low}..{high} s")

    @property
    def cameras(self) -> frozenset[str]:
        """All cameras that are named."""
        return frozenset(name for pair in (*self.travel_s, *self.apart, *self.overlapping) for name in pair)

    def among(self, cameras: Collection[str]) -> Topology:
        """What it says about these cameras alone."""

        def both(pair: CameraPair) -> bool:
            return pair[0] in cameras and pair[1] in cameras

        return Topology(
            {pair: window for pair, window in self.travel_s.items() if both(pair)},
            frozenset(filter(both, self.apart)),
            frozenset(filter(both, self.overlapping)),
        )

    @classmethod
    def parse(cls, content: Mapping[str, Any], where: str = "topology") -> Topology:
        """The topology that `content` (of a YAML file) describes.

        Raises:
            ConfigError: anything that is not understood; it names the line's key.

        >>> Topology.parse({"door -> hall": "5..40 s"}).travel_s
        {('door', 'hall'): (5.0, 40.0)}
        """
        travel: dict[CameraPair, tuple[float, float]] = {}
        apart: set[CameraPair] = set()
        overlapping: set[CameraPair] = set()
        for key, value in content.items():
            a, b, is_both = _cameras(key, where)
            if value in (OVERLAPPING, APART):
                if not is_both:
                    raise ConfigError(f"{where}: {key}: {value!r} has no direction: write {a} <-> {b}")
                (overlapping if value == OVERLAPPING else apart).add(_sorted((a, b)))
                continue
            window = _window(value, f"{where}: {key}")
            for pair in ((a, b), (b, a)) if is_both else ((a, b),):
                if travel.setdefault(pair, window) != window:
                    raise ConfigError(f"{where}: {pair[0]} -> {pair[1]} has two different travel times")
        return cls(travel, frozenset(apart), frozenset(overlapping))


def _cameras(key: Any, where: str) -> tuple[str, str, bool]:
    is_both = isinstance(key, str) and "<->" in key
    names = [name.strip() for name in str(key).split("<->" if is_both else "->")]
    if len(names) != 2 or not all(names):
        raise ConfigError(f"{where}: {key!r}: expected 'CAMERA -> CAMERA' or 'CAMERA <-> CAMERA'")
    if names[0] == names[1]:
        raise ConfigError(f"{where}: {key!r}: expected two different cameras")
    return names[0], names[1], is_both


def _window(value: Any, where: str) -> tuple[float, float]:
    match = _WINDOW.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ConfigError(f"{where}: expected '5..40 s', '{OVERLAPPING}' or '{APART}', got {value!r}")
    unit = 60.0 if match[3] == "min" else 1.0
    return float(match[1]) * unit, math.inf if match[2] == "inf" else float(match[2]) * unit


def _sorted(pair: CameraPair) -> CameraPair:
    return (pair[0], pair[1]) if pair[0] <= pair[1] else (pair[1], pair[0])
