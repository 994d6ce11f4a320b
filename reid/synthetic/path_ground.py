"""Where people can go: straight lines that stay on free cells, and smooth ways that keep off walls."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from mdpr.reid.synthetic.path_types import Array
from mdpr.reid.synthetic.place_types import WalkGrid

SPACING_M = 0.3  # of the points of a route
_COMFORT_M = 0.9  # nearer to a wall a metre costs more
_WALL_COST = 6.0
_AROUND_M = 0.6  # how far others look for a way around somebody
_MOVES = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (2, -1), (1, -2))
Bools = NDArray[np.bool_]


class Ground:
    """A grid to ask where one can walk; ways to a goal are searched once and kept."""

    def __init__(self, grid: WalkGrid) -> None:
        self.grid, self.cell_m = grid, grid.cell_m
        self._free = np.pad(grid.free, 1)
        self._origin = np.array(grid.origin) - grid.cell_m
        self._last = np.array(self._free.shape)[::-1] - 1
        clearance = cv2.distanceTransform(self._free.astype(np.uint8), cv2.DIST_L2, 5) * grid.cell_m
        self._clearance = np.asarray(clearance, np.float64)
        self._cost = 1 + _WALL_COST * np.clip(1 - self._clearance / _COMFORT_M, 0, 1) ** 2
        self._regions = np.asarray(label(self._free)[0])
        self._graph = self._join_cells()
        self._next: dict[int, NDArray[np.int32]] = {}

    def _cells(self, points: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns (...) of points (..., 2) in the padded grid."""
        index = np.floor((points - self._origin) / self.cell_m).astype(np.int64)
        index = np.minimum(np.maximum(index, 0), self._last)
        return index[..., 1], index[..., 0]

    def is_free(self, points: Array) -> Bools:
        """Whether points (..., 2) lie in free cells; (...)."""
        return self._free[self._cells(points)]

    def clearance(self, points: Array) -> Array:
        """About how far (...) points (..., 2) are from what is not free, metres; 0 where it is not free."""
        return self._clearance[self._cells(points)]

    def region(self, points: Array) -> NDArray[np.int64]:
        """Number (...) of the connected piece of ground that points (..., 2) lie in; 0 where it is not free."""
        return self._regions[self._cells(points)].astype(np.int64)

    def is_clear(self, start: Array, end: Array, longest_m: float) -> Bools:
        """Whether straight lines (..., 2) to (..., 2), up to `longest_m` long, touch free cells only; (...)."""
        pieces = max(int(np.ceil(longest_m / (0.9 * self.cell_m))), 1)
        share = (np.arange(pieces + 1) / pieces)[:, None]
        points = start[..., None, :] + (end - start)[..., None, :] * share
        row, column = self._cells(points)
        free = self._free[row, column]
        clear: Bools = np.asarray(free.all(-1))
        # A piece is shorter than a cell: where it changes row and column it crosses one cell more, rarely two.
        turns = (row[..., 1:] != row[..., :-1]) & (column[..., 1:] != column[..., :-1]) & clear[..., None]
        if turns.any():
            (row_0, row_1), (column_0, column_1) = (
                (line[..., :-1][turns], line[..., 1:][turns]) for line in (row, column)
            )
            first, last = points[..., :-1, :][turns], points[..., 1:, :][turns]
            edge = np.column_stack([np.maximum(column_0, column_1), np.maximum(row_0, row_1)])
            x_at, y_at = ((self._origin + edge * self.cell_m - first) / (last - first)).T
            ok = self._free[row_0, column_1] | (x_at > y_at + 1e-9)
            ok &= self._free[row_1, column_0] | (y_at > x_at + 1e-9)
            good = np.ones(turns.shape, bool)
            good[turns] = ok
            clear = clear & good.all(-1)
        return clear

    def is_bottleneck(self, point: Array, radius_m: float) -> bool:
        """Whether somebody of this radius who stands at `point` (2,) would close a way, as in a narrow passage."""
        reach = int(np.ceil((radius_m + _AROUND_M) / self.cell_m))
        row, column = (int(value) for value in self._cells(point))
        top, left = max(row - reach, 0), max(column - reach, 0)
        free = self._free[top : row + reach + 1, left : column + reach + 1]
        y, x = np.indices(free.shape)
        centres = np.stack([x + left, y + top], -1) * self.cell_m + self.cell_m / 2 + self._origin
        away = np.hypot(*(centres - point).transpose(2, 0, 1))
        free = free & (away <= radius_m + _AROUND_M)
        before, after = label(free), label(free & (away > radius_m))
        return bool(after[1] > before[1] or after[1] == 0)

    def _join_cells(self) -> csr_matrix:
        """Free cells joined to sixteen neighbours each; the weights are metres, more beside walls."""
        rows, columns = self._free.shape
        number = np.arange(rows * columns).reshape(rows, columns)
        starts, ends, weights = [], [], []
        for dy, dx in _MOVES:
            left, right = max(0, -dx), columns - max(0, dx)
            here = (slice(0, rows - dy), slice(left, right))
            there = (slice(dy, rows), slice(left + dx, right + dx))
            ok = self._free[here] & self._free[there]
            for y, x in _crossed(dy, dx):
                ok = ok & self._free[y : rows - dy + y, left + x : right + x]
            starts.append(number[here][ok])
            ends.append(number[there][ok])
            weights.append((self._cost[here] + self._cost[there])[ok] / 2 * np.hypot(dy, dx) * self.cell_m)
        edges = (np.concatenate(starts), np.concatenate(ends))
        return csr_matrix((np.concatenate(weights), edges), shape=(number.size, number.size))

    def route(self, start: Array, goal: Array, end: Array | None = None, bend_m: float = 0.0) -> Array | None:
        """A way (K, 2) from `start` to `goal` and on to `end`, points `SPACING_M` apart; None where there is none.

        Args:
            start: where it begins.
            goal: what it leads to; ways to the same goal cost one search.
            end: a point in sight of the goal to end at instead.
            bend_m: how far the way swings to a side where there is room; 0 for the straightest.
        """
        cells = self._chain(start, goal)
        if cells is None:
            return None
        tail = [goal] if end is None else [goal, end]
        points = self._pull(np.vstack([start, cells, *tail]))
        return self._bend(resample(points, SPACING_M), bend_m)

    def _chain(self, start: Array, goal: Array) -> Array | None:
        """Centres of the cells (K, 2) on the cheapest way."""
        columns = self._free.shape[1]
        first, last = (int(row) * columns + int(column) for row, column in map(self._cells, (start, goal)))
        if last not in self._next:
            found = dijkstra(self._graph, directed=False, indices=last, return_predecessors=True)[1]
            self._next[last] = np.asarray(found, np.int32)
        towards, chain = self._next[last], [first]
        while chain[-1] != last:
            chain.append(int(towards[chain[-1]]))
            if chain[-1] < 0:
                return None
        index = np.array(chain[1:-1], np.int64)
        return np.column_stack([index % columns + 0.5, index // columns + 0.5]) * self.cell_m + self._origin

    def _pull(self, points: Array) -> Array:
        """The corners (K, 2) that remain of a way when it is pulled straight wherever that costs no more."""
        legs = np.hypot(*np.diff(points, axis=0).T)
        toll = self._cost[self._cells((points[1:] + points[:-1]) / 2)]
        spent = np.concatenate([[0.0], np.cumsum(legs * toll)])
        kept, at, last = [0], 0, len(points) - 1
        while at < last:
            ahead = np.unique(np.concatenate([np.arange(at + 1, last, 3), [at + 1, last]]))
            reach = np.hypot(*(points[ahead] - points[at]).T)
            lines = points[at] + (points[ahead] - points[at])[:, None] * np.linspace(0, 1, 48)[:, None]
            cost = self._cost[self._cells(lines)].mean(1) * reach
            clear = self.is_clear(np.broadcast_to(points[at], (len(ahead), 2)), points[ahead], float(reach.max()))
            good = clear & (cost <= 1.03 * (spent[ahead] - spent[at]) + 0.05)
            good[0] = True
            at = int(ahead[np.flatnonzero(good)[-1]])
            kept.append(at)
        return points[kept]

    def _bend(self, points: Array, bend_m: float) -> Array:
        """The way with its corners rounded and swung aside, as far as it stays clear of what is not free."""
        if len(points) < 4:
            return points
        steps = np.gradient(points, axis=0)
        steps = np.column_stack([np.convolve(np.pad(axis, 4, "edge"), np.ones(9) / 9, "valid") for axis in steps.T])
        aside = np.column_stack([-steps[:, 1], steps[:, 0]]) / np.maximum(np.hypot(*steps.T), 1e-9)[:, None]
        wave = np.sin(np.linspace(0, np.pi, len(points)))[:, None] * bend_m
        for size in (1.0, 0.5, 0.25, 0.0):
            moved = _rounded(points + size * wave * aside)
            enough = np.minimum(0.35, self.clearance(points))
            if (self.clearance(moved) >= enough).all() and self.is_clear(moved[:-1], moved[1:], 2 * SPACING_M).all():
                return moved
        return points


def _crossed(dy: int, dx: int) -> list[tuple[int, int]]:
    """Cells between a cell and its neighbour at (dy, dx) that a straight line touches."""
    if dy == 0 or dx == 0:
        return []
    side = 1 if dx > 0 else -1
    if (dy, abs(dx)) == (1, 1):
        return [(0, side), (1, 0)]
    return [(0, side), (1, side)] if abs(dx) == 2 else [(1, 0), (1, side)]


def _rounded(points: Array) -> Array:
    """The way with every point at the mean of the five around it; the ends stay."""
    wide = np.pad(points, ((2, 2), (0, 0)), "edge")
    wide[:2], wide[-2:] = 2 * points[0] - points[2:0:-1], 2 * points[-1] - points[-2:-4:-1]
    return np.column_stack([np.convolve(axis, np.ones(5) / 5, "valid") for axis in wide.T])


def resample(points: Array, spacing_m: float) -> Array:
    """Points (K, 2) evenly spaced along a polyline (M, 2), at most `spacing_m` apart, with both ends."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0, along[-1], max(int(np.ceil(along[-1] / spacing_m)), 1) + 1)
    even = np.column_stack([np.interp(at, along, axis) for axis in points.T])
    even[0], even[-1] = points[0], points[-1]
    return even
