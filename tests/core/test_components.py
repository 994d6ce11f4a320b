"""Components by name: what exists is built, what does not is refused with a list of what does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from mdpr.components import build_config, find_class
from mdpr.errors import ConfigError
from mdpr.reid.none import NoEmbedder


@dataclass(frozen=True)
class Options:
    age_s: float = 1.0
    count: int = 2
    name: str = "x"
    is_fast: bool = False
    half: bool | None = None
    classes: tuple[int, ...] | None = (0,)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, Options()),
        ({"age_s": 3}, Options(age_s=3.0)),
        ({"classes": [1, 2]}, Options(classes=(1, 2))),
        ({"classes": None, "half": True}, Options(classes=None, half=True)),
    ],
)
def test_values_become_the_config(values: dict[str, Any], expected: Options) -> None:
    assert build_config(Options, values, "part") == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"age": 3}, "part: unknown key 'age'. Known: age_s, classes"),
        ({"age_s": "3"}, "part.age_s: expected float, got '3'"),
        ({"age_s": True}, "expected float"),
        ({"count": 2.5}, "expected int"),
        ({"is_fast": 1}, "expected bool"),
        ({"classes": ["a"]}, r"part.classes\[0\]: expected int"),
        ({"half": "yes"}, "expected bool or null"),
    ],
)
def test_bad_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_config(Options, values, "part")


def test_a_class_is_found_by_name_and_by_path() -> None:
    known = {"none": "mdpr.reid.none:NoEmbedder"}
    assert find_class("embedder", "none", known) is NoEmbedder
    assert find_class("embedder", "mdpr.reid.none:NoEmbedder", {}) is NoEmbedder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nine", "unknown embedder 'nine'. Known: none"),
        ("no.such.module:Thing", "cannot load"),
        ("mdpr.reid.none:Nothing", "cannot load"),
        ("mdpr.errors:MdprError", "has no dataclass `Config`"),
    ],
)
def test_an_unknown_class_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_class("embedder", name, {"none": "mdpr.reid.none:NoEmbedder"})
