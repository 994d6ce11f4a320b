"""Tracks from the truth of SynthPlaza, in place of a detector and a tracker: what is left to measure is linking.

Every true box is shown. Confidence is the part of the person that is seen, so that views are chosen as from detections.
A track ends where its person leaves or is hidden for `hidden_s`, and the next one is another track.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.frames import detections_for
from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats.mot import read_mot
from mdpr.trackers.lifecycle import Lifecycle
from mdpr.trackers.lifecycle_rules import TIME_TOLERANCE_S, LifecycleRules
from mdpr.types import Detections, Frame, Tracklet, Tracks

COMPONENTS = {"detector": f"{__name__}:TrueBoxes", "tracker": f"{__name__}:TrueTracker"}
"""As `mdpr-track` takes them; both have the option `path`."""

LEAST_SEEN = 0.3
"""Part of a person that must be seen for a picture to be worth an embedding."""


@dataclass(frozen=True, eq=False)
class _Truth:
    """Boxes that count, by frame: frame (N,) rising, person (N,), xyxy (N, 4), visible (N,)."""

    frame: NDArray[np.int64]
    person: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    visible: NDArray[np.float32]

    @classmethod
    def read(cls, path: str, camera: str) -> _Truth:
        boxes = read_mot(Path(path.replace("{camera}", camera)))
        counts = (boxes.score != 0) & (boxes.ltwh[:, 2:] > 0).all(axis=1)
        rows = np.flatnonzero(counts)[np.lexsort((boxes.track_id[counts], boxes.frame[counts]))]
        ltwh = boxes.ltwh[rows].copy()
        ltwh[:, :2] -= boxes.first_pixel
        xyxy = np.concatenate([ltwh[:, :2], ltwh[:, :2] + ltwh[:, 2:]], axis=1).astype(np.float32)
        visible = np.clip(boxes.visibility[rows], 0, 1).astype(np.float32)
        return cls(boxes.frame[rows].astype(np.int64), boxes.track_id[rows].astype(np.int64), xyxy, visible)

    def at(self, frame: int) -> slice:
        return slice(*np.searchsorted(self.frame, [frame, frame + 1]))


@dataclass(frozen=True)
class TrueBoxesConfig:
    """Options of `TrueBoxes`.

    Attributes:
        path: the gt.txt; `{camera}` in it stands for the name of the camera.
    """

    path: str = ""

    def __post_init__(self) -> None:
        if not self.path:
            raise ConfigError("detector.path: true boxes need a gt.txt, as scene/{camera}/gt/gt.txt")


class TrueBoxes:
    """A `mdpr.contracts.Detector` that knows."""

    Config = TrueBoxesConfig

    def __init__(self, config: TrueBoxesConfig) -> None:
        self._config = config
        self._truth: dict[str, _Truth] = {}
        self.batch_size = 1
        self.description = f"true boxes of {config.path}"

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """See `Detector`."""
        found = []
        for frame in frames:
            if frame.camera not in self._truth:
                self._truth[frame.camera] = _Truth.read(self._config.path, frame.camera)
            truth = self._truth[frame.camera]
            here = truth.at(frame.index)
            xyxy, visible = truth.xyxy[here], truth.visible[here]
            found.append(detections_for(frame, xyxy, visible, np.zeros(len(xyxy), np.int32), clip=False))
        return found


@dataclass(frozen=True)
class TrueTrackerConfig:
    """Options of `TrueTracker`.

    Attributes:
        path: the gt.txt that the boxes come from.
        hidden_s: seconds after which somebody who comes back is another track.
        views: most views kept of a track.
        view_spacing_s: least seconds between two views.
    """

    path: str = ""
    hidden_s: float = 2.0
    views: int = 10
    view_spacing_s: float = 0.5


class TrueTracker:
    """A `mdpr.contracts.Tracker` of `TrueBoxes`: every track is one person."""

    Config = TrueTrackerConfig
    embedding_conf = LEAST_SEEN
    patience_s = math.inf  # it knows the whole video

    def __init__(self, config: TrueTrackerConfig) -> None:
        self._config = config
        self._truth: _Truth | None = None
        self._person: dict[int, int] = {}  # of each track id
        self._last_s: dict[int, float] = {}  # when a person was last embedded
        self._lifecycle = Lifecycle(
            LifecycleRules(
                new_track_conf=0.0, clear_conf=0.5, max_age_s=config.hidden_s, max_exposed_s=config.hidden_s,
                confirm_s=0.0, confirm_border_s=0.0, hidden_s=0.0, duplicate_iou=2.0, same_person_distance=math.inf,
                max_covered=1.0, views=config.views, view_spacing_s=config.view_spacing_s, embedding_interval_s=1.0,
                appearance_memory_s=1.0,
            )
        )  # fmt: skip

    def update(self, detections: Detections, frame: Frame, embeddings: NDArray[np.float32] | None = None) -> Tracks:
        """Take the next frame; see `Tracker`.

        Raises:
            FormatError: the detections are not the true boxes of this frame.
        """
        person = self._people(detections, frame)
        if embeddings is not None:
            for one in person[np.isfinite(embeddings).all(axis=1) & embeddings.any(axis=1)].tolist():
                self._last_s[one] = frame.time_s
        scene = self._lifecycle.begin(detections, frame, embeddings)
        column = {one: place for place, one in enumerate(person.tolist())}
        ids = self._lifecycle.table.track_id.tolist()
        match = np.array([column.get(self._person[one], -1) for one in ids], np.intp)
        tracks = self._lifecycle.finish(scene, match)
        for track_id, place in zip(tracks.track_id.tolist(), tracks.detection_index.tolist(), strict=True):
            self._person[track_id] = int(person[place])
        return tracks

    def embedding_needed(self, detections: Detections, frame: Frame) -> NDArray[np.bool_]:
        """See `Tracker`: everybody once in `view_spacing_s`, for appearance decides nothing here."""
        due_s = frame.time_s - self._config.view_spacing_s + TIME_TOLERANCE_S
        people = self._people(detections, frame).tolist()
        return np.array([self._last_s.get(one, -math.inf) <= due_s for one in people], np.bool_)

    def _people(self, detections: Detections, frame: Frame) -> NDArray[np.int64]:
        """(N,) who the detections of a frame are."""
        if self._truth is None:
            self._truth = _Truth.read(self._config.path, frame.camera)
        person = self._truth.person[self._truth.at(frame.index)]
        if len(person) != len(detections):
            raise FormatError(
                f"frame {frame.index} of {frame.camera!r}: expected {len(person)} true boxes, got {len(detections)}"
            )
        return person

    def flush(self) -> list[Tracklet]:
        """See `Tracker`."""
        return self._lifecycle.flush()

    def reset(self) -> None:
        """See `Tracker`."""
        self._lifecycle.reset()
        self._truth = None
        self._person, self._last_s = {}, {}
