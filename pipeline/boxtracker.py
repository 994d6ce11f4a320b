"""Tracking boxes that another detector found, frame by frame."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mdpr.contracts import Embedder, Tracker
from mdpr.errors import ConfigError, FormatError
from mdpr.interop import from_anything
from mdpr.pipeline.assembling import with_resolved_tracker
from mdpr.pipeline.embedding import Embedding, EmbeddingCount
from mdpr.pipeline.flags import config_from_flags
from mdpr.pipeline.timing import StageTimes
from mdpr.trackers.camera_motion import CameraMotion
from mdpr.types import Detections, Frame, Tracklet, Tracks


class BoxTracker:
    """People of one camera, from boxes as any detector gives them.

    Args:
        tracker: name, or package.module:Class.
        reid: what people look like: "none" (motion only), "histogram", a model file; anything but "none" needs images.
        fps: frames a second, where frames come without times.
        reid_every: 0 = everybody in every frame, "auto", or seconds; see `mdpr-track --reid-every`.
        camera_motion: "auto", "on" or "off"; without images there is none.
        camera: name of the camera in tracklets.
        settings: dotted configuration keys, such as {"tracker.max_age_s": 3}.

    Raises:
        ConfigError: an unknown option, or a rate that is not above 0.
        ModelError: weights that cannot be had.

    Example:
        tracker = BoxTracker(reid="osnet.onnx", fps=25)
        for image in images:
            tracks = tracker.update(model(image)[0], image)  # ultralytics, supervision, or rows
            print(tracks.track_id, tracks.xyxy)
    """

    def __init__(
        self,
        tracker: str = "deepsort",
        *,
        reid: str = "none",
        fps: float | None = None,
        reid_every: float | str = 0.0,
        camera_motion: str = "auto",
        camera: str = "camera",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        if fps is not None and not 0 < fps < math.inf:
            raise ConfigError(f"fps: expected a number above 0, got {fps}")
        given = {"tracker": tracker, "reid": reid, "reid_every": reid_every, "camera_motion": camera_motion}
        config = config_from_flags((), given, None, tuple((settings or {}).items()))
        embedder: Embedder = config.reid.make()
        config = with_resolved_tracker(config, embedder)
        self._camera = camera
        self._fps = fps
        self._dimension = embedder.dimension
        self._tracker: Tracker = config.tracker.make()
        self._embedding = Embedding(embedder, {camera: self._tracker}, config.embedding.is_sparse, StageTimes())
        self._motion = CameraMotion(config.camera_motion)
        self._is_told_motion = hasattr(self._tracker, "move_camera")
        self._next = 0

    def update(
        self,
        detections: Any,
        image: NDArray[np.uint8] | None = None,
        *,
        time_s: float | None = None,
        embeddings: ArrayLike | None = None,
    ) -> Tracks:
        """Take the next frame.

        Args:
            detections: rows x1, y1, x2, y2[, confidence[, class]], `supervision.Detections`, ultralytics' `Results`, or
                ours; an empty list is nobody. All classes are tracked, each by itself.
            image: (height, width, 3) uint8, BGR.
            time_s: of the frame, rising; by `fps` when None.
            embeddings: (N, D) of your own, unit rows, in place of `reid`.

        Returns:
            The people shown; `Tracks.detection_index` says which row each one is, `mdpr.interop` turns them into the
            types of other tools.

        Raises:
            FormatError: detections, times or embeddings that do not fit, or no image although `reid` needs one.
        """
        found = from_anything(detections)
        if time_s is None and self._fps is None:
            raise FormatError(
                "time_s: say when the frame was taken, or how many come a second with BoxTracker(fps=...)"
            )
        when = self._next / self._fps if time_s is None and self._fps is not None else time_s
        assert when is not None  # for the type checker
        frame = Frame(self._camera, self._next, float(when)) if image is None else self._frame(when, image)
        if self._is_told_motion:
            moved = self._motion.update(frame, found.xyxy)
            if moved is not None:
                self._tracker.move_camera(moved)
        tracks = self._tracker.update(found, frame, self._rows(frame, found, embeddings))
        self._next += 1
        return tracks

    def _frame(self, time_s: float, image: NDArray[np.uint8]) -> Frame:
        return Frame(self._camera, self._next, float(time_s), np.asarray(image))

    def _rows(self, frame: Frame, found: Detections, embeddings: ArrayLike | None) -> NDArray[np.float32] | None:
        if embeddings is not None:
            return np.asarray(embeddings, np.float32)
        if self._dimension and not frame.has_image:
            raise FormatError(f"frame {frame.index}: no image, which reid needs; give one, or embeddings of your own")
        return self._embedding.embed([frame], [found])[0]

    @property
    def embeddings(self) -> EmbeddingCount:
        """How many embeddings were made and saved so far."""
        return self._embedding.count

    def flush(self) -> list[Tracklet]:
        """End all tracks; the tracklets that `Tracks.ended` has not yet given."""
        return self._tracker.flush()

    def reset(self) -> None:
        """Forget everything, ids included, for another video."""
        self._tracker.reset()
        self._motion.reset()
        self._next = 0
