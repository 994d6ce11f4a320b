"""Everything a tracker is given for a sequence, computed once and kept: detections, embeddings, camera motion."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mdpr.contracts import Embedder, Source
from mdpr.errors import SourceError
from mdpr.files import finish, make_folder, part_path, write_errors
from mdpr.pipeline.assembling import make_detector, make_motions
from mdpr.pipeline.config import RunConfig
from mdpr.pipeline.loop import CameraEnd, TrackingLoop
from mdpr.pipeline.sources import open_source
from mdpr.pipeline.sources.spec import CameraSpec
from mdpr.pipeline.timing import StageTimes
from mdpr.shipped import shipped_sums
from mdpr.types import Detections, Frame, Tracklet, Tracks
from mdpr.weights import find_weights

log = logging.getLogger("mdpr")

VERSION = 1
_SUFFIX = ".npz"


@dataclass(frozen=True)
class EmbedderFacts:
    """What a tracker's options need to know of the embedder."""

    dimension: int
    fingerprint: str
    match_distance: float
    sure_distance: float

    @classmethod
    def of(cls, embedder: Embedder) -> EmbedderFacts:
        """Of an embedder."""
        return cls(embedder.dimension, embedder.fingerprint, embedder.match_distance, embedder.sure_distance)


@dataclass(frozen=True, eq=False)
class CachedSequence:
    """What a tracker is given for F frames with M detections in all.

    Attributes:
        camera: its name.
        facts: of the embedder.
        index, time_s, size: (F,), (F,) and (F, 2) of the frames.
        count: (F,) detections of each frame.
        xyxy, confidence, class_id: (M, 4), (M,), (M,) of the detections.
        embeddings: (M, D) float32.
        motion: (F, 2, 3) of the camera to each frame; NaN where none was given.
    """

    camera: str
    facts: EmbedderFacts
    index: NDArray[np.int64]
    time_s: NDArray[np.float64]
    size: NDArray[np.int64]
    count: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]
    embeddings: NDArray[np.float32]
    motion: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.index)


_ARRAYS = tuple(field.name for field in fields(CachedSequence) if field.name not in ("camera", "facts"))


class Recorder:
    """A tracker that keeps what it is given, and asks for everything."""

    embedding_conf = 0.0
    patience_s = math.inf

    def __init__(self) -> None:
        self.frames: list[tuple[Frame, Detections, NDArray[np.float32] | None, NDArray[np.float64] | None]] = []
        self._motion: NDArray[np.float64] | None = None

    def update(self, detections: Detections, frame: Frame, embeddings: NDArray[np.float32] | None = None) -> Tracks:
        """Keep one frame, without its picture."""
        bare = Frame(frame.camera, frame.index, frame.time_s, size=frame.size)
        self.frames.append((bare, detections, embeddings, self._motion))
        self._motion = None
        return Tracks.empty()

    def embedding_needed(self, detections: Detections, frame: Frame) -> NDArray[np.bool_]:
        """All of them."""
        return np.ones(len(detections), np.bool_)

    def move_camera(self, transform: NDArray[np.float64]) -> None:
        """Keep the motion for the next frame."""
        self._motion = transform

    def flush(self) -> list[Tracklet]:
        """None."""
        return []

    def reset(self) -> None:
        """Forget everything."""
        self.frames.clear()


def obtain(config: RunConfig, spec: CameraSpec, folder: Path, is_fresh: bool = False) -> CachedSequence:
    """The cached sequence of a source; it is read and embedded once, and again when anything about it changes.

    Args:
        config: detector, embedder and options of the source; the tracker does not matter.
        spec: the source.
        folder: where caches are.
        is_fresh: whether what is cached is left out of account.

    Raises:
        SourceError, ModelError, OutputError: when it has to be read.
    """
    path = folder / f"{spec.camera}-{key_of(config, spec)}{_SUFFIX}"
    if path.exists() and not is_fresh:
        try:
            return load(path)
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            log.warning("%s is damaged (%s): it is made again", path, error)
    source = open_source(spec, config.source)
    log.info("%s: detecting and embedding, once", spec.camera)
    sequence = record(config, source)
    make_folder(folder)
    save(sequence, path)
    log.info("%s: %d frames, %d detections, kept in %s", spec.camera, len(sequence), len(sequence.xyxy), path)
    return sequence


def record(config: RunConfig, source: Source) -> CachedSequence:
    """Run everything but the tracker over a source.

    Raises:
        SourceError: the source ended with an error, or gave no frame.
    """
    recorder = Recorder()
    embedder: Embedder = config.reid.make()
    motions = make_motions(config, [source])
    loop = TrackingLoop(
        [source], make_detector(config.detector), embedder, {source.camera: recorder}, StageTimes(), motions=motions
    )
    for result in loop:
        if isinstance(result, CameraEnd) and result.error is not None:
            raise result.error
    if not recorder.frames:
        raise SourceError(f"{source.camera}: no frame could be read")
    frames, detections, embeddings, motion = zip(*recorder.frames, strict=True)
    none = np.full((2, 3), np.nan)
    blank = np.empty((0, embedder.dimension), np.float32)
    return CachedSequence(
        source.camera,
        EmbedderFacts.of(embedder),
        np.array([frame.index for frame in frames], np.int64),
        np.array([frame.time_s for frame in frames]),
        np.array([frame.size for frame in frames], np.int64),
        np.array([len(found) for found in detections], np.int64),
        np.concatenate([found.xyxy for found in detections]),
        np.concatenate([found.confidence for found in detections]),
        np.concatenate([found.class_id for found in detections]),
        np.concatenate([blank if rows is None else rows for rows in embeddings]),
        np.stack([none if moved is None else moved for moved in motion]),
    )


def key_of(config: RunConfig, spec: CameraSpec) -> str:
    """A name for everything that decides what is cached."""
    parts: dict[str, Any] = {"version": VERSION, "source": _stamp(spec.location), "camera": spec.camera}
    parts |= {"options": asdict(config.source), "motion": asdict(config.camera_motion)}
    for kind in ("detector", "reid"):
        component = getattr(config, kind)
        options = asdict(component.options)
        files = {name: _weights_stamp(value) for name, value in options.items() if isinstance(value, str) and value}
        parts[kind] = [component.name, options, files]
    parts["shipped"] = [shipped_sums(package) for package in ("mdpr.detectors", "mdpr.reid")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _weights_stamp(value: str) -> Any:
    path = Path(value)
    if path.exists():
        return _stamp(value)
    found = find_weights(value, (f"{value}.pt", f"{value}.onnx", f"{value}.safetensors"))
    return None if found is None else _stamp(str(found))


def _stamp(location: str) -> Any:
    """Path, size and time of change of a file; of a folder, of what lies in it."""
    path = Path(location)
    if not path.exists():
        return location
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    stats = [one.stat() for one in files]
    return [str(path.resolve()), len(files), sum(one.st_size for one in stats), max(one.st_mtime for one in stats)]


def save(sequence: CachedSequence, path: Path) -> None:
    """Write a cached sequence in one go."""
    head = json.dumps({"version": VERSION, "camera": sequence.camera, "facts": asdict(sequence.facts)})
    with write_errors(path), part_path(path).open("wb") as file:
        np.savez(file, head=np.array(head), **{name: getattr(sequence, name) for name in _ARRAYS})
    finish(path)


def load(path: Path) -> CachedSequence:
    """Read a cached sequence.

    Raises:
        OSError, ValueError, KeyError, BadZipFile: not a whole cache file.
    """
    with np.load(path, allow_pickle=False) as file:
        head = json.loads(str(file["head"]))
        if head["version"] != VERSION:
            raise ValueError(f"version {head['version']}, expected {VERSION}")
        arrays = {name: file[name] for name in _ARRAYS}
    return CachedSequence(head["camera"], EmbedderFacts(**head["facts"]), **arrays)
