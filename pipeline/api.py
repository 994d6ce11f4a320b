"""Tracking from Python, without files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mdpr.pipeline.assembling import make_detector, make_loop, with_resolved_tracker
from mdpr.pipeline.flags import config_from_flags
from mdpr.pipeline.loop import CameraEnd, FrameResult, TrackingLoop
from mdpr.pipeline.run import choose_embedder
from mdpr.pipeline.sources import expand_sources, open_source
from mdpr.pipeline.timing import StageTimes
from mdpr.types import Frame, Tracks


def track(
    sources: str | Path | Sequence[str | Path],
    *,
    config: str | None = None,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> Iterator[tuple[Frame, Tracks]]:
    """Track people and yield the result of each frame; nothing is written.

    Frames of several cameras come in turns; `frame.camera` says which one it is. The tracklets that end come in
    `tracks.ended`; those that are still open at the end of a source come with a last, empty result for its last frame.

    Args:
        sources: what `mdpr-track` takes: files, folders, globs, webcam numbers, streams.
        config: a YAML file or the name of a preset.
        settings: dotted configuration keys, such as {"tracker.max_age_s": 3}.
        options: the flags of `mdpr-track` with underscores: detector, weights, conf, reid, tracker, device, ...

    Raises:
        ConfigError: an unknown or unfit option.
        SourceError: a source that cannot be read (at once, before the first frame).
        ModelError: weights that cannot be had.

    Example:
        for frame, tracks in track("shop.mp4", detector="motion"):
            print(f"{frame.time_s:.2f} s: {len(tracks)} people, ids {tracks.track_id.tolist()}")
    """
    names = [sources] if isinstance(sources, (str, Path)) else sources
    run = config_from_flags(tuple(map(str, names)), options, config, tuple((settings or {}).items()))
    opened = [open_source(spec, run.source) for spec in expand_sources(run.sources)]
    embedder = choose_embedder(run, opened).make()
    run = with_resolved_tracker(run, embedder)
    return _results(make_loop(run, opened, make_detector(run.detector), embedder, StageTimes()))


def _results(loop: TrackingLoop) -> Iterator[tuple[Frame, Tracks]]:
    last: dict[str, Frame] = {}
    for result in loop:
        if isinstance(result, FrameResult):
            last[result.frame.camera] = result.frame
            yield result.frame, result.tracks
        elif isinstance(result, CameraEnd) and result.error is not None:
            raise result.error
        elif result.tracklets:
            yield last[result.camera], Tracks.empty(result.tracklets)
