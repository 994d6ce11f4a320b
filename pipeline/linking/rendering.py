"""The videos of a run once more, with identities instead of the ids of tracks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.draw import Painter
from mdpr.pipeline.formats import identities
from mdpr.pipeline.formats.trackboxes import hidden_again
from mdpr.pipeline.linking.answers import Answer
from mdpr.pipeline.linking.results import COLUMN, TRACKS_FILE
from mdpr.pipeline.linking.runs import RunFolder
from mdpr.pipeline.linking.viewcrops import open_again
from mdpr.pipeline.sinks import VideoSink
from mdpr.types import Tracks

VIDEO_FILE = "identities.mp4"

_COLUMNS = ("frame", "track_id", "x1", "y1", "x2", "y2", "confidence", "class_id", COLUMN)


def render_run(answer: Answer, run: RunFolder) -> Iterator[Path]:
    """Write CAMERA/identities.mp4 for each camera of a run to which `write_results` has written; yields the paths.

    Raises:
        SourceError: a source that was live, or is not there any more.
        ConfigError: the run has no tracks.parquet.
        OutputError: it cannot be written.
    """
    is_still = identities.read_still(run.path / identities.FILE).__contains__
    for camera in run.cameras:
        boxes = _boxes(run.path / camera / TRACKS_FILE)
        path = run.path / camera / VIDEO_FILE
        painter = Painter(names=answer.names, is_still=is_still)
        with closing(open_again(run, camera)) as source, VideoSink(path, painter) as video:
            for frame in source:
                video.write(frame, boxes.get(frame.index, Tracks.empty()))
        yield path


def _boxes(path: Path) -> dict[int, Tracks]:
    """The boxes of each frame, with identities as ids."""
    if not path.is_file():
        raise ConfigError(f"{path} is not there: to draw identities, track without --no-save-parquet")
    try:
        table = pq.read_table(path, columns=list(_COLUMNS))
    except KeyError as error:
        raise FormatError(f"{path}: expected the columns of tracks.parquet: {error}") from error
    column = {name: table[name].to_numpy() for name in _COLUMNS}
    identity = np.nan_to_num(column[COLUMN].astype(np.float64)).astype(np.int64)
    again = hidden_again(column["frame"], column["track_id"], identity, column["confidence"])
    is_drawn = np.ones(len(identity), bool)
    is_drawn[again[identity[again] > 0]] = False
    order = np.argsort(column["frame"], kind="stable")
    order = order[is_drawn[order]]
    frames, starts = np.unique(column["frame"][order], return_index=True)
    found = {}
    for frame, rows in zip(frames.tolist(), np.split(order, starts[1:]), strict=True):
        xyxy = np.stack([column[edge][rows] for edge in ("x1", "y1", "x2", "y2")], axis=1)
        found[frame] = Tracks(
            identity[rows], xyxy,
            column["confidence"][rows], column["class_id"][rows], np.arange(len(rows), dtype=np.int32),
        )  # fmt: skip
    return found
