"""How many images, people and cameras a data set has, held against what its makers published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mdpr.errors import FormatError
from mdpr.reid.data.records import DISTRACTOR_PID, JUNK_PID, ReidDataset, ReidImages

SPLITS = ("train", "query", "gallery")

Published = Mapping[str, tuple[int, int]]
"""Split to (images without junk, identities)."""


def split_counts(images: ReidImages) -> dict[str, int]:
    """Counts of a split; `images` includes junk and distractors.

    >>> split_counts(ReidImages.of(["a", "b", "c"], [1, 1, 0], [1, 2, 2]))
    {'images': 3, 'identities': 1, 'cameras': 2, 'junk': 0, 'distractors': 1}
    """
    return {
        "images": len(images),
        "identities": images.identities,
        "cameras": images.cameras,
        "junk": int(np.count_nonzero(images.pids == JUNK_PID)),
        "distractors": int(np.count_nonzero(images.pids == DISTRACTOR_PID)),
    }


def check_counts(dataset: ReidDataset, published: Published, is_strict: bool) -> ReidDataset:
    """`dataset`, with a note for each split whose images or identities are not as many as published, or that all are.

    Junk is not counted: some copies of a data set come without it.

    Raises:
        FormatError: `is_strict` and a difference.
    """
    differences = []
    for split, (images, identities) in published.items():
        counts = split_counts(getattr(dataset, split))
        found = counts["images"] - counts["junk"]
        if (found, counts["identities"]) != (images, identities):
            differences.append(
                f"{split}: found {found} images of {counts['identities']} people, "
                f"published are {images} of {identities}"
            )
    if differences and is_strict:
        raise FormatError(
            f"{dataset.name}: {'; '.join(differences)}. Unpack the data set again, or read it with strict=false"
        )
    agreement = [f"images and identities of {', '.join(published)} are as many as published"] if published else []
    return replace(dataset, notes=(*dataset.notes, *(differences or agreement)))


def describe(dataset: ReidDataset) -> str:
    """A table of the counts of each split, the licence and the notes, a line each.

    >>> print(describe(ReidDataset("mine", *[ReidImages.of(["a", "b"], [1, 2])] * 3)))
    mine
      split       images  identities  cameras     junk  distractors
      train            2           2  unknown        0            0
      query            2           2  unknown        0            0
      gallery          2           2  unknown        0            0
    """
    lines = [
        dataset.name,
        f"  {'split':<8}{'images':>10}{'identities':>12}{'cameras':>9}{'junk':>9}{'distractors':>13}",
    ]
    for split in SPLITS:
        counts = split_counts(getattr(dataset, split))
        cameras = counts["cameras"] or ("unknown" if counts["images"] else 0)
        lines.append(
            f"  {split:<8}{counts['images']:>10}{counts['identities']:>12}{cameras:>9}"
            f"{counts['junk']:>9}{counts['distractors']:>13}"
        )
    if dataset.licence:
        lines.append(f"  licence: {dataset.licence}")
    lines += [f"  note: {note}" for note in dataset.notes]
    return "\n".join(lines)
