"""Which settings are tried: grids, random draws, and each option on its own around its default."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from mdpr.errors import ConfigError

FACTORS = (0.5, 0.8, 1.25, 2.0)
"""Of an option's default, where its sensitivity is measured; the middle ones tell whether the default needs luck."""

GRID_POINTS = 5
"""Of a range LOW..HIGH in a grid."""

MOST_GRID = 10_000


@dataclass(frozen=True)
class Choice:
    """The values of one option: listed, or a range."""

    name: str
    values: tuple[Any, ...] = ()
    low: float = math.nan
    high: float = math.nan

    @property
    def is_range(self) -> bool:
        """Whether any value between `low` and `high` may be drawn."""
        return not self.values

    def points(self) -> tuple[Any, ...]:
        """The values of a grid: those listed, or points that divide the range evenly."""
        return self.values or tuple(float(value) for value in np.linspace(self.low, self.high, GRID_POINTS).round(6))

    def draw(self, rng: np.random.Generator) -> Any:
        """One value; of a range above 0 by its logarithm, since 0.5 to 1 matters as much as 1 to 2."""
        if not self.is_range:
            return self.values[int(rng.integers(len(self.values)))]
        if self.low > 0:
            return round(math.exp(rng.uniform(math.log(self.low), math.log(self.high))), 6)
        return round(rng.uniform(self.low, self.high), 6)


def parse_choice(text: str) -> Choice:
    """`tracker.max_age_s=1,2,4` or `max_age_s=0.5..4`.

    Raises:
        ConfigError: neither.

    >>> parse_choice("tracker.max_age_s=1,2")
    Choice(name='max_age_s', values=(1, 2), low=nan, high=nan)
    >>> parse_choice("min_iou=0.1..0.3").points()
    (0.1, 0.15, 0.2, 0.25, 0.3)
    """
    key, separator, value = text.partition("=")
    name = key.strip().removeprefix("tracker.")
    if not separator or not name or "." in name or not value.strip():
        raise ConfigError(f"--param {text}: expected tracker.OPTION=V1,V2,... or tracker.OPTION=LOW..HIGH")
    low, dots, high = value.partition("..")
    if dots:
        try:
            bounds = float(low), float(high)
        except ValueError as error:
            raise ConfigError(f"--param {text}: expected two numbers around '..'") from error
        if not (math.isfinite(bounds[0]) and bounds[0] < bounds[1] < math.inf):
            raise ConfigError(f"--param {text}: expected LOW below HIGH, both finite")
        return Choice(name, (), *bounds)
    return Choice(name, tuple(yaml.safe_load(one) for one in value.split(",")))


def grid(choices: Sequence[Choice]) -> Iterator[dict[str, Any]]:
    """All combinations of the values.

    Raises:
        ConfigError: more than MOST_GRID.
    """
    points = [choice.points() for choice in choices]
    if math.prod(map(len, points)) > MOST_GRID:
        raise ConfigError(
            f"--param: {math.prod(map(len, points)):,} combinations; use --random N, or fewer values ({MOST_GRID:,})"
        )
    for values in itertools.product(*points):
        yield dict(zip([choice.name for choice in choices], values, strict=True))


def draws(choices: Sequence[Choice], count: int, seed: int) -> Iterator[dict[str, Any]]:
    """`count` random settings, the same for the same seed."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield {choice.name: choice.draw(rng) for choice in choices}


def choices_around(options: Mapping[str, Any]) -> list[Choice]:
    """A range from half to twice its value for each option that is a number above 0."""
    return [
        Choice(name, (), value * FACTORS[0], value * FACTORS[-1])
        for name, value in options.items()
        if isinstance(value, float) and value > 0
    ]


def variations(value: Any) -> tuple[Any, ...]:
    """What one option is changed to, by FACTORS; a switch is switched; empty for what has no order.

    >>> variations(2.0), variations(10), variations(True), variations("scipy")
    ((1.0, 1.6, 2.5, 4.0), (5, 8, 12, 20), (False,), ())
    """
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return tuple(max(round(value * factor), 1) for factor in FACTORS)
    if isinstance(value, float) and value != 0:
        return tuple(round(value * factor, 6) for factor in FACTORS)
    return ()
