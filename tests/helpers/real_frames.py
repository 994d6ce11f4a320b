"""Frames of real cameras from the development data, with the people in them: nothing is trained or tuned on these."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mdpr.contracts import Detector
from mdpr.detectors.yolo import Yolo
from mdpr.detectors.yolox.metrics import Truth
from mdpr.pipeline.sources import SourceConfig, expand_sources, open_source
from mdpr.types import Frame

GROUND_TRUTH = "mot17-02"
"""The only set whose people were marked by hand."""

_PLACES = {  # sources below ../shared, and how many frames are taken from each
    GROUND_TRUTH: (("data/mot/MOT17-02-mini",), 4),
    "shop": (("data/video/retail-cctv-1080p.mp4",), 30),
    "table": (("data/video/one-by-one.mp4",), 40),
    "aisle": (("data/video/store-aisle.gif",), 22),
    "lab": (tuple(f"data/multicam/lab-4cam/cam{camera}.mp4" for camera in range(4)), 15),
}
SETS = tuple(_PLACES)
_LENGTHS = {"shop": 603, "table": 1394, "aisle": 67, "lab": 268, GROUND_TRUTH: 4}
REFERENCE = "models/yolo11n_int8_openvino_model"
_SURE, _UNSURE = 0.5, 0.1  # confidence of the reference from which on its boxes count, and are ignored
_LOWEST = 0.3  # share of a person that is to be found which must be seen
_PEOPLE_OF_MOT = {1}
_NEARLY_PEOPLE_OF_MOT = {2, 7, 8, 12}  # on vehicles, static, distractors, reflections


@dataclass(frozen=True, eq=False)
class RealFrames:
    """Frames of one place and who is in them.

    Attributes:
        name: of the set.
        frames: with their pictures.
        truths: of each frame.
    """

    name: str
    frames: list[Frame]
    truths: list[Truth]

    @property
    def people(self) -> int:
        """Who are to be found."""
        return sum(len(truth.xyxy) for truth in self.truths)


def load_real_frames(name: str, shared: Path) -> RealFrames:
    """The frames of a set, spread evenly over its recordings.

    The people are those of the ground truth, where there is one; elsewhere the boxes of YOLO11n that it is sure of
    (0.5 and more), and those that it is not sure of are neither right nor wrong.

    Args:
        name: one of `SETS`.
        shared: the folder with the development data.
    """
    sources, count = _PLACES[name]
    frames = [frame for source in sources for frame in _sampled(shared / source, max(_LENGTHS[name] // count, 1))]
    if name == GROUND_TRUTH:
        return RealFrames(name, frames, _marked(shared / sources[0], frames))
    return RealFrames(name, frames, _found(reference_detector(shared), frames))


def reference_detector(shared: Path) -> Detector:
    """YOLO11n as the default `--detector yolo` runs it."""
    return Yolo(Yolo.Config(weights=str(shared / REFERENCE), conf=_UNSURE, device="cpu"))


def _found(detector: Detector, frames: list[Frame]) -> list[Truth]:
    truths = []
    for frame in frames:
        boxes = detector.detect([frame])[0]
        is_sure = boxes.confidence >= _SURE
        truths.append(Truth(boxes.xyxy[is_sure], boxes.xyxy[~is_sure]))
    return truths


def _sampled(source: Path, stride: int) -> Iterator[Frame]:
    for spec in expand_sources([str(source)]):
        with contextlib.closing(open_source(spec, SourceConfig(vid_stride=stride))) as frames:
            for frame in frames:
                yield replace(frame, image=frame.image.copy())  # sources reuse their memory


def _marked(sequence: Path, frames: list[Frame]) -> list[Truth]:
    """The ground truth of a MOT sequence: frame, id, left, top, width, height, counts, class, visibility."""
    rows = np.loadtxt(sequence / "gt" / "gt.txt", delimiter=",", ndmin=2)
    truths = []
    for frame in frames:
        own = rows[rows[:, 0] == frame.index + 1]
        boxes = np.concatenate([own[:, 2:4] - 1, own[:, 2:4] - 1 + own[:, 4:6]], axis=1)
        is_person = np.isin(own[:, 7], list(_PEOPLE_OF_MOT)) & (own[:, 6] > 0)
        is_clear = is_person & (own[:, 8] >= _LOWEST)
        is_near = np.isin(own[:, 7], list(_NEARLY_PEOPLE_OF_MOT)) | (is_person & ~is_clear)
        truths.append(Truth(boxes[is_clear], boxes[is_near]))
    return truths
