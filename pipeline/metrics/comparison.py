"""A sequence's truth and prediction, reduced to what the measures need: who is where, and what overlaps whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.pipeline.metrics.overlaps import Floats, Integers


@dataclass(frozen=True, eq=False)
class Comparison:
    """The boxes that count, and their overlaps.

    Attributes:
        frames: length of the sequence.
        truth_frame, predicted_frame: (G,), (P,) frame from 0 of each box, never falling.
        truth_id, predicted_id: (G,), (P,) person and predicted identity, any integers of 0 or more.
        truth_row, predicted_row: (G,), (P,) rows of the boxes in the files' tables.
        first, second: (K,) truth and predicted box of each pair that overlaps, in order of frames.
        iou: (K,) of the pairs, in (0, 1].
    """

    frames: int
    truth_frame: Integers
    predicted_frame: Integers
    truth_id: Integers
    predicted_id: Integers
    truth_row: Integers
    predicted_row: Integers
    first: Integers
    second: Integers
    iou: Floats


def concatenated(parts: Sequence[Comparison]) -> Comparison:
    """Sequences one after another as if they were one: an id is the same person in all of them.

    This is how scores over several cameras are defined: a frame of a camera is a frame of its own, ids are global.
    """

    def shifted(name: str, steps: Sequence[int]) -> Integers:
        return np.concatenate([getattr(part, name) + step for part, step in zip(parts, steps, strict=True)])

    def starts(lengths: Sequence[int]) -> list[int]:
        return [0, *np.cumsum(lengths).tolist()][:-1]

    frames = starts([part.frames for part in parts])
    truth, predicted = (starts([len(getattr(part, name)) for part in parts]) for name in ("truth_id", "predicted_id"))
    none = [0] * len(parts)
    return Comparison(
        sum(part.frames for part in parts), shifted("truth_frame", frames), shifted("predicted_frame", frames),
        shifted("truth_id", none), shifted("predicted_id", none), shifted("truth_row", none),
        shifted("predicted_row", none), shifted("first", truth), shifted("second", predicted),
        np.concatenate([part.iou for part in parts]),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Counted:
    """Ids as numbers without gaps, and the pairs of ids that meet.

    Attributes:
        truth, predicted: (G,), (P,) number of each box's id.
        truth_boxes, predicted_boxes: boxes of each id.
        pair: (K,) number of each pair's pair of ids.
        pair_truth, pair_predicted: the ids' numbers of each pair of ids.
    """

    truth: NDArray[np.intp]
    predicted: NDArray[np.intp]
    truth_boxes: NDArray[np.intp]
    predicted_boxes: NDArray[np.intp]
    pair: NDArray[np.intp]
    pair_truth: NDArray[np.intp]
    pair_predicted: NDArray[np.intp]


def counted(comparison: Comparison) -> Counted:
    """Number the ids of a comparison."""
    _, truth, truth_boxes = np.unique(comparison.truth_id, return_inverse=True, return_counts=True)
    _, predicted, predicted_boxes = np.unique(comparison.predicted_id, return_inverse=True, return_counts=True)
    columns = max(len(predicted_boxes), 1)
    keys, pair = np.unique(truth[comparison.first] * columns + predicted[comparison.second], return_inverse=True)
    return Counted(truth, predicted, truth_boxes, predicted_boxes, pair, keys // columns, keys % columns)
