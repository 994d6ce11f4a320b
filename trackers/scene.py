"""One frame, ready for matching: the detections, the expected boxes of the tracks, and how they overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.geometry import areas, centres_and_sizes, to_planes
from mdpr.trackers.lifecycle_rules import LifecycleRules
from mdpr.trackers.pairs import overlapping_pairs, overlaps_of_pairs
from mdpr.trackers.views import Views, covered_by_nearer, rate_views
from mdpr.types import Detections, Frame, Tracklet

_NO_PIXELS = np.array(0, np.float32)


@dataclass(eq=False)
class Scene:
    """One frame, ready for matching.

    Attributes:
        frame, detections: as given.
        embeddings: (N, D) float32, or None when there is no appearance in this frame.
        has_appearance: (N,) whether the detection has an embedding.
        has_area: (N,) boxes without area match nothing and begin nothing.
        xywh: (4, N) float64 centres and sizes of the detections.
        xyxy, area: (4, N) and (N,) of the detections.
        boxes: (4, T) float32 `xyxy` where the tracks are expected.
        rows, columns, overlap: (P,) each, the pairs of `boxes` and detections that overlap, ascending by row and then
            by column, and their intersection over union.
        among: the pairs of detections that overlap, see `covered_by_nearer`.
        rules: of the tracker.
        needs_appearance: without an embedding no view is clear.
        is_one_class: whether everything that this tracker has ever been given is of one class.
        ended: tracklets that became too old before this frame.
    """

    frame: Frame
    detections: Detections
    embeddings: NDArray[np.float32] | None
    has_appearance: NDArray[np.bool_]
    has_area: NDArray[np.bool_]
    xywh: NDArray[np.float64]
    xyxy: NDArray[np.float32]
    area: NDArray[np.float32]
    boxes: NDArray[np.float32]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    overlap: NDArray[np.float32]
    among: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]
    rules: LifecycleRules
    needs_appearance: bool
    is_one_class: bool
    ended: tuple[Tracklet, ...]

    _views: Views | None = None  # `cached_property` would take a lock each time, for a hundredth of a small frame
    _covered: NDArray[np.float32] | None = None

    @property
    def views(self) -> Views:
        """Quality of the detections as views of their people; worked out when it is first asked for, as `covered`."""
        if self._views is not None:
            return self._views
        rules, confidence = self.rules, self.detections.confidence
        views = rate_views(self.xyxy, confidence, self.covered, self.frame.size, rules.clear_conf, rules.max_covered)
        if self.needs_appearance:
            np.logical_and(views.is_clear, self.has_appearance, out=views.is_clear)
        self._views = views
        return views

    @property
    def covered(self) -> NDArray[np.float32]:
        """(N,) part of each detection that a nearer one hides, see `covered_by_nearer`."""
        if self._covered is None:
            self._covered = covered_by_nearer(self.xyxy[3], self.area, *self.among)
        return self._covered


def make_scene(
    detections: Detections,
    frame: Frame,
    embeddings: NDArray[np.float32] | None,
    has_appearance: NDArray[np.bool_],
    boxes: NDArray[np.float32],
    rules: LifecycleRules,
    needs_appearance: bool,
    is_one_class: bool,
    ended: tuple[Tracklet, ...],
) -> Scene:
    """See `Scene`."""
    xyxy = to_planes(detections.xyxy)
    xywh = centres_and_sizes(xyxy)
    both = np.concatenate([boxes, xyxy], axis=1)
    rows, columns, shared = overlapping_pairs(both, xyxy)
    area, tracks = areas(both), boxes.shape[1]
    split = rows.searchsorted(tracks)
    of_tracks = rows[:split], columns[:split]
    return Scene(
        frame=frame,
        detections=detections,
        embeddings=embeddings,
        has_appearance=has_appearance,
        has_area=area[tracks:] > _NO_PIXELS,
        xywh=xywh,
        xyxy=xyxy,
        area=area[tracks:],
        boxes=boxes,
        rows=of_tracks[0],
        columns=of_tracks[1],
        overlap=overlaps_of_pairs(*of_tracks, shared[:split], area, area[tracks:]),
        among=(rows[split:] - tracks, columns[split:], shared[split:]),
        rules=rules,
        needs_appearance=needs_appearance,
        is_one_class=is_one_class,
        ended=ended,
    )
