"""All tracklets as arrays, checked and in canonical order: what every later step works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError
from mdpr.trackers.crosscamera.types import VISIT, Sighting, TrackletKey, by_key

Floats = NDArray[np.float32]
Times = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_UNIT_TOLERANCE = 1e-2


@dataclass(frozen=True, eq=False)
class Scene:
    """N tracklets in order of key.

    Attributes:
        keys: their keys.
        cameras: names of the cameras, sorted.
        camera: (N,) position in `cameras`.
        lane: (N,) number of run and camera together: frames can be compared within a lane.
        track: (N,) number of the visit of a track; the pieces of one visit share it, and are different people.
        clock: (N,) number of the clock: times can be compared within a clock.
        start_s, end_s: (N,) wall times.
        start_frame, end_frame: (N,) inclusive.
        views: (N, V, D) unit rows, in order of time; zeros where a tracklet has fewer.
        has_view: (N, V).
        weight: (N, V) of the views in a mean; 0 where there is none.
        sightings: where the rows come from.
    """

    keys: tuple[TrackletKey, ...]
    cameras: tuple[str, ...]
    camera: Integers
    lane: Integers
    track: Integers
    clock: Integers
    start_s: Times
    end_s: Times
    start_frame: Integers
    end_frame: Integers
    views: Floats
    has_view: Flags
    weight: Floats
    sightings: tuple[Sighting, ...]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def has_appearance(self) -> Flags:
        """(N,) whether there is any view."""
        has: Flags = np.any(self.has_view, axis=1)
        return has

    def at_once(self, a: Integers, b: Integers) -> Flags:
        """(P,) whether two tracklets overlap in time, by a clock that both have."""
        overlap = (self.start_s[a] <= self.end_s[b]) & (self.start_s[b] <= self.end_s[a])
        return np.asarray(overlap & (self.clock[a] == self.clock[b]), np.bool_)

    def most_at_once(self) -> int:
        """The most tracklets that are in one camera at once; so many people there are at least."""
        found = 0
        for lane in np.unique(self.lane):
            start, end = np.sort(self.start_s[self.lane == lane]), np.sort(self.end_s[self.lane == lane])
            here = np.arange(1, len(start) + 1) - np.searchsorted(end, start, side="left")
            found = max(found, int(here.max()))
        return found


def check_sightings(sightings: Sequence[Sighting]) -> None:
    """See whether they can be linked.

    Raises:
        ConfigError: two have the same key.
        FormatError: a key that does not fit its tracklet, embeddings of two models or dimensions, values that are not
            finite, rows that are neither unit nor zero, times that are not finite or go backwards.
    """
    seen: set[TrackletKey] = set()
    models: dict[str, TrackletKey] = {}
    dimensions: dict[int, TrackletKey] = {}
    for sighting in sightings:
        key, tracklet = sighting.key, sighting.tracklet
        if key in seen:
            raise ConfigError(f"tracklet {key} is given twice: give each run a name of its own")
        seen.add(key)
        if (key.camera, key.track_id) != (tracklet.camera, tracklet.track_id):
            raise FormatError(f"{key} holds tracklet {tracklet.track_id} of {tracklet.camera!r}")
        _check_times(sighting)
        rows = tracklet.embeddings
        if rows.shape[1] == 0:
            continue
        if not np.isfinite(rows).all():
            bad = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            raise FormatError(f"tracklet {key}: the embedding of view {bad} has values that are not finite")
        lengths = np.linalg.norm(rows, axis=1)
        is_wrong = (np.abs(lengths - 1) > _UNIT_TOLERANCE) & (lengths > 0)
        if is_wrong.any():
            bad = int(np.argmax(is_wrong))
            raise FormatError(f"tracklet {key}: expected unit embeddings, view {bad} has length {lengths[bad]:.3g}")
        models.setdefault(sighting.model, key)
        dimensions.setdefault(rows.shape[1], key)
    _check_one(dimensions, "dimensions")
    _check_one(models, "models")


def _check_times(sighting: Sighting) -> None:
    tracklet, times = sighting.tracklet, sighting.tracklet.view_time_s
    if not np.isfinite([sighting.start_s, sighting.end_s]).all() or not np.isfinite(times).all():
        raise FormatError(f"tracklet {sighting.key}: times that are not finite")
    if len(times) and (times.min() < tracklet.start_s - 1e-3 or times.max() > tracklet.end_s + 1e-3):
        raise FormatError(
            f"tracklet {sighting.key}: a view at {times.min():.3f}..{times.max():.3f} s lies outside the tracklet "
            f"({tracklet.start_s:.3f}..{tracklet.end_s:.3f} s): two clocks disagree"
        )
    if np.any(np.diff(times) < 0):
        raise FormatError(f"tracklet {sighting.key}: the times of its views go backwards")


def _check_one(found: dict[int, TrackletKey] | dict[str, TrackletKey], what: str) -> None:
    if len(found) > 1:
        (one, first), (other, second) = list(found.items())[:2]
        raise FormatError(
            f"embeddings of two {what} cannot be compared: {one!r} ({first}) and {other!r} ({second}). "
            "Embed all runs with the same model"
        )


def make_scene(sightings: Sequence[Sighting], kept: dict[TrackletKey, Flags] | None = None) -> Scene:
    """Arrays of checked sightings; the result does not depend on their order.

    Args:
        sightings: see `check_sightings`.
        kept: for each tracklet the views to use; all of those with an embedding where it has no entry.
    """
    rows = by_key(sightings)
    kept = kept or {}
    usable = [_usable(row, kept.get(row.key)) for row in rows]
    most = max((int(use.sum()) for use in usable), default=0)
    dimension = max((row.tracklet.embeddings.shape[1] for row in rows), default=0)
    views = np.zeros((len(rows), most, dimension), np.float32)
    weight = np.zeros((len(rows), most), np.float32)
    for place, (row, use) in enumerate(zip(rows, usable, strict=True)):
        count = int(use.sum())
        if count:
            views[place, :count] = row.tracklet.embeddings[use]
            quality = np.maximum(row.tracklet.view_quality[use], 0)
            best = float(quality.max())
            weight[place, :count] = np.sqrt(quality / best) if best > 0 else 1
    cameras = tuple(sorted({row.key.camera for row in rows}))
    lanes = {lane: number for number, lane in enumerate(sorted({(row.key.run, row.key.camera) for row in rows}))}
    clocks = {clock: number for number, clock in enumerate(sorted({row.clock for row in rows}))}
    tracks = {track: number for number, track in enumerate(sorted({_visit(row.key) for row in rows}))}
    return Scene(
        keys=tuple(row.key for row in rows),
        cameras=cameras,
        camera=np.array([cameras.index(row.key.camera) for row in rows], np.int64),
        lane=np.array([lanes[row.key.run, row.key.camera] for row in rows], np.int64),
        track=np.array([tracks[_visit(row.key)] for row in rows], np.int64),
        clock=np.array([clocks[row.clock] for row in rows], np.int64),
        start_s=np.array([row.start_s for row in rows], np.float64),
        end_s=np.array([row.end_s for row in rows], np.float64),
        start_frame=np.array([row.tracklet.start_frame for row in rows], np.int64),
        end_frame=np.array([row.tracklet.end_frame for row in rows], np.int64),
        views=views,
        has_view=np.asarray(np.any(views, axis=2), np.bool_),
        weight=weight,
        sightings=tuple(rows),
    )


def _visit(key: TrackletKey) -> tuple[str, str, int, int]:
    return (*key[:3], key.part // VISIT)


def _usable(sighting: Sighting, kept: Flags | None) -> Flags:
    has_embedding: Flags = np.any(sighting.tracklet.embeddings, axis=1)
    return has_embedding if kept is None else has_embedding & kept
