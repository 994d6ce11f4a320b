"""Linking by `mdpr-track` itself: several cameras, or a gallery, give identities without a second command."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mdpr.errors import MdprError
from mdpr.pipeline.exits import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_SOME_SOURCES_FAILED
from mdpr.pipeline.linking.jobs import LinkJob, link_runs, summary_of, summary_text
from mdpr.pipeline.linking.whiletracking import LinkingWhileTracking, Meanwhile, every_s_of
from mdpr.pipeline.run import TrackRun
from mdpr.pipeline.store import EmbeddingModel, SqliteStore
from mdpr.pipeline.store.checks import check_model_name
from mdpr.trackers.crosscamera import Cameras

log = logging.getLogger("mdpr")


def check_before(run: TrackRun) -> None:
    """See, before hours of tracking, whether the file about the cameras is right and the gallery can take the run.

    Raises:
        ConfigError: the file about the cameras is not understood.
        OtherModelError: the gallery holds embeddings of another model.
        ConfigError, FormatError, OutputError: it is no gallery, or cannot be written.
    """
    if run.report is None:  # no source could be opened
        return
    _cameras(run)
    if not run.config.output.gallery:
        return
    with SqliteStore(run.config.output.gallery) as store:
        model = EmbeddingModel(run.report.embedding_model, run.embedding_dimension)
        check_model_name("this run", model, store.model, run.config.output.gallery)


@contextmanager
def linking_meanwhile(run: TrackRun) -> Iterator[Meanwhile]:
    """Link into the gallery while the run goes on, where its options ask for it.

    Yields:
        What is left to the end, once the run is over.
    """
    every_s = None if run.report is None else every_s_of(run)
    if every_s is None:
        yield Meanwhile()
        return
    with LinkingWhileTracking(run, _cameras(run), every_s) as linking:
        yield linking.done


def link_after(run: TrackRun, code: int, meanwhile: Meanwhile | None = None) -> int:
    """Link a run that is over, where its options ask for it.

    Args:
        run: the run.
        code: its exit code.
        meanwhile: see `linking_meanwhile`; who was forgotten since is not put into the gallery again.

    Returns:
        The exit code of the run, or that of what stopped the linking; then the log tells how to link again.
    """
    if run.report is None or code not in (EXIT_DONE, EXIT_SOME_SOURCES_FAILED, EXIT_INTERRUPTED):
        return code
    output = run.config.output
    cameras = [camera for camera in run.cameras.values() if camera.frames]
    is_wanted = len(cameras) > 1 and output.save_parquet if output.link is None else output.link
    if not (is_wanted or output.gallery):
        return code
    done = meanwhile or Meanwhile()
    if output.is_gallery_only:  # everybody is in it already
        return EXIT_FAILED if done.left else code
    begin = time.perf_counter()
    gallery = Path(output.gallery) if output.gallery else None
    try:
        job = LinkJob(
            (run.folder,), gallery, cameras=_cameras(run), with_crops=output.gallery_crops,
            entered=frozenset(done.entered), taken=done.pictures,
        )  # fmt: skip
        answer, runs = link_runs(job)
    except MdprError as error:
        again = f"mdpr-link {run.folder}" + (f" --gallery {gallery}" if gallery else "")
        again += f" --cameras {output.cameras}" if output.cameras else ""
        log.error("tracked, but not linked: %s. When that is mended: %s", error, again)
        return error.exit_code
    log.info("%s", summary_text(summary_of(answer, runs, time.perf_counter() - begin), gallery))
    return code


def _cameras(run: TrackRun) -> Cameras:
    path = run.config.output.cameras
    return Cameras.read(Path(path) if path else None)
