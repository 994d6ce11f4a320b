"""All measures of one sequence, and of several together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes
from mdpr.pipeline.metrics.clear import Clear, clear, clear_matches, combined_clear
from mdpr.pipeline.metrics.comparison import Comparison
from mdpr.pipeline.metrics.hota import Hota, combined_hota, hota
from mdpr.pipeline.metrics.identity import Identity, combined_identity, identity
from mdpr.pipeline.metrics.overlaps import Integers
from mdpr.pipeline.metrics.preprocessing import AUTO, compare, rules_for
from mdpr.pipeline.metrics.returns import NOBODY, ReturnConfig, Returns, Sightings, combined_returns, count_returns


@dataclass(frozen=True)
class EvaluateConfig:
    """How it is measured.

    Attributes:
        rules: mot15, mot16 or mot20, or auto: MOT16's where the truth has classes.
        ignores_crowds: whether boxes of the class crowd are ignore regions.
        iou_threshold: overlap from which a box is right for CLEAR MOT and IDF1; HOTA uses all thresholds.
        returns: what counts as a return.
        frames: length of the sequences; None takes what the truth says.
        fps: frames a second of the sequences; None takes what the truth says.
    """

    rules: str = AUTO
    ignores_crowds: bool = False
    iou_threshold: float = 0.5
    returns: ReturnConfig = field(default_factory=ReturnConfig)
    frames: int | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.iou_threshold <= 1:
            raise ConfigError(f"iou_threshold: expected above 0 and at most 1, got {self.iou_threshold}")
        if self.frames is not None and self.frames < 1:
            raise ConfigError(f"frames: expected 1 or more, got {self.frames}")
        if self.fps is not None and not (np.isfinite(self.fps) and self.fps > 0):
            raise ConfigError(f"fps: expected a number above 0, got {self.fps}")


@dataclass(frozen=True, eq=False)
class Scores:
    """Everything measured on a sequence, or on several together; returns need a known frame rate."""

    hota: Hota
    clear: Clear
    identity: Identity
    returns: Returns | None

    def values(self) -> dict[str, Any]:
        """By name; `returns` holds a dictionary a bucket, or None."""
        values: dict[str, Any] = {**self.hota.values(), **self.clear.values(), **self.identity.values()}
        return values | {"returns": None if self.returns is None else self.returns.values()}


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A sequence with what later steps need.

    Attributes:
        comparison: its boxes.
        matched: (M,) rows of the pairs that CLEAR matches.
        people, identities: their sightings; None without a frame rate.
        scores: of the sequence.
    """

    comparison: Comparison
    matched: Integers
    people: Sightings | None
    identities: Sightings | None
    scores: Scores


def evaluate_sequence(
    truth: Recording, predicted: TrackBoxes, where: str, config: EvaluateConfig | None = None
) -> Evaluated:
    """Measure one sequence.

    Args:
        truth: what is right, with length and frame rate where they are known.
        predicted: what was found.
        where: file of the prediction, for messages.
        config: how.

    Raises:
        FormatError: a frame beyond the end of the sequence, or a class that the rules do not know.
    """
    config = config or EvaluateConfig()
    rules = rules_for(config.rules, truth.boxes, config.ignores_crowds)
    frames = sequence_length(truth, predicted, where, config)
    try:
        comparison = compare(truth.boxes, predicted, frames, rules)
    except FormatError as error:
        raise FormatError(f"{truth.where} and {where}: {error}") from error
    matched = clear_matches(comparison, config.iou_threshold)
    people, identities = _sightings(comparison, matched, truth, config)
    scores = Scores(
        hota(comparison),
        clear(comparison, matched),
        identity(comparison, config.iou_threshold),
        None if people is None or identities is None else count_returns(people, identities, config.returns),
    )
    return Evaluated(comparison, matched, people, identities, scores)


def combined_scores(scores: Sequence[Scores]) -> Scores:
    """Over several sequences whose ids have nothing to do with each other; returns over those with a frame rate."""
    returns = [one.returns for one in scores if one.returns is not None]
    return Scores(
        combined_hota([one.hota for one in scores]),
        combined_clear([one.clear for one in scores]),
        combined_identity([one.identity for one in scores]),
        combined_returns(returns) if returns else None,
    )


def sequence_length(truth: Recording, predicted: TrackBoxes, where: str, config: EvaluateConfig) -> int:
    """Frames of the sequence: as configured, else as the truth says, else up to its last box.

    Raises:
        FormatError: truth or prediction has a frame beyond.
    """
    stated = config.frames or truth.frames
    length = stated or int(truth.boxes.frame.max(initial=-1)) + 1
    for boxes, file in ((truth.boxes, truth.where), (predicted, where)):
        last = int(boxes.frame.max(initial=-1)) + 1
        if last > length:
            source = "" if stated else ", as far as the truth goes; say it with --frames if the sequence is longer"
            raise FormatError(f"{file}: has a box in frame {last} (counted from 1), expected at most {length}{source}")
    return length


def _sightings(
    comparison: Comparison, matched: Integers, truth: Recording, config: EvaluateConfig
) -> tuple[Sightings, Sightings] | tuple[None, None]:
    fps = config.fps or truth.fps
    if fps is None:
        return None, None
    first, second = comparison.first[matched], comparison.second[matched]
    cover = np.full(len(comparison.truth_id), NOBODY)
    cover[first] = comparison.predicted_id[second]
    covered = np.full(len(comparison.predicted_id), NOBODY)
    covered[second] = comparison.truth_id[first]
    is_seen = truth.boxes.visibility[comparison.truth_row] >= config.returns.min_visibility
    return (
        Sightings(comparison.truth_frame[is_seen] / fps, comparison.truth_id[is_seen], cover[is_seen], 1 / fps),
        Sightings(comparison.predicted_frame / fps, comparison.predicted_id, covered, 1 / fps),
    )
