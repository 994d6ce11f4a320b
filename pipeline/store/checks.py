"""What every store refuses, whatever keeps it."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError
from mdpr.pipeline.store.errors import ConflictError, OtherModelError, UnknownError
from mdpr.pipeline.store.values import EmbeddingModel, Run, TrackletKey, TrackletRecord
from mdpr.types import Tracklet

UNIT_TOLERANCE = 1e-2
"""How far the length of an embedding may be from 1; float16 stays well within."""

CLOCK_TOLERANCE_S = 60.0
"""How far the clock may be corrected while a process runs before ages are not believed any more."""

_EARLIEST_S = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_DAY_S = 86_400.0


def check_run(run: Run, now_s: float) -> None:
    """Refuse a run that could not be told apart, or whose clock was not set.

    Raises:
        FormatError: see `Store.add_run`.
    """
    if not run.name or "/" in run.name:
        raise FormatError(f"run {run.name!r}: expected a name without slash")
    if not run.cameras or not all(run.cameras):
        raise FormatError(f"run {run.name}: expected at least one camera, each with a name")
    if run.model.dimension < 0 or (run.model.dimension > 0 and not run.model.fingerprint):
        raise FormatError(f"run {run.name}: embeddings of {run.model.dimension} values need the name of their model")
    to_json(run.config, f"run {run.name}: its configuration")
    starts = {f"run {run.name}": run.started_s}
    starts |= {f"run {run.name}, camera {name}": camera.started_s for name, camera in run.cameras.items()}
    for what, start_s in starts.items():
        if not math.isfinite(start_s) or start_s < _EARLIEST_S:
            raise FormatError(
                f"{what} starts at {as_date(start_s)}: expected a wall time after 2000. The clock of the machine that "
                "recorded it was not set, or the time is not in seconds since 1970; correct it in the run"
            )
        if start_s > now_s + _DAY_S:
            raise FormatError(
                f"{what} starts at {as_date(start_s)}, but here it is {as_date(now_s)}: one of the two clocks is "
                "wrong. Correct this machine's clock, or the time in the run"
            )


def check_record(record: TrackletRecord, run: Run | None) -> None:
    """Refuse a tracklet that does not belong to its run.

    Raises:
        UnknownError, FormatError: see `Store.put`.
    """
    key, tracklet = record.key, record.tracklet
    if run is None or key.camera not in run.cameras:
        what = "no such run" if run is None else f"that run has the cameras {', '.join(run.cameras)}"
        raise UnknownError(f"tracklet {key}: {what}; add the run before its tracklets")
    if key.part < 0:
        raise FormatError(f"tracklet {key}: expected a part from 0, got {key.part}")
    if tracklet.embeddings.shape[1] not in (run.model.dimension, 0):
        raise FormatError(
            f"tracklet {key}: expected embeddings of {run.model.dimension} values "
            f"({run.model.fingerprint or 'no model'}), got {tracklet.embeddings.shape[1]}"
        )
    check_embeddings(f"tracklet {key}", tracklet.embeddings)


def check_embeddings(what: str, embeddings: NDArray[np.float32]) -> None:
    """Refuse rows that are neither unit length nor zero.

    Raises:
        FormatError: it names the row.
    """
    if embeddings.ndim != 2:
        raise FormatError(f"{what}: expected embeddings (rows, D), got shape {embeddings.shape}")
    length = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings))
    is_bad = ~((np.abs(length - 1) <= UNIT_TOLERANCE) | (length == 0))  # NaN is bad too
    if is_bad.any():
        row = int(np.argmax(is_bad))
        raise FormatError(
            f"{what}: embedding {row} of {len(length)}: expected a unit row or zeros, got length {length[row]:.4g}"
        )


def check_new_embeddings(key: TrackletKey, embeddings: NDArray[np.float32], views: int, model: EmbeddingModel) -> None:
    """Refuse embeddings that do not fit the views of a tracklet that is in the store.

    Raises:
        FormatError: see `Store.reembed`.
    """
    if embeddings.shape not in ((views, model.dimension), (views, 0)):
        raise FormatError(
            f"tracklet {key}: expected embeddings ({views}, {model.dimension}), a row a view, got {embeddings.shape}"
        )
    check_embeddings(f"tracklet {key}", embeddings)


def check_model(run: Run, stored: EmbeddingModel | None, place: str) -> None:
    """Refuse embeddings that cannot be compared with those in the store.

    Raises:
        OtherModelError: it says what to do.
    """
    check_model_name(f"run {run.name}", run.model, stored, place)


def check_model_name(what: str, model: EmbeddingModel, stored: EmbeddingModel | None, place: str) -> None:
    """The same, for embeddings of something that is no run yet.

    Raises:
        OtherModelError: it says what to do.
    """
    if stored is None or model.dimension == 0 or model == stored:
        return
    raise OtherModelError(
        f"{what} has embeddings of {model.fingerprint} ({model.dimension} values), {place} holds those "
        f"of {stored.fingerprint} ({stored.dimension} values); they cannot be compared. Either track again with the "
        "model of the gallery (mdpr-track ... --reid), or embed the crops of the gallery with the new one "
        "(mdpr gallery FILE re-embed --reid NAME), or give another --gallery"
    )


def merged_run(old: Run, new: Run) -> Run:
    """A run that is there already as it is told again: its cameras may have become more, or not be all of them.

    Raises:
        ConflictError: they are two runs.
    """
    few, many = sorted((old, new), key=lambda run: len(run.cameras))
    are_same = replace(few, config={}, cameras={}) == replace(many, config={}, cameras={})
    are_same &= few.cameras.items() <= many.cameras.items()
    if len(few.cameras) == len(many.cameras):
        configs = {to_json(run.config, f"run {run.name}: its configuration") for run in (old, new)}
        many, are_same = old, are_same and len(configs) == 1
    if not are_same:
        raise ConflictError(
            f"run {new.name} is in the store already, begun at {as_date(old.started_s)} with the cameras "
            f"{', '.join(old.cameras)}; this one differs. Give it another name"
        )
    return many


def digest_of(tracklet: Tracklet) -> bytes:
    """SHA-256 of everything in a tracklet, to tell whether two of the same key are the same."""
    digest = hashlib.sha256()
    plain = (tracklet.class_id, tracklet.start_frame, tracklet.end_frame, tracklet.start_s, tracklet.end_s)
    digest.update(repr((*plain, tracklet.detections, float(np.float32(tracklet.confidence)))).encode())
    for array in (
        tracklet.view_frame,
        tracklet.view_time_s,
        tracklet.view_xyxy,
        tracklet.view_confidence,
        tracklet.view_quality,
        tracklet.embeddings,
    ):
        digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.digest()


def to_json(value: Mapping[str, Any], what: str) -> str:
    """Compact JSON, keys sorted.

    Raises:
        FormatError: JSON cannot hold it.
    """
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise FormatError(f"{what} cannot be written as JSON: {error}") from error


def as_date(wall_s: float) -> str:
    """A wall time for a person, UTC.

    >>> as_date(0.0), as_date(float("nan"))
    ('1970-01-01 00:00:00 UTC', 'nan')
    """
    try:
        return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return str(wall_s)


class Clock:
    """The wall clock, and whether it was moved since this object was made."""

    def __init__(self) -> None:
        self._offset_s = time.time() - _steady_s()

    def now_s(self) -> float:
        """Wall time."""
        return time.time()

    def jump_s(self) -> float:
        """Seconds by which the wall clock has been moved; sleep of the machine does not count."""
        return time.time() - _steady_s() - self._offset_s


def check_clock(clock: Clock) -> None:
    """Refuse to tell ages after the clock has jumped.

    Raises:
        ConflictError: it says by how much.
    """
    jump_s = clock.jump_s()
    if abs(jump_s) > CLOCK_TOLERANCE_S:
        raise ConflictError(
            f"this machine's clock was moved by {jump_s:+.0f} s since the gallery was opened, to "
            f"{as_date(clock.now_s())}; nothing was deleted. If the clock is right now, open the gallery again"
        )


def _steady_s() -> float:
    """Seconds of a clock that nobody can set and that goes on while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
