"""What counts: which gallery items are right answers to a query, and which are left out of its ranking."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.data.labels import select
from mdpr.reid.data.records import JUNK_PID, UNKNOWN, ReidImages

Integers = NDArray[np.int64]


class Exclusion(StrEnum):
    """Which gallery items are left out of the ranking of a query; every report says which rule was used."""

    CAMERA = "same identity and camera"
    """The standard rule of the benchmarks: only other cameras count."""
    IMAGE = "same image"
    """Without camera labels: only the query's own picture is left out."""
    MIXED = "same identity and camera; same image where a camera is unknown"


@dataclass(frozen=True, eq=False)
class Labels:
    """What is known of N crops.

    Attributes:
        pids: (N,) identity, see `mdpr.reid.data.records`.
        camids: (N,) camera, `UNKNOWN` where it is not known.
        images: (N,) number of the picture; a query and a gallery item with one number are the same crop.
    """

    pids: Integers
    camids: Integers
    images: Integers

    def __len__(self) -> int:
        return len(self.pids)


def labels_of(query: ReidImages, gallery: ReidImages) -> tuple[Labels, Labels]:
    """Labels of the two splits; a crop is the same when file and box are."""
    numbers: dict[tuple[str, str, bytes], int] = {}
    folders: dict[str, str] = {}
    labels = []
    for images in (query, gallery):
        boxes = images.boxes.view("V16").ravel().tolist() if len(images) else []
        picture = np.empty(len(images), np.int64)
        for index, (path, box) in enumerate(zip(images.paths, boxes, strict=True)):
            folder, name = os.path.split(path)
            if folder not in folders:
                folders[folder] = os.path.abspath(folder)
            picture[index] = numbers.setdefault((folders[folder], name, box), len(numbers))
        labels.append(Labels(images.pids, images.camids, picture))
    return labels[0], labels[1]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a block of B queries with the gallery, sorted by query.

    Attributes:
        offsets: (B + 1,) pairs offsets[q] to offsets[q + 1] belong to query q of the block.
        rows: (P,) query within the block.
        columns: (P,) gallery item.
    """

    offsets: Integers
    rows: Integers
    columns: Integers


class GroundTruth:
    """Right answers and exclusions for any block of queries.

    Junk (`JUNK_PID`) must be taken out of the gallery before; see `without_junk`.

    Args:
        query: labels of the queries; those that show nobody in particular (identity 0 or below) have no right answer.
        gallery: labels of the gallery.
        exclusion: "auto" = by camera where both cameras are known, by image elsewhere; "camera"; "image".

    Raises:
        ConfigError: "camera" is wanted and a camera is unknown, or an unknown rule.
        FormatError: junk in the gallery.
    """

    def __init__(self, query: Labels, gallery: Labels, exclusion: str = "auto") -> None:
        if np.any(gallery.pids == JUNK_PID):
            raise FormatError("the gallery holds junk (identity -1): take it out with without_junk first")
        self.query, self.gallery = query, gallery
        self.exclusion = _rule(query, gallery, exclusion)
        self._by_pid = _Groups(gallery.pids)
        self._by_image = _Groups(gallery.images)

    def block(self, first: int, count: int) -> tuple[Pairs, Pairs]:
        """Right answers and excluded items of queries first to first + count - 1."""
        pids = self.query.pids[first : first + count]
        rows, columns = self._by_pid.pairs(pids)
        same_image = self.query.images[first + rows] == self.gallery.images[columns]
        is_excluded = same_image.copy()
        if self.exclusion is not Exclusion.IMAGE:
            camids = self.query.camids[first + rows]
            is_excluded |= (camids == self.gallery.camids[columns]) & (camids != UNKNOWN)
        is_positive = ~is_excluded & (pids[rows] > 0)
        image_rows, image_columns = self._by_image.pairs(self.query.images[first : first + count])
        is_other = self.gallery.pids[image_columns] != pids[image_rows]  # one picture under two names
        excluded_rows = np.concatenate([rows[is_excluded], image_rows[is_other]])
        excluded_columns = np.concatenate([columns[is_excluded], image_columns[is_other]])
        order = np.argsort(excluded_rows, kind="stable")
        return (
            _pairs(rows[is_positive], columns[is_positive], count),
            _pairs(excluded_rows[order], excluded_columns[order], count),
        )


def without_junk(gallery: ReidImages) -> ReidImages:
    """The gallery that is ranked: distractors stay in it, junk does not."""
    return gallery if not np.any(gallery.pids == JUNK_PID) else select(gallery, gallery.pids != JUNK_PID)


class _Groups:
    """Positions of equal values."""

    def __init__(self, values: Integers) -> None:
        self._order = np.argsort(values, kind="stable").astype(np.int64)
        self._sorted = values[self._order]

    def pairs(self, wanted: Integers) -> tuple[Integers, Integers]:
        """All (row of `wanted`, position) whose values are equal, sorted by row."""
        begin = np.searchsorted(self._sorted, wanted, "left")
        counts = np.searchsorted(self._sorted, wanted, "right") - begin
        rows = np.repeat(np.arange(len(wanted)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self._order[np.repeat(begin, counts) + within]


def _pairs(rows: Integers, columns: Integers, count: int) -> Pairs:
    return Pairs(np.searchsorted(rows, np.arange(count + 1)).astype(np.int64), rows, columns)


def _rule(query: Labels, gallery: Labels, wanted: str) -> Exclusion:
    unknown = int(np.sum(query.camids == UNKNOWN) + np.sum(gallery.camids == UNKNOWN))
    if wanted == "image":
        return Exclusion.IMAGE
    if wanted == "camera":
        if unknown:
            raise ConfigError(f"exclusion by camera: {unknown} of the images have no camera; use auto or image")
        return Exclusion.CAMERA
    if wanted != "auto":
        raise ConfigError(f"exclusion: expected auto, camera or image, got {wanted!r}")
    if unknown == 0:
        return Exclusion.CAMERA
    return Exclusion.IMAGE if unknown == len(query) + len(gallery) else Exclusion.MIXED
