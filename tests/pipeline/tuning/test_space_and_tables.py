"""Which settings are tried, and how sensitivity is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mdpr.errors import ConfigError
from mdpr.pipeline.tuning.space import Choice, choices_around, draws, grid, parse_choice, variations
from mdpr.pipeline.tuning.tables import Sensitivity, aligned, sensitivity_table


def test_grids_are_all_combinations() -> None:
    choices = [parse_choice("tracker.a=1,2"), parse_choice("b=true,false"), parse_choice("c=x")]
    assert list(grid(choices)) == [{"a": a, "b": b, "c": "x"} for a in (1, 2) for b in (True, False)]
    assert list(grid([])) == [{}]
    with pytest.raises(ConfigError, match="--random"):
        list(grid([Choice(str(i), (1, 2, 3, 4)) for i in range(8)]))


def test_draws_stay_in_range_and_depend_on_the_seed_only() -> None:
    choices = [parse_choice("a=0.5..8"), parse_choice("b=-1..1"), parse_choice("c=1,2,3")]
    drawn = list(draws(choices, 500, 3))
    assert drawn == list(draws(choices, 500, 3))
    assert drawn != list(draws(choices, 500, 4))
    values = {name: np.array([one[name] for one in drawn]) for name in "abc"}
    assert ((values["a"] >= 0.5) & (values["a"] <= 8)).all()
    assert 0.4 < (values["a"] < 2).mean() < 0.6  # by the logarithm: 2 is the middle of 0.5 and 8
    assert 0.4 < (values["b"] < 0).mean() < 0.6
    assert set(values["c"].tolist()) == {1, 2, 3}


@pytest.mark.parametrize("text", ["a", "=1", "a=", "detector.conf=1", "a=1..x", "a=2..1", "a=1..inf"])
def test_wrong_choices(text: str) -> None:
    with pytest.raises(ConfigError, match="--param"):
        parse_choice(text)


def test_what_is_varied() -> None:
    options = {"age": 2.0, "views": 10, "solver": "scipy", "off": 0.0, "threshold": None, "is_on": True}
    assert [choice.name for choice in choices_around(options)] == ["age"]
    assert [name for name, value in options.items() if variations(value)] == ["age", "views", "is_on"]


class Scored:
    """A trial with these scores."""

    def __init__(self, hota: float, idf1: float) -> None:
        self._values = {"HOTA": hota, "IDF1": idf1}

    @property
    def combined(self) -> Any:
        return self

    def values(self) -> dict[str, float]:
        return self._values


def test_luck_is_named() -> None:
    base: Any = Scored(0.5, 0.6)

    def of(name: str, near: float) -> Sensitivity:
        trials: Any = ((1, None), (2, Scored(0.5, 0.6 + near)), (3, Scored(0.501, 0.6)), (4, Scored(0.3, 0.6)))
        return Sensitivity(name, 2.0, trials, base)

    steady, lucky = of("steady", 0.004), of("lucky", -0.02)
    assert steady.near == pytest.approx(0.4)
    assert lucky.near == pytest.approx(2.0)
    lines = sensitivity_table([steady, lucky]).splitlines()
    assert lines[1].split() == ["lucky", "2", "-", "+0.00/-2.00", "+0.10/+0.00", "-20.00/+0.00", "2.00", "!"]
    assert lines[2].split()[-1] == "0.40"


def test_columns_are_aligned() -> None:
    assert aligned([["a", "bb"], ["ccc", "d"]]) == "a    bb\nccc   d"
