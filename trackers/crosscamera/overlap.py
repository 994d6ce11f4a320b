"""Where people are on the floor, without calibration: in one camera, and in two that see the same place.

People stand on a floor, so that their feet in two pictures of the same place are related by a homography. It is found
from pairs of tracklets that appearance alone holds for one person, by random samples, which leave out the wrong ones.
Distances are measured in heights of the person's box, so no unit is needed. Who is in two cameras at once stands at one
place; who is lost and found again soon is not far from where they were, be it in the same camera or in another.

Reference: Fischler, Bolles, "Random Sample Consensus", 1981.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from mdpr.trackers.crosscamera.ground import homography_of, lies_between
from mdpr.trackers.crosscamera.scene import Integers, Scene, Times
from mdpr.trackers.crosscamera.types import Sighting

_LEAST_PAIRS = 6  # of tracklets that agree; four places determine a homography, the others are the proof
_LEAST_SHARE = 0.4  # of the pairs that were asked
_LEAST_GUESSED, _LEAST_SHARE_GUESSED = 8, 0.5  # the same where pairs are guesses
_MOST_PAIRS = 200
_SAMPLES = 12  # of a pair of tracklets
_TRIES = 400
_INSIDE = 0.4  # median distance in heights from which on a pair does not agree
_LEAST_SPREAD = 0.1
_MAX_GAP_S = 1.5  # between two boxes whose place in between is interpolated
_HIDDEN = 0.05  # part of the pairs of one person whose feet are not to be trusted,
_HIDDEN_PAIRS = 20  # as many pairs as that counts as
_MOST_TERM = 6.0
_PACE = 0.5  # heights a second that somebody moves away from where they were last seen, standard deviation
_MEMORY_S = 5.0  # after which the place where somebody was lost has told 63 % of what it could
_LONGEST_S = 20.0
_CUT_PX = 2.0  # from the lowest edge that a camera has: there feet are below the picture


@dataclass(frozen=True, eq=False)
class Feet:
    """Of a tracklet: (B,) wall seconds in rising order, (B, 2) pixels and (B,) heights of the boxes."""

    time_s: Times
    xy: Times
    height: Times


@dataclass(frozen=True, eq=False)
class Floor:
    """What relates two cameras.

    Attributes:
        homography: (3, 3) pixels of the first to pixels of the second.
        spread: standard deviation, in heights and each direction, of one person's place.
        reach: in heights; two people are taken as evenly spread over a circle of that radius.
        pairs: of tracklets that agreed.
        hidden: part of the pairs of one person whose places disagree: who is half hidden has the feet of a box
            elsewhere, and a track may hold two people.
    """

    homography: NDArray[np.float64]
    spread: float
    reach: float
    pairs: int
    hidden: float = _HIDDEN


class Floors:
    """The floors of a scene by pairs of cameras, first <= second; none where nothing was found."""

    def __init__(self, scene: Scene, feet: list[Feet], floors: Mapping[tuple[int, int], Floor]) -> None:
        self._feet = feet
        self._scene = scene
        self.by_cameras = floors
        self._known: dict[tuple[int, int], tuple[float, float]] = {}

    @property
    def relates_cameras(self) -> bool:
        """Whether two different cameras see the same place."""
        return any(one != two for one, two in self.by_cameras)

    def __len__(self) -> int:
        return len(self.by_cameras)

    def log_ratio(self, a: Integers, b: Integers) -> Times:
        """(P,) log of how much likelier the places are for one person than for two; 0 where they are not known."""
        term = np.zeros(len(a))
        scene = self._scene
        camera = scene.camera
        gap = np.maximum(scene.start_s[a], scene.start_s[b]) - np.minimum(scene.end_s[a], scene.end_s[b])
        is_near = (gap < _LONGEST_S) & (scene.clock[a] == scene.clock[b])
        for (one, two), floor in self.by_cameras.items():
            forward = (camera[a] == one) & (camera[b] == two) & is_near
            backward = (camera[a] == two) & (camera[b] == one) & is_near
            for place in np.flatnonzero(forward | backward).tolist():
                pair = (int(a[place]), int(b[place])) if forward[place] else (int(b[place]), int(a[place]))
                if pair not in self._known:
                    self._known[pair] = self._distance(pair, floor)
                distance, away_s = self._known[pair]
                if not np.isnan(distance):
                    term[place] = _term(distance, away_s, floor)
        return term

    def _distance(self, pair: tuple[int, int], floor: Floor) -> tuple[float, float]:
        """How far apart two tracklets are, in heights, and the seconds in between; 0 at once. NaN where unknown."""
        one, two = self._feet[pair[0]], self._feet[pair[1]]
        if not len(one.time_s) or not len(two.time_s):
            return np.nan, 0.0
        met = meeting(one, two)
        if len(met):
            return _apart(floor.homography, met), 0.0
        is_first = one.time_s[-1] <= two.time_s[0]
        i, j = (-1, 0) if is_first else (0, -1)
        away_s = two.time_s[0] - one.time_s[-1] if is_first else one.time_s[0] - two.time_s[-1]
        if not 0 <= away_s < _LONGEST_S:
            return np.nan, 0.0
        met = np.array([[*one.xy[i], one.height[i], *two.xy[j], two.height[j]]])
        return _apart(floor.homography, met), float(away_s)


def learn_floors(
    scene: Scene, a: Integers, b: Integers, is_same: NDArray[np.bool_], may_be: NDArray[np.bool_] | None = None
) -> Floors:
    """Look for a floor between every two cameras.

    Where people look otherwise in one of them nobody is held for one person in both; then guesses are asked, most of
    which have to agree.

    Args:
        scene: the tracklets.
        a, b: (P,) pairs of rows in different cameras at the same time.
        is_same: (P,) which of them are held for one person.
        may_be: (P,) which of them are a guess.
    """
    feet = feet_of(scene)
    camera = scene.camera
    swap = camera[a] > camera[b]
    first, second = np.where(swap, b, a), np.where(swap, a, b)
    kind = camera[first] * len(scene.cameras) + camera[second]
    floors = {}

    def met(pairs: NDArray[np.bool_]) -> list[Times]:
        here = np.flatnonzero(pairs)
        here = here[:: max(1, -(-len(here) // _MOST_PAIRS))]
        found = [meeting(feet[i], feet[j]) for i, j in zip(first[here].tolist(), second[here].tolist(), strict=True)]
        return [one for one in found if len(one)]

    guessed = is_same if may_be is None else is_same | may_be
    for number in np.unique(kind[guessed]).tolist():
        held, of_kind = is_same, kind == number
        found = _find(met(of_kind & held), _LEAST_PAIRS, _LEAST_SHARE)
        if found is None and may_be is not None:
            held = guessed
            found = _find(met(of_kind & held), _LEAST_GUESSED, _LEAST_SHARE_GUESSED)
        if found is not None:
            floors[divmod(number, len(scene.cameras))] = _with_reach(found, met(of_kind & ~held))
    floors |= _own_floors(scene, feet)
    return Floors(scene, feet, floors)


def _own_floors(scene: Scene, feet: list[Feet]) -> dict[tuple[int, int], Floor]:
    """Of each camera by itself: how far apart those are who are in it at once and so are two."""
    found = {}
    for camera in range(len(scene.cameras)):
        rows = np.flatnonzero(scene.camera == camera)
        one, two = np.triu_indices(len(rows), 1)
        at_once = np.flatnonzero(scene.at_once(rows[one], rows[two]))
        at_once = at_once[:: max(1, -(-len(at_once) // _MOST_PAIRS))]
        pairs = zip(rows[one[at_once]].tolist(), rows[two[at_once]].tolist(), strict=True)
        apart = [met for met in (meeting(feet[i], feet[j]) for i, j in pairs) if len(met)]
        if len(apart) >= _LEAST_PAIRS:
            found[camera, camera] = _with_reach(Floor(np.eye(3), _LEAST_SPREAD, np.inf, 0), apart)
    return found


def feet_of(scene: Scene) -> list[Feet]:
    """Of each row; boxes that the lower edge of the picture cuts are left out."""
    boxes = [one.boxes_within() for one in scene.sightings]
    lowest = np.full(len(scene.cameras), -np.inf)
    for row, (_, xyxy) in enumerate(boxes):
        lowest[scene.camera[row]] = max(lowest[scene.camera[row]], float(xyxy[:, 3].max(initial=-np.inf)))
    return [
        _feet(one, *boxes[row], float(lowest[scene.camera[row]])) for row, one in enumerate(scene.sightings)
    ]  # fmt: skip


def _feet(sighting: Sighting, times: Times, xyxy: NDArray[np.float32], lowest: float) -> Feet:
    box = xyxy.astype(np.float64)
    use = (box[:, 3] < lowest - _CUT_PX) & (box[:, 3] > box[:, 1])
    box = box[use]
    xy = np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3]])
    return Feet(sighting.started_s + times[use], xy, box[:, 3] - box[:, 1])


def meeting(one: Feet, two: Feet) -> Times:
    """(M, 6) the same moments of two tracklets: x, y, height in the first camera and in the second; M may be 0."""
    if len(one.time_s) < 1 or len(two.time_s) < 2:
        return np.empty((0, 6))
    known = two.time_s
    rows = np.flatnonzero(lies_between(one.time_s, known, _MAX_GAP_S))
    rows = rows[:: max(1, -(-len(rows) // _SAMPLES))]
    times = one.time_s[rows]
    there = [np.interp(times, known, column) for column in (*two.xy.T, two.height)]
    return np.column_stack([one.xy[rows], one.height[rows], *there])


def _mapped(homography: NDArray[np.float64], xy: Times) -> Times:
    """(M, 2); far away where the other side of the horizon is meant."""
    out = np.column_stack([xy, np.ones(len(xy))]) @ homography.T
    return out[:, :2] / np.where(out[:, 2:] > 1e-9, out[:, 2:], 1e-9)


def _distances(homography: NDArray[np.float64], met: Times) -> Times:
    """(M,) in heights of the box in the second camera."""
    apart: Times = np.linalg.norm(_mapped(homography, met[:, :2]) - met[:, 3:5], axis=1) / met[:, 5]
    return apart


def _apart(homography: NDArray[np.float64], met: Times) -> float:
    return float(np.median(_distances(homography, met)))


def _term(distance: float, away_s: float, floor: Floor) -> float:
    """A person moves at random; the longer they are away, the more may they have gone another way altogether."""
    variance = floor.spread**2 + (_PACE * away_s) ** 2
    near = floor.reach**2 / (2 * variance) * np.exp(-(distance**2) / (2 * variance))
    share = (1 - floor.hidden) * np.exp(-away_s / _MEMORY_S)
    return float(min(np.log(share * near + 1 - share), _MOST_TERM))


def _find(asked: list[Times], least_pairs: int, least_share: float) -> Floor | None:
    """The homography that most pairs of tracklets agree with; None when too few do."""
    least = max(least_pairs, least_share * len(asked))
    if len(asked) < least_pairs:
        return None
    everything = np.concatenate(asked)
    owner = np.repeat(np.arange(len(asked)), [len(one) for one in asked])
    count = np.array([len(one) for one in asked])
    starts = np.cumsum(count) - count
    rng = np.random.default_rng(0)
    best, found = 0.0, None
    for _ in range(_TRIES):
        chosen = rng.choice(len(asked), 4, replace=False)
        rows = [int(starts[one] + rng.integers(len(asked[one]))) for one in chosen]
        guess = homography_of(everything[rows, :2], everything[rows, 3:5])
        if guess is None:
            continue
        median = _medians(_distances(guess, everything), owner, starts)
        score = float(np.maximum(0, 1 - median / _INSIDE).sum())
        if score > best:
            best, found = score, guess
    if found is None:
        return None
    for _ in range(3):
        inside = _medians(_distances(found, everything), owner, starts) < _INSIDE
        if inside.sum() < least:
            return None
        found = _refined(found, everything[inside[owner]])
    median = _medians(_distances(found, everything), owner, starts)
    inside = median < _INSIDE
    if inside.sum() < least:
        return None
    spread = max(float(np.sqrt(np.mean(median[inside] ** 2) / 2)), _LEAST_SPREAD)
    hidden = max(_HIDDEN, (len(asked) - inside.sum() + _HIDDEN_PAIRS * _HIDDEN) / (len(asked) + _HIDDEN_PAIRS))
    return Floor(found, spread, np.inf, int(inside.sum()), float(hidden))


def _medians(values: Times, owner: Integers, starts: Integers) -> Times:
    """The (upper) median of the values of each owner, whose rows lie together."""
    middle = (starts + np.append(starts[1:], len(values))) // 2
    found: Times = values[np.lexsort((values, owner))][middle]
    return found


def _refined(homography: NDArray[np.float64], met: Times) -> NDArray[np.float64]:
    """Nearer to all places, of which some may still be wrong."""
    scale = np.array([960.0, 960.0, 1.0])  # pixels to about one, so that steps are alike
    start = (homography / scale[:, None]) * scale[None, :]
    start = start / np.linalg.norm(start)
    source, target, height = met[:, :2] / 960, met[:, 3:5] / 960, met[:, 5:6] / 960

    def residual(values: Times) -> Times:
        apart: Times = ((_mapped(values.reshape(3, 3), source) - target) / height).ravel()
        return np.clip(apart, -1e3, 1e3)

    found = least_squares(residual, start.ravel(), loss="soft_l1", f_scale=0.15, max_nfev=50).x.reshape(3, 3)
    better: NDArray[np.float64] = found / scale[None, :] * scale[:, None]
    return better


def _with_reach(floor: Floor, apart: list[Times]) -> Floor:
    """How often two people stand where one would, from the pairs that are not held for one person."""
    near = sum(_apart(floor.homography, one) < 3 * floor.spread for one in apart)
    share = (near + 1) / (len(apart) + 2)
    return replace(floor, reach=3 * floor.spread / np.sqrt(share))
