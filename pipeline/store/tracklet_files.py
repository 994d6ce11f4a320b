"""tracklets.parquet of a run, read back: what `TrackletSink` wrote becomes tracklets again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mdpr.errors import FormatError, SourceError
from mdpr.pipeline.sinks.parquet import IS_STILL, tracklets_schema
from mdpr.pipeline.store.values import EmbeddingModel
from mdpr.types import Tracklet

_PLAIN = ("camera", "track_id", "class_id", "start_frame", "end_frame", "start_s", "end_s", "detections", "confidence")


def read_tracklets(path: Path) -> tuple[EmbeddingModel, list[Tracklet]]:
    """The embedding model and the tracklets of one camera of a run, in the order of the file.

    Raises:
        SourceError: no such file, or it cannot be read.
        FormatError: not Parquet, cut off, or without the columns of tracklets.parquet.
    """
    table = _read(path)
    model = _model(table.schema, path)
    expected = tracklets_schema(model.dimension, model.fingerprint)
    for name in expected.names:
        if name == IS_STILL:  # see `read_still`
            continue
        if name not in table.schema.names or table.schema.field(name).type != expected.field(name).type:
            raise FormatError(
                f"{path} is not a tracklets.parquet: expected a column {name} ({expected.field(name).type})"
            )
    try:
        return model, _tracklets(table, model.dimension)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise FormatError(f"{path} is damaged: {error}. Track again, or restore a copy") from error


def read_still(path: Path) -> frozenset[int]:
    """Ids of the tracks of one camera of a run that never moved; none where a file of an earlier version does not say.

    Raises:
        SourceError, FormatError: see `read_tracklets`.
    """
    table = _read(path, ["track_id", IS_STILL])
    if IS_STILL not in table.schema.names:
        return frozenset()
    if table.schema.field(IS_STILL).type != pa.bool_():
        raise FormatError(f"{path} is not a tracklets.parquet: expected a column {IS_STILL} (bool)")
    return frozenset(table.filter(table[IS_STILL])["track_id"].to_pylist())


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """The file, or those of the columns that it has."""
    try:
        with path.open("rb") as file:
            return pq.ParquetFile(file).read(columns)
    except FileNotFoundError as error:
        part = path.with_name(path.name + ".part")
        reason = "its run was killed before the file was whole" if part.exists() else "expected a run of mdpr-track"
        raise SourceError(f"{path} is not there: {reason}; track again, or leave this camera out") from error
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:  # pyarrow's own have none
            raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
        raise FormatError(
            f"{path} is no Parquet file, or is damaged or cut off ({error}): track again, or restore a copy"
        ) from error


def _model(schema: pa.Schema, path: Path) -> EmbeddingModel:
    metadata = schema.metadata or {}
    try:
        return EmbeddingModel(metadata[b"embedding_model"].decode(), int(metadata[b"embedding_dimension"]))
    except (KeyError, ValueError) as error:
        raise FormatError(f"{path} is not a tracklets.parquet: it does not name its embedding model") from error


def _tracklets(table: pa.Table, dimension: int) -> list[Tracklet]:
    plain = {name: table[name].to_pylist() for name in _PLAIN}
    views = table["views"].combine_chunks()
    counts = views.value_lengths().to_numpy(zero_copy_only=False)
    ends = np.cumsum(counts)
    flat = views.flatten()
    column = {name.name: flat.field(name.name).to_numpy(zero_copy_only=False) for name in flat.type}
    boxes = np.stack([column[edge] for edge in ("x1", "y1", "x2", "y2")], axis=1).astype(np.float32)
    embeddings = _embeddings(table, int(counts.sum()), dimension)
    tracklets = []
    for row, (start, end) in enumerate(zip(ends - counts, ends, strict=True)):
        values: dict[str, Any] = {name: plain[name][row] for name in _PLAIN}
        tracklets.append(
            Tracklet(
                **values,
                view_frame=column["frame"][start:end],
                view_time_s=column["time_s"][start:end],
                view_xyxy=boxes[start:end],
                view_confidence=column["confidence"][start:end],
                view_quality=column["quality"][start:end],
                embeddings=embeddings[start:end],
            )
        )
    return tracklets


def _embeddings(table: pa.Table, rows: int, dimension: int) -> NDArray[np.float32]:
    """(rows, D) of all tracklets, one after the other."""
    if dimension == 0:
        return np.empty((rows, 0), np.float32)
    values = table["embeddings"].combine_chunks().flatten().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float32).reshape(rows, dimension)
