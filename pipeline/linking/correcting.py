"""What people know: identities are merged, split and mended, and stay so in every later run.

A correction is written down as must-links and cannot-links between tracklets, which later linking never contradicts,
and carried out at once. What was said earlier and contradicts it is withdrawn; when it cannot be carried out,
everything that was said before is said again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from mdpr.errors import ConfigError
from mdpr.pipeline.store import (
    Correction,
    CorrectionKind,
    Identity,
    Link,
    Revision,
    Store,
    TrackletKey,
    UnknownError,
    Verdict,
)
from mdpr.pipeline.store.planning import group_of

MUST, CANNOT = CorrectionKind.MUST_LINK, CorrectionKind.CANNOT_LINK


def merge(store: Store, numbers: Sequence[int], author: str, note: str = "") -> int:
    """Identities are one person: all go to the first. Their tracklets are must-linked in a chain.

    Returns:
        The identity that has them all.

    Raises:
        ConfigError: fewer than two identities, or two that have different names.
        ConflictError: they overlap in time in one camera, or what was said of others forbids it. Nothing was changed.
    """
    people = _people(store, numbers)
    if len(people) < 2:
        raise ConfigError("merge: give two different identities or more")
    first, *others = people
    names = [one for one in people if one.name]
    if len(names) > 1:
        raise ConfigError(
            f"identities {names[0].number} ({names[0].name}) and {names[1].number} ({names[1].name}) both have a name: "
            f"take one away first: mdpr correct name {names[1].number} ''"
        )
    members = sorted(key for one in people for key in one.members)
    links = [Link(first.members[0], one.members[0], Verdict.CERTAIN, _reasons(author, MUST)) for one in others]
    moved = {key: first.number for one in others for key in one.members}
    with _all_or_nothing(store, author):
        _withdraw(store, CANNOT, members, members, author)
        _say(store, [(MUST, a, b) for a, b in pairwise(members)], author, note)
        store.revise(Revision(author, moved, tuple(links)))
    if names and names[0] is not first:
        store.rename(names[0].number, "", author)
        store.rename(first.number, names[0].name, author)
    return first.number


def split(store: Store, number: int, keys: Sequence[TrackletKey], author: str, note: str = "") -> int:
    """Tracklets of an identity are somebody else, all of them the same person.

    Returns:
        The new identity that has them.

    Raises:
        ConfigError: none, or all, of its tracklets, or one that it does not have.
    """
    (person,) = _people(store, [number])
    chosen = sorted(set(keys))
    for key in chosen:
        if key not in person.members:
            has = ", ".join(map(str, person.members[:10]))
            raise ConfigError(f"identity {number} does not have the tracklet {key}; it has: {has}")
    rest = [key for key in person.members if key not in chosen]
    if not chosen or not rest:
        raise ConfigError(f"split: give some, but not all, of the {len(person.members)} tracklets of identity {number}")
    apart = Link(chosen[0], rest[0], Verdict.CERTAIN, _reasons(author, CANNOT), is_joined=False)
    (fresh,) = store.reserve(1)
    with _all_or_nothing(store, author):
        _part(store, chosen, rest, author, note)
        _say(store, [(MUST, a, b) for a, b in pairwise(chosen)], author, note)
        store.revise(Revision(author, dict.fromkeys(chosen, fresh), (apart,)))
    return fresh


def swap(store: Store, one: TrackletKey, other: TrackletKey, author: str, note: str = "") -> tuple[int, int]:
    """Two tracklets belong to each other's identity.

    Returns:
        The identities that they have now.

    Raises:
        ConfigError: they have the same identity, one of them has none, or is the only tracklet of its identity.
        ConflictError: one of them overlaps in time with a tracklet of its new identity. Nothing was changed.
    """
    owner = {key: person for person in store.identities() for key in person.members}
    for key in (one, other):
        if key not in owner:
            raise UnknownError(f"tracklet {key} is not in the gallery, or belongs to no identity")
    if owner[one].number == owner[other].number:
        raise ConfigError(f"{one} and {other} both belong to identity {owner[one].number}")
    first = [key for key in owner[one].members if key != one]
    second = [key for key in owner[other].members if key != other]
    if not first or not second:
        alone = owner[other if first else one]
        raise ConfigError(f"swap: identity {alone.number} has only this tracklet: merge and split instead")
    links = (
        Link(one, second[0], Verdict.CERTAIN, _reasons(author, MUST)),
        Link(other, first[0], Verdict.CERTAIN, _reasons(author, MUST)),
    )
    moved = {one: owner[other].number, other: owner[one].number}
    with _all_or_nothing(store, author):
        _part(store, [one], first, author, note)
        _part(store, [other], second, author, note)
        for joined in ([one, *second], [other, *first]):
            _withdraw(store, CANNOT, joined, joined, author)
            _say(store, [(MUST, a, b) for a, b in pairwise(joined)], author, note)
        store.revise(Revision(author, moved, links))
    return moved[one], moved[other]


@contextmanager
def _all_or_nothing(store: Store, author: str) -> Iterator[None]:
    """Say again what was said before, when the body fails."""
    before = {one.pair: one for one in store.corrections()}
    try:
        yield
    except Exception:
        same = set()
        for one in store.corrections():
            if before.get(one.pair) is None or before[one.pair].kind is not one.kind:
                store.withdraw(one.pair, author)
            else:
                same.add(one.pair)
        for pair in sorted(before.keys() - same):
            store.correct(before[pair])
        raise


def _part(store: Store, some: Sequence[TrackletKey], rest: Sequence[TrackletKey], author: str, note: str) -> None:
    """Say that no one of `some` is one person with any of `rest`.

    A chain of must-links may run through both: what of it lies on either side stays together.
    """
    musts = [one.pair for one in store.corrections() if one.kind is MUST]
    together = group_of(musts)
    _withdraw(store, MUST, some, rest, author)
    for side in (some, rest):
        chained = sorted((together[key], key) for key in side if key in together)
        kept = [(MUST, a, b) for (group, a), (other, b) in pairwise(chained) if group == other]
        _say(store, kept, author, "kept from what was said before")
    _say(store, [(CANNOT, a, b) for a in some for b in rest], author, note)


def _withdraw(
    store: Store, kind: CorrectionKind, some: Sequence[TrackletKey], others: Sequence[TrackletKey], author: str
) -> None:
    """Take back what was said of this kind between any of `some` and any of `others`."""
    here, there = set(some), set(others)
    for one in store.corrections():
        crosses = (one.a in here and one.b in there) or (one.b in here and one.a in there)
        if one.kind is kind and crosses:
            store.withdraw(one.pair, author)


def _say(
    store: Store, wanted: Iterable[tuple[CorrectionKind, TrackletKey, TrackletKey]], author: str, note: str
) -> None:
    """Write corrections down; what is said already stays as it is."""
    known = {one.pair: one.kind for one in store.corrections()}
    for kind, a, b in wanted:
        one = Correction(kind, a, b, author, note)
        if known.get(one.pair) is not kind:
            store.correct(one)


def _people(store: Store, numbers: Iterable[int]) -> list[Identity]:
    known = {one.number: one for one in store.identities()}
    found = []
    for number in dict.fromkeys(numbers):
        if number not in known or not known[number].members:
            raise UnknownError(f"identity {number} has no tracklets in the gallery")
        found.append(known[number])
    return found


def _reasons(author: str, kind: CorrectionKind) -> dict[str, object]:
    return {"constraint": str(kind), "author": author, "probability": 1.0 if kind is MUST else 0.0}
