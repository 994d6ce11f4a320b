"""What a `MemoryStore` holds, and how it is deleted from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mdpr.pipeline.store.checks import check_model, check_new_embeddings, check_record, digest_of
from mdpr.pipeline.store.decisions import Correction, Event, EventKind, Identity, Link, Pair
from mdpr.pipeline.store.errors import ConflictError, UnknownError
from mdpr.pipeline.store.keeping import CameraSummary, Forgotten, Retention, Search, Stats
from mdpr.pipeline.store.planning import Change, Member, bridge
from mdpr.pipeline.store.values import EmbeddingModel, Filters, Run, TrackletKey, TrackletRecord

_VIEW_BYTES = 200  # of a view besides its embedding and its crop, as in a file


@dataclass
class Contents:
    """The tables. `identities` has name and wall time of making; `digests` are of the tracklets as they were put."""

    runs: dict[str, Run] = field(default_factory=dict)
    records: dict[TrackletKey, TrackletRecord] = field(default_factory=dict)
    digests: dict[TrackletKey, bytes] = field(default_factory=dict)
    identities: dict[int, tuple[str, float]] = field(default_factory=dict)
    last_identity: int = 0
    links: dict[Pair, Link] = field(default_factory=dict)
    corrections: dict[Pair, Correction] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    last_event: int = 0
    searches: list[Search] = field(default_factory=list)
    model: EmbeddingModel | None = None
    revision: int = 0
    retention: Retention = field(default_factory=Retention)

    def record(self, key: TrackletKey) -> TrackletRecord:
        """A tracklet that must be there."""
        if key not in self.records:
            raise UnknownError(f"tracklet {key} is not in the store: it was never put, or forgotten")
        return self.records[key]

    def identity(self, number: int) -> tuple[str, float]:
        """An identity that must be there."""
        if number not in self.identities:
            raise UnknownError(f"identity {number} is not in the store: it was never reserved, or forgotten")
        return self.identities[number]

    def ends_s(self, key: TrackletKey) -> tuple[float, float]:
        """Wall times of the first and the last moment of a tracklet."""
        tracklet, started_s = self.records[key].tracklet, self.runs[key.run].cameras[key.camera].started_s
        return started_s + tracklet.start_s, started_s + tracklet.end_s

    def members(self) -> dict[TrackletKey, Member]:
        """All tracklets as plans need them."""
        return {
            key: Member(record.identity, record.tracklet.start_frame, record.tracklet.end_frame)
            for key, record in self.records.items()
        }

    def put(self, records: Sequence[TrackletRecord], place: str) -> list[TrackletKey]:
        """See `Store.put`; returns the keys of those that were new."""
        new: dict[TrackletKey, TrackletRecord] = {}
        model = self.model
        for record in records:
            run = self.runs.get(record.key.run)
            check_record(record, run)
            known = new.get(record.key) or self.records.get(record.key)
            if known is None:
                if run is not None and record.tracklet.embeddings.shape[1]:
                    check_model(run, model, place)
                    model = model or run.model
                new[record.key] = replace(record, identity=None)
            elif digest_of(record.tracklet) != (self.digests.get(record.key) or digest_of(known.tracklet)):
                raise ConflictError(
                    f"tracklet {record.key} is in the store already, and differs: give its run another name"
                )
            else:
                new[record.key] = replace(known, crops=_more(known.crops, record.crops))
        for key, record in new.items():
            if key not in self.records:
                self.digests[key] = digest_of(record.tracklet)
        added = [key for key in new if key not in self.records]
        self.model = model
        self.records |= new
        return added

    def is_wanted(self, key: TrackletKey, filters: Filters) -> bool:
        """Whether the filters let a tracklet through."""
        start_s, end_s = self.ends_s(key)
        return (
            (filters.runs is None or key.run in filters.runs)
            and (filters.cameras is None or key.camera in filters.cameras)
            and (filters.identities is None or self.records[key].identity in filters.identities)
            and (filters.since_s is None or end_s >= filters.since_s)
            and (filters.until_s is None or start_s <= filters.until_s)
            and key not in filters.without
        )

    def cameras(self) -> list[CameraSummary]:
        """The cameras of all runs, by name."""
        found = []
        for name in sorted({camera for run in self.runs.values() for camera in run.cameras}):
            runs = sum(name in run.cameras for run in self.runs.values())
            ends = [self.ends_s(key) for key in self.records if key.camera == name]
            first_s = min((start_s for start_s, _ in ends), default=None)
            found.append(CameraSummary(name, runs, len(ends), first_s, max((end_s for _, end_s in ends), default=None)))
        return found

    def list_identities(self) -> list[Identity]:
        """Those that have members or a name, by number."""
        members: dict[int, list[TrackletKey]] = {}
        for key in sorted(self.records):
            members.setdefault(self.records[key].identity or 0, []).append(key)
        found = []
        for number, (name, _) in self.identities.items():
            keys = tuple(members.get(number, ()))
            if keys or name:
                first_s = min((self.ends_s(key)[0] for key in keys), default=None)
                last_s = max((self.ends_s(key)[1] for key in keys), default=None)
                found.append(Identity(number, name, keys, first_s, last_s))
        return found

    def stats(self) -> Stats:
        """How much there is."""
        ends = [self.ends_s(key) for key in self.records]
        return Stats(
            runs=len(self.runs),
            tracklets=len(self.records),
            views=sum(len(record.tracklet.view_frame) for record in self.records.values()),
            crops=sum(bool(jpeg) for record in self.records.values() for jpeg in record.crops),
            identities=len({record.identity for record in self.records.values()} - {None}),
            named=sum(bool(name) for name, _ in self.identities.values()),
            links=len(self.links),
            events=len(self.events),
            corrections=len(self.corrections),
            searches=len(self.searches),
            bytes=self.bytes(),
            first_s=min((start_s for start_s, _ in ends), default=None),
            last_s=max((end_s for _, end_s in ends), default=None),
        )

    def write_events(self, changes: Collection[Change], author: str, now_s: float) -> int:
        """Add changes to the history; returns the number of the revision, which they share."""
        self.revision += 1
        for change in changes:
            self.last_event += 1
            about = change.kind, change.key, change.other, change.identity, change.before, change.detail
            self.events.append(Event(self.last_event, self.revision, now_s, author, *about))
        return self.revision

    def delete(
        self, gone: Collection[TrackletKey], why: str, author: str, now_s: float, identities: Collection[int] = ()
    ) -> Forgotten:
        """Delete tracklets with all that is known about them, the given identities, and those that become empty."""
        if not gone and not identities:
            return Forgotten()
        gone = frozenset(gone)
        implied = bridge(list(self.corrections.values()), gone)
        removed = [self.records.pop(key) for key in gone]
        for key in gone:
            del self.digests[key]
        self.links = {pair: link for pair, link in self.links.items() if not gone & set(pair)}
        self.corrections = {pair: one for pair, one in self.corrections.items() if not gone & set(pair)}
        self.corrections |= {one.pair: one for one in implied}
        self.events = [event for event in self.events if event.key not in gone and event.other not in gone]
        self.searches = [
            replace(search, matches=tuple(match for match in search.matches if match.key not in gone))
            for search in self.searches
        ]
        left = {record.identity for record in self.records.values()}
        emptied = ({record.identity for record in removed} | set(identities)) - left - {None}
        for number in emptied:
            self._forget_names(number)
            del self.identities[number or 0]
        if not any(record.tracklet.embeddings.size for record in self.records.values()):
            self.model = None
        views = sum(len(record.tracklet.view_frame) for record in removed)
        counts = {"why": why, "tracklets": len(gone), "views": views, "identities": len(emptied)}
        self.write_events([Change(EventKind.FORGET, detail=counts)], author, now_s)
        return Forgotten(len(gone), views, len(emptied))

    def _forget_names(self, number: int | None) -> None:
        """Delete every event that has a name which the identity bore, also where another one bore it before."""
        naming = [event for event in self.events if event.kind is EventKind.NAME]
        names = {name for event in naming if event.identity == number for name in event.detail.values()} - {""}
        lost = {event.number for event in naming if names & set(event.detail.values())}
        self.events = [event for event in self.events if event.number not in lost]

    def reembed(self, model: EmbeddingModel, embeddings: Mapping[TrackletKey, NDArray[np.float32]]) -> None:
        """See `Store.reembed`; the event is left to the caller."""
        for key, rows in embeddings.items():
            check_new_embeddings(key, rows, len(self.record(key).tracklet.view_frame), model)
        for key in self.records.keys() - embeddings.keys():
            raise ConflictError(f"tracklet {key} has no new embeddings: it was put since they were computed")
        for key, record in self.records.items():
            self.records[key] = replace(record, tracklet=replace(record.tracklet, embeddings=embeddings[key]))
        self.model = model if any(rows.size for rows in embeddings.values()) else None

    def delete_before(self, before_s: float, author: str, now_s: float) -> Forgotten:
        """Delete tracklets that ended before a wall time, and identities of that age that have none."""
        held = {record.identity for record in self.records.values()}
        empty = [number for number, (_, made_s) in self.identities.items() if made_s < before_s and number not in held]
        gone = [key for key in self.records if self.ends_s(key)[1] < before_s]
        return self.delete(gone, "age", author, now_s, empty)

    def make_room(self, max_bytes: int, author: str, now_s: float) -> Forgotten:
        """Delete unnamed identities, the longest unseen first, until the rest fits into `max_bytes`."""
        people: dict[object, list[TrackletKey]] = {}
        for key, record in self.records.items():
            if record.identity is None or not self.identities[record.identity][0]:
                people.setdefault(record.identity or key, []).append(key)
        gone: list[TrackletKey] = []
        excess = self.bytes() - max_bytes
        for keys in sorted(people.values(), key=lambda keys: max(self.ends_s(key)[1] for key in keys)):
            if excess <= 0:
                break
            gone.extend(keys)
            excess -= sum(size_of(self.records[key]) for key in keys)
        return self.delete(gone, "size", author, now_s) + Forgotten(over_bytes=max(excess, 0))

    def bytes(self) -> int:
        """Of views, embeddings and crops."""
        return sum(size_of(record) for record in self.records.values())


def size_of(record: TrackletRecord) -> int:
    """Bytes of a tracklet."""
    return (
        record.tracklet.embeddings.nbytes
        + sum(len(jpeg) for jpeg in record.crops)
        + _VIEW_BYTES * len(record.tracklet.view_frame)
    )


def _more(old: tuple[bytes, ...], new: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Crops of `old`, and those of `new` where there were none."""
    return tuple(a or b for a, b in zip(old, new, strict=True)) if old and new else old or new
