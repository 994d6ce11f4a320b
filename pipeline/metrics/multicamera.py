"""Several cameras with one set of identities: scores a camera, over all of them, and the links between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mdpr.errors import FormatError
from mdpr.pipeline.formats.recordings import Recordings
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes, duplicated_rows, hidden_again
from mdpr.pipeline.metrics.clear import combined_clear
from mdpr.pipeline.metrics.comparison import concatenated
from mdpr.pipeline.metrics.evaluate import EvaluateConfig, Evaluated, Scores, evaluate_sequence
from mdpr.pipeline.metrics.hota import hota
from mdpr.pipeline.metrics.identity import identity
from mdpr.pipeline.metrics.links import Links, count_links, links_by_cameras, tracklet_people
from mdpr.pipeline.metrics.overlaps import Integers
from mdpr.pipeline.metrics.returns import NOBODY, Sightings, count_returns


@dataclass(frozen=True, eq=False)
class MultiCameraScores:
    """What is measured over several cameras.

    Attributes:
        cameras: scores of each camera by itself, with global identities.
        together: HOTA and IDF1 with every frame of every camera as a frame of one sequence and identities that hold in
            all; CLEAR counts are sums over the cameras; a person is away when no camera sees it.
        links: pairs of tracklets over all cameras.
        links_by_cameras: the same for each two cameras, by their names.
    """

    cameras: dict[str, Scores]
    together: Scores
    links: Links
    links_by_cameras: dict[tuple[str, str], Links]

    def values(self) -> dict[str, Any]:
        """By name."""
        return {
            "cameras": {name: scores.values() for name, scores in self.cameras.items()},
            "together": self.together.values(),
            "links": self.links.values(),
            "links_by_cameras": {f"{a} {b}": links.values() for (a, b), links in self.links_by_cameras.items()},
        }


def evaluate_cameras(
    truth: Mapping[str, Recording],
    predicted: Mapping[str, Recording],
    global_ids: Mapping[str, Integers],
    config: EvaluateConfig | None = None,
) -> MultiCameraScores:
    """Measure several cameras.

    Args:
        truth: by camera, with ids that are the same person in every camera.
        predicted: the same cameras; each track id is a tracklet of its camera.
        global_ids: identity of each predicted box, by camera; see `global_ids_of`.
        config: how.

    Raises:
        FormatError: different cameras, a frame beyond the end, or an identity twice in a frame of a camera.
    """
    config = config or EvaluateConfig()
    if set(truth) != set(predicted):
        have = [", ".join(sorted(names)) or "none" for names in (truth, predicted)]
        raise FormatError(f"cameras differ: the truth has {have[0]}; the prediction has {have[1]}")
    once = {name: _shown_once(one, global_ids[name]) for name, one in predicted.items()}
    predicted = {name: recording for name, (recording, _) in once.items()}
    global_ids = {name: identities for name, (_, identities) in once.items()}
    length = max((int(one.boxes.frame.max(initial=-1)) + 1 for one in truth.values()), default=0)
    evaluated: dict[str, Evaluated] = {}
    for name, recording in truth.items():
        known = recording if recording.frames else replace(recording, frames=length or None)
        boxes = _with_identities(predicted[name], global_ids[name])
        evaluated[name] = evaluate_sequence(known, boxes, predicted[name].where, config)
    camera, identities, people = _tracklets(evaluated, predicted)
    names = list(evaluated)
    return MultiCameraScores(
        {name: one.scores for name, one in evaluated.items()},
        _together(list(evaluated.values()), config),
        count_links(camera, identities, people),
        {
            (names[a], names[b]): links
            for (a, b), links in links_by_cameras(camera, identities, people).items()
        },
    )  # fmt: skip


def global_ids_of(recordings: Recordings, are_ids_local: bool | None = None) -> dict[str, Integers]:
    """The identity of each box, by camera.

    Ids of a run of mdpr-track are local: identities.json says who is who, and a tracklet that it does not name is a
    person of its own. In any other text an id is the same person in every camera.

    Args:
        recordings: predictions.
        are_ids_local: overrides what follows from the files.

    Raises:
        FormatError: identities.json names a track that a camera of this run does not have.
    """
    local = recordings.are_ids_local if are_ids_local is None else are_ids_local
    if not local:
        return {name: one.boxes.track_id for name, one in recordings.by_name.items()}
    identities = recordings.identities or {}
    unnamed = max(identities.values(), default=0) + 1
    found: dict[str, Integers] = {}
    for name, one in recordings.by_name.items():
        tracks, places = np.unique(one.boxes.track_id, return_inverse=True)
        missing = {track for camera, track in identities if camera == name} - set(tracks.tolist())
        if missing:
            raise FormatError(
                f"{recordings.path}: identities.json names track {min(missing)} of camera {name}, which is not in "
                f"{one.where}; both must come from the same run"
            )
        numbers = []
        for track in tracks.tolist():
            if (name, track) in identities:
                numbers.append(identities[name, track])
            else:
                numbers.append(unnamed)
                unnamed += 1
        found[name] = np.array(numbers, np.int64)[places]
        for place, track in enumerate(tracks.tolist()):
            for start_frame, who in recordings.pieces.get((name, track), []):
                found[name][(places == place) & (one.boxes.frame >= start_frame)] = who
    return found


def _shown_once(recording: Recording, identities: Integers) -> tuple[Recording, Integers]:
    """Without `hidden_again`, and the identities of the rest."""
    boxes = recording.boxes
    kept = np.ones(len(boxes.frame), bool)
    kept[hidden_again(boxes.frame, boxes.track_id, identities, boxes.score)] = False
    return replace(recording, boxes=boxes.select(kept)), identities[kept]


def _with_identities(recording: Recording, identities: Integers) -> TrackBoxes:
    boxes = recording.boxes
    twice = duplicated_rows(boxes.frame, identities)
    if len(twice):
        frame, who = boxes.frame[twice[0]], identities[twice[0]]
        tracks = boxes.track_id[(boxes.frame == frame) & (identities == who)]
        raise FormatError(
            f"{recording.where}: identity {who} is in frame {frame + 1} (counted from 1) of camera {recording.name} "
            f"{len(tracks)} times, as tracks {', '.join(map(str, tracks))}; nobody can be in two places at once"
        )
    return boxes.with_ids(identities)


def _together(parts: list[Evaluated], config: EvaluateConfig) -> Scores:
    everything = concatenated([one.comparison for one in parts])
    people = _joined([one.people for one in parts])
    identities = _joined([one.identities for one in parts])
    return Scores(
        hota(everything),
        combined_clear([one.scores.clear for one in parts]),
        identity(everything, config.iou_threshold),
        None if people is None or identities is None else count_returns(people, identities, config.returns),
    )


def _joined(parts: list[Sightings | None]) -> Sightings | None:
    known = [one for one in parts if one is not None]
    if len(known) < len(parts):
        return None
    time_s, owner, other = (
        np.concatenate([getattr(one, name) for one in known]) for name in ("time_s", "owner", "other")
    )
    return Sightings(time_s, owner, other, max(one.period_s for one in known))


def _tracklets(
    evaluated: Mapping[str, Evaluated], predicted: Mapping[str, Recording]
) -> tuple[Integers, Integers, Integers]:
    """Camera, identity and person of each tracklet; a track that has several identities is as many tracklets."""
    columns: list[tuple[Integers, Integers, Integers]] = []
    for place, (name, one) in enumerate(evaluated.items()):
        compared = one.comparison
        person = np.full(len(compared.predicted_id), NOBODY)
        person[compared.second[one.matched]] = compared.truth_id[compared.first[one.matched]]
        local = predicted[name].boxes.track_id[compared.predicted_row]
        both = np.stack([local, compared.predicted_id])
        _, first, tracklet = np.unique(both, axis=1, return_index=True, return_inverse=True)
        tracklet = tracklet.ravel()
        columns.append(
            (np.full(len(first), place), compared.predicted_id[first], tracklet_people(tracklet, person))
        )  # fmt: skip
    camera, identities, people = (np.concatenate(column) for column in zip(*columns, strict=True))
    return camera, identities, people
