"""A whole run: open the sources, build the stages, track, write everything, say how it went."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from mdpr.contracts import Embedder, Sink, Source
from mdpr.errors import ConfigError, OutputError, SourceError
from mdpr.files import Reserve, make_folder, results_folder, write_text
from mdpr.pipeline.assembling import make_detector, make_loop, with_resolved_tracker
from mdpr.pipeline.config import Component, RunConfig, resolve_auto
from mdpr.pipeline.draw import Painter
from mdpr.pipeline.exits import EXIT_DONE, EXIT_INTERRUPTED, EXIT_NO_FRAME, EXIT_SOME_SOURCES_FAILED
from mdpr.pipeline.input_size import InputSizes
from mdpr.pipeline.loop import CameraEnd, FrameResult, TrackingLoop
from mdpr.pipeline.report import CameraReport, RunReport
from mdpr.pipeline.sinks import BackgroundSink, CropSink, MotSink, TrackletSink, TrackSink, VideoSink
from mdpr.pipeline.sources import expand_sources, open_or_await
from mdpr.pipeline.sources.clock import CLOCK, starts_of
from mdpr.pipeline.sources.spec import mask_secrets
from mdpr.pipeline.stillness import Stillness
from mdpr.pipeline.timing import StageTimes
from mdpr.pipeline.window import Viewer, WindowSink, require_display

log = logging.getLogger("mdpr")

_RESERVE_BYTES = 1 << 20  # a camera: what its tables may still need when the disk is full


class TrackRun:
    """One run of `mdpr-track`. `interrupt` may be called from a signal handler.

    Args:
        config: the checked configuration.

    Raises:
        ConfigError: no sources, or options that do not fit the sources.
        ModelError: weights that cannot be had.
        OutputError: the folder cannot be made.
    """

    def __init__(self, config: RunConfig) -> None:
        if config.output.show:
            require_display()
        elif config.output.keeps_nothing:
            log.warning("nothing of this run is kept: no video, no tables, no gallery (--gallery FILE), no window")
        self.times = StageTimes()
        self.cameras: dict[str, CameraReport] = {}
        self.more_sinks: list[Callable[[str], Sink]] = []
        """What else gets the results of each camera, by its name; taken when the run begins."""
        self._is_interrupted = False
        self._loop: TrackingLoop | None = None
        self._sources = self._open_sources(config)
        self._stillness = {source.camera: Stillness() for source in self._sources}
        self.report: RunReport | None = None
        if not self._sources:
            return
        started_s = time.time()
        for camera, start in starts_of(self._sources, config.source.started_at, list(self.cameras), started_s).items():
            self.cameras[camera].started_from = start.known_from
            self.cameras[camera].started_s = None if start.known_from == CLOCK else start.at_s
        self.config = replace(
            config,
            sources=tuple(mask_secrets(source) for source in config.sources),
            reid=choose_embedder(config, self._sources),
        )
        log.info("tracker   %s", self.config.tracker.name)
        detector = make_detector(self.config.detector)
        self._detector = detector
        log.info("detector  %s", detector.description)
        embedder: Embedder = self.config.reid.make()
        log.info("reid      %s", embedder.description)
        self.config = with_resolved_tracker(self.config, embedder)
        self._embedder = embedder
        self._loop = make_loop(self.config, self._sources, detector, embedder, self.times)
        self.folder = results_folder(config.output.project, config.output.name, config.output.exist_ok)
        self.report = RunReport(
            status="running",
            folder=str(self.folder),
            detector=detector.description,
            reid=embedder.description,
            tracker=self.config.tracker.name,
            embedding_model=embedder.fingerprint,
            cameras=self.cameras,
            started_s=started_s,
        )

    def interrupt(self) -> None:
        """End now, as if the sources had ended; everything that was tracked is written."""
        self._is_interrupted = True
        if self._loop is not None:
            self._loop.stop()

    def execute(self) -> int:
        """Track everything; returns the exit code. However it ends, results are complete up to that frame.

        Raises:
            MdprError: what stopped the run, after everything was closed and run.json was written.
        """
        if self._loop is None or self.report is None:
            return EXIT_NO_FRAME
        write_text(self.folder / "config.yaml", self.config.to_yaml())
        self._write_report()
        start = time.perf_counter()
        try:
            with ExitStack() as stack:
                self._reserve = Reserve(self.folder, _RESERVE_BYTES * len(self._sources))
                stack.callback(self._reserve.release)
                viewer = stack.enter_context(contextlib.closing(Viewer())) if self.config.output.show else None
                sinks = {
                    source.camera: stack.enter_context(self._open_sinks(source, viewer)) for source in self._sources
                }
                self._track(sinks, viewer)
        except Exception as error:
            self._close("failed", start, str(error))
            raise
        self._close("interrupted" if self._is_interrupted else "complete", start)
        if self._is_interrupted:
            return EXIT_INTERRUPTED
        self._refine()
        if self.report.frames == 0:
            return EXIT_NO_FRAME
        return EXIT_SOME_SOURCES_FAILED if any(camera.error for camera in self.cameras.values()) else EXIT_DONE

    @property
    def embedding_dimension(self) -> int:
        """Of the run's embeddings; 0 when appearance is off."""
        return self._embedder.dimension

    @property
    def is_live(self) -> bool:
        """Whether a source has no end of its own."""
        return any(source.is_live for source in self._sources)

    @property
    def frames_done(self) -> int:
        """Frames tracked so far, of all cameras."""
        return sum(camera.frames for camera in self.cameras.values())

    def _refine(self) -> None:
        """Refine the tracks when that was asked for and there are any."""
        if not self.config.output.refine or self.report is None or self.report.frames == 0:
            return
        from mdpr.pipeline.refining import refine_run  # what a run starts with stays light

        refined = refine_run(self.folder, self.config.refine)
        for camera, change in refined.cameras.items():
            log.info("%s", change.as_text(f"refined   {camera}"))
        self.report.refined = refined.values()

    def _open_sources(self, config: RunConfig) -> list[Source]:
        """The sources that can be read or looked for; the others are logged, and their error is in `cameras`."""
        opened: list[Source] = []
        for spec in expand_sources(config.sources):
            camera = CameraReport(spec.display)
            self.cameras[spec.camera] = camera
            try:
                opened.append(open_or_await(spec, config.source))
            except SourceError as error:
                camera.error = str(error)
                log.error("%s", error)
        return opened

    def _open_sinks(self, source: Source, viewer: Viewer | None) -> BackgroundSink:
        """All writers of one camera, in its own folder."""
        folder = self.folder / source.camera
        output = self.config.output
        if output.save or output.save_txt or output.save_parquet or output.save_crop:
            make_folder(folder)

        still = self._stillness[source.camera]

        def painter() -> Painter:
            return Painter(output.line_width, output.trail_s, is_still=still.is_still)

        sinks: list[Sink] = [still]
        if output.save_txt:
            sinks.append(MotSink(folder / "tracks.txt"))
        if output.save_parquet:
            sinks.append(TrackSink(folder / "tracks.parquet"))
            model = self._embedder.dimension, self._embedder.fingerprint
            sinks.append(TrackletSink(folder / "tracklets.parquet", *model, still.is_still))
        if output.save_crop:
            sinks.append(CropSink(folder / "crops"))
        if output.save:
            sinks.append(VideoSink(folder / "video.mp4", painter(), output.crf))
        if viewer is not None:
            sinks.append(WindowSink(viewer, painter()))
        sinks += [make(source.camera) for make in self.more_sinks]
        return BackgroundSink(sinks, self.times, self._reserve.release)

    def _track(self, sinks: dict[str, BackgroundSink], viewer: Viewer | None) -> None:
        assert self._loop is not None  # for the type checker: execute has checked it
        for result in self._loop:
            if isinstance(result, FrameResult):
                camera = self.cameras[result.frame.camera]
                if camera.started_s is None:  # live
                    camera.started_s = time.time() - result.frame.time_s
                camera.frames += 1
                camera.people += len(result.tracks.ended)
                sinks[result.frame.camera].write(result.frame, result.tracks)
            else:
                camera = self.cameras[result.camera]
                camera.people += len(result.tracklets)
                if isinstance(result, CameraEnd):
                    camera.error = str(result.error or "")
                sinks[result.camera].end(result.tracklets)
            if viewer is not None and viewer.is_closed:
                self._loop.stop()

    def _close(self, status: str, start: float, error: str = "") -> None:
        assert self._loop is not None
        assert self.report is not None
        sizes = self._detector.sizes if isinstance(self._detector, InputSizes) else {}
        for source in self._sources:
            self.cameras[source.camera].imgsz = sizes.get(source.camera)
            self.cameras[source.camera].losses = dict(source.losses)
            self.cameras[source.camera].dropped = self._loop.dropped.get(source.camera, 0)
            self.cameras[source.camera].still = self._stillness[source.camera].count
            self.cameras[source.camera].motion = self._loop.camera_states.get(source.camera, "off")
        if self._embedder.dimension:
            self.report.embeddings = self._loop.embeddings.values()
        self.report.status = status
        self.report.error = error
        self.report.wall_s = time.perf_counter() - start
        try:
            self._write_report()
        except OutputError as failure:  # a full disk: the first error is the one to tell
            log.error("%s", failure)

    def _write_report(self) -> None:
        assert self.report is not None
        write_text(self.folder / "run.json", self.report.as_json(self.times))


def choose_embedder(config: RunConfig, sources: Sequence[Source]) -> Component:
    """The embedder for these sources.

    Raises:
        ConfigError: an embedder was asked for by name, but a source has no pixels.
    """
    blind = [source.camera for source in sources if not source.has_images]
    chosen = resolve_auto(config.reid, has_images=not blind)
    if blind and chosen.name != "none":
        raise ConfigError(f"--reid {chosen.name}: {blind[0]} has no images to look at; use --reid none")
    if blind and config.reid.name != "none":
        log.info("%s has no images: appearance is off", ", ".join(blind))
    return chosen
