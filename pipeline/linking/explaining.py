"""Why tracklets are one person, or why they are not: from a gallery, or from what linking wrote into a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.commands.forget import find_identity
from mdpr.pipeline.formats import identities
from mdpr.pipeline.linking.knowing import knowledge_of, known_sightings
from mdpr.pipeline.linking.results import LINKS_FILE
from mdpr.pipeline.linking.runs import read_run, with_boxes
from mdpr.pipeline.store import Correction, Store, TrackletKey
from mdpr.pipeline.store.checks import as_date
from mdpr.trackers.crosscamera import Cameras, Knowledge, LinkConfig, OfflineLinker, Sighting
from mdpr.trackers.crosscamera import TrackletKey as LinkedKey
from mdpr.trackers.crosscamera.inquiry import Inquiry, inquire


@dataclass(frozen=True, eq=False)
class Explained:
    """One identity.

    Attributes:
        number: its number.
        name: "" without.
        members: by key: camera, wall times of first and last sight as text, detections.
        links: decisions about its members, as lines of links.jsonl.
        corrections: what people have said about its members.
    """

    number: int
    name: str
    members: Mapping[str, dict[str, Any]]
    links: Sequence[dict[str, Any]]
    corrections: Sequence[Correction] = ()

    def values(self) -> dict[str, Any]:
        """Plain values."""
        said = [{"kind": str(one.kind), "a": str(one.a), "b": str(one.b), "author": one.author, "note": one.note}
                for one in self.corrections]  # fmt: skip
        return {
            "id": self.number, "name": self.name, "members": [{"tracklet": key, **one} for key, one in
            self.members.items()], "links": list(self.links), "corrections": said,
        }  # fmt: skip


def explain_stored(store: Store, text: str) -> Explained:
    """An identity of a gallery, by number or name."""
    number = find_identity(store, text)
    identity = next(one for one in store.identities() if one.number == number)
    runs = {run.name: run for run in store.runs()}
    members = {}
    owner = {}
    for record in store.tracklets():
        owner[record.key] = record.identity
        if record.identity == number:
            started_s = runs[record.key.run].cameras[record.key.camera].started_s
            members[str(record.key)] = _member(record.tracklet, record.key.camera, started_s)
    links = []
    for link in store.links(number):
        reasons = dict(link.reasons)
        links.append(
            {
                "a": str(link.a), "b": str(link.b), "ids": [owner[link.a], owner[link.b]], "is_joined": link.is_joined,
                "verdict": str(link.verdict), "probability": reasons.pop("probability", None), "reasons": reasons,
            }
        )  # fmt: skip
    keys = set(identity.members)
    said = [one for one in store.corrections() if keys & set(one.pair)]
    return Explained(number, identity.name, members, links, said)


def explain_run(folder: Path, text: str) -> Explained:
    """An identity of a run that was linked, by number or name.

    Raises:
        ConfigError: the run was not linked, or has no such identity.
        FormatError: its files are not those of mdpr-link.
    """
    run = read_run(folder)
    content = read_linked(folder)
    entry = next(
        (one for one in content["identities"] if text in (str(one["id"]), one.get("name") or str(one["id"]))), None
    )
    if entry is None:
        known = ", ".join(str(one["id"]) for one in content["identities"])
        raise ConfigError(f"{folder} has no identity {text!r}; it has: {known}")
    tracklets = {(one.camera, one.track_id): one for one in run.tracklets}
    members = {}
    for one in entry["tracklets"]:
        key = f"{content.get('run', run.name)}/{one['camera']}/{one['track_id']}"
        tracklet = tracklets[one["camera"], one["track_id"]]
        members[key] = _member(tracklet, one["camera"], run.cameras[one["camera"]].started_s)
    links = [link for link in read_links(folder) if entry["id"] in link["ids"]]
    return Explained(entry["id"], entry.get("name", ""), members, links)


def read_linked(folder: Path) -> dict[str, Any]:
    """Content of identities.json, checked."""
    path = folder / identities.FILE
    if not path.is_file():
        raise ConfigError(f"{path} is not there: link the run first: mdpr-link {folder}")
    identities.read_identities(path)
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def read_links(folder: Path) -> list[dict[str, Any]]:
    """The lines of links.jsonl.

    Raises:
        ConfigError: it is not there.
        FormatError: a line that is no link.
    """
    path = folder / LINKS_FILE
    if not path.is_file():
        raise ConfigError(f"{path} is not there: link the run first: mdpr-link {folder}")
    links = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            link = json.loads(line)
            if not {"a", "b", "ids", "is_joined", "verdict", "probability", "reasons"} <= link.keys():
                raise ValueError("a key is missing")
        except (ValueError, AttributeError) as error:
            raise FormatError(f"{path}, line {number}: no link: {error}; link the run again") from error
        links.append(link)
    return links


def why_not_stored(store: Store, a: str, b: str, known: Cameras) -> tuple[Inquiry, list[Correction]]:
    """What keeps two identities or tracklets of a gallery apart, and what people have said about them.

    Everything is linked anew for it; the gallery stays as it is.
    """
    stored = known_sightings(store, store.tracklets())
    people = store.identities()
    sides = []
    for text in (a, b):
        key = _key(text)
        if key is not None and key in stored:
            sides.append([key])
        else:
            number = find_identity(store, text)
            sides.append([LinkedKey(*one) for one in next(p for p in people if p.number == number).members])
    knowledge = knowledge_of(store, people, stored, known)
    keys = {key for side in sides for key in side}
    said = [one for one in store.corrections() if keys >= set(one.pair)]
    return _inquire(list(stored.values()), knowledge, sides), said


def why_not_in_run(folder: Path, a: str, b: str, known: Cameras) -> Inquiry:
    """What keeps two identities or tracklets of a run apart, among the tracklets of that run."""
    run = read_run(folder)
    content = read_linked(folder)
    name = content.get("run", run.name)
    sightings = with_boxes({name: run}, run.sightings(name))
    there = {one.key for one in sightings}
    sides = []
    for text in (a, b):
        key = _key(text)
        if key is not None and key in there:
            sides.append([key])
            continue
        entry = next((one for one in content["identities"] if text in (str(one["id"]), one.get("name"))), None)
        if entry is None:
            raise ConfigError(f"{folder} has neither an identity nor a tracklet {text!r}")
        sides.append([LinkedKey(name, one["camera"], one["track_id"]) for one in entry["tracklets"]])
    knowledge = known.knowledge(cameras=sorted(run.all_cameras), whole=frozenset(there))
    return _inquire(sightings, knowledge, sides)


def _inquire(sightings: list[Sighting], knowledge: Knowledge, sides: list[list[LinkedKey]]) -> Inquiry:
    both = set(sides[0]) & set(sides[1])
    if both:
        raise ConfigError(f"{min(both)} is on both sides, so they are one person already: mdpr explain ID tells why")

    _, learned = OfflineLinker(LinkConfig()).link_and_learn(sightings, knowledge)
    assert learned is not None  # for the type checker: there are sightings
    return inquire(learned, sides[0], sides[1])


def _key(text: str) -> LinkedKey | None:
    try:
        return LinkedKey(*TrackletKey.parse(text))
    except ConfigError:
        return None


def _member(tracklet: Any, camera: str, started_s: float) -> dict[str, Any]:
    return {
        "camera": camera, "first": as_date(started_s + tracklet.start_s), "last": as_date(started_s + tracklet.end_s),
        "detections": tracklet.detections,
    }  # fmt: skip
