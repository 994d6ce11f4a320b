"""Detections as a detector would make them, from the true boxes of a sequence: misses, jitter, doubles, clutter.

The constants follow what Faster R-CNN does on MOT16-02, measured against its truth: people who are half visible are
found every second time, those below 80 pixels of a 1080p picture less often; who is missed in one frame is missed in
the next with 0.98; boxes stray by 1 to 5 % of the height, and in the same way for some tenths of a second; boxes that
are nobody are mostly a part of somebody or of two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import iou_matrix
from mdpr.pipeline.formats.trackboxes import TrackBoxes
from mdpr.types import Detections

FloatArray = NDArray[np.float64]

PEOPLE = (1, 2, 7)
"""Classes of MOT16's truth that a detector finds: pedestrians, people on vehicles, people who stand or sit still."""


@dataclass(frozen=True)
class Detector:
    """How the simulated detector behaves.

    Attributes:
        max_iou: overlap from which the weaker of two boxes is suppressed.
        sharpness: how quickly its confidence goes from 0 to 1; sharp ones hardly know weak boxes.
        least_conf: weaker boxes are left out.
        doubles: share of people who get a second box, somewhere near.
    """

    max_iou: float
    sharpness: float
    least_conf: float
    doubles: float


SPARSE = Detector(max_iou=0.35, sharpness=3.0, least_conf=0.05, doubles=0.02)
DENSE = Detector(max_iou=0.7, sharpness=1.0, least_conf=0.05, doubles=0.1)


@dataclass(frozen=True, eq=False)
class Simulated:
    """Frames of detections, and what the crops look like.

    Attributes:
        detections: one a frame.
        embeddings: (N, D) unit rows for each frame; crops of one person are about 0.2 apart, of two 0.7; who is covered
            looks partly like the person in front.
    """

    detections: list[Detections]
    embeddings: list[NDArray[np.float32]]


class _Drifting:
    """Noise of unit deviation that is remembered for `memory_s` (Ornstein-Uhlenbeck), for many people."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...], memory_s: float, fps: float) -> None:
        self._rng, self._keep = rng, np.exp(-1 / (memory_s * fps))
        self.value = rng.standard_normal(shape)

    def step(self) -> None:
        """One frame on."""
        self.value *= self._keep
        self.value += np.sqrt(1 - self._keep**2) * self._rng.standard_normal(self.value.shape)


def simulate(
    truth: TrackBoxes, frames: int, fps: float, size: tuple[int, int], detector: Detector, seed: int
) -> Simulated:
    """Run the simulated detector over the truth of a sequence, in MOT16's classes, or without classes.

    Args:
        truth: boxes with `visibility`.
        frames, fps: of the sequence.
        size: (width, height) of the picture; heights count as if it were 1080 pixels high.
        detector: how it behaves.
        seed: of everything that is random.
    """
    rng = np.random.default_rng(seed)
    is_person = np.isin(truth.class_id, PEOPLE) | (truth.class_id < 0)
    frame, boxes, visible = (
        truth.frame[is_person],
        truth.ltwh[is_person].astype(np.float64),
        truth.visibility[is_person],
    )
    identities, person = np.unique(truth.track_id[is_person], return_inverse=True)
    count = len(identities)
    easy = 0.6 * rng.standard_normal(count)
    mood, stray = _Drifting(rng, (count,), 1.0, fps), _Drifting(rng, (count, 4), 0.25, fps)
    looks = _looks_of(rng, count)
    detections, embeddings, clutter = [], [], _Clutter(rng, fps, size)
    for index in range(frames):
        mood.step()
        stray.step()
        at = np.flatnonzero(frame == index)
        who, xywh, seen = person[at], boxes[at], visible[at]
        tall = np.maximum(xywh[:, 3], 1) * 1080 / size[1]
        score = 9 * (seen - 0.57) + np.minimum(4 * np.log(tall / 75), 3) + easy[who] + 0.9 * mood.value[who]
        strayed = xywh.copy()
        wrong = (0.012 + 0.045 * (1 - seen)) * xywh[:, 3]
        strayed[:, :2] += wrong[:, None] * stray.value[who, :2]
        strayed[:, 2:] *= 1 + (wrong / xywh[:, 3])[:, None] * 1.5 * stray.value[who, 2:]
        half = (seen < 0.6) & (rng.random(len(at)) < 0.3)  # the box ends where the person is covered
        strayed[half, 3] *= np.maximum(seen[half], 0.4)
        found, scores, whose = [strayed], [score], [who]
        again = np.flatnonzero(rng.random(len(at)) < detector.doubles)
        moved = strayed[again] + strayed[again][:, [2, 3, 2, 3]] * rng.normal(0, 0.12, (len(again), 4))
        found.append(moved)
        scores.append(score[again] - rng.exponential(2, len(again)))
        whose.append(who[again])
        extra, extra_score = clutter.step(xywh)
        found.append(extra)
        scores.append(extra_score)
        whose.append(np.full(len(extra), -1))
        xywh, score, who = np.concatenate(found), np.concatenate(scores), np.concatenate(whose)
        cover = np.concatenate([1 - seen, 1 - seen[again], np.zeros(len(extra))])
        confidence = 1 / (1 + np.exp(-detector.sharpness * score))
        kept = np.flatnonzero((confidence >= detector.least_conf) & (xywh[:, 2:] > 2).all(axis=1))
        xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        xyxy = np.clip(xyxy, 0, [*size, *size])
        kept = kept[((xyxy[kept, 2:] - xyxy[kept, :2]) > 2).all(axis=1)]
        kept = _suppress(xyxy, confidence, kept, detector.max_iou)
        detections.append(Detections(xyxy[kept], confidence[kept], np.zeros(len(kept))))
        embeddings.append(_crops(rng, looks, who[kept], cover[kept], xyxy[kept]))
    return Simulated(detections, embeddings)


class _Clutter:
    """Boxes that are nobody: parts of people and of pairs, which go along with them for a while, and some of things."""

    def __init__(self, rng: np.random.Generator, fps: float, size: tuple[int, int]) -> None:
        self._rng, self._fps, self._size = rng, fps, size
        self._open: list[tuple[int, NDArray[np.float64], float]] = []  # frames left, box, score

    def step(self, people: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(M, 4) boxes and (M,) scores of the next frame."""
        rng = self._rng
        for _ in range(rng.poisson((0.3 + 0.05 * len(people)) / self._fps)):
            if len(people) and rng.random() < 0.8:
                box = people[rng.integers(len(people))].copy()
                box[:2] += box[2:] * rng.normal(0, 0.25, 2)
                box[2:] *= rng.uniform(0.5, 1.1, 2)
            else:
                tall = rng.uniform(0.06, 0.25) * self._size[1]
                box = np.array([rng.uniform(0, self._size[0]), rng.uniform(0, self._size[1]), 0.4 * tall, tall])
            self._open.append((1 + int(rng.exponential(0.25) * self._fps), box, float(rng.normal(-0.1, 0.6))))
        boxes = np.array([box for _, box, _ in self._open]).reshape(-1, 4)
        boxes = boxes + boxes[:, 3:] * rng.normal(0, 0.02, boxes.shape)
        scores = np.array([score for _, _, score in self._open]) + rng.normal(0, 0.2, len(boxes))
        self._open = [(left - 1, box, score) for left, box, score in self._open if left > 1]
        return boxes, scores


def _suppress(xyxy: FloatArray, confidence: FloatArray, kept: NDArray[np.intp], max_iou: float) -> NDArray[np.intp]:
    """Those of `kept` that no more confident one overlaps by `max_iou` or more, most confident first."""
    order = kept[np.argsort(-confidence[kept], kind="stable")]
    overlap = iou_matrix(xyxy[order], xyxy[order])
    stays = np.ones(len(order), dtype=np.bool_)
    for place in range(len(order)):
        if stays[place]:
            stays[place + 1 :] &= overlap[place, place + 1 :] < max_iou
    return order[stays]


def _looks_of(rng: np.random.Generator, count: int, dimension: int = 64) -> FloatArray:
    common = rng.standard_normal(dimension)
    return rng.standard_normal((count, dimension)) / np.sqrt(dimension) + 0.7 * common / np.linalg.norm(common)


def _crops(
    rng: np.random.Generator, looks: FloatArray, who: NDArray[np.intp], cover: FloatArray, xyxy: FloatArray
) -> NDArray[np.float32]:
    """(N, D) embeddings of crops; a covered one shows the nearest other person in part."""
    count, dimension = len(who), looks.shape[1]
    if count == 0:
        return np.empty((0, dimension), dtype=np.float32)
    own = np.where((who >= 0)[:, None], looks[who], rng.standard_normal((count, dimension)) / np.sqrt(dimension))
    middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    away = np.linalg.norm(middle[:, None] - middle, axis=2) + np.where(np.eye(count) > 0, np.inf, 0)
    other = own[away.argmin(axis=1)] if count > 1 else own
    share = np.clip(cover, 0, 0.9)[:, None]
    crop = (1 - share) * own + share * other + 0.6 * rng.standard_normal((count, dimension)) / np.sqrt(dimension)
    return (crop / np.linalg.norm(crop, axis=1, keepdims=True)).astype(np.float32)
