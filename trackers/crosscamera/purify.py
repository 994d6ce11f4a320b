"""Before tracklets are compared: views that mislead are left out, and tracks that hold two people are cut.

A track that jumps from one person to another has views that agree within two runs of time and disagree between them,
about as much as two people do. What "agree" and "disagree" are is read off the tracklets themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mdpr.trackers.crosscamera.appearance import Centred
from mdpr.trackers.crosscamera.scene import Flags, Floats, Scene
from mdpr.trackers.crosscamera.similarity import sampled_pairs
from mdpr.trackers.crosscamera.types import VISIT, Sighting, TrackletKey, some_views
from mdpr.trackers.merging import best_views

MOST_VIEWS = 10  # of a tracklet that are compared; a track of several visits that is not cut has more
_LEAST_SIDE = 2  # views on each side of a cut
_AGREE, _DISAGREE, _OUTLIER = 0.6, 0.35, 0.2  # between the levels of two people (0) and of one (1)
_LEAST_TRACKLETS = 8  # with more than one view, from which on the levels are believed


@dataclass(frozen=True)
class Levels:
    """Mean cosine of views of two people, and of one within a tracklet."""

    different: float
    same: float

    def at(self, part: float) -> float:
        """The cosine at `part` of the way from two people to one."""
        return self.different + part * (self.same - self.different)


def levels(scene: Scene, appearance: Centred) -> Levels | None:
    """What the tracklets themselves say; None when there are too few, or no difference, to tell."""
    within = []
    for row in np.flatnonzero(scene.has_view.sum(axis=1) > 1):
        views = appearance.views[row][scene.has_view[row]]
        cosine = views @ views.T
        within.append((cosine.sum() - len(views)) / (len(views) * (len(views) - 1)))
    if len(within) < _LEAST_TRACKLETS:
        return None
    first = appearance.views[scene.has_appearance, 0]
    a, b = sampled_pairs(len(first), 20_000)
    between = np.einsum("pd,pd->p", first[a], first[b])
    found = Levels(float(np.median(between)), float(np.median(within)))
    return found if found.same > found.different + 0.05 else None


def good_quality(sighting: Sighting, least: float) -> Flags:
    """(V,) views of at least `least` of the best quality of their tracklet."""
    quality = sighting.tracklet.view_quality
    good: Flags = quality >= least * max(float(quality.max(initial=0)), 0.0)
    return good


def to_compare(sighting: Sighting, least: float) -> Flags:
    """(V,) the `MOST_VIEWS` best of those of `good_quality`."""
    best = np.zeros(len(sighting.tracklet.view_quality), np.bool_)
    best[best_views(sighting.tracklet, MOST_VIEWS)] = True
    return good_quality(sighting, least) & best


def outliers(cosine: Floats, level: Levels) -> Flags:
    """(V,) views that look like somebody else while the others agree; the worst first, never half of them.

    Args:
        cosine: (V, V) of the views.
        level: of this set.
    """
    count = len(cosine)
    is_out = np.zeros(count, np.bool_)
    while True:
        rest = np.flatnonzero(~is_out)
        if len(rest) < 3 or 2 * (count - len(rest) + 1) > count:
            return is_out
        inside = cosine[np.ix_(rest, rest)]
        mean = (inside.sum(axis=1) - np.diag(inside)) / (len(rest) - 1)
        worst = int(np.argmin(mean))
        others = np.delete(np.delete(inside, worst, 0), worst, 1)
        if mean[worst] >= level.at(_OUTLIER) or _mean_pair(others) < level.at(_AGREE):
            return is_out
        is_out[rest[worst]] = True


def cut_of(cosine: Floats, level: Levels) -> int | None:
    """Where a track jumps to another person: the first view of the second one; None when it holds one person.

    >>> two = np.kron(np.eye(2), np.ones((3, 3))).astype(np.float32)
    >>> cut_of(two, Levels(0.0, 1.0))
    3
    """
    best, found = np.inf, None
    for cut in range(_LEAST_SIDE, len(cosine) - _LEAST_SIDE + 1):
        between = float(cosine[:cut, cut:].mean())
        within = min(_mean_pair(cosine[:cut, :cut]), _mean_pair(cosine[cut:, cut:]))
        is_two = between < level.at(_DISAGREE) and within > level.at(_AGREE)
        if is_two and between - within < best:
            best, found = between - within, cut
    return found


def _mean_pair(cosine: Floats) -> float:
    """Mean over pairs of different views; 1 when there is only one view."""
    count = len(cosine)
    return float((cosine.sum() - np.trace(cosine)) / (count * (count - 1))) if count > 1 else 1.0


def pieces_of(sighting: Sighting, cut: int) -> tuple[Sighting, Sighting]:
    """A tracklet cut before its view number `cut`, midway to the view before it; parts 1 and 2 of its visit.

    Detections are divided in proportion to time. Between the parts is a moment, long enough for times of day to tell.
    """
    whole = sighting.tracklet
    time_s = float(whole.view_time_s[cut - 1] + whole.view_time_s[cut]) / 2
    moment_s = min(float(whole.view_time_s[cut] - whole.view_time_s[cut - 1]) / 4, 1e-4)
    frame = int(whole.view_frame[cut - 1] + whole.view_frame[cut]) // 2
    length = max(whole.end_frame - whole.start_frame + 1, 1)
    before = int(np.clip(round(whole.detections * (frame - whole.start_frame + 1) / length), 1, whole.detections))
    ends = (
        {"end_frame": frame, "end_s": time_s - moment_s},
        {"start_frame": frame + 1, "start_s": time_s + moment_s},
    )
    parts = []
    for part, (views, end, detections) in enumerate(
        ((slice(None, cut), ends[0], before), (slice(cut, None), ends[1], max(whole.detections - before, 1))), 1
    ):
        tracklet = replace(whole, detections=detections, **end, **some_views(whole, views))  # type: ignore[arg-type]
        key = TrackletKey(*sighting.key[:3], sighting.key.part + part)
        parts.append(replace(sighting, key=key, tracklet=tracklet))
    return parts[0], parts[1]


def purify(
    scene: Scene, appearance: Centred, kept: dict[TrackletKey, Flags], whole: frozenset[TrackletKey]
) -> tuple[list[Sighting], dict[TrackletKey, Flags]]:
    """Cut tracks that hold two people, and leave out views that do not belong.

    Args:
        scene: all tracklets.
        appearance: their views.
        kept: (V,) for each tracklet, the views of `scene`.
        whole: tracklets that are not cut: pieces already, or named by a correction.

    Returns:
        The sightings, with pieces in place of what was cut, and for each the views to use.
    """
    level = levels(scene, appearance)
    if level is None:
        return list(scene.sightings), kept
    result: list[Sighting] = []
    good: dict[TrackletKey, Flags] = {}
    for row, sighting in enumerate(scene.sightings):
        key = sighting.key
        positions = np.flatnonzero(kept[key] & sighting.tracklet.embeddings.any(axis=1))
        views = appearance.views[row][scene.has_view[row]]
        cosine = views @ views.T
        frames = sighting.tracklet.view_frame
        cut = cut_of(cosine, level) if key not in whole and key.part % VISIT == 0 else None
        if cut is not None and frames[positions[cut]] > frames[positions[cut] - 1]:
            before, after = pieces_of(sighting, int(positions[cut]))
            for piece, rows in ((before, slice(0, cut)), (after, slice(cut, None))):
                first = int(positions[cut]) if piece is after else 0
                count = len(piece.tracklet.view_frame)
                use = kept[key][first : first + count].copy()
                use[positions[rows][outliers(cosine[rows, rows], level)] - first] = False
                result.append(piece)
                good[piece.key] = use
            continue
        use = kept[key].copy()
        use[positions[outliers(cosine, level)]] = False
        result.append(sighting)
        good[key] = use
    return result, good
