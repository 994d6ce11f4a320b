"""What the appearance of tracks of one camera says: who holds two people, and the odds that two tracks are one person.

How alike a person and two people look is read off the tracks themselves, as in linking across cameras: tracks that are
seen at the same time are two people, early and late views of a track are one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.crosscamera import LinkConfig, Sighting
from mdpr.trackers.crosscamera.appearance import Centred, centred, first_offset
from mdpr.trackers.crosscamera.calibration import DIFFERENT, UNKNOWN, Samples, fit
from mdpr.trackers.crosscamera.likelihood import Fit
from mdpr.trackers.crosscamera.offline import ALIKE
from mdpr.trackers.crosscamera.purify import cut_of, good_quality, levels
from mdpr.trackers.crosscamera.scene import Scene, make_scene
from mdpr.trackers.crosscamera.similarity import piece_similarity, sampled_pairs, set_similarity
from mdpr.trackers.refine.trajectory import Trajectory

Floats = NDArray[np.float64]

_SAMPLE = 20_000
_LEAST_VIEWS_OF_PIECES = 4


class Looks:
    """The appearance of N tracks of one camera.

    Args:
        trajectories: with ids of their own.
    """

    def __init__(self, trajectories: Sequence[Trajectory]) -> None:
        self._by_key = {Sighting.of("", one.tracklet).key: row for row, one in enumerate(trajectories)}
        sightings = [Sighting.of("", one.tracklet) for one in trajectories]
        kept = {one.key: good_quality(one, LinkConfig.min_view_quality) for one in sightings}
        self._kept = kept
        self._scene: Scene = make_scene(sightings, kept)
        place = {key: number for number, key in enumerate(self._scene.keys)}
        self._place = np.array([place[one.key] for one in sightings], np.intp)
        self._appearance: Centred = centred(self._scene, first_offset(self._scene, ALIKE))
        self._fit: Fit | None = None

    @property
    def has_appearance(self) -> NDArray[np.bool_]:
        """(N,) whether there is any view with an embedding."""
        has: NDArray[np.bool_] = self._scene.has_appearance[self._place]
        return has

    def cuts(self) -> dict[int, tuple[int, int]]:
        """Rows that hold two people, and the frames of the last view of the first and the first view of the second.

        Nothing is cut when there are too few tracks to tell how alike a person and two people look.
        """
        level = levels(self._scene, self._appearance) if len(self._scene) else None
        if level is None:
            return {}
        found = {}
        for place, sighting in enumerate(self._scene.sightings):
            views = self._appearance.views[place][self._scene.has_view[place]]
            cut = cut_of(views @ views.T, level)
            if cut is None:
                continue
            tracklet = sighting.tracklet
            frames = tracklet.view_frame[self._kept[sighting.key] & tracklet.embeddings.any(axis=1)]
            if frames[cut] > frames[cut - 1]:
                found[self._by_key[sighting.key]] = (int(frames[cut - 1]), int(frames[cut]))
        return found

    def log_ratio(self, a: NDArray[np.intp], b: NDArray[np.intp]) -> Floats:
        """(P,) log of how much likelier the looks of rows `a[i]` and `b[i]` are for one person than for two.

        0 where one of the two has no appearance.
        """
        one, two = self._place[a], self._place[b]
        seen = self._scene.has_appearance[one] & self._scene.has_appearance[two]
        ratio = np.zeros(len(a))
        if not seen.any():
            return ratio
        one, two = one[seen].astype(np.int64), two[seen].astype(np.int64)
        similarity = set_similarity(self._appearance, self._scene.has_view, one, two)
        if self._fit is None:
            self._fit = self._fitted()
        ratio[seen] = self._fit.log_ratio(similarity, np.zeros(len(one), np.int64))
        return ratio

    def _fitted(self) -> Fit:
        scene = self._scene
        rows = np.flatnonzero(scene.has_appearance)
        a, b = sampled_pairs(len(rows), _SAMPLE)
        a, b = rows[a].astype(np.int64), rows[b].astype(np.int64)
        at_once = (scene.start_frame[a] <= scene.end_frame[b]) & (scene.start_frame[b] <= scene.end_frame[a])
        similarity = set_similarity(self._appearance, scene.has_view, a, b).astype(np.float64)
        long = np.flatnonzero(scene.has_view.sum(axis=1) >= _LEAST_VIEWS_OF_PIECES)
        pieces = [piece_similarity(self._appearance.views[row][scene.has_view[row]]) for row in long]
        samples = Samples(
            similarity,
            np.zeros(len(a), np.int64),
            np.ones(len(a)),
            np.where(at_once, DIFFERENT, UNKNOWN),
            np.array(pieces, np.float64),
        )
        return fit(samples, np.zeros(1, np.int64), LinkConfig.different_similarity, LinkConfig.same_similarity)
