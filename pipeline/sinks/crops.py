"""The best picture of every tracklet as a JPEG file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from mdpr.boxes import clip_boxes
from mdpr.files import finish, make_folder, part_path, write_errors
from mdpr.types import Frame, Tracklet, Tracks

_MUST_GAIN = 1.1  # a new picture must be this much better, so that a track costs few JPEGs


class CropSink:
    """`ID.jpg` for each tracklet: its largest, most confident box. Holds one JPEG for each track that is open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._best: dict[int, tuple[float, bytes]] = {}
        make_folder(folder)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Keep the crops of this frame that are better than what there was; write those of tracklets that ended."""
        if frame.has_image and len(tracks):
            boxes = clip_boxes(tracks.xyxy, frame.size).round().astype(int)
            heights = boxes[:, 3] - boxes[:, 1]
            scores = (tracks.confidence * heights).tolist()
            for track_id, box, score in zip(tracks.track_id.tolist(), boxes, scores, strict=True):
                if score > _MUST_GAIN * self._best.get(track_id, (0.0, b""))[0]:
                    self._keep(track_id, score, frame.image[box[1] : box[3], box[0] : box[2]])
        for shown, right in tracks.renamed:
            better = max(self._best.pop(shown, (0.0, b"")), self._best.get(right, (0.0, b"")))
            if better[1]:
                self._best[right] = better
        self.end(tracks.ended)

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """Write the crops of these tracklets."""
        for tracklet in tracklets:
            _, jpeg = self._best.pop(tracklet.track_id, (0.0, b""))
            if jpeg:
                path = self._folder / f"{tracklet.track_id:06d}.jpg"
                with write_errors(path):
                    part_path(path).write_bytes(jpeg)
                finish(path)

    def _keep(self, track_id: int, score: float, crop: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
        if crop.size:
            is_done, jpeg = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 92])
            if is_done:
                self._best[track_id] = (score, jpeg.tobytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._best.clear()
