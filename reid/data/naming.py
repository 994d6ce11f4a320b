"""Numbers for identities and cameras that data sets call by names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mdpr.reid.data.layout import natural_key, shortened

_WHOLE = re.compile(r"\d+")


def number_names(names: Iterable[str], lowest: int = 1) -> dict[str, int]:
    """A number for each name, the same whatever the order they come in.

    Names that are all whole numbers of at least `lowest`, and stay different, keep their numbers. Otherwise the names
    are numbered from 1 on in natural order (2 before 10).

    >>> number_names(["0007", "12"])
    {'0007': 7, '12': 12}
    >>> number_names(["zoe", "bob", "zoe"])
    {'bob': 1, 'zoe': 2}
    >>> number_names(["0", "1"])
    {'0': 1, '1': 2}
    """
    ordered = sorted(set(names), key=natural_key)
    if all(_WHOLE.fullmatch(name) for name in ordered):
        numbers = [int(name) for name in ordered]
        if len(set(numbers)) == len(numbers) and min(numbers, default=lowest) >= lowest:
            return dict(zip(ordered, numbers, strict=True))
    return {name: number for number, name in enumerate(ordered, 1)}


def mapping_note(what: str, mapping: dict[str, int]) -> tuple[str, ...]:
    """A note that tells the mapping, unless every name is its number.

    >>> mapping_note("identities", {"bob": 1, "zoe": 2})
    ('identities are numbered in the order of their names: bob = 1, zoe = 2',)
    >>> mapping_note("identities", {"0007": 7})
    ()
    """
    if all(_WHOLE.fullmatch(name) and int(name) == number for name, number in mapping.items()):
        return ()
    pairs = shortened(f"{name} = {number}" for name, number in mapping.items())
    return (f"{what} are numbered in the order of their names: {pairs}",)
