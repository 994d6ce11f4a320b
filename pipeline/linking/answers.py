"""An answer of linking, with or without a gallery, as everything that writes it down needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mdpr.trackers.crosscamera import Calibration, Link, Linking, Sighting, TrackletKey


@dataclass(frozen=True, eq=False)
class Answer:
    """Who is who.

    Attributes:
        sightings: all that were linked, pieces in place of tracks that were cut.
        number: identity of each.
        links: see `mdpr.trackers.crosscamera.Link`.
        calibration: how far to trust them.
        run_name: name of each run in the keys, by the name of its folder.
        names: of identities that people have named.
        gallery: where it is kept; None where it is not.
    """

    sightings: Mapping[TrackletKey, Sighting]
    number: Mapping[TrackletKey, int]
    links: Sequence[Link]
    calibration: Calibration
    run_name: Mapping[str, str]
    names: Mapping[int, str] = field(default_factory=dict)
    gallery: str | None = None

    def pieces_of(self, run: str) -> dict[TrackletKey, list[Sighting]]:
        """The parts of each track of a run that was cut, in order, by the key of the track."""
        found: dict[TrackletKey, list[Sighting]] = {}
        for key in sorted(self.sightings):
            if key.run == run and key.part:
                found.setdefault(TrackletKey(*key[:3]), []).append(self.sightings[key])
        return found

    def owners_of(self, run: str) -> dict[TrackletKey, int]:
        """Identity of each track of a run, by the key of the track; of one that was cut, that of its longest piece."""
        owner = {key: number for key, number in self.number.items() if key.run == run and not key.part}
        for track, parts in self.pieces_of(run).items():
            longest = max(parts, key=lambda part: (part.tracklet.detections, -part.key.part))
            owner[track] = self.number[longest.key]
        return dict(sorted(owner.items()))


def sightings_after(linking: Linking, sightings: Sequence[Sighting]) -> dict[TrackletKey, Sighting]:
    """All sightings, pieces in place of tracks that were cut."""
    found = {one.key: one for one in sightings if one.key not in linking.split}
    found |= {one.key: one for parts in linking.split.values() for one in parts}
    return found
