"""The configuration of a run: YAML file or preset, then `--set`, then flags; every key checked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import yaml

from mdpr.components import build_config, find_class
from mdpr.detectors import DETECTORS
from mdpr.errors import ConfigError
from mdpr.pipeline.embedding import EmbeddingConfig
from mdpr.pipeline.sources import SourceConfig
from mdpr.reid import DEFAULT_EMBEDDER, EMBEDDERS, MODELS, embedder_of_file
from mdpr.trackers import TRACKERS
from mdpr.trackers.camera_motion import CameraMotionConfig
from mdpr.trackers.refine.config import RefineConfig


@dataclass(frozen=True)
class OutputConfig:
    """What is written, and where.

    Attributes:
        project, name: results go to the folder project/name; when it exists, to name2, name3, ...
        exist_ok: write into an existing folder instead.
        save: the annotated video.
        save_txt: tracks.txt (MOTChallenge).
        save_parquet: tracks.parquet and tracklets.parquet; without them a gallery gets people while tracking goes on.
        save_crop: the best picture of each tracklet.
        link: give people one identity across the cameras; None does with several cameras or a gallery.
        gallery: file of a gallery to link with; "" has none.
        link_every_s: seconds after which those who have left are linked into the gallery while tracking goes on; 0 = at
            the end only; None = 60 with live sources or without save_parquet, else at the end only.
        gallery_crops: whether the gallery gets pictures of the people.
        cameras: YAML file about the cameras to link with, as for `mdpr-link --cameras`; "" has none.
        show: a window with the annotated picture.
        refine: whether the tracks are refined at the end, as `mdpr refine` does; needs save_parquet.
        line_width: of boxes in pixels; 0 = by the size of the picture.
        trail_s: length of the trail behind each person, in seconds.
        crf: quality of the video, from 0 (lossless) to 51; lower is better and larger.
    """

    project: str = "runs/track"
    name: str = "run"
    exist_ok: bool = False
    save: bool = True
    save_txt: bool = True
    save_parquet: bool = True
    save_crop: bool = False
    link: bool | None = None
    gallery: str = ""
    link_every_s: float | None = None
    gallery_crops: bool = True
    cameras: str = ""
    show: bool = False
    refine: bool = False
    line_width: int = 0
    trail_s: float = 2.0
    crf: int = 23

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise ConfigError(f"output.crf: expected 0 to 51, got {self.crf}")
        if not self.name or self.line_width < 0 or self.trail_s < 0:
            raise ConfigError("output: name must not be empty, line_width and trail_s not below 0")
        if self.gallery and self.link is False:
            raise ConfigError("output.gallery: a gallery is linked with; leave out --no-link or --gallery")
        if self.cameras and self.link is False:
            raise ConfigError("output.cameras: is about linking; leave out --no-link or --cameras")
        at_end = self.link_every_s == 0 if self.gallery else self.link
        if at_end and not self.save_parquet:
            raise ConfigError("output: linking at the end reads tracklets.parquet; leave out --no-save-parquet")
        if self.link_every_s is not None:
            self._check_link_every(self.link_every_s)
        if self.refine and not self.save_parquet:
            raise ConfigError("output.refine: refining needs tracks.parquet and tracklets.parquet (save_parquet)")

    @property
    def is_gallery_only(self) -> bool:
        """Whether a gallery gets people, and no table from which they could be linked later."""
        return bool(self.gallery) and not self.save_parquet

    @property
    def keeps_nothing(self) -> bool:
        """Whether nothing that is tracked is kept anywhere."""
        return not (self.save or self.save_txt or self.save_parquet or self.save_crop or self.gallery)

    def _check_link_every(self, every_s: float) -> None:
        if not 0 <= every_s < math.inf:
            raise ConfigError(f"output.link_every_s: expected seconds from 0, got {every_s}")
        if every_s and not self.gallery:
            raise ConfigError("output.link_every_s: links into a gallery while tracking; give --gallery FILE")
        if every_s and self.refine:
            raise ConfigError("output.link_every_s: refining comes at the end, before linking; leave out one of them")


@dataclass(frozen=True)
class Component:
    """A component by name, with the options that its `Config` dataclass takes."""

    name: str
    cls: type[Any]
    options: Any

    def make(self) -> Any:
        """An instance."""
        return self.cls(self.options)


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's results."""

    sources: tuple[str, ...]
    source: SourceConfig
    detector: Component
    reid: Component
    tracker: Component
    output: OutputConfig = field(default_factory=OutputConfig)
    refine: RefineConfig = field(default_factory=RefineConfig)
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)
    camera_motion: CameraMotionConfig = field(default_factory=CameraMotionConfig)

    def as_mapping(self) -> dict[str, Any]:
        """Plain values, as YAML: what `--config` reads again."""

        def component(part: Component) -> dict[str, Any]:
            return {"name": part.name, **_plain(part.options)}

        return {
            "sources": list(self.sources),
            "source": _plain(self.source),
            "detector": component(self.detector),
            "reid": component(self.reid),
            "tracker": component(self.tracker),
            "output": _plain(self.output),
            "refine": _plain(self.refine),
            "embedding": _plain(self.embedding),
            "camera_motion": _plain(self.camera_motion),
        }

    def to_yaml(self) -> str:
        """The resolved configuration as YAML text."""
        return yaml.safe_dump(self.as_mapping(), sort_keys=False, allow_unicode=True)


AUTO = "auto"
"""As `reid.name`: the default embedder where the sources have pixels, none where they have only detections."""

SECTIONS = ("sources", "source", "detector", "reid", "tracker", "output", "refine", "embedding", "camera_motion")
_DEFAULT_NAMES = {"detector": "yolo", "reid": AUTO, "tracker": "deepsort"}
_KNOWN = {"detector": DETECTORS, "reid": EMBEDDERS, "tracker": TRACKERS}


def build_run_config(values: Mapping[str, Any]) -> RunConfig:
    """The checked configuration of plain values.

    Raises:
        ConfigError: an unknown section, key or component (lists those that exist), or a value of the wrong type.
    """
    unknown = sorted(set(values) - set(SECTIONS))
    if unknown:
        raise ConfigError(f"configuration: unknown section {unknown[0]!r}. Known: {', '.join(SECTIONS)}")
    sources = values.get("sources") or ()
    if isinstance(sources, str):
        sources = (sources,)
    return RunConfig(
        sources=tuple(map(str, sources)),
        source=build_config(SourceConfig, _section(values, "source"), "source"),
        detector=_component("detector", values),
        reid=_component("reid", values),
        tracker=_component("tracker", values),
        output=build_config(OutputConfig, _section(values, "output"), "output"),
        refine=build_config(RefineConfig, _section(values, "refine"), "refine"),
        embedding=build_config(EmbeddingConfig, _section(values, "embedding"), "embedding"),
        camera_motion=build_config(CameraMotionConfig, _section(values, "camera_motion"), "camera_motion"),
    )


def has_option(kind: str, name: str | None, option: str) -> bool:
    """Whether the component `name` (None = the default) of a kind takes an option; False when there is no such name."""
    try:
        cls = find_class(kind, _class_name(kind, name or _DEFAULT_NAMES[kind]), _KNOWN[kind])
    except ConfigError:
        return False
    return option in {entry.name for entry in dataclasses.fields(cls.Config)}


def component_of(kind: str, options: Mapping[str, Any]) -> Component:
    """The component that `options["name"]` stands for, with its other options checked."""
    name = options.get("name", _DEFAULT_NAMES[kind])
    if not isinstance(name, str):
        raise ConfigError(f"{kind}.name: expected a name, got {name!r}")
    if kind == "reid" and name in MODELS:
        options = {"weights": name, **options}
        name = MODELS[name]
    elif kind == "reid" and name != AUTO and name not in EMBEDDERS and ":" not in name and Path(name).suffix:
        options = {"weights": name, **options}
        name = embedder_of_file(name)
    cls = find_class(kind, _class_name(kind, name), _KNOWN[kind], (AUTO, *MODELS) if kind == "reid" else ())
    rest = {key: value for key, value in options.items() if key != "name"}
    return Component(name, cls, build_config(cls.Config, rest, kind))


def resolve_auto(component: Component, has_images: bool) -> Component:
    """The embedder that `auto` stands for; any other component is returned as it is."""
    if component.name != AUTO:
        return component
    return replace(component, name=DEFAULT_EMBEDDER) if has_images else component_of("reid", {"name": "none"})


class Distances(Protocol):
    """What a tracker's options need to know of an embedder; see `Embedder`."""

    @property
    def dimension(self) -> int:
        """D; 0 means that appearance is off."""

    @property
    def match_distance(self) -> float:
        """Cosine distance that two crops of one person rarely exceed."""

    @property
    def sure_distance(self) -> float:
        """Cosine distance that crops of two people hardly ever fall below."""


def with_thresholds(tracker: Component, embedder: Distances) -> Component:
    """The tracker with the embedder's own distances where its options leave them open."""
    own = {"appearance_threshold": embedder.match_distance, "reid_threshold": embedder.sure_distance}
    names = {entry.name for entry in dataclasses.fields(tracker.options)}
    is_open = [name for name in own if name in names and getattr(tracker.options, name) is None]
    if embedder.dimension == 0 or not is_open:
        return tracker
    return replace(tracker, options=replace(tracker.options, **{name: own[name] for name in is_open}))


def with_interval(tracker: Component, embedding: EmbeddingConfig) -> Component:
    """The tracker with the time between two looks that `--reid-every SECONDS` asks for.

    Raises:
        ConfigError: a tracker without such an option.
    """
    if isinstance(embedding.every, str) or embedding.every == 0:
        return tracker
    if "embedding_interval_s" not in {entry.name for entry in dataclasses.fields(tracker.options)}:
        raise ConfigError(
            f"--reid-every {embedding.every:g}: tracker {tracker.name} has no option embedding_interval_s; use auto"
        )
    return replace(tracker, options=replace(tracker.options, embedding_interval_s=embedding.every))


def _class_name(kind: str, name: str) -> str:
    return DEFAULT_EMBEDDER if kind == "reid" and name == AUTO else name


def _component(kind: str, values: Mapping[str, Any]) -> Component:
    return component_of(kind, _section(values, kind))


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name) or {}
    if not isinstance(section, dict):
        raise ConfigError(f"{name}: expected a mapping of options, got {section!r}")
    return section


def _plain(options: Any) -> dict[str, Any]:
    """A dataclass as a mapping that YAML can hold: tuples become lists."""
    values = dataclasses.asdict(options)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
