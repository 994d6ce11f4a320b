"""One-to-one matches within each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mdpr.pipeline.metrics.overlaps import Floats, Integers


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

    def contested(self) -> list[tuple[int, slice]]:
        """Frames in which a row is in several pairs, with their pairs, in order.

        All pairs of any other frame are matches whatever their scores are, as long as these are above 0.
        """
        is_contested = (np.bincount(self.first)[self.first] > 1) | (np.bincount(self.second)[self.second] > 1)
        frame = self.first_frame[self.first]
        frames = np.unique(frame[is_contested])
        starts, ends = np.searchsorted(frame, frames), np.searchsorted(frame, frames, side="right")
        return [
            (one, slice(start, end))
            for one, start, end in zip(frames.tolist(), starts.tolist(), ends.tolist(), strict=True)
        ]

    def best_of(self, frame: int, pairs: slice, score: Floats) -> NDArray[np.bool_]:
        """Which pairs of one frame together have the highest score.

        The whole matrix of the frame is solved, rows without pairs too: among equal optima, the choice then is that
        of TrackEval.

        Args:
            frame: whose pairs they are.
            pairs: its pairs.
            score: (pairs,) above 0.
        """
        top, bottom = np.searchsorted(self.first_frame, [frame, frame + 1])
        left, right = np.searchsorted(self.second_frame, [frame, frame + 1])
        matrix = np.zeros((bottom - top, right - left))
        rows, columns = self.first[pairs] - top, self.second[pairs] - left
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
    for frame, here in pairs.contested():
        chosen[here] = pairs.best_of(frame, here, score[here])
    return chosen
