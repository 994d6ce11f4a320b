"""MSMT17, versions 1 and 2 (faces blurred): list files name the images of each split.

MSMT17_V1/  train/  test/                    list_train.txt  list_val.txt  list_query.txt  list_gallery.txt
MSMT17_V2/  mask_train_v2/  mask_test_v2/    a line: 0000/0000_000_01_0303morning_0015_0.jpg 0 = camera 01, identity 0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mdpr.components import build_config
from mdpr.errors import ConfigError, FormatError
from mdpr.reid.data.counts import Published, check_counts
from mdpr.reid.data.labels import concatenate
from mdpr.reid.data.layout import find_folder, found_in
from mdpr.reid.data.records import ReidDataset, ReidImages

_FOLDERS = {"v1": ("train", "test"), "v2": ("mask_train_v2", "mask_test_v2")}
_LISTS = tuple(f"list_{split}.txt" for split in ("train", "val", "query", "gallery"))
_TEST: Published = {"query": (11659, 3060), "gallery": (82161, 3060)}
_PUBLISHED: dict[bool, Published] = {
    False: {"train": (30248, 1041), **_TEST},
    True: {"train": (32621, 1041), **_TEST},
}


@dataclass(frozen=True)
class Msmt17Options:
    """Options of MSMT17.

    Attributes:
        version: "v1", "v2", or "auto" for the one that is there, version 1 first.
        combine_all: train on list_val.txt too: 32,621 images instead of the 30,248 of most publications.
        strict: counts that differ from the published ones are an error, not a note.
    """

    version: str = "auto"
    combine_all: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        if self.version not in ("auto", *_FOLDERS):
            raise ConfigError(f"msmt17.version: expected auto, {' or '.join(_FOLDERS)}, got {self.version!r}")


def read_msmt17(root: Path, options: Mapping[str, Any]) -> ReidDataset:
    """MSMT17; options as in `Msmt17Options`. Its identities count from 0, here from 1.

    Raises:
        FormatError: a folder or list file is missing, a line breaks the rule or names a file that is not there.

    Reference: Wei et al., "Person transfer GAN to bridge domain gap for person re-identification", CVPR 2018.
    """
    chosen: Msmt17Options = build_config(Msmt17Options, options, "msmt17")
    folder, version = _find(root, chosen.version)
    train_folder, test_folder = (folder / name for name in _FOLDERS[version])
    train, val = (_read_list(folder / f"list_{split}.txt", train_folder) for split in ("train", "val"))
    query, gallery = (_read_list(folder / f"list_{split}.txt", test_folder) for split in ("query", "gallery"))
    notes = (
        f"list_val.txt ({len(val)} images) is {'part of train' if chosen.combine_all else 'not used'}",
        "identities count from 1 here, from 0 in the files",
    )
    dataset = ReidDataset(
        name=f"msmt17-{version}",
        train=concatenate([train, val]) if chosen.combine_all else train,
        query=query,
        gallery=gallery,
        licence="release agreement: academic research only",
        notes=notes,
    )
    return check_counts(dataset, _PUBLISHED[chosen.combine_all], chosen.strict)


def _find(root: Path, version: str) -> tuple[Path, str]:
    """The folder, and the version that lies in it."""
    asked = tuple(_FOLDERS) if version == "auto" else (version,)
    names = [f"{parent}MSMT17_{one.upper()}" for parent in ("", "msmt17/", "MSMT17/") for one in asked]
    folder = find_folder(root, "MSMT17", (*names, "msmt17", "MSMT17"), _LISTS)
    for one in asked:
        if all((folder / name).is_dir() for name in _FOLDERS[one]):
            return folder, one
    wanted = " or ".join(f"{' and '.join(_FOLDERS[one])} (version {one[1:]})" for one in asked)
    raise FormatError(f"{folder}: expected MSMT17 with the folders {wanted}; found: {found_in(folder)}")


def _read_list(path: Path, folder: Path) -> ReidImages:
    """The images of a list file."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as text: {error}") from error
    paths, pids, camids = [], [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, _, identity = line.strip().rpartition(" ")
        camera = name.rpartition("/")[2].split("_")[2:3]
        if not identity.isdecimal() or not camera or not camera[0].isdecimal():
            raise FormatError(
                f"{path}:{number}: expected PERSON/PERSON_INDEX_CAMERA_... IDENTITY, such as "
                f"0000/0000_000_01_0303morning_0015_0.jpg 0, got {line.strip()!r}"
            )
        image = folder / name
        if not image.is_file():
            raise FormatError(f"{path}:{number}: the image {image} is not there")
        paths.append(str(image))
        pids.append(int(identity) + 1)
        camids.append(int(camera[0]))
    if not paths:
        raise FormatError(f"{path}: expected a line for each image, the file is empty")
    return ReidImages.of(paths, pids, camids)
