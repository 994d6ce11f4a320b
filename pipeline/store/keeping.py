"""How much a store holds, for how long, what was deleted, and who has searched."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.pipeline.store.values import Filters, Match


@dataclass(frozen=True)
class Search:
    """An entry of the audit log: who asked what, when, and what they were shown.

    Attributes:
        who: the person or program.
        query: what was asked for, as a hash; see `query_hash`.
        filters: how the search was restricted.
        matches: what was shown; those of people who were forgotten since are gone.
        shown: how many matches there were.
        at_s: wall time; set by the store.
    """

    who: str
    query: str
    filters: Filters
    matches: tuple[Match, ...]
    shown: int = 0
    at_s: float = 0.0


@dataclass(frozen=True)
class Retention:
    """How long and how much a store keeps; None is without limit.

    Attributes:
        ttl_s: tracklets that ended longer ago than this are forgotten, named or not.
        max_bytes: beyond it, whole identities are forgotten, unnamed ones only, the longest unseen first; a tracklet
            without identity counts as one of its own.
    """

    ttl_s: float | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.ttl_s is not None and not (math.isfinite(self.ttl_s) and self.ttl_s > 0):
            raise ConfigError(f"time to live: expected seconds above 0, got {self.ttl_s}")
        if self.max_bytes is not None and self.max_bytes <= 0:
            raise ConfigError(f"size of a gallery: expected bytes above 0, got {self.max_bytes}")


@dataclass(frozen=True)
class Forgotten:
    """What `forget` and `expire` deleted.

    Attributes:
        tracklets, views, identities: how many.
        left: why bytes of it may still be in the files; "" when they are gone. `Store.erase` tries again.
        over_bytes: how far the store is above its size cap, because all that is left is named; 0 when it is not.
    """

    tracklets: int = 0
    views: int = 0
    identities: int = 0
    left: str = ""
    over_bytes: int = 0

    def __add__(self, other: Forgotten) -> Forgotten:
        """Both together; `left` and `over_bytes` are those of the later."""
        return Forgotten(
            self.tracklets + other.tracklets,
            self.views + other.views,
            self.identities + other.identities,
            other.left,
            other.over_bytes,
        )


@dataclass(frozen=True)
class CameraSummary:
    """What a store has of one camera; wall times are None without tracklets."""

    name: str
    runs: int
    tracklets: int
    first_s: float | None
    last_s: float | None


@dataclass(frozen=True)
class Stats:
    """How much a store holds; `bytes` is what the size cap is compared with, wall times are None when it is empty."""

    runs: int
    tracklets: int
    views: int
    crops: int
    identities: int
    named: int
    links: int
    events: int
    corrections: int
    searches: int
    bytes: int
    first_s: float | None
    last_s: float | None


def query_hash(embeddings: NDArray[np.float32]) -> str:
    """SHA-256 of the query embeddings: equal queries can be told in the audit log, the person cannot be rebuilt.

    >>> query_hash(np.zeros((1, 4), np.float32))[:12]
    '374708fff771'
    """
    return hashlib.sha256(np.ascontiguousarray(embeddings, dtype="<f4").tobytes()).hexdigest()


def as_size(size: int) -> str:
    """Bytes for a person.

    >>> as_size(2_500_000)
    '2.5 MB'
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
