"""CUHK03 in the new protocol (767 people to train, 700 to test), with boxes labelled by hand or detected.

CUHK03-NP:   labeled/ and detected/, each with bounding_box_train/  query/  bounding_box_test/
extracted:   images_labeled/ and images_detected/ with 1_001_1_01.png = pair, person, camera, image, and
             cuhk03_new_protocol_config_labeled.mat and ..._detected.mat
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.components import build_config
from mdpr.errors import ConfigError, FormatError
from mdpr.reid.data.counts import Published, check_counts
from mdpr.reid.data.layout import found_in
from mdpr.reid.data.market import FOLDERS, BoxFolders, read_box_folders
from mdpr.reid.data.records import ReidDataset, ReidImages

_PUBLISHED: dict[str, Published] = {
    "labeled": {"train": (7368, 767), "query": (1400, 700), "gallery": (5328, 700)},
    "detected": {"train": (7365, 767), "query": (1400, 700), "gallery": (5332, 700)},
}
_PLACES = ("", "cuhk03", "CUHK03", "cuhk03-np", "CUHK03-NP", "cuhk03_np", "CUHK03_New_Protocol")
_LICENCE = "no licence stated; given out for academic research"


@dataclass(frozen=True)
class Cuhk03Options:
    """Options of CUHK03.

    Attributes:
        boxes: "labeled" (by hand) or "detected" (by a detector, the harder one).
        strict: counts that differ from the published ones are an error, not a note.
    """

    boxes: str = "detected"
    strict: bool = False

    def __post_init__(self) -> None:
        if self.boxes == "labelled":
            object.__setattr__(self, "boxes", "labeled")
        if self.boxes not in _PUBLISHED:
            raise ConfigError(f"cuhk03.boxes: expected labeled or detected, got {self.boxes!r}")


def read_cuhk03(root: Path, options: Mapping[str, Any]) -> ReidDataset:
    """CUHK03 from either layout; options as in `Cuhk03Options`.

    Raises:
        FormatError: neither layout is there, or a file in it breaks the rule.

    Reference: Li et al., "DeepReID: deep filter pairing neural network for person re-identification", CVPR 2014;
    protocol of Zhong et al., "Re-ranking person re-identification with k-reciprocal encoding", CVPR 2017.
    """
    chosen: Cuhk03Options = build_config(Cuhk03Options, options, "cuhk03")
    places = [root / place for place in _PLACES]
    boxes, published = chosen.boxes, _PUBLISHED[chosen.boxes]
    for place in places:
        folder = place / boxes
        if all((folder / name).is_dir() for name in FOLDERS.values()):
            about = BoxFolders(
                f"cuhk03-{boxes}",
                "CUHK03-NP",
                (),
                "0001_c1_1.png",
                published,
                _LICENCE,
                ("read from CUHK03-NP folders",),
            )
            return read_box_folders(folder, about, chosen.strict)
    for place in places:
        split_file, images = place / f"cuhk03_new_protocol_config_{boxes}.mat", place / f"images_{boxes}"
        if split_file.is_file() and images.is_dir():
            return check_counts(_read_extracted(split_file, images, boxes), published, chosen.strict)
    place = next((place for place in reversed(places) if place.is_dir()), root)
    raise FormatError(
        f"{place}: expected CUHK03 in the new protocol: either {boxes}/ with {', '.join(FOLDERS.values())} "
        f"(CUHK03-NP), or images_{boxes}/ with cuhk03_new_protocol_config_{boxes}.mat; "
        f"found: {found_in(place) if place.is_dir() else 'no such folder'}. "
        "Pictures inside cuhk-03.mat must be extracted first; CUHK03-NP is the easier way"
    )


def _read_extracted(split_file: Path, images: Path, boxes: str) -> ReidDataset:
    """Splits from the .mat file, pictures from the folder."""
    fields = _load(split_file)
    names = [str(np.ravel(name)[0]) for name in np.ravel(fields["filelist"])]
    labels = _whole_numbers(split_file, fields, "labels")
    if len(labels) != len(names) or (len(labels) and labels.min() < 1):
        raise FormatError(
            f"{split_file}: labels: expected {len(names)} identities above 0, one a file, got {len(labels)}"
        )
    splits = {}
    for split in ("train", "query", "gallery"):
        rows = _whole_numbers(split_file, fields, f"{split}_idx") - 1
        if len(rows) == 0 or rows.min() < 0 or rows.max() >= len(names):
            raise FormatError(f"{split_file}: {split}_idx: expected numbers from 1 to {len(names)}")
        paths = [images / names[row] for row in rows.tolist()]
        splits[split] = ReidImages.of([str(path) for path in paths], labels[rows], [_camera(path) for path in paths])
    return ReidDataset(f"cuhk03-{boxes}", **splits, licence=_LICENCE, notes=(f"split by {split_file.name}",))


def _camera(path: Path) -> int:
    """Camera 1 or 2 of the pair, from the name of a picture that must be there."""
    parts = path.name.split("_")
    if len(parts) != 4 or not parts[2].isdecimal():
        raise FormatError(f"{path}: expected a name PAIR_PERSON_CAMERA_IMAGE.png, such as 1_001_1_01.png")
    if not path.is_file():
        raise FormatError(f"{path}: the split file names this picture, but it is not there")
    return int(parts[2])


def _load(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    try:
        fields: dict[str, Any] = loadmat(str(path))
    except Exception as error:  # a broken file leads the reader into any exception
        raise FormatError(f"{path}: cannot be read as a MATLAB file: {' '.join(str(error).split())}") from error
    missing = sorted({"filelist", "labels", "train_idx", "query_idx", "gallery_idx"} - set(fields))
    if missing:
        raise FormatError(f"{path}: expected filelist, labels and the three _idx, missing: {', '.join(missing)}")
    return fields


def _whole_numbers(path: Path, fields: Mapping[str, Any], name: str) -> NDArray[np.int64]:
    values = np.ravel(fields[name])
    if values.dtype.kind not in "iuf" or not np.array_equal(values, np.floor(values)):
        raise FormatError(f"{path}: {name}: expected whole numbers, got {values.dtype}")
    return values.astype(np.int64)
