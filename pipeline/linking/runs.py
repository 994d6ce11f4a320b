"""Runs of `mdpr-track` as linking needs them: tracklets, when each camera began, and the configuration."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.sources.clock import RUN
from mdpr.pipeline.store.checks import as_date
from mdpr.pipeline.store.tracklet_files import read_still, read_tracklets
from mdpr.pipeline.store.values import EmbeddingModel
from mdpr.pipeline.trajectory_files import read_boxes
from mdpr.trackers.crosscamera import Boxes, Sighting
from mdpr.types import Tracklet

log = logging.getLogger("mdpr")

TRACKS_FILE, TRACKLETS_FILE = "tracks.parquet", "tracklets.parquet"
REPORT_FILE, CONFIG_FILE = "run.json", "config.yaml"
LEAST_SPACING_S = 0.2
"""Seconds between boxes that tell where a person was."""


@dataclass(frozen=True)
class CameraStart:
    """One camera of a run: what was read, the wall time of its second 0, and how that is known."""

    source: str
    started_s: float
    started_from: str

    @property
    def is_known(self) -> bool:
        """Whether the time can be compared with those of other runs."""
        return self.started_from != RUN


@dataclass(frozen=True, eq=False)
class RunFolder:
    """A run that was read.

    Attributes:
        name: of its folder.
        path: the folder.
        model: of the embeddings.
        cameras: by name; also those in which nobody was seen.
        tracklets: of all cameras.
        started_s: wall time when it began; 0 when no run.json tells.
        config: as the run resolved it; empty when it left none.
        still: camera and track id of the tracks that never moved, see `mdpr.pipeline.stillness`.
        boxes: of tracks by camera and track id, of a run that has not written them yet; None reads its files.
        absent: cameras that the run names too, of which nothing was read.
    """

    name: str
    path: Path
    model: EmbeddingModel
    cameras: Mapping[str, CameraStart]
    tracklets: Sequence[Tracklet]
    started_s: float
    config: Mapping[str, Any] = field(default_factory=dict)
    still: Set[tuple[str, int]] = frozenset()
    boxes: Mapping[tuple[str, int], Boxes] | None = None
    absent: Set[str] = frozenset()

    @property
    def all_cameras(self) -> set[str]:
        """Names of all cameras of the run."""
        return {*self.cameras, *self.absent}

    def clock_of(self, camera: str, name: str) -> str:
        """The clock of a camera: the wall clock, or one of its own for the run `name`."""
        return "" if self.cameras[camera].is_known else f"run {name}"

    def sightings(self, name: str) -> list[Sighting]:
        """Its tracklets as those of the run `name`."""
        return [
            Sighting.of(
                name, one, self.cameras[one.camera].started_s, self.model.fingerprint,
                clock=self.clock_of(one.camera, name),
            )
            for one in self.tracklets
        ]  # fmt: skip

    def without(self, tracks: Set[tuple[str, int]]) -> RunFolder:
        """The run without the tracklets of some tracks, by camera and track id."""
        return replace(self, tracklets=[one for one in self.tracklets if (one.camera, one.track_id) not in tracks])

    def boxes_of(self, camera: str) -> dict[int, Boxes]:
        """The boxes of the tracks of a camera, as far as the run has left them.

        Raises:
            FormatError: a tracks.parquet that is damaged or of something else.
        """
        if self.boxes is not None:
            return {track_id: boxes for (name, track_id), boxes in self.boxes.items() if name == camera}
        path = self.path / camera / TRACKS_FILE
        return read_boxes(path, LEAST_SPACING_S) if path.is_file() else {}


def with_boxes(runs: Mapping[str, RunFolder], sightings: Sequence[Sighting]) -> list[Sighting]:
    """Sightings with all boxes of their tracks, as far as these runs have left them.

    Args:
        runs: by name, as the keys of the sightings have it.
        sightings: of these and other runs.

    Raises:
        FormatError: a tracks.parquet that is damaged or of something else.
    """
    found: dict[tuple[str, str], dict[int, Boxes]] = {}
    result = []
    for one in sightings:
        run, camera = one.key.run, one.key.camera
        if run not in runs:
            result.append(one)
            continue
        if (run, camera) not in found:
            found[run, camera] = runs[run].boxes_of(camera)
        result.append(replace(one, boxes=found[run, camera].get(one.key.track_id)))
    return result


def read_runs(folders: Sequence[Path]) -> list[RunFolder]:
    """The runs in these folders, each with a name of its own.

    Raises:
        ConfigError: a folder without tracklets, or two of the same name.
        SourceError, FormatError: a file that cannot be read, is damaged or cut off, or is of something else.
    """
    runs = [read_run(folder) for folder in folders]
    if len({run.name for run in runs}) < len(runs):
        raise ConfigError("two runs have the same name: rename one of their folders")
    warn_of_clocks(runs)
    return runs


def read_run(folder: Path) -> RunFolder:
    """See `read_runs`."""
    files = sorted(folder.glob(f"*/{TRACKLETS_FILE}"))
    if not files:
        raise ConfigError(f"{folder}: found no CAMERA/{TRACKLETS_FILE}: expected the folder of a run of mdpr-track")
    report = _read_report(folder / REPORT_FILE)
    tracklets: list[Tracklet] = []
    models: dict[EmbeddingModel, Path] = {}
    cameras: dict[str, CameraStart] = {}
    still: set[tuple[str, int]] = set()
    for file in files:
        model, found = read_tracklets(file)
        still |= {(file.parent.name, track_id) for track_id in read_still(file)}
        models.setdefault(model, file)
        tracklets += found
        for camera in sorted({file.parent.name, *(one.camera for one in found)}):
            cameras[camera] = _start_of(report, camera, folder / REPORT_FILE)
    if len(models) > 1:
        (one, first), (other, second) = list(models.items())[:2]
        raise FormatError(
            f"embeddings of two models cannot be compared: {one.fingerprint!r} ({first}) and {other.fingerprint!r} "
            f"({second}). Track both cameras again with the same model"
        )
    started_s = _number(report, "started_s", folder / REPORT_FILE) or 0.0
    name = folder.resolve().name
    absent = set(report.get("cameras", {})) - set(cameras)
    return RunFolder(
        name, folder, next(iter(models)), cameras, tracklets, started_s, _read_config(folder), still, absent=absent
    )


def running(
    folder: Path,
    report: Mapping[str, Any],
    begun: Set[str],
    model: EmbeddingModel,
    tracklets: Sequence[Tracklet],
    boxes: Mapping[tuple[str, int], Boxes],
) -> RunFolder:
    """A run that goes on, as `read_run` will read it when it is over, with the tracklets that are there already.

    Args:
        folder: of the run.
        report: what its run.json will say about its beginning and its cameras.
        begun: names of the cameras that have begun, or failed; when others will is not known.
        model: of its embeddings.
        tracklets: that have ended.
        boxes: of their tracks, and of others of this run, by camera and track id.
    """
    starts = {camera: _start_of(report, camera, folder / REPORT_FILE) for camera in sorted(begun)}
    name, started_s = folder.resolve().name, float(report["started_s"])
    absent = set(report["cameras"]) - begun
    config = _read_config(folder)
    return RunFolder(name, folder, model, starts, tracklets, started_s, config, boxes=boxes, absent=absent)


def warn_of_clocks(runs: Sequence[RunFolder]) -> None:
    """Say so when a camera is in two runs at the same time."""
    spans: dict[str, list[tuple[float, float, str]]] = {}
    for run in runs:
        for camera, start in run.cameras.items():
            times = [(one.start_s, one.end_s) for one in run.tracklets if one.camera == camera]
            if start.is_known and times:
                first, last = min(begin for begin, _ in times), max(end for _, end in times)
                spans.setdefault(camera, []).append((start.started_s + first, start.started_s + last, run.name))
    for camera, found in spans.items():
        found.sort()
        for (_, end_s, one), (begin_s, _, other) in pairwise(found):
            if begin_s < end_s:
                log.warning(
                    "%s is in the runs %s and %s at the same time (%s): one video was tracked twice, or their clocks "
                    "disagree (mdpr-track --started-at)", camera, one, other, as_date(begin_s),
                )  # fmt: skip


def _read_report(path: Path) -> dict[str, Any]:
    """Content of run.json; empty without one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise FormatError(f"{path} is not JSON: {error}. Track again, or restore a copy") from error
    if not isinstance(content, dict) or not isinstance(content.get("cameras", {}), dict):
        raise FormatError(f"{path} is not the run.json of mdpr-track")
    return content


def _start_of(report: Mapping[str, Any], camera: str, path: Path) -> CameraStart:
    entry = report.get("cameras", {}).get(camera) or {}
    if not isinstance(entry, dict):
        raise FormatError(f"{path}: camera {camera}: expected an object, got {entry!r}")
    at_s = _number(entry, "started_s", path)
    source = str(entry.get("source", ""))
    if at_s is None:
        return CameraStart(source, _number(report, "started_s", path) or 0.0, RUN)
    return CameraStart(source, at_s, str(entry.get("started_from", RUN)))


def _number(values: Mapping[str, Any], key: str, path: Path) -> float | None:
    value = values.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FormatError(f"{path}: {key}: expected seconds since 1970, got {value!r}")
    return float(value)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise FormatError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise FormatError(f"{path}: expected the configuration of a run, got {type(content).__name__}")
    return content
