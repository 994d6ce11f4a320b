"""Tracks and tracklets as Parquet: a row a box, and a row a tracklet with its views and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mdpr.files import finish, part_path, write_errors
from mdpr.pipeline.sinks.renaming import Renames
from mdpr.types import Frame, Tracklet, Tracks

TRACKS_SCHEMA = pa.schema(
    [
        ("camera", pa.string()),
        ("frame", pa.int64()),
        ("time_s", pa.float64()),
        ("track_id", pa.int64()),
        ("x1", pa.float32()),
        ("y1", pa.float32()),
        ("x2", pa.float32()),
        ("y2", pa.float32()),
        ("confidence", pa.float32()),
        ("class_id", pa.int32()),
    ]
)

IS_STILL = "is_still"
"""The column of tracklets.parquet that says whether the track never moved; files of earlier versions do not have it."""

_ROWS_A_GROUP = 20_000
_TRACKLETS_A_GROUP = 256


def tracklets_schema(dimension: int, fingerprint: str) -> pa.Schema:
    """Columns of tracklets.parquet; `embeddings` holds a row of `dimension` values for each view.

    The fingerprint of the embedding model is in the file's metadata as `embedding_model`.
    """
    view = pa.struct(
        [
            ("frame", pa.int64()),
            ("time_s", pa.float64()),
            ("x1", pa.float32()),
            ("y1", pa.float32()),
            ("x2", pa.float32()),
            ("y2", pa.float32()),
            ("confidence", pa.float32()),
            ("quality", pa.float32()),
        ]
    )
    row = pa.list_(pa.float32(), dimension) if dimension else pa.list_(pa.float32())
    return pa.schema(
        [
            ("camera", pa.string()),
            ("track_id", pa.int64()),
            ("class_id", pa.int32()),
            ("start_frame", pa.int64()),
            ("end_frame", pa.int64()),
            ("start_s", pa.float64()),
            ("end_s", pa.float64()),
            ("detections", pa.int64()),
            ("confidence", pa.float32()),
            (IS_STILL, pa.bool_()),
            ("views", pa.list_(view)),
            ("embedding", row),
            ("embeddings", pa.list_(row)),
        ],
        metadata={"embedding_model": fingerprint, "embedding_dimension": str(dimension)},
    )


class TrackSink:
    """tracks.parquet: a row for each box of each frame. `frame` counts from 0, boxes are `xyxy` pixels."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._renames = Renames()
        self._table = _GroupedWriter(path, TRACKS_SCHEMA)
        self._columns: list[list[Any]] = [[] for _ in TRACKS_SCHEMA]

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Append the boxes of one frame."""
        self._renames.add(tracks.renamed)
        count = len(tracks)
        values = [
            [frame.camera] * count,
            [frame.index] * count,
            [frame.time_s] * count,
            tracks.track_id.tolist(),
            *tracks.xyxy.T.tolist(),
            tracks.confidence.tolist(),
            tracks.class_id.tolist(),
        ]
        for column, more in zip(self._columns, values, strict=True):
            column.extend(more)
        if len(self._columns[0]) >= _ROWS_A_GROUP:
            self._write_group()

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """Nothing: tracklets have a file of their own."""

    def _write_group(self) -> None:
        self._table.write(dict(zip(TRACKS_SCHEMA.names, self._columns, strict=True)))
        self._columns = [[] for _ in TRACKS_SCHEMA]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._write_group()
        finally:
            self._table.close()
        if kind is None:
            self._renames.rewrite(self._path, self._copy)
            self._table.finish()

    def _copy(self, source: Path, target: Path) -> None:
        """The same rows with the ids that hold at the end, a row group at a time."""
        place = TRACKS_SCHEMA.get_field_index("track_id")
        with pq.ParquetFile(source) as old, pq.ParquetWriter(target, TRACKS_SCHEMA, compression="zstd") as new:
            for group in range(old.num_row_groups):
                table = old.read_row_group(group)
                ids = [self._renames.right(track_id) for track_id in table.column(place).to_pylist()]
                new.write_table(table.set_column(place, TRACKS_SCHEMA.field(place), [ids]))


class TrackletSink:
    """tracklets.parquet: a row for each tracklet, in the order in which they ended.

    Args:
        path: of the file.
        dimension, fingerprint: of the embeddings.
        is_still: whether the track of an id never moved, asked when it has ended.
    """

    def __init__(
        self, path: Path, dimension: int, fingerprint: str, is_still: Callable[[int], bool] = lambda _: False
    ) -> None:
        self._is_still = is_still
        self._dimension = dimension
        self._schema = tracklets_schema(dimension, fingerprint)
        self._table = _GroupedWriter(path, self._schema)
        self._waiting: list[Tracklet] = []
        self._still: list[bool] = []  # of those

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Append the tracklets that ended with this frame."""
        self.end(tracks.ended)

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """Append tracklets."""
        self._waiting.extend(tracklets)
        self._still.extend(self._is_still(tracklet.track_id) for tracklet in tracklets)
        if len(self._waiting) >= _TRACKLETS_A_GROUP:
            self._write_group()

    def _write_group(self) -> None:
        rows = self._waiting
        columns: dict[str, Any] = {
            name: [getattr(row, name) for row in rows]
            for name in self._schema.names
            if name not in (IS_STILL, "views", "embedding", "embeddings")
        }
        columns[IS_STILL] = self._still
        columns["views"] = [_views(row) for row in rows]
        columns["embedding"] = [_values(row.embedding) for row in rows]
        columns["embeddings"] = [[_values(view) for view in row.embeddings] for row in rows]
        self._table.write(columns)
        self._waiting, self._still = [], []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._write_group()
        finally:
            self._table.close()
        if kind is None:
            self._table.finish()


class _GroupedWriter:
    """A Parquet file that grows by row groups; an empty group writes nothing, an empty file still has its columns."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        with write_errors(path):
            self._writer = pq.ParquetWriter(part_path(path), schema, compression="zstd")

    def write(self, columns: Mapping[str, Any]) -> None:
        table = pa.table(columns, schema=self._schema)
        if len(table):
            with write_errors(self._path):
                self._writer.write_table(table)

    def close(self) -> None:
        with write_errors(self._path):
            self._writer.close()

    def finish(self) -> None:
        finish(self._path)


def _views(tracklet: Tracklet) -> list[dict[str, float]]:
    names = ("frame", "time_s", "x1", "y1", "x2", "y2", "confidence", "quality")
    columns = (
        tracklet.view_frame.tolist(),
        tracklet.view_time_s.tolist(),
        *tracklet.view_xyxy.T.tolist(),
        tracklet.view_confidence.tolist(),
        tracklet.view_quality.tolist(),
    )
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(row: np.ndarray[Any, np.dtype[np.float32]]) -> list[float]:
    return [float(value) for value in row]
