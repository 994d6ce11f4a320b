"""How people walk through a place: they come, walk, stand, meet, turn back, leave, and come back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.reid.synthetic.path_crowd import Crowd
from mdpr.reid.synthetic.path_ground import Ground
from mdpr.reid.synthetic.path_motion import STEP_S
from mdpr.reid.synthetic.path_parties import Spots, draw_parties
from mdpr.reid.synthetic.path_types import Activity, Array, PathOptions, Walk
from mdpr.reid.synthetic.path_visits import Visits
from mdpr.reid.synthetic.place_types import Place

__all__ = ["Activity", "PathOptions", "Walk", "plan"]


@dataclass(frozen=True)
class _Track:
    """What was so at each step; arrays (steps, N) or (steps, N, 2)."""

    present: NDArray[np.bool_]
    xy: Array
    heading: Array
    speed: Array
    walked_m: Array
    activity: NDArray[np.int8]


def plan(place: Place, people: int, duration_s: float, fps: float, seed: int, options: PathOptions) -> list[Walk]:
    """Everybody's walk; the same for the same arguments, and the same motion for every `fps`.

    Nobody comes nearer than 0.42 m to anybody, leaves the free cells of `place.ground`, or stands in a passage.
    Somebody who never finds room to come in is not present in any frame.

    Args:
        place: where; `ground`, `entrances` and `waypoints` matter.
        people: how many.
        duration_s: how long; frame f is at f / fps seconds.
        fps: frames a second.
        seed: of what people do.
        options: how they behave.

    Raises:
        ConfigError: nobody, no time, or a place without entrances, or with entrances or waypoints off the free ground.
    """
    _check(place, people, duration_s, fps)
    rng = np.random.default_rng([seed, 21])
    ground = Ground(place.ground)
    parties = draw_parties(people, duration_s, options, rng)
    groups = np.zeros(people, np.int64)
    for number, party in enumerate(parties):
        groups[party.members] = number
    crowd = Crowd(ground, groups, place.entrances, rng)
    visits = Visits(place, crowd, Spots(place, ground, rng), parties, options, duration_s, rng)
    first = math.floor(min(0.0, *(party.arrive_s for party in parties)) / STEP_S)
    after = math.ceil(duration_s / STEP_S) + 1
    track = _empty(after, people)
    for step in range(first, after):
        visits.update(step * STEP_S)
        if step >= 0:
            _record(track, step, crowd)
        crowd.step()
    return _sample(track, max(round(duration_s * fps), 1), fps)


def _check(place: Place, people: int, duration_s: float, fps: float) -> None:
    if people < 1:
        raise ConfigError(f"people must be at least 1, got {people}")
    for name, value in (("duration_s", duration_s), ("fps", fps)):
        if not (value > 0 and math.isfinite(value)):
            raise ConfigError(f"{name} must be above 0, got {value}")
    if not len(place.entrances):
        raise ConfigError(f"place {place.kind} {place.seed} has no entrances: nobody can come in")
    for name, points in (("entrance", place.entrances), ("waypoint", place.waypoints[:, :2])):
        for x, y in points[~place.ground.is_free(points)]:
            raise ConfigError(f"place {place.kind} {place.seed}: the {name} at ({x:g}, {y:g}) is not on a free cell")


def _empty(steps: int, people: int) -> _Track:
    shape = (steps, people)
    return _Track(
        np.zeros(shape, bool),
        np.zeros((*shape, 2)),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape, np.int8),
    )


def _record(track: _Track, step: int, crowd: Crowd) -> None:
    track.present[step], track.xy[step], track.heading[step] = crowd.present, crowd.xy, crowd.heading
    track.speed[step], track.walked_m[step], track.activity[step] = crowd.speed, crowd.walked_m, crowd.activity


def _sample(track: _Track, frames: int, fps: float) -> list[Walk]:
    """The walks at the times of the frames, on straight lines between steps."""
    at = np.arange(frames) / fps / STEP_S
    low = np.minimum(np.floor(at + 1e-6).astype(np.int64), len(track.xy) - 1)
    share = np.clip(at - low, 0, 1)
    share[share < 1e-6] = 0
    high = np.minimum(low + 1, len(track.xy) - 1)
    present = track.present[low] & (track.present[high] | (share == 0)[:, None])

    def between(values: Array) -> Array:
        weight = share.reshape(-1, *(1,) * (values.ndim - 1))
        return values[low] * (1 - weight) + values[high] * weight

    xy, heading, speed, walked = (between(part) for part in (track.xy, track.heading, track.speed, track.walked_m))
    heading = (heading + np.pi) % (2 * np.pi) - np.pi
    activity: NDArray[np.int8] = np.where(present, track.activity[low], Activity.AWAY).astype(np.int8)
    return [
        Walk(present[:, k], xy[:, k], heading[:, k], speed[:, k], walked[:, k], activity[:, k])
        for k in range(present.shape[1])
    ]
