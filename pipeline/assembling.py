"""The frame loop of a configuration: what the command and the Python API have in common."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from mdpr.contracts import Detector, Embedder, Source, Tracker
from mdpr.errors import ConfigError
from mdpr.pipeline.config import Component, RunConfig, with_interval, with_thresholds
from mdpr.pipeline.input_size import with_input_sizes
from mdpr.pipeline.loop import TrackingLoop
from mdpr.pipeline.timing import StageTimes
from mdpr.trackers.camera_motion import CameraMotion

log = logging.getLogger("mdpr")


def with_resolved_tracker(config: RunConfig, embedder: Embedder) -> RunConfig:
    """The configuration with those options of the tracker filled in that depend on the embedder and on other sections.

    Raises:
        ConfigError: a tracker that cannot do what another section asks for.
    """
    tracker = with_interval(with_thresholds(config.tracker, embedder), config.embedding)
    return replace(config, tracker=tracker)


def make_detector(component: Component) -> Detector:
    """The detector; it chooses the size of its input by camera where the configuration leaves it open.

    Raises:
        ModelError: weights that cannot be had.
        ConfigError: options that do not fit them.
    """
    return with_input_sizes(component.make(), getattr(component.options, "imgsz", None))


def make_loop(
    config: RunConfig, sources: Sequence[Source], detector: Detector, embedder: Embedder, times: StageTimes
) -> TrackingLoop:
    """The loop, with a tracker for each source.

    Args:
        config: from `with_resolved_tracker`.
        sources: opened.
        detector, embedder: made.
        times: where the stage times go.

    Raises:
        ConfigError: a tracker that cannot do what another section asks for.
    """
    trackers: dict[str, Tracker] = {source.camera: config.tracker.make() for source in sources}
    motions = make_motions(config, sources)
    return TrackingLoop(sources, detector, embedder, trackers, times, config.embedding.is_sparse, motions)


def make_motions(config: RunConfig, sources: Sequence[Source]) -> dict[str, CameraMotion]:
    """What measures the motion of each camera that has pictures; empty when it is off.

    Raises:
        ConfigError: it was asked for, and the tracker cannot take it or there are no pictures.
    """
    mode = config.camera_motion.mode
    if mode == "off":
        return {}
    reason = ""
    if not hasattr(config.tracker.cls, "move_camera"):
        reason = f"tracker {config.tracker.name} does not take it (move_camera)"
    elif not any(source.has_images for source in sources):
        reason = "there are no images"
    if reason and mode == "on":
        raise ConfigError(f"--camera-motion on: {reason}")
    if reason:
        log.info("motion    off: %s", reason)
        return {}
    log.info("motion    %s", "auto: of the camera, until it turns out to be fixed" if mode == "auto" else "on")
    return {source.camera: CameraMotion(config.camera_motion) for source in sources if source.has_images}
