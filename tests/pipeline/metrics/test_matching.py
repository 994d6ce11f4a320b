"""Matches within frames, against trying everything."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.pipeline.metrics.matching import FramePairs, best_matches


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    density=st.floats(0, 1),
)
def test_best_of_all_assignments(sizes: list[tuple[int, int]], seed: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    first_frame = np.repeat(np.arange(len(sizes)), [rows for rows, _ in sizes])
    second_frame = np.repeat(np.arange(len(sizes)), [columns for _, columns in sizes])
    same = first_frame[:, None] == second_frame[None, :]
    first, second = np.nonzero(same & (rng.random(same.shape) < density))
    score = rng.uniform(0.01, 1, len(first))
    chosen = best_matches(FramePairs(first, second, first_frame, second_frame), score)
    assert len(set(first[chosen])) == chosen.sum() == len(set(second[chosen]))  # one to one
    for frame, (rows, columns) in enumerate(sizes):
        here = first_frame[first] == frame if len(first) else np.zeros(0, bool)
        matrix = np.zeros((4, 4))
        matrix[first[here] - (first_frame < frame).sum(), second[here] - (second_frame < frame).sum()] = score[here]
        best = max(sum(matrix[row, column] for row, column in enumerate(order)) for order in permutations(range(4)))
        assert np.isclose(score[here & chosen].sum(), best), (rows, columns)


def test_only_contested_frames_are_solved() -> None:
    frames = np.array([0, 0, 1, 1])
    pairs = FramePairs(np.array([0, 1, 2, 2]), np.array([1, 0, 2, 3]), frames, frames)
    assert pairs.contested() == [(1, slice(2, 4), slice(2, 4), slice(2, 4))]
