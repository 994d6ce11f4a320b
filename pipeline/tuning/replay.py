"""Running a tracker over a cached sequence, and scoring what comes out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mdpr.components import build_config
from mdpr.contracts import Tracker
from mdpr.pipeline.config import Component, with_interval, with_thresholds
from mdpr.pipeline.embedding import EmbeddingConfig
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes
from mdpr.pipeline.metrics.evaluate import EvaluateConfig, Scores, combined_scores, evaluate_sequence
from mdpr.pipeline.sinks.renaming import Renames
from mdpr.pipeline.tuning.cache import CachedSequence
from mdpr.types import Detections, Frame


@dataclass(frozen=True, eq=False)
class Trial:
    """One setting of a tracker's options and how it did.

    Attributes:
        options: that differ from the defaults of the search.
        scores: by sequence.
        seconds: of the trackers alone, all sequences together.
    """

    options: dict[str, Any]
    scores: dict[str, Scores]
    seconds: float

    @property
    def combined(self) -> Scores:
        """Over all sequences."""
        return combined_scores(list(self.scores.values()))


def replay(sequence: CachedSequence, tracker: Tracker, is_sparse: bool = False) -> TrackBoxes:
    """The boxes that the tracker shows, as tracks.txt has them.

    Args:
        sequence: what it is given.
        tracker: a fresh one.
        is_sparse: whether it is given only the embeddings that it asks for, as with `--reid-every auto`.
    """
    ends = np.cumsum(sequence.count)
    has_appearance = sequence.facts.dimension > 0
    shown = []
    for row, (start, end) in enumerate(zip(ends - sequence.count, ends, strict=True)):
        rows = slice(start, end)
        size = (int(sequence.size[row, 0]), int(sequence.size[row, 1]))
        frame = Frame(sequence.camera, int(sequence.index[row]), float(sequence.time_s[row]), size=size)
        detections = Detections(sequence.xyxy[rows], sequence.confidence[rows], sequence.class_id[rows])
        if np.isfinite(sequence.motion[row]).all():
            tracker.move_camera(sequence.motion[row])
        embeddings = None
        if has_appearance:
            embeddings = np.array(sequence.embeddings[rows])
            is_confident = detections.confidence >= tracker.embedding_conf
            embeddings[~is_confident] = 0  # as in a run
            if is_sparse:
                embeddings[is_confident & ~tracker.embedding_needed(detections, frame)] = np.nan
        shown.append((frame.index, tracker.update(detections, frame, embeddings)))
    tracker.flush()
    renames = Renames()
    for _, tracks in shown:
        renames.add(tracks.renamed)
    xyxy = np.concatenate([tracks.xyxy for _, tracks in shown]).astype(np.float64)
    ltwh = np.concatenate([xyxy[:, :2] + 1, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    return TrackBoxes.of(
        np.repeat([index for index, _ in shown], [len(tracks) for _, tracks in shown]),
        np.array([renames.right(one) for _, tracks in shown for one in tracks.track_id.tolist()], dtype=np.int64),
        np.round(ltwh, 2),
        score=np.concatenate([tracks.confidence for _, tracks in shown]),
        first_pixel=1,
    )


def with_options(tracker: Component, options: Mapping[str, Any]) -> Component:
    """The tracker with some options changed.

    Raises:
        ConfigError: an unknown option, or a value that it refuses.
    """
    values = {name: getattr(tracker.options, name) for name in tracker.options.__dataclass_fields__}
    return replace(tracker, options=build_config(tracker.cls.Config, {**values, **options}, "tracker"))


def try_out(
    tracker: Component,
    options: Mapping[str, Any],
    sequences: Sequence[CachedSequence],
    truths: Mapping[str, Recording],
    config: EvaluateConfig,
    embedding: EmbeddingConfig | None = None,
) -> Trial:
    """Track all sequences with some options changed, and score them.

    Args:
        tracker: with its other options.
        options: that are changed.
        sequences: to be tracked.
        truths: by the sequences' names.
        config: how it is scored.
        embedding: how often people are embedded; everybody in every frame when None.

    Raises:
        ConfigError: see `with_options`.
    """
    scores: dict[str, Scores] = {}
    seconds = 0.0
    for sequence in sequences:
        component = with_interval(with_thresholds(tracker, sequence.facts), embedding or EmbeddingConfig())
        component = with_options(component, options)
        start = time.process_time()
        boxes = replay(sequence, component.make(), embedding is not None and embedding.is_sparse)
        seconds += time.process_time() - start
        truth = truths[sequence.camera]
        scores[sequence.camera] = evaluate_sequence(truth, boxes, f"tracks of {sequence.camera}", config).scores
    return Trial(dict(options), scores, seconds)
