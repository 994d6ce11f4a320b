"""A folder per person.

root/alice/*.jpg  root/bob/*.jpg                              split by the option hold_out
root/train/alice/*.jpg  root/query/...  root/gallery/...      split by folders; any of them may be missing
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mdpr.components import build_config
from mdpr.errors import FormatError
from mdpr.reid.data.counts import SPLITS
from mdpr.reid.data.layout import folder_names, found_in, image_names, is_image, shortened
from mdpr.reid.data.naming import mapping_note, number_names
from mdpr.reid.data.records import DISTRACTOR_PID, JUNK_PID, UNKNOWN, ReidDataset, ReidImages
from mdpr.reid.data.splits import check_hold_out, split_images

_CAMERA = re.compile(r"_c(\d+)(?:s(\d+))?(?!\d)")
_SPECIAL = {"-1": JUNK_PID, "0000": DISTRACTOR_PID}


@dataclass(frozen=True)
class FolderOptions:
    """Options of a folder per person.

    Attributes:
        hold_out: fraction of the people that are tested on instead of trained on; for folders without a split.
        queries: images of each of them that become queries.
        seed: chooses them.
        licence: one line that goes into checkpoints trained on this.
    """

    hold_out: float = 0.0
    queries: int = 1
    seed: int = 0
    licence: str = ""

    def __post_init__(self) -> None:
        check_hold_out(self.hold_out, self.queries)


def read_folders(root: Path, options: Mapping[str, Any]) -> ReidDataset:
    """Pictures sorted into a folder per person; options as in `FolderOptions`.

    A camera is read from `_c2` (or `_c2s1`, with the sequence) in the name of a picture, where it is there. In
    gallery/, the folders `-1` and `0000` are junk and distractors, as in Market-1501, unless query/ asks for them.

    Raises:
        FormatError: no folder, no person in it, or a picture outside a person's folder.
    """
    chosen: FolderOptions = build_config(FolderOptions, options, "folders")
    if not root.is_dir():
        raise FormatError(f"{root}: expected a folder with a folder per person, no such folder")
    name = root.resolve().name
    names = folder_names(root)
    if not set(names) & set(SPLITS):
        people = _people(root)
        numbers = number_names(people)
        images, notes = _read(root, numbers)
        notes += mapping_note("identities", numbers)
        return split_images(name, images, chosen.hold_out, chosen.queries, chosen.seed, chosen.licence, notes)

    if chosen.hold_out:
        raise FormatError(
            f"{root}: hold_out is for folders without a split, but there is {', '.join(set(names) & set(SPLITS))}/"
        )
    stray = [one for one in names if one not in SPLITS]
    if stray:
        raise FormatError(f"{root}: expected only {', '.join(SPLITS)} beside each other, found: {shortened(stray)}")
    people_of = {split: _people(root / split) if split in names else [] for split in SPLITS}
    special = set(_SPECIAL) - set(people_of["query"]) - set(people_of["train"])
    numbers = number_names([one for people in people_of.values() for one in people if one not in special])
    notes = mapping_note("identities", numbers)
    splits = {}
    for split, people in people_of.items():
        own = {one: _SPECIAL[one] if one in special else numbers[one] for one in people}
        splits[split], told = _read(root / split, own) if people else (ReidImages.of([], []), ())
        notes += tuple(f"{split}: {note}" for note in told)
    return ReidDataset(name, **splits, licence=chosen.licence, notes=notes)


def _people(folder: Path) -> list[str]:
    """Names of the people; pictures beside their folders are an error."""
    people = folder_names(folder)
    if not people:
        raise FormatError(f"{folder}: expected a folder per person, found: {found_in(folder)}")
    stray = sorted(path.name for path in folder.iterdir() if is_image(path.name) and not path.name.startswith("."))
    if stray:
        raise FormatError(f"{folder / stray[0]}: expected every picture in the folder of its person")
    return people


def _read(folder: Path, numbers: Mapping[str, int]) -> tuple[ReidImages, tuple[str, ...]]:
    """Images of the people in `numbers`, and notes."""
    paths, pids, camids, sequences, empty = [], [], [], [], []
    for person, pid in numbers.items():
        inner = folder_names(folder / person)
        if inner:
            raise FormatError(f"{folder / person / inner[0]}: expected pictures of {person}, found a folder")
        if not any(is_image(path.name) for path in (folder / person).iterdir()):
            empty.append(person)
            continue
        for image in image_names(folder / person, "0001.jpg"):
            match = _CAMERA.search(image)
            paths.append(f"{folder}/{person}/{image}")
            pids.append(pid)
            camids.append(int(match[1]) if match else UNKNOWN)
            sequences.append(int(match[2] or UNKNOWN) if match else UNKNOWN)
    if not paths:
        raise FormatError(f"{folder}: expected pictures in the folders of {len(numbers)} people, all are empty")
    notes = (f"people without a picture left out: {shortened(empty)}",) if empty else ()
    known = len(camids) - camids.count(UNKNOWN)
    if 0 < known < len(camids):
        notes = (*notes, f"the camera is known for {known} of {len(camids)} images (_cN in the name)")
    return ReidImages.of(paths, pids, camids, sequences=sequences), notes
