"""One identity as JSON: all that a store knows of a person, to hand out or to carry to another gallery."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError
from mdpr.pipeline.store.contract import Store
from mdpr.pipeline.store.decisions import Link, Revision, Verdict
from mdpr.pipeline.store.errors import ConflictError, UnknownError
from mdpr.pipeline.store.values import EmbeddingModel, Filters, Run, RunCamera, TrackletKey, TrackletRecord
from mdpr.types import Tracklet

FORMAT = "mdpr-identity"
VERSION = 1

_PLAIN = ("class_id", "start_frame", "end_frame", "start_s", "end_s", "detections", "confidence")
_VIEWS = {
    "view_frame": np.int64,
    "view_time_s": np.float64,
    "view_xyxy": np.float32,
    "view_confidence": np.float32,
    "view_quality": np.float32,
}


def export_identity(store: Store, number: int) -> dict[str, Any]:
    """Everything about an identity, as plain values for JSON; embeddings and crops are base64.

    Raises:
        UnknownError: no such identity.
    """
    identity = next((one for one in store.identities() if one.number == number), None)
    if identity is None:
        raise UnknownError(f"identity {number} is not in the store: it was never reserved, or forgotten")
    records = store.tracklets(Filters(identities=(number,)))
    runs = {record.key.run for record in records}
    members = set(identity.members)
    return {
        "format": FORMAT,
        "version": VERSION,
        "identity": number,
        "name": identity.name,
        "runs": [_run(run) for run in store.runs() if run.name in runs],
        "tracklets": [_tracklet(record, store.crops(record.key)) for record in records],
        "links": [
            {"a": str(link.a), "b": str(link.b), "verdict": str(link.verdict), "reasons": dict(link.reasons)}
            for link in store.links(number)
            if members >= set(link.pair)
        ],
        "history": [
            {"at_s": event.at_s, "author": event.author, "kind": str(event.kind), "tracklet": str(event.key or "")}
            for event in store.events(number)
        ],
    }


def import_identity(store: Store, values: Mapping[str, Any], author: str) -> int:
    """Add an identity that `export_identity` gave; returns its number here. Its history stays behind.

    Raises:
        FormatError: not such an export, or one of a newer version.
        ConflictError: its tracklets are with somebody already, its name is taken, or another run has the same name.
        OtherModelError: embeddings that cannot be compared with those in the store.
    """
    if values.get("format") != FORMAT or values.get("version") != VERSION:
        raise FormatError(
            f"expected an exported identity ({FORMAT}, version {VERSION}), got format {values.get('format')!r}, "
            f"version {values.get('version')!r}"
        )
    try:
        runs = [_read_run(run) for run in values["runs"]]
        records = [_read_tracklet(tracklet) for tracklet in values["tracklets"]]
        links = tuple(
            Link(TrackletKey.parse(one["a"]), TrackletKey.parse(one["b"]), Verdict(one["verdict"]), one["reasons"])
            for one in values["links"]
        )
        name = str(values["name"])
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise FormatError(f"the exported identity is damaged: {type(error).__name__}: {error}") from error
    _check_free(store, {record.key for record in records}, name)
    for run in runs:
        store.add_run(run)
    store.put(records)
    (number,) = store.reserve(1)
    store.revise(Revision(author, dict.fromkeys((record.key for record in records), number), links))
    if name:
        store.rename(number, name, author)
    return number


def _check_free(store: Store, keys: set[TrackletKey], name: str) -> None:
    for identity in store.identities():
        if taken := sorted(keys & set(identity.members)):
            raise ConflictError(f"tracklet {taken[0]} is in the gallery already, with identity {identity.number}")
        if name and identity.name == name:
            raise ConflictError(f"identity {identity.number} of the gallery is named {name!r} too; rename it first")


def _run(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "started_s": run.started_s,
        "model": {"fingerprint": run.model.fingerprint, "dimension": run.model.dimension},
        "cameras": {name: [camera.source, camera.started_s] for name, camera in run.cameras.items()},
        "config": dict(run.config),
    }


def _read_run(values: Mapping[str, Any]) -> Run:
    cameras = {name: RunCamera(*camera) for name, camera in values["cameras"].items()}
    return Run(values["name"], values["started_s"], EmbeddingModel(**values["model"]), cameras, values["config"])


def _tracklet(record: TrackletRecord, crops: tuple[bytes, ...]) -> dict[str, Any]:
    tracklet = record.tracklet
    return {
        "key": str(record.key),
        **{name: getattr(tracklet, name) for name in _PLAIN},
        **{name: getattr(tracklet, name).tolist() for name in _VIEWS},
        "dimension": tracklet.embeddings.shape[1],
        "embeddings": _to_text(np.ascontiguousarray(tracklet.embeddings, "<f4").tobytes()),
        "crops": [_to_text(jpeg) for jpeg in crops],
    }


def _read_tracklet(values: Mapping[str, Any]) -> TrackletRecord:
    key = TrackletKey.parse(values["key"])
    views: dict[str, NDArray[Any]] = {name: np.array(values[name], dtype) for name, dtype in _VIEWS.items()}
    count = len(views["view_frame"])
    vectors = np.frombuffer(base64.b64decode(values["embeddings"], validate=True), "<f4")
    fields: dict[str, Any] = {name: values[name] for name in _PLAIN} | views
    fields["view_xyxy"] = views["view_xyxy"].reshape(count, 4)
    fields["embeddings"] = vectors.reshape(count, int(values["dimension"])).astype(np.float32)
    tracklet = Tracklet(camera=key.camera, track_id=key.track_id, **fields)
    crops = tuple(base64.b64decode(jpeg, validate=True) for jpeg in values["crops"])
    return TrackletRecord(key, tracklet, crops)


def _to_text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
