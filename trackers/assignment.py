"""Who goes with whom: the best one-to-one assignment among admissible pairs."""

from __future__ import annotations

import lap
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from mdpr.errors import ConfigError, FormatError

SOLVERS = ("scipy", "lap")

SPLIT_ABOVE = 48
"""Ambiguous rows above which the problem is cut into independent parts; below, cutting costs more than it saves."""

IntArray = NDArray[np.intp]


def assign(
    cost: NDArray[np.floating], admissible: NDArray[np.bool_], solver: str = "scipy", unmatched_cost: float = 1.0
) -> tuple[IntArray, IntArray]:
    """Pairs (row, column) of the assignment with the least total cost, where a pair left out costs `unmatched_cost`.

    Precisely: among all one-to-one sets of pairs that are admissible and cost less than `unmatched_cost`, the set with
    the largest sum of `unmatched_cost - cost`. So a good pair is not given up to squeeze in two bad ones; with an
    `unmatched_cost` far above every cost it becomes the cheapest among the assignments with the most pairs.

    Gate first, then solve: rows and columns that have only each other are matched at once, and only the ambiguous rest
    goes to the solver. Equal inputs give equal outputs; among equally good assignments the solver's order decides.

    Args:
        cost: (R, C) finite costs.
        admissible: (R, C); False forbids a pair.
        solver: "scipy" or "lap"; both are exact.
        unmatched_cost: finite.

    Returns:
        rows and columns, (K,) each, ascending by row; empty when nothing is admissible.

    Raises:
        FormatError: a cost that is NaN or infinite, or shapes that differ. To forbid a pair use `admissible`.
        ConfigError: unknown solver.

    >>> cost = np.array([[0.1, 0.7], [0.6, 0.9]])
    >>> assign(cost, cost < 0.8)
    (array([0]), array([0]))
    >>> assign(cost, cost < 0.8, unmatched_cost=10.0)
    (array([0, 1]), array([1, 0]))
    """
    if solver not in SOLVERS:
        raise ConfigError(f"unknown assignment solver {solver!r}. Known: {', '.join(SOLVERS)}")
    if cost.ndim != 2 or cost.shape != admissible.shape:
        raise FormatError(f"assignment: cost has shape {cost.shape}, admissible {admissible.shape}; expected the same")
    if not np.isfinite(cost).all():
        row, column = np.argwhere(~np.isfinite(cost))[0].tolist()
        raise FormatError(f"assignment: cost of pair ({row}, {column}) is {cost[row, column]}; expected a finite value")
    rows, columns = (admissible & (cost < unmatched_cost)).nonzero()
    return assign_pairs(rows, columns, cost[rows, columns], solver, unmatched_cost)


def assign_pairs(
    rows: IntArray, columns: IntArray, cost: NDArray[np.floating], solver: str = "scipy", unmatched_cost: float = 1.0
) -> tuple[IntArray, IntArray]:
    """The same as `assign` for a list of the allowed pairs, for callers that know their values: nothing is checked.

    Args:
        rows, columns: (P,) the allowed pairs, ascending by row and then by column.
        cost: (P,) of each pair, finite and below `unmatched_cost`.
        solver: "scipy" or "lap".
        unmatched_cost: finite.

    >>> assign_pairs(np.array([0, 3, 3]), np.array([5, 5, 7]), np.array([0.1, 0.2, 0.3]))
    (array([0, 3]), array([5, 7]))
    """
    count = len(rows)
    if count < 2:
        return rows, columns
    of_row, of_column = np.bincount(rows), np.bincount(columns)
    if len(of_row.nonzero()[0]) == count == len(of_column.nonzero()[0]):  # as many rows and columns as pairs
        return rows, columns
    is_open = of_row[rows] * of_column[columns] > 1
    is_alone = ~is_open  # row and column have only each other
    solved_rows, solved_columns = _solve(rows[is_open], columns[is_open], cost[is_open], solver, unmatched_cost)
    all_rows = np.concatenate([rows[is_alone], solved_rows])
    all_columns = np.concatenate([columns[is_alone], solved_columns])
    order = all_rows.argsort()
    return all_rows[order], all_columns[order]


def have_only_each_other(rows: IntArray, columns: IntArray) -> bool:
    """Whether no two of the (P,) pairs share a row or a column, so that there is nothing to decide.

    >>> have_only_each_other(np.array([0, 3]), np.array([5, 5]))
    False
    """
    return len(np.bincount(rows).nonzero()[0]) == len(rows) == len(np.bincount(columns).nonzero()[0])


def _solve(
    rows: IntArray, columns: IntArray, cost: NDArray[np.floating], solver: str, unmatched_cost: float
) -> tuple[IntArray, IntArray]:
    """The assignment among the allowed pairs (rows[i], columns[i]), which hold every ambiguous row and column."""
    row_ids, row_of = _compact(rows)
    if len(row_ids) <= SPLIT_ABOVE:
        return _solve_whole(rows, columns, cost, solver, unmatched_cost)
    column_ids, column_of = _compact(columns)
    nodes = len(row_ids) + len(column_ids)
    graph = csr_array((np.ones(len(rows), dtype=np.int8), (row_of, len(row_ids) + column_of)), shape=(nodes, nodes))
    count, part = connected_components(graph, directed=False)
    of_pair = part[row_of]
    pairs = np.split(np.argsort(of_pair, kind="stable"), np.cumsum(np.bincount(of_pair, minlength=count))[:-1])
    found = [_solve_whole(rows[some], columns[some], cost[some], solver, unmatched_cost) for some in pairs]
    return np.concatenate([one[0] for one in found]), np.concatenate([one[1] for one in found])


def _solve_whole(
    rows: IntArray, columns: IntArray, cost: NDArray[np.floating], solver: str, unmatched_cost: float
) -> tuple[IntArray, IntArray]:
    """The same by one matrix of all rows and columns."""
    row_ids, row_of = _compact(rows)
    column_ids, column_of = _compact(columns)
    saving = np.zeros((len(row_ids), len(column_ids)))  # what a pair saves, negative; 0 = not allowed, as unmatched
    saving[row_of, column_of] = cost.astype(np.float64) - unmatched_cost
    found = _minimise(saving, solver)
    return row_ids[found[0]], column_ids[found[1]]


def _compact(values: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct values, ascending, and the place of each value among them: `np.unique` without sorting."""
    distinct = np.bincount(values).nonzero()[0]
    return distinct, distinct.searchsorted(values)


def _minimise(saving: NDArray[np.float64], solver: str) -> tuple[IntArray, IntArray]:
    """The full assignment of least cost, without the pairs that save nothing."""
    if solver == "lap":
        column_of_row = lap.lapjv(saving, extend_cost=True)[1]
        rows = np.flatnonzero(column_of_row >= 0)
        columns = column_of_row[rows].astype(np.intp)
    else:
        rows, columns = linear_sum_assignment(saving)
    is_pair = saving[rows, columns] < 0
    return rows[is_pair], columns[is_pair]
