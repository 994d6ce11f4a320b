"""Identity numbers that stay while answers change, and the events that tell how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mdpr.trackers.crosscamera.types import TrackletKey


@dataclass(frozen=True)
class LinkEvent:
    """One change of mind.

    Attributes:
        number: position in the history, from 1.
        key: the tracklet.
        identity: whom it is taken for now; None when the track was cut and its pieces took its place.
        before: whom it was taken for; None at first, for a piece the identity of its track.
    """

    number: int
    key: TrackletKey
    identity: int | None
    before: int | None


def keep_numbers(
    before: Mapping[TrackletKey, int],
    groups: Sequence[Sequence[TrackletKey]],
    fresh: int,
    pinned: Mapping[TrackletKey, int] | None = None,
) -> tuple[dict[TrackletKey, int], int]:
    """Number new groups so that most tracklets keep their number.

    Args:
        before: number of each tracklet so far; a piece counts as its track.
        groups: the new groups.
        fresh: the next number that was never given.
        pinned: tracklets whose group has this number whatever the others say, such as those that carry a name.

    Returns:
        The number of each tracklet, and the next fresh number.

    >>> a, b, c = (TrackletKey("r", "hall", number) for number in (1, 2, 3))
    >>> list(keep_numbers({a: 7, b: 7}, [[a], [b, c]], 8)[0].values())
    [7, 8, 8]
    """
    ordered = sorted((sorted(group) for group in groups), key=lambda group: group[0])
    pinned = pinned or {}
    votes = []
    for place, group in enumerate(ordered):
        counts = Counter(number for key in group if (number := number_before(before, key)) is not None)
        for key in group:
            if key in pinned:
                counts[pinned[key]] += len(before) + 1
        votes += [(-count, number, place) for number, count in counts.items()]
    taken: dict[int, int] = {}
    used: set[int] = set()
    for _, number, place in sorted(votes):
        if place not in taken and number not in used:
            taken[place] = number
            used.add(number)
    result: dict[TrackletKey, int] = {}
    for place, group in enumerate(ordered):
        number = taken.get(place, fresh)
        fresh += number == fresh
        result |= dict.fromkeys(group, number)
    return result, fresh


def number_before(before: Mapping[TrackletKey, int], key: TrackletKey) -> int | None:
    """The number that a tracklet, or the track that it is a piece of, had."""
    return before.get(key, before.get(TrackletKey(*key[:3])))
