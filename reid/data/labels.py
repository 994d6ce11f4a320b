"""Identities as class labels, and several data sets as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError
from mdpr.reid.data.records import UNKNOWN, ReidDataset, ReidImages


def relabel(pids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Class labels of identities, for training.

    Args:
        pids: (N,) identities of people, all above 0.

    Returns:
        labels: (N,) int64 in [0, C), in the order of the identities' numbers.
        classes: (C,) the identity of each label, rising.

    Raises:
        FormatError: junk or a distractor among them.

    >>> relabel(np.array([7, 3, 7]))
    (array([1, 0, 1]), array([3, 7]))
    """
    if len(pids) and pids.min() <= 0:
        raise FormatError(f"training images: expected identities above 0, got {int(pids.min())} (junk or a distractor)")
    classes, labels = np.unique(np.asarray(pids, np.int64), return_inverse=True)
    return labels.reshape(-1).astype(np.int64), classes


def concatenate(parts: Sequence[ReidImages]) -> ReidImages:
    """Images one after the other, identities and cameras as they are; none gives none."""
    if not parts:
        return ReidImages.of([], [])
    return ReidImages(
        tuple(path for part in parts for path in part.paths),
        np.concatenate([part.pids for part in parts]),
        np.concatenate([part.camids for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.sequences for part in parts]),
    )


def select(images: ReidImages, rows: NDArray[np.int64] | NDArray[np.bool_]) -> ReidImages:
    """Some of the images: by index, in the order given, or by mask."""
    indices = np.arange(len(images))[rows]
    paths = tuple(images.paths[i] for i in indices.tolist())
    return ReidImages(
        paths, images.pids[indices], images.camids[indices], images.boxes[indices], images.sequences[indices]
    )


def combine(datasets: Sequence[ReidDataset]) -> ReidDataset:
    """Training images of several data sets as one: no identity and no known camera is shared between them.

    Query and gallery stay empty: each data set is evaluated on its own. Licences and notes are kept, with names.

    Raises:
        FormatError: no data set.

    >>> one = ReidDataset("one", ReidImages.of(["a", "b"], [5, 9], [1, 2]), *[ReidImages.of([], [])] * 2)
    >>> both = combine([one, one])
    >>> both.name, both.train.pids.tolist(), both.train.camids.tolist()
    ('one+one', [5, 9, 14, 18], [1, 2, 4, 5])
    """
    if not datasets:
        raise FormatError("combine: expected at least one data set")
    parts: list[ReidImages] = []
    first_pid = first_camid = 0
    for dataset in datasets:
        train = dataset.train
        pids = np.where(train.pids > 0, train.pids + first_pid, train.pids)
        camids = np.where(train.camids != UNKNOWN, train.camids + first_camid, UNKNOWN)
        parts.append(ReidImages(train.paths, pids, camids, train.boxes, train.sequences))
        first_pid = max(first_pid, int(pids.max(initial=0)))
        first_camid = max(first_camid, int(camids.max(initial=-1)) + 1)
    empty = ReidImages.of([], [])
    return ReidDataset(
        name="+".join(dataset.name for dataset in datasets),
        train=concatenate(parts),
        query=empty,
        gallery=empty,
        licence="; ".join(f"{dataset.name}: {dataset.licence}" for dataset in datasets if dataset.licence),
        notes=tuple(f"{dataset.name}: {note}" for dataset in datasets for note in dataset.notes),
    )
