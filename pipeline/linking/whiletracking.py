"""Linking into a gallery while `mdpr-track` runs, so that who was seen is known before a run ends, if it ever does.

Every so often all tracklets that have ended are linked with the gallery, as at the end of a run; what was decided
before may be revised, and the gallery's history tells. Whoever is still there, or left so lately that they may come
back to the same track (`tracker.return_s`), is not among them yet. Pictures of live sources are taken as they go by.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from mdpr.errors import MdprError
from mdpr.files import make_folder
from mdpr.pipeline.linking.arrivals import Arrival, Arrivals, ArrivalSink
from mdpr.pipeline.linking.jobs import summary_of, summary_text
from mdpr.pipeline.linking.knowing import link_known
from mdpr.pipeline.linking.limits import enforce_limits
from mdpr.pipeline.linking.runs import TRACKLETS_FILE, RunFolder, running
from mdpr.pipeline.linking.viewcrops import goes_by
from mdpr.pipeline.linking.viewpictures import TakenPictures, taken_of
from mdpr.pipeline.run import TrackRun
from mdpr.pipeline.sinks import TrackletSink
from mdpr.pipeline.store import EmbeddingModel, SqliteStore
from mdpr.trackers.crosscamera import Boxes, Cameras, LinkConfig

log = logging.getLogger("mdpr")

LIVE_EVERY_S = 60.0
"""Seconds between two rounds where a source is live and nothing else was asked for."""

LEAST_REST = 9.0
"""Rounds rest this many times as long as the last one took: at most a tenth of a core goes to linking."""

LIMITS_EVERY_S = 3600.0
"""Seconds after which the limits of the gallery are enforced again; a tenth of its time to live where that is less."""

MOST_PATHS = 1000
"""Tracks of this run, the latest, of which the boxes are kept after they were linked: they tell where people stood."""


@dataclass
class Meanwhile:
    """What linking leaves to the end of a run.

    Attributes:
        entered: camera and id of the tracks that have gone into the gallery; those not there any more were forgotten.
        pictures: of live sources, of tracks that have not.
        left: camera and id of the tracks that should be in the gallery, and could not be put into it.
    """

    entered: set[tuple[str, int]] = field(default_factory=set)
    pictures: TakenPictures = field(default_factory=dict)
    left: tuple[tuple[str, int], ...] = ()


class LinkingWhileTracking:
    """Links what has ended, in a thread of its own; a context manager around `TrackRun.execute`.

    Args:
        run: that will be executed, with a gallery in its options.
        cameras: what is known about them.
        every_s: seconds between two rounds.
    """

    def __init__(self, run: TrackRun, cameras: Cameras, every_s: float) -> None:
        self._run = run
        self._gallery = Path(run.config.output.gallery)
        self._known = cameras
        self._every_s = every_s
        self._arrivals = Arrivals()
        self._names: list[str] = []  # of the cameras
        self._paths: OrderedDict[tuple[str, int], Boxes] = OrderedDict()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._rounds, daemon=True, name="link")
        self._limits_due_s = 0.0  # by the monotonic clock
        self.done = Meanwhile()
        run.more_sinks.append(self._sink_of)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        if self._run.config.output.is_gallery_only:
            self._finish()
        self.done.pictures = {one.track: one.pictures for one in self._arrivals.take()}

    def _sink_of(self, camera: str) -> ArrivalSink:
        self._names.append(camera)
        output = self._run.config.output
        with_pictures = output.is_gallery_only or goes_by(self._run.cameras[camera].source)
        return ArrivalSink(self._arrivals, output.gallery_crops and with_pictures)

    def _rounds(self) -> None:
        rest_s = self._every_s
        while not self._is_over.wait(rest_s):
            begin = time.perf_counter()
            self.link_now()
            self.enforce_limits_now()
            rest_s = max(self._every_s, LEAST_REST * (time.perf_counter() - begin))

    def link_now(self) -> None:
        """One round; whatever stops it is told, and the next one tries again."""
        arrivals = self._arrivals.take()
        if not arrivals:
            return
        begin = time.perf_counter()
        try:
            run = self._so_far(arrivals)
            with SqliteStore(self._gallery) as store:
                pictures = {one.track: one.pictures for one in arrivals}
                answer = link_known(store, [run], LinkConfig(), self._known, lambda _run, new: taken_of(pictures, new))
        except MdprError as error:
            self._arrivals.add(arrivals)
            log.warning("not linked for now: %s", error)
            return
        except Exception:
            self._arrivals.add(arrivals)
            log.exception("not linked for now, by a mistake in this program: please report it")
            return
        self.done.entered |= {one.track for one in arrivals}
        summary = summary_of(answer, [run], time.perf_counter() - begin)
        if self._is_over.is_set() and self._run.config.output.is_gallery_only:
            log.info("%s", summary_text(summary, self._gallery))
        else:
            log.info(
                "so far %s", summary_text({**summary, "apart": []}, self._gallery)
            )  # that is told once, at the end

    def _finish(self) -> None:
        """Link the last ones; those whom the gallery does not take go to the files that `mdpr-link` reads."""
        self.link_now()
        self._limits_due_s = 0.0
        self.enforce_limits_now()
        left = self._arrivals.take()
        if not left:
            return
        self.done.left = tuple(one.track for one in left)
        assert self._run.report is not None  # for the type checker: a run without a report is not executed
        model = self._run.embedding_dimension, self._run.report.embedding_model
        for camera in self._names:
            make_folder(self._run.folder / camera)
            with TrackletSink(self._run.folder / camera / TRACKLETS_FILE, *model) as sink:
                sink.end([one.tracklet for one in left if one.tracklet.camera == camera])
        folder = self._run.folder
        log.error(
            "%d tracklets could not be put into %s; they are in %s. When that is mended: mdpr-link %s --gallery %s",
            len(left), self._gallery, folder, folder, self._gallery,
        )  # fmt: skip

    def enforce_limits_now(self) -> None:
        """Forget what is beyond the limits of the gallery, when it is time to; who goes is not put in again."""
        if time.monotonic() < self._limits_due_s or not self._gallery.exists():
            return
        try:
            with SqliteStore(self._gallery, "write") as store:
                enforce_limits(store)
                ttl_s = store.retention.ttl_s
        except MdprError as error:
            log.warning("the limits of the gallery were not enforced: %s", error)
            return
        self._limits_due_s = time.monotonic() + min(LIMITS_EVERY_S, (ttl_s or math.inf) / 10)

    def _has_begun(self, camera: str) -> bool:
        report = self._run.cameras[camera]
        return bool(report.frames or report.error)

    def _so_far(self, arrivals: list[Arrival]) -> RunFolder:
        for one in arrivals:
            if one.boxes is not None:
                self._paths[one.track] = one.boxes
        while len(self._paths) > MOST_PATHS:
            self._paths.popitem(last=False)
        report = self._run.report
        assert report is not None  # for the type checker: a run without a report is not executed
        model = EmbeddingModel(report.embedding_model, self._run.embedding_dimension)
        cameras = {name: vars(camera) for name, camera in report.cameras.items()}
        started = {"started_s": report.started_s, "cameras": cameras}
        tracklets = [one.tracklet for one in arrivals]
        begun = {name for name in self._names if self._has_begun(name)}
        return running(self._run.folder, started, begun, model, tracklets, dict(self._paths))


def every_s_of(run: TrackRun) -> float | None:
    """Seconds between two rounds; None where a run is linked at its end, or not at all."""
    output = run.config.output
    if not output.gallery:
        return None
    if output.link_every_s is None:
        return LIVE_EVERY_S if output.is_gallery_only or (run.is_live and not output.refine) else None
    return output.link_every_s or None
