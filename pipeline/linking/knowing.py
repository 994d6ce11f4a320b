"""Linking new runs against a gallery: everybody who is known takes part, and keeps their number.

All tracklets of the gallery and the new ones are linked as if they had come at once, so that what comes later can
revise what was decided earlier. An identity keeps its number where most of its tracklets are; two identities that
people have given different names are never joined. What changes is one revision in the gallery, and its history tells.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from itertools import combinations

from mdpr.errors import ConfigError
from mdpr.pipeline.linking.answers import Answer, sightings_after
from mdpr.pipeline.linking.runs import RunFolder, with_boxes
from mdpr.pipeline.store import (
    ConflictError,
    Filters,
    Identity,
    Revision,
    Run,
    RunCamera,
    Store,
    TrackletRecord,
    Verdict,
)
from mdpr.pipeline.store import Link as StoredLink
from mdpr.pipeline.store import TrackletKey as StoredKey
from mdpr.pipeline.store.planning import MUST, group_of
from mdpr.trackers.crosscamera import (
    Cameras,
    Correction,
    CorrectionKind,
    Knowledge,
    LinkConfig,
    Linking,
    OfflineLinker,
    Sighting,
    TrackletKey,
)
from mdpr.trackers.crosscamera.events import keep_numbers

log = logging.getLogger("mdpr")

LINKER = "linker"
_ATTEMPTS = 5
_KEPT_SECTIONS = ("source", "detector", "reid", "tracker")

Crops = Callable[[RunFolder, Sequence[Sighting]], Mapping[TrackletKey, Sequence[bytes]]]
"""JPEGs of the views of new tracklets of a run, by key; b"" where there is none."""


def link_known(store: Store, runs: Sequence[RunFolder], config: LinkConfig, known: Cameras, crops: Crops) -> Answer:
    """Put runs into a gallery and link everything in it anew.

    Tracklets that the gallery has already are taken from there, so that the same run once more changes nothing.

    Raises:
        ConfigError: a run that does not tell when it began, or a file that names unknown cameras.
        OtherModelError: embeddings of another model than the gallery's. Nothing was changed.
        ConflictError: others changed the gallery again and again meanwhile.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _link_once(store, runs, config, known, crops)
        except ConflictError as error:
            if attempt + 1 == _ATTEMPTS:
                raise
            log.info("%s; once more", error)
    raise AssertionError("unreachable")


def _link_once(store: Store, runs: Sequence[RunFolder], config: LinkConfig, known: Cameras, crops: Crops) -> Answer:
    names = {run.name: _added(store, run) for run in runs}
    seen = store.revision
    records = store.tracklets()
    stored = known_sightings(store, records)
    before = {TrackletKey(*one.key): one.identity for one in records}
    tracks = {key[:3] for key in stored}
    fresh = [one for run in runs for one in run.sightings(names[run.name]) if one.key[:3] not in tracks]
    people = store.identities()
    knowledge = knowledge_of(store, people, stored, known, [camera for run in runs for camera in run.all_cameras])
    here = {names[run.name]: run for run in runs}
    sightings = with_boxes(here, [*stored.values(), *fresh])
    linking = OfflineLinker(config).link(sightings, knowledge)
    after = sightings_after(linking, sightings)
    _put(store, runs, names, [one for key, one in after.items() if key not in stored], crops)
    number = _numbers(store, linking, {key: one for key, one in before.items() if one}, people, stored)
    moved = {StoredKey(*key): one for key, one in number.items() if before.get(key) != one}
    written, unlinked = _changed_links(store, linking, moved)
    store.revise(Revision(LINKER, moved, written, unlinked, based_on=seen))
    named = {one.number: one.name for one in people if one.name}
    return Answer(after, number, linking.links, linking.calibration, names, named)


def add_pictures(store: Store, run: RunFolder, name: str, tracks: Set[tuple[str, int]], crops: Crops) -> None:
    """Add the pictures of tracklets that went into a gallery before their run was over; those forgotten stay so.

    Args:
        store: the gallery.
        run: that is over now.
        name: of the run in the gallery.
        tracks: camera and track id of the tracks.
        crops: makes them.
    """
    records = [one for one in store.tracklets(Filters(runs=(name,))) if (one.key.camera, one.key.track_id) in tracks]
    sightings = known_sightings(store, records)
    pictures = crops(run, list(sightings.values())) if sightings else {}
    still = {TrackletKey(*one.key) for one in store.tracklets(Filters(runs=(name,)))}  # cutting takes a while
    found = [(key, pictures[key]) for key in sightings if key in pictures and key in still]
    store.put([TrackletRecord.of(name, sightings[key].tracklet, jpegs, key.part) for key, jpegs in found])


def known_sightings(store: Store, records: Sequence[TrackletRecord]) -> dict[TrackletKey, Sighting]:
    """Tracklets of a gallery as linking takes them, by key."""
    runs = {run.name: run for run in store.runs()}
    model = "" if store.model is None else store.model.fingerprint
    found = {}
    for record in records:
        run = runs[record.key.run]
        known_from = run.config.get("started_from", {}).get(record.key.camera)
        clock = f"run {run.name}" if known_from == "run" else ""
        started_s = run.cameras[record.key.camera].started_s
        key = TrackletKey(*record.key)
        found[key] = Sighting(key, record.tracklet, started_s, model, clock)
    return found


def knowledge_of(
    store: Store,
    people: Sequence[Identity],
    stored: Mapping[TrackletKey, Sighting],
    known: Cameras,
    cameras: Sequence[str] = (),
) -> Knowledge:
    """What a gallery knows: corrections, who has different names, cameras; its tracks are not cut again."""
    made = store.corrections()
    corrections = [Correction(CorrectionKind(one.kind), TrackletKey(*one.a), TrackletKey(*one.b)) for one in made]
    together = group_of(one.pair for one in made if one.kind is MUST)
    named = [representative(one, stored) for one in people if one.name and one.members]
    for a, b in combinations(named, 2):
        if together.get(StoredKey(*a), a) != together.get(StoredKey(*b), b):
            corrections.append(Correction(CorrectionKind.CANNOT_LINK, a, b))
    exist = sorted({*cameras, *(one.name for one in store.cameras())})
    return known.knowledge(corrections, exist, frozenset(stored))


def representative(identity: Identity, stored: Mapping[TrackletKey, Sighting]) -> TrackletKey:
    """The tracklet of an identity that was seen longest: it carries the name."""
    keys = [TrackletKey(*key) for key in identity.members]
    return min(keys, key=lambda key: (-stored[key].tracklet.detections, key))


def _added(store: Store, run: RunFolder) -> str:
    """Register a run; its name in the gallery, which another run of the same name may have had first."""
    if not run.started_s:
        raise ConfigError(
            f"{run.path}: a gallery needs to know when a run began, and no run.json there tells: track again"
        )
    config = {key: run.config[key] for key in _KEPT_SECTIONS if key in run.config}
    config["started_from"] = {name: camera.started_from for name, camera in run.cameras.items()}
    cameras = {name: RunCamera(camera.source, camera.started_s) for name, camera in run.cameras.items()}
    known = {one.name: one for one in store.runs()}
    name, number = run.name, 1
    while name in known and not _is_same(known[name], run, cameras):
        number += 1
        name = f"{run.name}-{number}"
    if name not in known:
        store.add_run(Run(name, run.started_s, run.model, cameras, config))
    elif len(cameras) > len(known[name].cameras):
        store.add_run(replace(known[name], cameras=cameras, config=config))
    return name


def _is_same(known: Run, run: RunFolder, cameras: Mapping[str, RunCamera]) -> bool:
    """Whether a run of the gallery is this one, which may have got cameras since, and there another model."""
    return known.started_s == run.started_s and known.cameras.items() <= cameras.items()


def _put(
    store: Store, runs: Sequence[RunFolder], names: Mapping[str, str], new: Sequence[Sighting], crops: Crops
) -> None:
    pictures: dict[TrackletKey, Sequence[bytes]] = {}
    for run in runs:
        of_run = [one for one in new if one.key.run == names[run.name]]
        if of_run:
            pictures |= crops(run, of_run)
    store.put([TrackletRecord.of(one.key.run, one.tracklet, pictures.get(one.key, ()), one.key.part) for one in new])


def _numbers(
    store: Store,
    linking: Linking,
    before: Mapping[TrackletKey, int],
    people: Sequence[Identity],
    stored: Mapping[TrackletKey, Sighting],
) -> dict[TrackletKey, int]:
    """Numbers of the groups; new people get numbers that the gallery has never given."""
    pinned = {representative(one, stored): one.number for one in people if one.name and one.members}
    fresh = max(before.values(), default=0) + 1
    groups = [identity.members for identity in linking.identities]
    number, end = keep_numbers(before, groups, fresh, pinned)
    reserved = dict(zip(range(fresh, end), store.reserve(end - fresh), strict=True)) if end > fresh else {}
    return {key: reserved.get(one, one) for key, one in number.items()}


def _changed_links(
    store: Store, linking: Linking, moved: Mapping[StoredKey, int]
) -> tuple[tuple[StoredLink, ...], tuple[tuple[StoredKey, StoredKey], ...]]:
    """Links that are new, decide otherwise than before or concern a tracklet that moved; and those that are no more.

    All others stay as they were written: their numbers change a little with everything that comes.
    """
    known = {link.pair: link for link in store.links()}
    found = []
    pairs = set()
    for link in linking.links:
        reasons = {**link.reasons.values(), "probability": link.probability}
        del reasons["group_rival"]  # somebody who may be forgotten while this link stays
        a, b = StoredKey(*link.a), StoredKey(*link.b)
        one = StoredLink(a, b, Verdict(link.verdict), reasons, link.is_joined)
        pairs.add(one.pair)
        old = known.get(one.pair)
        is_same = old is not None and (old.is_joined, old.verdict) == (one.is_joined, one.verdict)
        if not is_same or a in moved or b in moved:
            found.append(one)
    return tuple(found), tuple(sorted(set(known) - pairs))
