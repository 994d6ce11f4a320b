"""The frame loop: read all cameras, detect in one batch, embed in one batch, track each camera on its own.

Threads: one reads each source, one detects, the caller's embeds and associates. Every hand-over is bounded and in
order, so results do not depend on timing; only live sources drop frames.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mdpr.contracts import Detector, Embedder, Source, Tracker
from mdpr.errors import MdprError
from mdpr.pipeline.embedding import Embedding, EmbeddingCount
from mdpr.pipeline.prefetch import Prefetch
from mdpr.pipeline.timing import StageTimes
from mdpr.trackers.camera_motion import CameraMotion
from mdpr.types import Detections, Frame, Tracklet, Tracks

log = logging.getLogger("mdpr")

_FRAMES_AHEAD = 4  # a source
_STEPS_AHEAD = 2
_LOOK_AROUND_S = 1.0  # so often it is looked which live cameras have fallen silent


@dataclass(frozen=True)
class FrameResult:
    """The tracks of one frame."""

    frame: Frame
    tracks: Tracks


@dataclass(frozen=True)
class CameraEnd:
    """A camera has no more frames; `tracklets` were still open."""

    camera: str
    tracklets: tuple[Tracklet, ...]
    error: MdprError | None = None


@dataclass(frozen=True)
class CameraSilent:
    """A live camera has given no frame for so long that nobody in it goes on; it may be back. `tracklets` were open."""

    camera: str
    tracklets: tuple[Tracklet, ...]


@dataclass(frozen=True)
class _Step:
    """Frames that are worked on together, and the cameras that ended, or fell silent, before them."""

    frames: list[Frame]
    detections: list[Detections]
    ended: list[tuple[str, MdprError | None]]
    silent: list[str]


class TrackingLoop:
    """Iterates `FrameResult`s, now and then a `CameraSilent` and, once for every camera, a `CameraEnd`.

    When a stage fails, the results before the failure and the `CameraEnd` of every camera come first, then the error is
    raised: what was done is never lost.

    Args:
        sources: cameras with unique names.
        detector, embedder: shared by all cameras.
        trackers: one for each camera name.
        times: where the stage times go.
        is_sparse: embed only where it decides something; see `Embedding`.
        motions: how the cameras move, by name; those that are missing are taken for fixed.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        detector: Detector,
        embedder: Embedder,
        trackers: Mapping[str, Tracker],
        times: StageTimes,
        is_sparse: bool = False,
        motions: Mapping[str, CameraMotion] | None = None,
    ) -> None:
        self._sources = list(sources)
        self._detector = detector
        self._embedding = Embedding(embedder, trackers, is_sparse, times)
        self._motions = motions or {}
        self._trackers = trackers
        self._times = times
        self._changed = threading.Condition()
        self._readers: dict[str, Prefetch[Frame]] = {}
        self._is_stopped = False
        self._heard_s: dict[str, float] = {}  # when each live camera that is not silent gave its last frame

    @property
    def dropped(self) -> dict[str, int]:
        """Frames of live sources that came faster than they could be worked on, by camera."""
        return {camera: reader.dropped for camera, reader in self._readers.items() if reader.dropped}

    @property
    def camera_states(self) -> dict[str, str]:
        """Whether cameras whose motion is looked for are moving or fixed; "deciding" until that is known."""
        return {camera: motion.state for camera, motion in self._motions.items()}

    @property
    def embeddings(self) -> EmbeddingCount:
        """How many embeddings were made so far, and how many were saved."""
        return self._embedding.count

    def stop(self) -> None:
        """End as if all sources had ended now. Safe to call from a signal handler or another thread."""
        self._is_stopped = True
        for source in self._sources:
            source.close()

    def __iter__(self) -> Iterator[FrameResult | CameraSilent | CameraEnd]:
        for source in self._sources:
            depth = 1 if source.is_live else max(_FRAMES_AHEAD, self._frames_a_camera() + 1)
            self._readers[source.camera] = Prefetch(self._timed(source), depth, source.is_live, self._changed)
        steps = Prefetch(self._detected(), _STEPS_AHEAD)
        open_cameras = [source.camera for source in self._sources]
        failure: BaseException | None = None
        try:
            for step in steps:
                yield from self._track(step)
                for camera in step.silent:
                    if tracklets := tuple(self._trackers[camera].flush()):
                        yield CameraSilent(camera, tracklets)
                for camera, error in step.ended:
                    open_cameras.remove(camera)
                    yield CameraEnd(camera, tuple(self._trackers[camera].flush()), error)
                if self._is_stopped:
                    break
        except Exception as error:  # noqa: BLE001  raised again below, after the results that came before it
            failure = error
        finally:
            self._shut_down(steps)
        for camera in open_cameras:
            yield CameraEnd(camera, tuple(self._trackers[camera].flush()))
        if failure is not None:
            raise failure

    def _shut_down(self, steps: Prefetch[_Step]) -> None:
        self.stop()
        for reader in self._readers.values():
            reader.close()
        steps.close()

    def _timed(self, source: Source) -> Iterator[Frame]:
        """Frames of a source, with the time that each took to decode."""
        iterator = iter(source)
        while True:
            start = time.perf_counter()
            frame = next(iterator, None)
            if frame is None:
                return
            if not source.is_live:  # the time of a live source is waiting
                self._times.add("decode", time.perf_counter() - start)
            yield frame

    def _frames_a_camera(self) -> int:
        """How many frames of each camera fill the detector's batch."""
        return max(1, -(-self._detector.batch_size // max(len(self._sources), 1)))

    def _detected(self) -> Iterator[_Step]:
        """Steps with their detections; runs in a thread."""
        is_live = {source.camera: source.is_live for source in self._sources}
        open_cameras = list(is_live)
        while open_cameras and not self._is_stopped:
            frames: list[Frame] = []
            ended: list[tuple[str, MdprError | None]] = []
            for camera in self._ready(open_cameras, is_live):
                try:
                    taken = self._readers[camera].take(1 if is_live[camera] else self._frames_a_camera())
                except MdprError as error:
                    log.warning("%s: %s", camera, error)
                    ended.append((camera, error))
                    continue
                frames.extend(taken)
                if not taken:
                    ended.append((camera, None))
                elif is_live[camera]:
                    self._heard_s[camera] = time.monotonic()
            open_cameras = [camera for camera in open_cameras if camera not in dict(ended)]
            silent = self._silent(open_cameras)
            if not (frames or ended or silent):
                continue
            start = time.perf_counter()
            detections = self._detector.detect(frames) if frames else []
            self._times.add("detect", time.perf_counter() - start, len(frames))
            yield _Step(frames, detections, ended, silent)

    def _silent(self, cameras: list[str]) -> list[str]:
        """Those of the cameras that have just been silent for as long as their trackers wait."""
        now_s = time.monotonic()
        found = [
            camera
            for camera, heard_s in self._heard_s.items()
            if camera in cameras and now_s - heard_s > getattr(self._trackers[camera], "patience_s", math.inf)
        ]
        for camera in found:
            del self._heard_s[camera]
        return found

    def _ready(self, cameras: list[str], is_live: Mapping[str, bool]) -> list[str]:
        """Cameras to read now: all that are not live (waiting for each), and the live ones that have something.

        None when there are only live ones and none of them has had anything for a while.
        """
        waiting_for = [camera for camera in cameras if not is_live[camera]]
        count = self._frames_a_camera()
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    all(self._readers[camera].is_ready(count) for camera in waiting_for)
                    if waiting_for
                    else any(self._readers[camera].is_ready() for camera in cameras)
                ),
                None if waiting_for else _LOOK_AROUND_S,
            )
            return [camera for camera in cameras if not is_live[camera] or self._readers[camera].is_ready()]

    def _track(self, step: _Step) -> Iterator[FrameResult]:
        """Embed all people of a part of the step at once, then associate frame by frame."""
        for frames, detections in self._parts(step):
            for frame, found in zip(frames, detections, strict=True):
                if self._embedding.is_sparse:  # the tracker is asked what it needs after it was told
                    self._move_camera(frame, found)
            embeddings = self._embedding.embed(frames, detections)
            for frame, found, rows in zip(frames, detections, embeddings, strict=True):
                if not self._embedding.is_sparse:
                    self._move_camera(frame, found)
                with self._times.measure("associate"):
                    tracks = self._trackers[frame.camera].update(found, frame, rows)
                yield FrameResult(frame, tracks)

    def _parts(self, step: _Step) -> Iterator[tuple[list[Frame], list[Detections]]]:
        """The step as a whole, or, when trackers say what to embed, one frame of each camera after the other."""
        if not self._embedding.is_sparse:
            yield step.frames, step.detections
            return
        turn: dict[str, int] = {}
        parts: dict[int, tuple[list[Frame], list[Detections]]] = {}
        for frame, found in zip(step.frames, step.detections, strict=True):
            number = turn[frame.camera] = turn.get(frame.camera, -1) + 1
            frames, detections = parts.setdefault(number, ([], []))
            frames.append(frame)
            detections.append(found)
        yield from parts.values()

    def _move_camera(self, frame: Frame, detections: Detections) -> None:
        """Tell the tracker how the camera moved, when it did."""
        motion = self._motions.get(frame.camera)
        if motion is None:
            return
        before, measured = motion.state, motion.measured
        start = time.perf_counter()
        moved = motion.update(frame, detections.xyxy)
        if motion.measured > measured:
            self._times.add("motion", time.perf_counter() - start)
        if motion.state != before:
            log.info("%s: the camera is %s from %.1f s on", frame.camera, motion.state, frame.time_s)
        if moved is not None:
            self._trackers[frame.camera].move_camera(moved)
