"""Who is who, and how it came about: identities, links with their reasons, corrections by people, and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mdpr.errors import FormatError
from mdpr.pipeline.store.values import TrackletKey

Pair = tuple[TrackletKey, TrackletKey]


class Verdict(StrEnum):
    """How sure a link is."""

    CERTAIN = "certain"
    PROBABLE = "probable"
    AMBIGUOUS = "ambiguous"


class CorrectionKind(StrEnum):
    """What a person has said about two tracklets."""

    MUST_LINK = "must-link"
    CANNOT_LINK = "cannot-link"


class EventKind(StrEnum):
    """What happened; see `Event`."""

    ASSIGN = "assign"
    LINK = "link"
    UNLINK = "unlink"
    NAME = "name"
    CORRECT = "correct"
    WITHDRAW = "withdraw"
    FORGET = "forget"
    REEMBED = "re-embed"


@dataclass(frozen=True)
class Identity:
    """One person.

    Attributes:
        number: unique in the store, never given twice.
        name: given by a person; "" without.
        members: keys of the tracklets, sorted. Empty only for a named identity whose tracklets went to another one.
        first_s, last_s: wall times of the first and the last sight; None without members.
    """

    number: int
    name: str
    members: tuple[TrackletKey, ...]
    first_s: float | None
    last_s: float | None


@dataclass(frozen=True)
class Link:
    """What was decided about two tracklets, and why.

    Attributes:
        a, b: keys, a < b; they are put in order.
        verdict: how sure it is.
        reasons: anything that JSON can hold. The linker's words: similarity, runner_up, margin, time_term, constraint.
        is_joined: whether they were taken for one person; False records that they were considered and kept apart.
    """

    a: TrackletKey
    b: TrackletKey
    verdict: Verdict
    reasons: Mapping[str, Any] = field(default_factory=dict)
    is_joined: bool = True

    def __post_init__(self) -> None:
        first, second = ordered(self.a, self.b)
        object.__setattr__(self, "a", first)
        object.__setattr__(self, "b", second)
        object.__setattr__(self, "verdict", Verdict(self.verdict))

    @property
    def pair(self) -> Pair:
        """(a, b)."""
        return self.a, self.b


@dataclass(frozen=True)
class Revision:
    """What one decision changes, all of it or nothing.

    A link whose tracklets it takes apart (or joins, when the link said that they are two people) disappears by itself.

    Attributes:
        author: who decides: "linker", or the name of a person.
        members: identity of each tracklet that changes; None takes it out of its identity. Numbers come from
            `Store.reserve` or exist already.
        links: new ones; they replace what was known about the same pair.
        unlink: pairs whose link is no longer a reason.
        based_on: `Store.revision` when the decision was prepared; None does not look whether the store moved on since.
    """

    author: str
    members: Mapping[TrackletKey, int | None] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    unlink: tuple[Pair, ...] = ()
    based_on: int | None = None


@dataclass(frozen=True)
class Correction:
    """What a person knows about two tracklets; it binds every later revision.

    Attributes:
        kind: must-link or cannot-link.
        a, b: keys, a < b; they are put in order.
        author: the person.
        note: their words.
        at_s: wall time; set by the store.
    """

    kind: CorrectionKind
    a: TrackletKey
    b: TrackletKey
    author: str
    note: str = ""
    at_s: float = 0.0

    def __post_init__(self) -> None:
        first, second = ordered(self.a, self.b)
        object.__setattr__(self, "a", first)
        object.__setattr__(self, "b", second)
        object.__setattr__(self, "kind", CorrectionKind(self.kind))

    @property
    def pair(self) -> Pair:
        """(a, b)."""
        return self.a, self.b


@dataclass(frozen=True)
class Event:
    """One change; the list of them is the history of the store, and its order does not depend on any clock.

    Attributes:
        number: position in the history, rising.
        revision: changes of one call share it.
        at_s: wall time of the machine that wrote it.
        author: who did it.
        kind: assign (key went from identity `before` to `identity`), link and unlink (`detail` has verdict, reasons,
            is_joined), name (of `identity`; `detail` has name, before), correct and withdraw (`detail` has kind, note),
            forget (`detail` has counts and why), re-embed (`detail` has the models).
        key, other: the tracklets it is about; None where it is not about tracklets.
        identity, before: numbers, or None.
    """

    number: int
    revision: int
    at_s: float
    author: str
    kind: EventKind
    key: TrackletKey | None = None
    other: TrackletKey | None = None
    identity: int | None = None
    before: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def ordered(a: TrackletKey, b: TrackletKey) -> Pair:
    """The pair with the smaller key first.

    Raises:
        FormatError: both are the same tracklet.
    """
    if a == b:
        raise FormatError(f"{a}: a pair needs two different tracklets")
    return (a, b) if a < b else (b, a)
