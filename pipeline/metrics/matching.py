"""One-to-one matches within each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mdpr.pipeline.metrics.overlaps import Floats, Integers


class Contest(NamedTuple):
    """A frame in which a row is in several pairs: its pairs, and all its rows, with or without pairs."""

    frame: int
    pairs: slice
    first: slice
    second: slice


@dataclass(frozen=True, eq=False)
class FramePairs:
    """Candidate pairs of rows of the same frame.

    Attributes:
        first, second: (K,) rows, in order of frames.
        first_frame, second_frame: (N,), (M,) frame of every row that exists, never falling.
    """

    first: Integers
    second: Integers
    first_frame: Integers
    second_frame: Integers

    def contested(self) -> list[Contest]:
        """The frames that need a decision, in order.

        All pairs of any other frame are matches whatever their scores are, as long as these are above 0.
        """
        is_contested = (np.bincount(self.first)[self.first] > 1) | (np.bincount(self.second)[self.second] > 1)
        pair_frame = self.first_frame[self.first]
        frames = np.unique(pair_frame[is_contested])
        columns = (pair_frame, self.first_frame, self.second_frame)
        edges = [np.searchsorted(column, frames, side).tolist() for column in columns for side in ("left", "right")]
        return [
            Contest(frame, slice(*ends[:2]), slice(*ends[2:4]), slice(*ends[4:]))
            for frame, *ends in zip(frames.tolist(), *edges, strict=True)
        ]

    def best_of(self, contest: Contest, score: Floats) -> NDArray[np.bool_]:
        """Which pairs of one frame together have the highest score.

        The whole matrix of the frame is solved, rows without pairs too: among equal optima, the choice then is that
        of TrackEval.

        Args:
            contest: the frame.
            score: (pairs,) above 0.
        """
        first, second = contest.first, contest.second
        matrix = np.zeros((first.stop - first.start, second.stop - second.start))
        rows, columns = self.first[contest.pairs] - first.start, self.second[contest.pairs] - second.start
        matrix[rows, columns] = score
        match = np.full(len(matrix), -1)
        matched_rows, matched_columns = linear_sum_assignment(matrix, maximize=True)
        match[matched_rows] = matched_columns
        return match[rows] == columns


def best_matches(pairs: FramePairs, score: Floats) -> NDArray[np.bool_]:
    """(K,) which pairs are matched so that the sum of scores is highest in every frame.

    Args:
        pairs: candidates.
        score: (K,) above 0.

    >>> frames = np.zeros(2, int)
    >>> pairs = FramePairs(np.array([0, 0, 1]), np.array([0, 1, 0]), frames, frames)
    >>> best_matches(pairs, np.array([0.9, 0.6, 0.7])).tolist()
    [False, True, True]
    """
    chosen = np.ones(len(pairs.first), bool)
    for contest in pairs.contested():
        chosen[contest.pairs] = pairs.best_of(contest, score[contest.pairs])
    return chosen
