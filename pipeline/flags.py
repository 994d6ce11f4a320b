"""The names that the command line and the Python API share, and the configuration keys that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdpr.errors import ConfigError
from mdpr.pipeline.config import SECTIONS, RunConfig, build_run_config, has_option
from mdpr.pipeline.settings import merge_settings, read_config

FLAG_KEYS: dict[str, str] = {
    "detector": "detector.name",
    "weights": "detector.weights",
    "detections": "detector.path",
    "conf": "detector.conf",
    "iou": "detector.iou",
    "imgsz": "detector.imgsz",
    "classes": "detector.classes",
    "max_det": "detector.max_det",
    "half": "detector.half",
    "reid": "reid.name",
    "reid_weights": "reid.weights",
    "tracker": "tracker.name",
    "start": "source.start_s",
    "end": "source.end_s",
    "vid_stride": "source.vid_stride",
    "fps": "source.fps",
    "timeout": "source.timeout_s",
    "reconnect": "source.reconnect_s",
    "started_at": "source.started_at",
    "project": "output.project",
    "name": "output.name",
    "exist_ok": "output.exist_ok",
    "save": "output.save",
    "save_txt": "output.save_txt",
    "save_parquet": "output.save_parquet",
    "save_crop": "output.save_crop",
    "link": "output.link",
    "gallery": "output.gallery",
    "link_every": "output.link_every_s",
    "crops": "output.gallery_crops",
    "cameras": "output.cameras",
    "show": "output.show",
    "refine": "output.refine",
    "reid_every": "embedding.every",
    "camera_motion": "camera_motion.mode",
    "line_width": "output.line_width",
}
"""Flag to "section.key". `device` is not here: it goes to every stage that has one."""


def config_from_flags(
    sources: tuple[str, ...],
    flags: Mapping[str, Any],
    config: str | None = None,
    settings: tuple[tuple[str, Any], ...] = (),
) -> RunConfig:
    """The configuration of a run: the file or preset `config`, then `settings`, then `flags`.

    Args:
        sources: replace those of the file, when there are any.
        flags: names of `FLAG_KEYS` and "device"; None = not given.
        config: path or preset name.
        settings: dotted keys and values.

    Raises:
        ConfigError: anything unknown or of the wrong type.
    """
    given = {flag: value for flag, value in flags.items() if value is not None}
    unknown = sorted(set(given) - set(FLAG_KEYS) - {"device"})
    if unknown:
        raise ConfigError(f"unknown option {unknown[0]!r}. Known: {', '.join(sorted([*FLAG_KEYS, 'device']))}")
    device = given.pop("device", None)
    if "detections" in given and given.setdefault("detector", "file") != "file":
        raise ConfigError(f"--detections goes with --detector file, not with {given['detector']}")
    if "reid_weights" in given:
        given.setdefault("reid", "onnx")
    values = read_config(config) if config else {}
    keys = [*settings, *((FLAG_KEYS[flag], value) for flag, value in given.items())]
    values = merge_settings(values, keys, SECTIONS[1:])
    if device is not None:
        devices = [(f"{stage}.device", str(device)) for stage in _with_device(values)]
        values = merge_settings(values, devices, SECTIONS[1:])
    if sources:
        values["sources"] = list(sources)
    return build_run_config(values)


def _with_device(values: Mapping[str, Any]) -> list[str]:
    """The stages that can run on a device."""
    return [kind for kind in ("detector", "reid") if has_option(kind, (values.get(kind) or {}).get("name"), "device")]
