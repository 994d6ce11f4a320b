"""The assignment against brute force and against the solver on the whole matrix."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from mdpr.errors import ConfigError, FormatError
from mdpr.trackers.assignment import SOLVERS, assign, have_only_each_other


def best_saving(cost, admissible, unmatched_cost):
    """The largest sum of `unmatched_cost - cost`, by trying every choice of a column or none for each row."""
    rows, columns = cost.shape
    best = 0.0
    for choice in itertools.product(range(-1, columns), repeat=rows):
        taken = [column for column in choice if column >= 0]
        if len(set(taken)) < len(taken):
            continue
        pairs = [(row, column) for row, column in enumerate(choice) if column >= 0]
        if all(admissible[pair] for pair in pairs):
            best = max(best, sum(unmatched_cost - cost[pair] for pair in pairs))
    return best


@st.composite
def problems(draw, continuous=True):
    rows, columns = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cost = rng.uniform(0, 1.2, (rows, columns)) if continuous else rng.integers(0, 4, (rows, columns)) / 4
    return cost, rng.random((rows, columns)) < draw(st.sampled_from([0.3, 0.7, 1.0]))


@settings(max_examples=150, deadline=None)
@given(problems() | problems(continuous=False), st.sampled_from([0.5, 1.0, 10.0]), st.sampled_from(SOLVERS))
def test_equals_brute_force(problem, unmatched_cost, solver):
    cost, admissible = problem
    rows, columns = assign(cost, admissible, solver, unmatched_cost)
    assert admissible[rows, columns].all()
    assert (cost[rows, columns] < unmatched_cost).all()
    assert list(rows) == sorted(set(rows.tolist()))
    assert len(set(columns.tolist())) == len(columns)
    saving = (unmatched_cost - cost[rows, columns]).sum()
    assert saving == pytest.approx(best_saving(cost, admissible, unmatched_cost))


@settings(max_examples=100, deadline=None)
@given(problems())
def test_solvers_agree(problem):
    first, second = (assign(*problem, solver) for solver in SOLVERS)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("size", "density"), [((150, 140), 0.01), ((90, 130), 0.02), ((120, 100), 0.2)])
def test_parts_solved_apart_equal_the_whole(size, density, solver):
    rng = np.random.default_rng(3)
    cost, admissible = rng.random(size), rng.random(size) < density
    rows, columns = assign(cost, admissible, solver)
    saving = np.where(admissible, cost - 1, 0)
    whole_rows, whole_columns = linear_sum_assignment(saving)
    is_pair = admissible[whole_rows, whole_columns]
    np.testing.assert_array_equal(rows, whole_rows[is_pair])
    np.testing.assert_array_equal(columns, whole_columns[is_pair])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=4))
def test_pairs_that_have_only_each_other(pairs):
    rows, columns = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    shared = any(one[0] == two[0] or one[1] == two[1] for one, two in itertools.combinations(pairs, 2))
    assert have_only_each_other(rows, columns) is not shared


def test_a_good_pair_is_not_given_up_for_two_bad_ones():
    cost = np.array([[0.1, 0.9], [0.8, 0.9]])
    admissible = np.array([[True, True], [True, False]])
    assert [a.tolist() for a in assign(cost, admissible)] == [[0], [0]]
    assert [a.tolist() for a in assign(cost, admissible, unmatched_cost=100.0)] == [[0, 1], [1, 0]]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 2)])
@pytest.mark.parametrize("solver", SOLVERS)
def test_nothing_admissible(shape, solver):
    rows, columns = assign(np.zeros(shape), np.zeros(shape, dtype=bool), solver)
    assert len(rows) == len(columns) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("admissible", [True, False])
def test_refuses_costs_that_are_not_finite(bad, admissible):
    cost = np.array([[0.1, 0.2], [bad, 0.3]])
    with pytest.raises(FormatError, match=r"pair \(1, 0\)"):
        assign(cost, np.full((2, 2), admissible))


def test_refuses_what_does_not_fit():
    with pytest.raises(ConfigError, match="scipy, lap"):
        assign(np.zeros((1, 1)), np.ones((1, 1), dtype=bool), "greedy")
    with pytest.raises(FormatError, match="shape"):
        assign(np.zeros((1, 2)), np.ones((2, 1), dtype=bool))
