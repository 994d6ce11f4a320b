"""What a tracker refuses: options out of range, frames out of order, embeddings that do not fit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError
from mdpr.types import Frame

LENGTH_TOLERANCE = 0.02
"""How far the length of an embedding may be from 1; rounding to half precision stays well below."""

_SQUARE = np.array(1 + LENGTH_TOLERANCE**2, np.float32)  # middle of the squared lengths that are allowed,
_SQUARE_TOLERANCE = np.array(2 * LENGTH_TOLERANCE, np.float32)  # and how far they reach on both sides


def check_within(options: object, names: Sequence[str], low: float, high: float) -> None:
    """Raise ConfigError unless the options `names` are finite and in [low, high].

    >>> import types
    >>> check_within(types.SimpleNamespace(min_iou=0.2), ["min_iou"], 0, 1)
    """
    for name in names:
        value = getattr(options, name)
        if not (low <= value <= high and math.isfinite(value)):
            allowed = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
            raise ConfigError(f"tracker.{name}: expected a finite number {allowed}, got {value!r}")


def check_choice(options: object, name: str, choices: Sequence[str]) -> None:
    """Raise ConfigError unless the option `name` is one of `choices`."""
    value = getattr(options, name)
    if value not in choices:
        raise ConfigError(f"tracker.{name}: unknown {value!r}. Known: {', '.join(choices)}")


def check_frame(frame: Frame, last: Frame | None) -> None:
    """Raise FormatError unless `frame` may follow `last` (None at the start): same camera, later, larger index."""
    if last is None:
        if not math.isfinite(frame.time_s):
            raise FormatError(f"camera {frame.camera!r}: frame {frame.index} has time {frame.time_s} s")
        return
    if frame.camera != last.camera:
        raise FormatError(
            f"this tracker follows camera {last.camera!r}, got a frame of camera {frame.camera!r}. "
            "Use one tracker for each camera, or call reset() between them"
        )
    if not last.time_s < frame.time_s < math.inf:
        raise FormatError(
            f"camera {frame.camera!r}: time must increase, got frame {frame.index} at {frame.time_s} s "
            f"after frame {last.index} at {last.time_s} s"
        )
    if frame.index <= last.index:
        raise FormatError(f"camera {frame.camera!r}: index must increase, got frame {frame.index} after {last.index}")


def check_embeddings(
    embeddings: NDArray[np.float32] | None, count: int, dimension: int, frame: Frame
) -> tuple[NDArray[np.float32] | None, NDArray[np.bool_]]:
    """The embeddings of a frame as float32, and which of its detections have one.

    Args:
        embeddings: (N, D) unit rows, rows of zeros (shows nothing) or rows of NaN (was not embedded), which both mean
            no appearance; None or D = 0 means no appearance at all.
        count: N, the number of detections.
        dimension: D of earlier frames, 0 when there was none.
        frame: for messages.

    Returns:
        (N, D) float32 or None, zeros where there is none, and (N,) booleans.

    Raises:
        FormatError: a shape that does not fit, a row with some NaN, or a row of another length than 0 and 1.
    """
    if embeddings is None:
        return None, np.zeros(count, dtype=np.bool_)
    if embeddings.ndim != 2 or len(embeddings) != count:
        wanted = f"({count}, any), a row for each detection"
        raise _misfit(frame, f"expected shape {wanted}, got {embeddings.shape}")
    if embeddings.shape[1] == 0:
        return None, np.zeros(count, dtype=np.bool_)
    if dimension not in (0, embeddings.shape[1]):
        raise _misfit(frame, f"expected shape ({count}, {dimension}) as before, got {embeddings.shape}")
    vectors = np.ascontiguousarray(embeddings, dtype=np.float32)
    squared = np.vecdot(vectors, vectors)
    is_unit = np.abs(squared - _SQUARE) <= _SQUARE_TOLERANCE
    others = (~is_unit).nonzero()[0]
    if len(others) == 0:
        return vectors, is_unit
    wrong = others[squared[others] != 0]  # NaN is not 0
    if len(wrong):
        is_blank = np.isnan(vectors[wrong]).all(axis=1)
        if vectors is embeddings:
            vectors = vectors.copy()
        vectors[wrong[is_blank]] = 0
        wrong = wrong[~is_blank]
    if len(wrong):
        length = math.sqrt(squared[wrong[0]])
        raise _misfit(frame, f"row {wrong[0]} has length {length:.4g}; expected 1, or 0 for no appearance")
    return vectors, is_unit


def check_transform(transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """The affine map of a camera's motion as float64.

    Raises:
        FormatError: another shape than (2, 3), a value that is not finite, or a map that turns the picture over or
            shrinks or grows it more than tenfold in area.
    """
    affine = np.asarray(transform, dtype=np.float64)
    if affine.shape != (2, 3) or not np.isfinite(affine).all():
        raise FormatError(f"camera motion: expected a finite (2, 3) affine map, got {affine.tolist()}")
    growth = float(np.linalg.det(affine[:, :2]))
    if not 0.1 <= growth <= 10:
        raise FormatError(f"camera motion: expected a map that changes areas by 0.1 to 10, got {growth:.4g}")
    return affine


def _misfit(frame: Frame, what: str) -> FormatError:
    return FormatError(f"camera {frame.camera!r}, frame {frame.index}: embeddings: {what}")
