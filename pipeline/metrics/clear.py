"""CLEAR MOT: misses, false positives and switches of identity, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from mdpr.pipeline.metrics.comparison import Comparison
from mdpr.pipeline.metrics.matching import FramePairs
from mdpr.pipeline.metrics.overlaps import EPSILON, Integers

_MOSTLY_TRACKED, _MOSTLY_LOST = 0.8, 0.2
_CONTINUES = 1000.0  # worth more than any overlap: a match of the frame before is kept while it overlaps enough


@dataclass(frozen=True)
class Clear:
    """Counts of a sequence, or sums over several.

    Attributes:
        tp, fn, fp: matched boxes, truth without a match, predictions without a match.
        switches: matches of a person with another identity than at the person's last match.
        fragmentations: times a person is matched again after frames without a match.
        mostly_tracked, partly_tracked, mostly_lost: people matched in more than 80 %, in 20 to 80 %, in less than 20 %
            of their frames.
        overlap: sum of IoU over the matches.
    """

    tp: int
    fn: int
    fp: int
    switches: int
    fragmentations: int
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int
    overlap: float

    def values(self) -> dict[str, float]:
        """MOTA (at most 1, may be negative), MOTP in [0, 1] and the counts; MOTA is 0 where there is no truth."""
        truth = self.tp + self.fn
        return {
            "MOTA": (self.tp - self.fp - self.switches) / truth if truth else 0.0,
            "MOTP": self.overlap / max(1, self.tp),
            "IDSW": self.switches,
            "Frag": self.fragmentations,
            "FP": self.fp,
            "FN": self.fn,
            "MT": self.mostly_tracked,
            "PT": self.partly_tracked,
            "ML": self.mostly_lost,
        }


def clear(comparison: Comparison, matched: Integers) -> Clear:
    """Counts from the matches that `clear_matches` found.

    Reference: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics",
    EURASIP 2008; switches, fragmentations and tracked people as TrackEval counts them.
    """
    person = comparison.truth_id[comparison.first[matched]]
    predicted = comparison.predicted_id[comparison.second[matched]]
    step = _places(_shared_frames(comparison), comparison.truth_frame[comparison.first[matched]])
    order = np.lexsort((step, person))
    is_same_person = np.diff(person[order]) == 0
    people, boxes = np.unique(comparison.truth_id, return_counts=True)
    share = np.bincount(_places(people, person), minlength=len(people)) / boxes
    mostly = int(np.count_nonzero(share > _MOSTLY_TRACKED))
    partly = int(np.count_nonzero(share >= _MOSTLY_LOST)) - mostly
    return Clear(
        tp=len(matched),
        fn=len(comparison.truth_id) - len(matched),
        fp=len(comparison.predicted_id) - len(matched),
        switches=int(np.count_nonzero(is_same_person & (np.diff(predicted[order]) != 0))),
        fragmentations=int(np.count_nonzero(is_same_person & (np.diff(step[order]) > 1))),
        mostly_tracked=mostly,
        partly_tracked=partly,
        mostly_lost=len(people) - mostly - partly,
        overlap=float(comparison.iou[matched].sum()),
    )


def combined_clear(scores: Sequence[Clear]) -> Clear:
    """Over several sequences: counts add up."""
    return Clear(**{one.name: sum(getattr(score, one.name) for score in scores) for one in fields(Clear)})


def clear_matches(comparison: Comparison, iou_threshold: float = 0.5) -> Integers:
    """Rows of the pairs that are matched: first what was matched in the frame before, then what overlaps most.

    "The frame before" is the last one with both truth and predictions.
    """
    rows = np.flatnonzero(comparison.iou >= iou_threshold - EPSILON)
    first, second = comparison.first[rows], comparison.second[rows]
    pairs = FramePairs(first, second, comparison.truth_frame, comparison.predicted_frame)
    person, predicted = comparison.truth_id[first], comparison.predicted_id[second]
    chosen = np.ones(len(rows), bool)
    shared = _shared_frames(comparison)
    frame = comparison.truth_frame[first]
    for contest in pairs.contested():
        here = contest.pairs
        place = int(np.searchsorted(shared, contest.frame))
        before = shared[place - 1] if place else -1
        last = slice(*np.searchsorted(frame, [before, before + 1]).tolist())
        continues = _are_among(person[here], predicted[here], person[last][chosen[last]], predicted[last][chosen[last]])
        chosen[here] = pairs.best_of(contest, _CONTINUES * continues + comparison.iou[rows[here]])
    return rows[chosen]


def _are_among(person: Integers, predicted: Integers, people: Integers, ids: Integers) -> NDArray[np.bool_]:
    """Which pairs (person, predicted) are among the pairs (people, ids)."""
    return ((person[:, None] == people) & (predicted[:, None] == ids)).any(axis=1)


def _shared_frames(comparison: Comparison) -> Integers:
    """Frames with both truth and predictions, rising."""
    return np.intersect1d(comparison.truth_frame, comparison.predicted_frame)


def _places(values: Integers, wanted: Integers) -> NDArray[np.intp]:
    """Where in rising `values` each wanted one is."""
    return np.searchsorted(values, wanted)
