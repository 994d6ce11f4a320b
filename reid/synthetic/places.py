"""Places by kind and seed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

from mdpr.errors import ConfigError
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.place_types import Place

PLACES: dict[str, str] = {
    "plaza": "mdpr.reid.synthetic.place_plaza",
    "street": "mdpr.reid.synthetic.place_street",
    "corridor": "mdpr.reid.synthetic.place_corridor",
    "shop": "mdpr.reid.synthetic.place_shop",
    "station": "mdpr.reid.synthetic.place_station",
    "office": "mdpr.reid.synthetic.place_office",
    "carpark": "mdpr.reid.synthetic.place_carpark",
    "yard": "mdpr.reid.synthetic.place_yard",
    "hall": "mdpr.reid.synthetic.place_hall",
    "crossing": "mdpr.reid.synthetic.place_crossing",
}
"""Kind of place to the module whose `build(seed)` drafts it."""
BACKGROUNDS = tuple(kind for kind in PLACES if kind != "crossing")
"""Kinds of places before which crops and pictures for detectors are made; one more would change all of them."""


@lru_cache(maxsize=4)
def make_place(kind: str, seed: int) -> Place:
    """The place of this kind and seed; the same for the same arguments.

    Raises:
        ConfigError: there is no such kind.
    """
    if kind not in PLACES:
        raise ConfigError(f"no place is called {kind!r}; there are: {', '.join(PLACES)}")
    build: Callable[[int], Draft] = import_module(PLACES[kind]).build
    return build(seed).finish()
