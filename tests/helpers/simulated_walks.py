"""People who cross a square that several cameras see: tracklets with the boxes that a pinhole camera would give.

Embeddings are simulated as in simulated_tracklets: what all share + person + camera + person in that camera + view.
"""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.cameras import Camera, look_at, project
from mdpr.trackers.crosscamera.types import Boxes, Sighting, TrackletKey
from mdpr.types import Tracklet
from simulated_tracklets import Simulated

SIDE_M, RATE = 24.0, 5
WIDTH, HEIGHT = 960, 540
EYES = ((-14.0, -14.0, 5.0), (14.0, -15.0, 4.0), (15.0, 13.0, 6.0), (-13.0, 15.0, 4.5))


def square_cameras(count: int) -> list[Camera]:
    return [look_at(eye, (0, 0, 0), 75, WIDTH, HEIGHT, f"c{place}") for place, eye in enumerate(EYES[:count])]


def simulate_walks(
    people=16, cameras=2, view=2.0, day_s=120.0, dimension=64, jitter=0.03, seed=0, are_apart=False
) -> Simulated:
    """Everybody crosses twice on a straight way.

    Args:
        view: length of the noise of a view; a person has 1.
        jitter: of the edges of a box, as a part of its height.
        are_apart: everybody is somewhere else in each camera, as if these saw different places.
    """
    rng = np.random.default_rng(seed)

    def vectors(count, length):
        return rng.standard_normal((count, dimension)) * length / np.sqrt(dimension)

    common = vectors(1, 1.0)
    offsets = vectors(cameras, 0.8)
    number = dict.fromkeys(range(cameras), 0)
    sightings, truth = [], {}
    for person in range(people):
        looks = vectors(1, 1.0)
        inside = vectors(cameras, 0.6)
        for visit in range(2):
            begin = visit * day_s / 2 + rng.uniform(0, day_s / 2 - 30)
            walks = [_walk(rng, begin) for _ in range(cameras if are_apart else 1)]
            for place, camera in enumerate(square_cameras(cameras)):
                times, xy = walks[place % len(walks)]
                found = _boxes(camera, times, xy, jitter, rng)
                if found is None:
                    continue
                times, boxes = found
                number[place] += 1
                kept = np.unique(np.linspace(0, len(times) - 1, 8).astype(int))
                rows = common + looks + offsets[place] + inside[place] + vectors(1, 0.4) + vectors(len(kept), view)
                rows /= np.linalg.norm(rows, axis=1, keepdims=True)
                frames = np.round(times * RATE).astype(np.int64)
                tracklet = Tracklet(
                    camera=camera.name, track_id=number[place], class_id=0, start_frame=int(frames[0]),
                    end_frame=int(frames[-1]), start_s=float(times[0]), end_s=float(times[-1]), detections=len(times),
                    confidence=0.9, view_frame=frames[kept], view_time_s=times[kept],
                    view_xyxy=boxes[kept].astype(np.float32), view_confidence=np.full(len(kept), 0.9, np.float32),
                    view_quality=np.ones(len(kept), np.float32), embeddings=rows.astype(np.float32),
                )  # fmt: skip
                key = TrackletKey("run", camera.name, number[place])
                sightings.append(Sighting(key, tracklet, boxes=Boxes(times, boxes.astype(np.float32), frames)))
                truth[key] = person
    return Simulated(sightings, truth)


def _walk(rng, begin):
    """(T,) seconds and (T, 2) metres of a straight way of 20 to 30 s from one side to another."""
    side, other = rng.choice(4, 2, replace=False)
    half = SIDE_M / 2
    ends = []
    for where in (side, other):
        along = rng.uniform(-half, half)
        ends.append([(-half, along), (half, along), (along, -half), (along, half)][where])
    times = begin + np.arange(int(rng.uniform(20, 30) * RATE)) / RATE
    share = np.linspace(0, 1, len(times))[:, None]
    return times, np.array(ends[0]) * (1 - share) + np.array(ends[1]) * share


def _boxes(camera, times, xy, jitter, rng):
    """Times and boxes while somebody of 1.75 m is in the picture; None for less than 3 s."""
    feet, depth = project(camera, np.column_stack([xy, np.zeros(len(xy))]))
    head, _ = project(camera, np.column_stack([xy, np.full(len(xy), 1.75)]))
    height = feet[:, 1] - head[:, 1]
    box = np.column_stack([feet[:, 0] - height / 5, head[:, 1], feet[:, 0] + height / 5, feet[:, 1]])
    box += rng.standard_normal(box.shape) * height[:, None] * jitter
    inside = (depth > 0.5) & (feet[:, 0] > 0) & (feet[:, 0] < WIDTH) & (feet[:, 1] < HEIGHT) & (head[:, 1] > 0)
    return (times[inside], box[inside]) if inside.sum() >= 3 * RATE else None
