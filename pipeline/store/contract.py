"""The contract of a store: what outlives a run, whatever keeps it.

`tests/pipeline/store/test_contract.py` holds every implementation to it. Each call is one transaction: it happens as a
whole or not at all, and has reached the disk when it returns. Reading sees one moment. Any number of processes may read
while one writes; a second writer waits, then gets a `BusyError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from mdpr.pipeline.store.decisions import Correction, Event, Identity, Link, Pair, Revision
from mdpr.pipeline.store.keeping import (
    CameraSummary,
    Forgotten,
    Retention,
    Search,
    Stats,
)
from mdpr.pipeline.store.values import (
    EVERYTHING,
    EmbeddingModel,
    Filters,
    Group,
    Match,
    Run,
    TrackletKey,
    TrackletRecord,
)


class Store(Protocol):
    """Tracklets, identities and how they came about.

    All methods may raise `OutputError` (full disk, no permission), `BusyError` and `FormatError` (a damaged store).
    """

    description: str
    """One line for the log: kind and place."""

    @property
    def model(self) -> EmbeddingModel | None:
        """What made the embeddings; None while there are none."""

    @property
    def revision(self) -> int:
        """Number of the last change to identities, links, names or corrections; 0 at first."""

    def add_run(self, run: Run) -> None:
        """Register a run before its tracklets are put. The same run once more changes nothing but for cameras that it
        lacked, which are added and bring its configuration: a run that goes on may get some.

        Raises:
            OtherModelError: its embeddings cannot be compared with those in the store.
            ConflictError: another run has that name.
            FormatError: a name with a slash, no camera, a configuration that is not JSON, or a start that no clock
                that is set could give (before 2000, or after tomorrow).
        """

    def runs(self) -> list[Run]:
        """All runs, in the order in which they were added."""

    def cameras(self) -> list[CameraSummary]:
        """The cameras of all runs, by name."""

    def put(self, records: Sequence[TrackletRecord]) -> int:
        """Store tracklets; returns how many were new.

        A tracklet that is there already is skipped; crops that it lacked are added to it.

        Raises:
            UnknownError: a run, or a camera of a run, that was not added.
            OtherModelError: as for `add_run`; another run's tracklets came first.
            ConflictError: another tracklet has that key.
            FormatError: embeddings that are neither unit rows nor zeros or have another dimension than the run's model.
        """

    def tracklets(self, filters: Filters = EVERYTHING) -> list[TrackletRecord]:
        """Tracklets with their identities and without crops, sorted by key."""

    def crops(self, key: TrackletKey) -> tuple[bytes, ...]:
        """A JPEG for each view, b"" where there is none.

        Raises:
            UnknownError: no such tracklet.
        """

    def nearest(
        self, embeddings: NDArray[np.float32], k: int, filters: Filters = EVERYTHING, group: Group = "tracklet"
    ) -> list[list[Match]]:
        """The most similar views, exactly.

        Args:
            embeddings: (Q, D) unit rows. A row of zeros, which is no appearance, has no matches.
            k: most matches a query.
            filters: which tracklets to look at.
            group: "view" gives single views; "tracklet" and "identity" give the best view of each. A tracklet without
                identity is then one of its own.

        Returns:
            For each query at most k matches, the most similar first, ties in order of key and view.

        Raises:
            FormatError: another dimension than the store's. An empty store answers any with nothing.
        """

    def reserve(self, count: int) -> list[int]:
        """Numbers for new identities, rising, never given before."""

    def identities(self) -> list[Identity]:
        """Those that have members or a name, by number."""

    def links(self, identity: int | None = None) -> list[Link]:
        """Current links, sorted by pair; only those of members of `identity` when it is given."""

    def revise(self, revision: Revision) -> int:
        """Carry out a decision; every part of it that changes something becomes an event.

        Returns:
            The number of the revision; `Store.revision` as it was when nothing changed.

        Raises:
            UnknownError: a tracklet or identity that is not there.
            ConflictError: an identity would hold two tracklets that overlap in time in one camera of one run, a
                correction would be broken, a link would contradict the identities, or the store moved on since
                `based_on`.
        """

    def rename(self, identity: int, name: str, author: str) -> None:
        """Name an identity; "" takes the name away.

        Raises:
            UnknownError: no such identity.
            ConflictError: another one has that name.
        """

    def correct(self, correction: Correction) -> None:
        """Record what a person knows. Identities stay as they are until a revision changes them.

        A correction of the other kind about the same pair replaces the earlier one.

        Raises:
            UnknownError: a tracklet that is not there.
            ConflictError: it contradicts the other corrections, taken together, or joins tracklets that overlap.
        """

    def withdraw(self, pair: Pair, author: str) -> None:
        """Take a correction back.

        Raises:
            UnknownError: there is none about that pair.
        """

    def corrections(self) -> list[Correction]:
        """All corrections, sorted by pair."""

    def events(self, identity: int | None = None, key: TrackletKey | None = None, after: int = 0) -> list[Event]:
        """The history in order; only what concerns `identity` or `key`, and only numbers above `after`."""

    def record_search(self, search: Search) -> None:
        """Add to the audit log."""

    def searches(self) -> list[Search]:
        """The audit log, in order."""

    @property
    def retention(self) -> Retention:
        """How long and how much is kept; without limits at first."""

    def set_retention(self, retention: Retention) -> None:
        """Change it; `expire` enforces it."""

    def forget(
        self,
        author: str,
        *,
        identity: int | None = None,
        keys: Sequence[TrackletKey] = (),
        before_s: float | None = None,
    ) -> Forgotten:
        """Delete for good; give exactly one of the three.

        Tracklets go with views, embeddings, crops, links, corrections, their events and their places in the audit
        log. What corrections with them implied about others stays. An identity that loses its last tracklet goes with
        its name. Runs stay, and one event without personal data remains.

        Args:
            author: who wants it.
            identity: this person.
            keys: these tracklets.
            before_s: tracklets that ended before this wall time, named or not; also identities of that age without any.

        Raises:
            UnknownError: no such identity or tracklet.
        """

    def expire(self, now_s: float | None = None) -> Forgotten:
        """Enforce the retention.

        Args:
            now_s: wall time; None reads the clock.

        Raises:
            ConflictError: the clock has jumped since the store was opened, so ages cannot be told. Nothing is deleted.
        """

    def erase(self) -> str:
        """Remove the bytes of what was forgotten, if some are left; why that failed, "" when they are gone."""

    def reembed(self, model: EmbeddingModel, embeddings: Mapping[TrackletKey, NDArray[np.float32]]) -> None:
        """Replace all embeddings by those of another model; who is who stays.

        Args:
            model: the new one.
            embeddings: for every tracklet (V, D), or (V, 0) when it has no appearance from then on.

        Raises:
            UnknownError: a tracklet that is not there.
            ConflictError: a tracklet without an entry; it was put since they were computed.
            FormatError: rows that do not fit the tracklet's views or the model.
        """

    def stats(self) -> Stats:
        """How much there is."""

    def check(self) -> None:
        """Read everything and see whether it fits together.

        Raises:
            FormatError: it does not.
        """

    def close(self) -> None:
        """Release files and memory; further calls do nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
