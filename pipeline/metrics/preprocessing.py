"""Which boxes of truth and prediction count: the rules of MOTChallenge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats.trackboxes import CROWD, MOT_CLASSES, NO_CLASS, PEDESTRIAN, TrackBoxes
from mdpr.pipeline.metrics.comparison import Comparison
from mdpr.pipeline.metrics.matching import FramePairs, best_matches
from mdpr.pipeline.metrics.overlaps import EPSILON, Integers, Overlaps, overlapping_pairs

_DISTRACTORS = ("person_on_vehicle", "static_person", "distractor", "reflection")
_MATCH_IOU = 0.5
_INSIDE_SHARE = 0.5


@dataclass(frozen=True)
class Rules:
    """What is done before anything is measured.

    Truth marked 0 never counts. Where classes are used, only pedestrians count, and a prediction that matches a
    distractor is taken out. A prediction without a match of which more than half lies in an ignore region is taken
    out too.

    Attributes:
        uses_classes: whether the truth has MOTChallenge's classes.
        distractors: numbers of the classes whose matches are taken out.
        ignores_crowds: whether boxes of the class crowd are ignore regions.
    """

    uses_classes: bool = True
    distractors: tuple[int, ...] = tuple(MOT_CLASSES[name] for name in _DISTRACTORS)
    ignores_crowds: bool = False


RULES: Mapping[str, Rules] = {
    "mot15": Rules(uses_classes=False, distractors=()),
    "mot16": Rules(),
    "mot20": Rules(distractors=tuple(MOT_CLASSES[name] for name in (*_DISTRACTORS, "non_mot_vehicle"))),
}
"""By benchmark: MOT15 has no classes; MOT16 and MOT17 share rules; MOT20 has vehicles as distractors too."""
AUTO = "auto"


def rules_for(name: str, truth: TrackBoxes, ignores_crowds: bool = False) -> Rules:
    """The rules of a benchmark; "auto" takes MOT16's where the truth has classes, else MOT15's.

    Raises:
        ConfigError: no such benchmark.
    """
    if name == AUTO:
        name = "mot16" if np.any(truth.class_id != NO_CLASS) else "mot15"
    if name not in RULES:
        raise ConfigError(f"rules {name!r}: expected {AUTO}, {', '.join(RULES)}")
    rules = RULES[name]
    return Rules(rules.uses_classes, rules.distractors, ignores_crowds)


def compare(truth: TrackBoxes, predicted: TrackBoxes, frames: int, rules: Rules) -> Comparison:
    """The boxes that count, and their overlaps.

    Args:
        truth, predicted: all boxes of the files.
        frames: length of the sequence; all boxes must be within it.
        rules: what does not count.

    Raises:
        FormatError: classes that the rules do not know.

    Reference: TrackEval, "MotChallenge2DBox"; ignore regions as in its "BDD100K".
    """
    _check_classes(truth, predicted, rules)
    overlaps = _overlaps(truth, predicted)
    is_region = (truth.class_id == CROWD) if rules.ignores_crowds else np.zeros(len(truth), bool)
    counts = (truth.score != 0) & ~is_region
    if rules.uses_classes:
        counts &= truth.class_id == PEDESTRIAN
    kept = ~_taken_out(truth, predicted, overlaps, is_region, rules)
    truth_row, predicted_row = np.flatnonzero(counts), np.flatnonzero(kept)
    pairs = np.flatnonzero(counts[overlaps.first] & kept[overlaps.second])
    return Comparison(
        frames, truth.frame[truth_row], predicted.frame[predicted_row], truth.track_id[truth_row],
        predicted.track_id[predicted_row], truth_row, predicted_row, _renumbered(counts)[overlaps.first[pairs]],
        _renumbered(kept)[overlaps.second[pairs]], overlaps.iou[pairs],
    )  # fmt: skip


def _overlaps(truth: TrackBoxes, predicted: TrackBoxes) -> Overlaps:
    boxes = predicted.ltwh
    if truth.first_pixel != predicted.first_pixel:
        shift = truth.first_pixel - predicted.first_pixel
        boxes = boxes + np.array([shift, shift, 0.0, 0.0])
    return overlapping_pairs(truth.frame, truth.ltwh, predicted.frame, boxes)


def _taken_out(
    truth: TrackBoxes, predicted: TrackBoxes, overlaps: Overlaps, is_region: NDArray[np.bool_], rules: Rules
) -> NDArray[np.bool_]:
    """(P,) predictions that count neither as right nor as wrong."""
    out = np.zeros(len(predicted), bool)
    if not rules.distractors and not rules.ignores_crowds:
        return out
    near = np.flatnonzero((overlaps.iou >= _MATCH_IOU - EPSILON) & ~is_region[overlaps.first])
    pairs = FramePairs(overlaps.first[near], overlaps.second[near], truth.frame, predicted.frame)
    matched = near[best_matches(pairs, overlaps.iou[near])]
    is_distractor = np.isin(truth.class_id[overlaps.first[matched]], rules.distractors)
    out[overlaps.second[matched[is_distractor]]] = True
    if rules.ignores_crowds:
        area = predicted.ltwh[:, 2] * predicted.ltwh[:, 3]
        share = overlaps.intersection / np.maximum(area[overlaps.second], EPSILON)
        inside = is_region[overlaps.first] & (share > _INSIDE_SHARE + EPSILON)
        inside &= ~np.isin(overlaps.second, overlaps.second[matched])
        out[overlaps.second[inside]] = True
    return out


def _renumbered(kept: NDArray[np.bool_]) -> Integers:
    return np.cumsum(kept) - 1


def _check_classes(truth: TrackBoxes, predicted: TrackBoxes, rules: Rules) -> None:
    other = predicted.class_id > PEDESTRIAN
    if other.any():
        raise FormatError(
            f"the prediction has class {predicted.class_id[other][0]} in frame {predicted.frame[other][0] + 1} "
            f"(counted from 1); only pedestrians ({PEDESTRIAN}) are evaluated: leave the others out"
        )
    if rules.uses_classes:
        unknown = sorted(set(np.unique(truth.class_id).tolist()) - set(MOT_CLASSES.values()))
        if unknown:
            raise FormatError(
                f"the truth has classes {', '.join(map(str, unknown))}, expected 1 to {max(MOT_CLASSES.values())} as "
                "in MOTChallenge; --rules mot15 reads it without classes"
            )
