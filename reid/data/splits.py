"""People held out of training, as queries and gallery."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.reid.data.labels import select
from mdpr.reid.data.records import ReidDataset, ReidImages


def check_hold_out(hold_out: float, queries: int) -> None:
    """Raise a ConfigError unless the fraction is in [0, 1] and at least one query is asked for."""
    if not 0 <= hold_out <= 1:
        raise ConfigError(f"hold_out: expected a fraction of the identities from 0 to 1, got {hold_out}")
    if queries < 1:
        raise ConfigError(f"queries: expected 1 or more images an identity, got {queries}")


def held_out(
    pids: NDArray[np.int64], fraction: float, queries: int = 1, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows of train, query and gallery.

    Args:
        pids: (N,) identities above 0.
        fraction: of the identities that are held out: rounded, but at least one when it is above 0.
        queries: images of a held-out person that become queries; at least one stays for the gallery.
        seed: chooses the people and their queries; the order of other people's images does not matter.

    Returns:
        Three rising index arrays that share no row and together hold all.

    >>> train, query, gallery = held_out(np.array([1, 1, 1, 2, 2, 2]), 0.5)
    >>> len(train), len(query), len(gallery)
    (3, 1, 2)
    """
    people = np.unique(pids)
    count = min(len(people), max(round(fraction * len(people)), 1)) if fraction > 0 else 0
    tested = np.sort(np.random.default_rng(seed).permutation(people)[:count])
    is_tested = np.isin(pids, tested)
    is_query = np.zeros(len(pids), bool)
    for pid in tested.tolist():
        rows = np.flatnonzero(pids == pid)
        asked = min(queries, len(rows) - 1)
        is_query[np.random.default_rng([seed, pid]).permutation(rows)[:asked]] = True
    return np.flatnonzero(~is_tested), np.flatnonzero(is_query), np.flatnonzero(is_tested & ~is_query)


def split_images(
    name: str, images: ReidImages, hold_out: float, queries: int, seed: int, licence: str, notes: tuple[str, ...]
) -> ReidDataset:
    """A data set of images of people, some of them held out; see `held_out`."""
    train, query, gallery = (select(images, rows) for rows in held_out(images.pids, hold_out, queries, seed))
    if len(gallery):
        told = f"{gallery.identities} of {images.identities} people held out, {len(query)} of their images as queries"
        notes = (*notes, f"{told} (seed {seed})")
    return ReidDataset(name, train, query, gallery, licence, notes)
