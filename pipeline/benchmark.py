"""Scoring SynthPlaza: every scene, tracking a camera and identity across cameras, in one table."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats.recordings import Recordings, read_recordings
from mdpr.pipeline.metrics.evaluate import EvaluateConfig, Scores, combined_scores, evaluate_sequence
from mdpr.pipeline.metrics.links import Links
from mdpr.pipeline.metrics.multicamera import MultiCameraScores, evaluate_cameras, global_ids_of
from mdpr.pipeline.metrics.pairing import pair_cameras
from mdpr.pipeline.onethreshold import OneThreshold, best_threshold
from mdpr.types import Tracklet

log = logging.getLogger("mdpr")

FILE = "synthplaza.json"
ALL = "all"


@dataclass(frozen=True, eq=False)
class SceneScores:
    """What is measured in one scene.

    Attributes:
        cameras: tracking by itself, by camera: ids are those that the tracker gave in that camera.
        across: identities over all cameras.
        baseline: what linking by mean embedding and one distance would give at best, where there are embeddings.
    """

    cameras: dict[str, Scores]
    across: MultiCameraScores
    baseline: OneThreshold | None = None

    def values(self) -> dict[str, Any]:
        """By name."""
        return {
            "cameras": {name: scores.values() for name, scores in self.cameras.items()},
            "tracking": combined_scores(list(self.cameras.values())).values(),
            "across": self.across.together.values(),
            "links": self.across.links.values(),
            "baseline": None if self.baseline is None else self.baseline.values(),
        }


@dataclass(frozen=True)
class BenchmarkFolder:
    """A rendered split: what its `synthplaza.json` says."""

    path: Path
    split: str
    version: int
    scenes: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> BenchmarkFolder:
        """The split that lies at a path.

        Raises:
            ConfigError: no such folder, or it holds no split, or not all of its scenes are rendered.
            FormatError: its description does not fit.
        """
        file = path / FILE
        if not file.is_file():
            raise ConfigError(
                f"{path}: expected a rendered split of SynthPlaza with {FILE}; "
                f"mdpr data synth plaza --out {path} makes one"
            )
        try:
            about = json.loads(file.read_text("utf-8"))
            return cls(path, str(about["split"]), int(about["version"]), tuple(map(str, about["scenes"])))
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{file}: expected split, version and scenes, got {error!r}") from error

    def rendered(self) -> tuple[str, ...]:
        """The scenes that are complete, in the benchmark's order."""
        return tuple(scene for scene in self.scenes if (self.path / scene / "truth.txt").is_file())


def predictions_of(folder: Path, scene: str) -> Recordings:
    """Somebody's results of a scene: the folder SCENE in any layout that `read_recordings` knows, or SCENE.txt.

    In multi-camera text a camera may be called by its number.

    Raises:
        ConfigError: there is neither.
        FormatError: a file does not fit.
    """
    places = (folder / scene, folder / f"{scene}.txt")
    for place in places:
        if place.exists():
            found = read_recordings(place, "prediction")
            named = {_camera_name(name): replace(one, name=_camera_name(name)) for name, one in found.by_name.items()}
            return replace(found, by_name=named)
    raise ConfigError(f"no results of scene {scene}: expected {places[0]} or {places[1]}")


def _camera_name(name: str) -> str:
    return f"cam{name}" if name.isdecimal() else name


def score_scene(
    truth: Recordings,
    predicted: Recordings,
    are_ids_local: bool | None = None,
    config: EvaluateConfig | None = None,
    tracklets: Sequence[Tracklet] = (),
) -> SceneScores:
    """Measure one scene.

    Args:
        truth: its cameras, with ids that are the same person in every camera.
        predicted: results of the same cameras; one that is missing is an error.
        are_ids_local: whether a predicted id means a person of its camera only; None: what follows from the files.
        config: how.
        tracklets: of the prediction, for the baseline.

    Raises:
        FormatError: other cameras, or boxes that do not fit the scene.
    """
    config = config or EvaluateConfig()
    true, found = pair_cameras(truth, predicted)
    cameras = {
        name: evaluate_sequence(one, found[name].boxes, found[name].where, config).scores for name, one in true.items()
    }
    across = evaluate_cameras(true, found, global_ids_of(predicted, are_ids_local), config)
    return SceneScores(cameras, across, best_threshold(true, found, tracklets, config))


def sum_of_links(links: Sequence[Links]) -> Links:
    """Counts over several scenes.

    >>> sum_of_links([Links(5, 4, 4, 2, 1), Links(3, 3, 1, 1, 1)])
    Links(tracklets=8, people_tracklets=7, true=5, predicted=3, right=2)
    """
    return Links(
        *(sum(getattr(one, name) for one in links) for name in Links.__dataclass_fields__)
    )  # fmt: skip


def all_values(scenes: Mapping[str, SceneScores]) -> dict[str, Any]:
    """Every figure by name, and over all scenes together."""
    tracking = combined_scores([one for scene in scenes.values() for one in scene.cameras.values()])
    across = combined_scores([scene.across.together for scene in scenes.values()])
    links = sum_of_links([scene.across.links for scene in scenes.values()])
    return {
        "scenes": {name: scene.values() for name, scene in scenes.items()},
        ALL: {"tracking": tracking.values(), "across": across.values(), "links": links.values()},
    }


_TRACKING = ("HOTA", "DetA", "AssA", "IDF1", "MOTA")
_ACROSS = ("HOTA", "AssA", "IDF1")


def table(values: Mapping[str, Any]) -> str:
    """One table from `all_values`: a row a camera, a row a scene with the figures across cameras, and a row of all.

    Shares are in percent; "-" where there is nothing to measure.
    """
    rows = [
        ["", *["tracking, ids of one camera"], *[""] * 6, "across cameras", *[""] * 5],
        ["scene", "camera", *_TRACKING, "IDSW", "Return", *_ACROSS, "LinkP", "LinkR", "Return"],
    ]
    for scene, one in values["scenes"].items():
        rows += [[scene, camera, *_tracking(scores), *["-"] * 6] for camera, scores in one["cameras"].items()]
        rows.append([scene, ALL, *_tracking(one["tracking"]), *_across(one)])
    rows.append([ALL, ALL, *_tracking(values[ALL]["tracking"]), *_across(values[ALL])])
    lines = [
        f"{scene}: mean embeddings and one distance, at its best {one['baseline']['distance']:.2f}, give IDF1 "
        f"{_percent(one['baseline']['IDF1'])} across cameras"
        for scene, one in values["scenes"].items()
        if one["baseline"] is not None
    ]
    return "\n".join([_laid_out(rows), *([""] if lines else []), *lines])


def _tracking(scores: Mapping[str, Any]) -> list[str]:
    return [*(_percent(scores[name]) for name in _TRACKING), f"{scores['IDSW']:,}", _percent(_recall(scores))]


def _across(values: Mapping[str, Any]) -> list[str]:
    scores, links = values["across"], values["links"]
    shares = [*(scores[name] for name in _ACROSS), links["precision"], links["recall"], _recall(scores)]
    return [_percent(share) for share in shares]


def _recall(scores: Mapping[str, Any]) -> float | None:
    recall: float | None = scores["returns"]["all"]["recall"] if scores["returns"] else None
    return recall


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _laid_out(rows: Sequence[Sequence[str]]) -> str:
    """The first row heads groups of columns; two columns are left-aligned, the others right-aligned."""
    groups, *table = rows
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    start = sum(widths[:2]) + 4
    middle = sum(widths[:9]) + 18
    head = " " * start + groups[1]
    return "\n".join([head.ljust(middle) + groups[8], *lines])
