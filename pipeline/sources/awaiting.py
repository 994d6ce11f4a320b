"""A camera that is not there when a run begins is looked for like one that broke off, instead of being left out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from mdpr.contracts import Source
from mdpr.errors import AbsentError, SourceError
from mdpr.pipeline.sources.health import Health
from mdpr.pipeline.sources.opening import open_source
from mdpr.pipeline.sources.reconnecting import Reconnecting
from mdpr.pipeline.sources.spec import CameraSpec, SourceConfig
from mdpr.types import Frame


def open_or_await(spec: CameraSpec, config: SourceConfig) -> Source:
    """Open a camera; a stream that nobody answers for becomes a source that looks for it.

    Args:
        spec: from `expand_sources`.
        config: what to keep of it; with `reconnect_s` 0 nothing is looked for.

    Raises:
        SourceError: see `open_source`; what time will not mend, such as a wrong address, path or password.
    """
    try:
        return open_source(spec, config)
    except AbsentError as error:
        if config.reconnect_s == 0:
            raise
        return AwaitedSource(spec, config, error)


class AwaitedSource:
    """A live `Source` that is looked for by whoever iterates it until it is there; its time begins then.

    Args:
        spec: of the camera.
        config: what to keep of it, and how long to look for it.
        why: it could not be opened.
    """

    def __init__(self, spec: CameraSpec, config: SourceConfig, why: AbsentError) -> None:
        self.camera = spec.camera
        self.is_live = True
        self.has_images = True
        self.started_s: float | None = None
        self._spec = spec
        self._config = config
        self._why = why
        self._health = Health(spec.camera)
        self._found: Source | None = None

    def __iter__(self) -> Iterator[Frame]:
        """The frames, once it is there.

        Raises:
            SourceError: it did not come in time, or is no camera.
        """
        is_there = Reconnecting(self._health, self._config).is_back(str(self._why), 0.0, self._open)
        if self._found is None:
            if self._health.is_closed.is_set():
                return
            raise self._why
        with contextlib.closing(self._found):
            if not self._found.is_live:
                raise SourceError(f"{self._spec.display}: is there now, but is a recording and no camera: run again")
            if is_there:  # else closed while it was being opened
                yield from self._found

    def _open(self) -> None:
        self._found = open_source(self._spec, self._config)

    @property
    def losses(self) -> dict[str, int]:
        """What could not be used so far, by kind."""
        found = {} if self._found is None else self._found.losses
        own = self._health.losses.copy()
        return {kind: own.get(kind, 0) + found.get(kind, 0) for kind in {**own, **found}}

    def close(self) -> None:
        """End the search, or release the stream; further calls do nothing."""
        self._health.is_closed.set()
        if self._found is not None:
            self._found.close()
