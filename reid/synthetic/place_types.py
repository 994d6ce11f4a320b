"""What a place is: geometry, lamps, where people can walk, where they come in, stand, and are seen from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mdpr.reid.synthetic.cameras import Camera
from mdpr.reid.synthetic.solids import Solid

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lamp:
    """A lamp or a bright window: `position` (3,), the unit `axis` it shines along, and its share of the lamps' light.

    `colour` (3,) is relative to the light of the place: ones for its lamps, bluish for daylight in a lit room.
    """

    position: tuple[float, float, float]
    axis: tuple[float, float, float] = (0.0, 0.0, -1.0)
    power: float = 1.0
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class WalkGrid:
    """Where feet can be: `free` (rows, columns) bool, row along y; cell (0, 0) begins at `origin` (x, y) metres."""

    free: NDArray[np.bool_]
    origin: tuple[float, float]
    cell_m: float

    def cell_of(self, points: ArrayLike) -> NDArray[np.int64]:
        """Row and column (N, 2) of points (N, 2); they may lie outside the grid."""
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        return np.floor((xy - self.origin) / self.cell_m).astype(np.int64)[:, ::-1]

    def centre_of(self, cells: ArrayLike) -> Array:
        """Points (N, 2) in the middle of cells (N, 2) given as row and column."""
        index = np.asarray(cells, np.float64).reshape(-1, 2)
        return (index[:, ::-1] + 0.5) * self.cell_m + self.origin

    def is_free(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Whether points (N, 2) lie in free cells; (N,) bool, False outside the grid."""
        cells = self.cell_of(points)
        inside = ((cells >= 0) & (cells < self.free.shape)).all(1)
        row, column = np.clip(cells, 0, np.array(self.free.shape) - 1).T
        return self.free[row, column] & inside


@dataclass(frozen=True)
class Place:
    """A place of a kind; the same for the same kind and seed.

    Attributes:
        solid: all its triangles.
        lamps: what lights it indoors and in the evening.
        is_indoor: it has a ceiling: no sun, no sky.
        ground: where people can walk.
        entrances: (N, 2) points at the rim of the ground where people come in and leave.
        waypoints: (M, 3) where people stand: x, y, and the heading they look to (rad).
        cameras: good views, 1280 x 720.
        bounds: x_min, y_min, x_max, y_max of what casts shadows and is lit.
        height: metres up to which things stand.
    """

    kind: str
    seed: int
    solid: Solid
    lamps: tuple[Lamp, ...]
    is_indoor: bool
    ground: WalkGrid
    entrances: Array
    waypoints: Array
    cameras: tuple[Camera, ...]
    bounds: tuple[float, float, float, float]
    height: float
