"""What a revision or a correction changes, as pure functions: every store carries out the same plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from mdpr.pipeline.store.checks import to_json
from mdpr.pipeline.store.decisions import Correction, CorrectionKind, EventKind, Link, Pair, Revision, ordered
from mdpr.pipeline.store.errors import ConflictError, UnknownError
from mdpr.pipeline.store.values import TrackletKey

MUST, CANNOT = CorrectionKind.MUST_LINK, CorrectionKind.CANNOT_LINK


@dataclass(frozen=True)
class Member:
    """What a plan needs to know of a tracklet: its identity and its first and last frame."""

    identity: int | None
    start_frame: int
    end_frame: int


@dataclass(frozen=True)
class Scope:
    """What a revision may touch.

    Attributes:
        members: the tracklets that it names, all members of the identities that they enter, all partners of their
            links and corrections.
        identities: those of the numbers it names that exist.
        links: all that have a tracklet of `Revision.members`, or that the revision names.
        corrections: all that have a tracklet of `Revision.members`.
    """

    members: Mapping[TrackletKey, Member]
    identities: Collection[int]
    links: Mapping[Pair, Link]
    corrections: Sequence[Correction]


@dataclass(frozen=True)
class Change:
    """An event before it has a number."""

    kind: EventKind
    key: TrackletKey | None = None
    other: TrackletKey | None = None
    identity: int | None = None
    before: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What to do: the new identity of each tracklet, links to remove, links to put, events to write."""

    members: Mapping[TrackletKey, int | None]
    removed: Sequence[Pair]
    links: Sequence[Link]
    changes: Sequence[Change]


def plan_revision(revision: Revision, scope: Scope) -> Plan:
    """What the revision changes.

    Raises:
        UnknownError, ConflictError: see `Store.revise`.
    """
    _check_names(revision, scope)
    before = {key: member.identity for key, member in scope.members.items()}
    after = before | dict(revision.members)
    moved = {key: after[key] for key in sorted(revision.members) if after[key] != before[key]}
    entered = {identity for identity in moved.values() if identity is not None}
    _check_overlaps([key for key in after if after[key] in entered], scope.members, after)
    for correction in scope.corrections:
        if correction.a in revision.members or correction.b in revision.members:
            _check_correction(correction, after)

    for link in revision.links:
        to_json(link.reasons, f"link {link.a} - {link.b}: its reasons")
        if _is_joined(link.pair, after) != link.is_joined:
            state = "are two people" if link.is_joined else "are one person"
            raise ConflictError(f"link {link.a} - {link.b}: after this revision they {state}, which it contradicts")
    named = {link.pair: link for link in revision.links}
    dropped = {ordered(*pair) for pair in revision.unlink}
    removed = [
        pair
        for pair in sorted(scope.links)
        if pair not in named and (pair in dropped or _is_joined(pair, after) != scope.links[pair].is_joined)
    ]
    links = [named[pair] for pair in sorted(named) if named[pair] != scope.links.get(pair)]
    changes = [Change(EventKind.ASSIGN, key, None, moved[key], before[key]) for key in moved]
    changes += [_link_change(EventKind.UNLINK, scope.links[pair], before) for pair in removed]
    changes += [_link_change(EventKind.LINK, link, after) for link in links]
    return Plan(moved, removed, links, changes)


def _check_names(revision: Revision, scope: Scope) -> None:
    named = [*revision.members, *(key for link in revision.links for key in link.pair)]
    for key in (*named, *(key for pair in revision.unlink for key in pair)):
        if key not in scope.members:
            raise UnknownError(f"tracklet {key} is not in the store: it was never put, or forgotten")
    for identity in revision.members.values():
        if identity is not None and identity not in scope.identities:
            raise UnknownError(f"identity {identity} is not in the store: it was never reserved, or forgotten")


def _check_overlaps(
    keys: Iterable[TrackletKey], members: Mapping[TrackletKey, Member], after: Mapping[TrackletKey, int | None]
) -> None:
    """No identity holds two tracklets that overlap in one camera of one run."""

    def place(key: TrackletKey) -> tuple[object, ...]:
        return after[key], key.run, key.camera

    in_order = sorted(keys, key=lambda key: (*place(key), members[key].start_frame))
    for first, second in pairwise(in_order):
        if place(first) == place(second) and members[second].start_frame <= members[first].end_frame:
            who = "one person" if after[first] is None else f"identity {after[first]}"
            raise ConflictError(
                f"{who} cannot hold both {first} (frames {members[first].start_frame} to "
                f"{members[first].end_frame}) and {second} (frames {members[second].start_frame} to "
                f"{members[second].end_frame}): nobody is twice in one camera at the same time"
            )


def _check_correction(correction: Correction, after: Mapping[TrackletKey, int | None]) -> None:
    a, b = after[correction.a], after[correction.b]
    who = f"{correction.author} has said ({correction.kind}) that {correction.a} and {correction.b}"
    if correction.kind is CANNOT and a == b and a is not None:
        raise ConflictError(f"{who} are two people, identity {a} would hold both; take the correction back first")
    if correction.kind is MUST and a != b:
        raise ConflictError(f"{who} are one person, they would be in {a} and {b}; move both, or take it back first")


def _is_joined(pair: Pair, identity: Mapping[TrackletKey, int | None]) -> bool:
    a, b = (identity[key] for key in pair)
    return a is not None and a == b


def _link_change(kind: EventKind, link: Link, identity: Mapping[TrackletKey, int | None]) -> Change:
    detail = {"verdict": str(link.verdict), "is_joined": link.is_joined, "reasons": dict(link.reasons)}
    return Change(kind, link.a, link.b, identity[link.a], None, detail)


def check_correction(new: Correction, known: Sequence[Correction], members: Mapping[TrackletKey, Member]) -> None:
    """Refuse what contradicts the other corrections, taken together, or time.

    Args:
        new: the correction.
        known: all others; one about the same pair does not count, it is replaced.
        members: at least the tracklets of all of them.

    Raises:
        UnknownError, ConflictError: see `Store.correct`.
    """
    for key in new.pair:
        if key not in members:
            raise UnknownError(f"tracklet {key} is not in the store: it was never put, or forgotten")
    together = [*(one for one in known if one.pair != new.pair), new]
    group = group_of(one.pair for one in together if one.kind is MUST)
    for one in together:
        if one.kind is CANNOT and group.get(one.a, one.a) == group.get(one.b, one.b):
            raise ConflictError(
                f"{new.kind} {new.a} - {new.b} contradicts {one.author}'s cannot-link {one.a} - {one.b}, taken "
                "together with the must-links; take one of them back first"
            )
    if new.kind is MUST:
        joined = [key for key in members if group.get(key, key) == group[new.a]]
        _check_overlaps(joined, members, dict.fromkeys(joined, None))


def group_of(pairs: Iterable[Pair]) -> dict[TrackletKey, TrackletKey]:
    """The smallest key among all that are connected with a key, for every key of `pairs`."""
    leader: dict[TrackletKey, TrackletKey] = {}

    def find(key: TrackletKey) -> TrackletKey:
        while (up := leader.setdefault(key, key)) != key:
            leader[key] = key = leader[up]
        return key

    for a, b in pairs:
        first, second = sorted((find(a), find(b)))
        leader[second] = first
    return {key: find(key) for key in list(leader)}


def bridge(corrections: Sequence[Correction], gone: Collection[TrackletKey]) -> list[Correction]:
    """Corrections that keep what was known about others when the tracklets `gone` are deleted.

    When b goes, a = b and b = c become a = c, and a = b and b != c become a != c.
    """
    kept = {one.pair: one for one in corrections}
    for key in sorted(gone):
        about = [one for one in kept.values() if key in one.pair]
        for one in about:
            del kept[one.pair]
        far = {_other(one.pair, key): one for one in about}
        same = [other for other in sorted(far) if far[other].kind is MUST]
        for place, other in enumerate(same):
            for partner, source in far.items():
                if partner not in same[: place + 1]:
                    new = Correction(source.kind, other, partner, source.author, source.note, source.at_s)
                    kept.setdefault(new.pair, new)
    known = {one.pair for one in corrections}
    return [kept[pair] for pair in sorted(kept) if pair not in known]


def _other(pair: Pair, key: TrackletKey) -> TrackletKey:
    return pair[1] if pair[0] == key else pair[0]
