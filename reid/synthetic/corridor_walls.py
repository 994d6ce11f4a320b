"""What stands and hangs along the walls of corridors: doors, boards, lockers, chairs, plants, radiators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mdpr.reid.synthetic.cabinets import board, extinguisher, locker_row, radiator, vending_machine, waste_bin
from mdpr.reid.synthetic.furniture import sofa
from mdpr.reid.synthetic.greenery import house_plant
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.rooms import RoomStyle
from mdpr.reid.synthetic.street_objects import bench
from mdpr.reid.synthetic.street_stalls import chair
from mdpr.reid.synthetic.wall_parts import daylight_window, door, double_door, wall_clutter


@dataclass(frozen=True)
class Wall:
    """One side of a corridor.

    Attributes:
        start: where it begins, x and y in metres.
        along: the unit vector in which it goes on.
        inward: the unit vector from it into the corridor.
    """

    start: tuple[float, float]
    along: tuple[float, float]
    inward: tuple[float, float]

    @property
    def yaw(self) -> float:
        """How things that look to -y turn so that they look inward, rad."""
        return float(np.arctan2(self.inward[0], -self.inward[1]))

    @property
    def facing(self) -> float:
        """The heading of people who look at the wall, rad."""
        return float(np.arctan2(-self.inward[1], -self.inward[0]))

    @property
    def away(self) -> float:
        """The heading of people who have the wall behind them, rad."""
        return float(np.arctan2(self.inward[1], self.inward[0]))

    def at(self, metres: float, off: float) -> tuple[float, float]:
        """The point so far along the wall and so far off it."""
        return (
            self.start[0] + metres * self.along[0] + off * self.inward[0],
            self.start[1] + metres * self.along[1] + off * self.inward[1],
        )


def furnish(draft: Draft, style: RoomStyle, wall: Wall, span: tuple[float, float]) -> None:
    """Doors, which people come in by, and things along a part of a wall, metres from its start."""
    rng, (low, high) = draft.rng, span
    x = low + rng.uniform(0.6, 1.6)
    while x < high - 0.6:
        if rng.random() < 0.62:
            is_open = bool(rng.random() < 0.1)
            draft.add(door(rng, style, is_open), (*wall.at(x, 0), 0), wall.yaw, blocks=False)
            draft.entrances.append(wall.at(x, 0.4))
            x += rng.uniform(1.2, 2.4)
        else:
            x += _thing(draft, style, wall, x)
        if rng.random() < 0.5:
            wall_clutter(draft, style, wall.at(x - 0.7, 0.001), wall.yaw)


def _thing(draft: Draft, style: RoomStyle, wall: Wall, x: float) -> float:
    """Something at the wall; returns how much of it is taken."""
    rng, turn = draft.rng, wall.yaw
    kind = rng.random()
    if kind < 0.3:
        draft.add(board(rng, rng.uniform(1.0, 2.2), 1.0), (*wall.at(x + 0.9, 0), 1.05), turn, blocks=False)
        draft.waypoints.append((*wall.at(x + 0.9, 0.8), wall.facing))
        return 2.4
    if kind < 0.42:
        draft.add(locker_row(rng, 5), (*wall.at(x + 0.9, 0.25), 0), turn)
        return 2.3
    if kind < 0.55:
        for k in range(int(rng.integers(1, 4))):
            draft.add(chair(rng), (*wall.at(x + 0.4 + 0.6 * k, 0.32), 0), turn)
        draft.waypoints.append((*wall.at(x + 0.6, 1.1), wall.away))
        return 2.2
    if kind < 0.65:
        part = [bench, sofa][int(rng.integers(2))](rng, 1.6)
        draft.add(part, (*wall.at(x + 0.9, 0.5), 0), turn)
        return 2.2
    if kind < 0.72:
        draft.add(vending_machine(rng), (*wall.at(x + 0.6, 0.42), 0), turn)
        draft.waypoints.append((*wall.at(x + 0.6, 1.4), wall.facing))
        return 1.4
    if kind < 0.82:
        draft.add(house_plant(rng), (*wall.at(x + 0.3, 0.35), 0))
        return 0.9
    if kind < 0.9:
        draft.add(waste_bin(rng), (*wall.at(x + 0.3, 0.25), 0), turn)
        draft.add(extinguisher(), (*wall.at(x + 0.8, 0), 0), turn, blocks=False)
        return 1.2
    draft.add(radiator(), (*wall.at(x + 0.8, 0), 0), turn)
    daylight_window(draft, wall.at(x + 0.8, 0.001), turn, 1.6, 0.95, 1.3)
    return 2.2


def end_wall(draft: Draft, style: RoomStyle, wall: Wall) -> None:
    """A double door or a window in the middle of an end; people come in there."""
    draft.entrances.append(wall.at(0, 0.501))
    if draft.rng.random() < 0.7:
        draft.add(double_door(draft.rng, style), (*wall.at(0, 0.001), 0), wall.yaw, blocks=False)
    else:
        daylight_window(draft, wall.at(0, 0.001), wall.yaw, 1.8, 0.4, 1.8)
