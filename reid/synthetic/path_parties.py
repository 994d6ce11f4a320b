"""Who comes with whom, when, how fast, and what for; and spots where people can stand out of the way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from mdpr.reid.synthetic.path_ground import Ground
from mdpr.reid.synthetic.path_types import Array, PathOptions
from mdpr.reid.synthetic.place_types import Place

_WARM_S = 25.0  # who is there at the beginning came in this time before
_RING_M = (0.0, 0.0, 0.36, 0.41, 0.5)  # radius of a circle of so many people who talk: neighbours 0.71 m apart
_SPOT_APART_M = 1.8


@dataclass
class Party:
    """People who do the same: one, or a group of two to four.

    Attributes:
        members: their numbers.
        speed: each one's preferred speed, m/s.
        arrive_s: when they come next; infinite when they do not come any more.
        comes_apart: each comes by an entrance of its own, until they have met.
        leaves_apart: each leaves by an entrance of its own.
        stops: how often they stop in a visit.
        turns: they turn back once.
        returns: how often they come back.
    """

    members: list[int]
    speed: list[float]
    arrive_s: float
    comes_apart: bool = False
    leaves_apart: bool = False
    stops: int = 0
    turns: bool = False
    returns: int = 0
    gap_s: float = 0.0
    delay_s: list[float] = field(default_factory=list)


def draw_parties(people: int, duration_s: float, options: PathOptions, rng: np.random.Generator) -> list[Party]:
    """Everybody in parties; who is alone is a party of one."""
    parties = []
    for members in _split(people, options.in_groups, rng):
        group = len(members) > 1
        meets = group and rng.random() < options.meeting
        returns = int(1 + (rng.random() < 0.3)) if rng.random() < options.returning else 0
        late = rng.uniform(0, duration_s * options.arrive_until)
        party = Party(members, [], late * (0.4 if returns else 1.0), meets, meets and rng.random() < 0.5)
        low, high = options.speed
        pace = np.clip(rng.normal(1.3, 0.24, len(members)), low, high)
        party.speed = [float(v) for v in (pace if meets or not group else np.full(len(members), pace.min()))]
        stops = int(rng.integers(options.stops[0], options.stops[1] + 1))
        party.stops = stops if rng.random() < options.standing else int(meets)
        if returns:
            party.stops = min(party.stops, 1)
        party.turns = bool(rng.random() < options.turning)
        party.returns, party.gap_s = returns, float(rng.uniform(*options.gap_s))
        party.delay_s = [float(rng.uniform(0, 8)) if meets and k else 0.0 for k in range(len(members))]
        parties.append(party)
    early = rng.permutation(len(parties))[: math.ceil(options.present_first * len(parties))]
    for rank, number in enumerate(early):
        parties[number].arrive_s = -float(rng.uniform(1.0, _WARM_S if rank else 2.0))  # the first is still there at 0
    return parties


def _split(people: int, in_groups: float, rng: np.random.Generator) -> list[list[int]]:
    order = [int(number) for number in rng.permutation(people)]
    grouped = round(people * in_groups)
    parties = []
    while grouped >= 2:
        size = min(int(rng.choice([2, 2, 2, 3, 3, 4])), grouped)
        parties.append([order.pop() for _ in range(size)])
        grouped -= size
    return parties + [[number] for number in order]


@dataclass(frozen=True)
class Spot:
    """Where a party stands: per member a place (n, 2) and a heading (n,); `centre` (2,) can be reached."""

    centre: Array
    xy: Array
    heading: Array


class Spots:
    """Spots that are out of the way; those in use are kept apart."""

    def __init__(self, place: Place, ground: Ground, rng: np.random.Generator) -> None:
        self._ground, self._doors = ground, place.entrances
        self._used: dict[int, Spot] = {}
        cells = np.argwhere(place.ground.free)
        chosen = cells[rng.permutation(len(cells))[:60]]
        open_ = np.column_stack([place.ground.centre_of(chosen), rng.uniform(-np.pi, np.pi, len(chosen))])
        self._marked = [stop for stop in place.waypoints if self._suits(stop[:2], 0.45)]
        self._open = [stop for stop in open_ if ground.clearance(stop[:2]) > 0.5 and self._suits(stop[:2], 0.9)]
        self._wide = [stop for stop in [*self._marked, *self._open] if self._suits(stop[:2], 1.4)]

    def _suits(self, xy: Array, radius_m: float) -> bool:
        doors = np.hypot(*(self._doors - xy).T).min()
        return bool(doors > radius_m + 0.4) and not self._ground.is_bottleneck(xy, radius_m)

    def take(self, party: int, size: int, region: int, rng: np.random.Generator) -> Spot | None:
        """A free spot for this party in a region of the ground, or None when there is none; see `give_back`."""
        self.give_back(party)
        pool = self._wide if size > 1 else self._marked if rng.random() < 0.75 and self._marked else self._open
        for k in rng.permutation(len(pool)):
            x, y, heading = pool[k]
            centre = np.array([x, y])
            if self._ground.region(centre) != region or self._is_near_used(centre):
                continue
            spot = Spot(centre, centre[None], np.array([heading])) if size == 1 else self._ring(centre, size, rng)
            if spot is not None:
                self._used[party] = spot
                return spot
        return None

    def give_back(self, party: int) -> None:
        """The party's spot is free again."""
        self._used.pop(party, None)

    def _is_near_used(self, centre: Array) -> bool:
        return any(np.hypot(*(spot.centre - centre)) < _SPOT_APART_M for spot in self._used.values())

    def _ring(self, centre: Array, size: int, rng: np.random.Generator) -> Spot | None:
        """People in a circle who face its middle, where there is room for it."""
        angles = rng.uniform(0, 2 * np.pi) + np.arange(size) * 2 * np.pi / size
        out = np.column_stack([np.cos(angles), np.sin(angles)])
        xy = centre + out * _RING_M[size]
        if not self._ground.is_clear(np.broadcast_to(centre, xy.shape), xy, 1.0).all():
            return None
        return Spot(centre, xy, angles + np.pi)
