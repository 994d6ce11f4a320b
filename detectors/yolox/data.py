"""Pictures with boxes of people: a folder with `images/` and one annotation file in COCO JSON.

    scenes/
      annotations.json      any other name too, if it is the only .json of the folder, or named itself
      images/000001.jpg     what `file_name` tells, below images/

    {"images": [{"id": 1, "file_name": "000001.jpg", "width": 1280, "height": 720}, ...],
     "annotations": [{"image_id": 1, "category_id": 1, "bbox": [x, y, width, height],
                      "iscrowd": 0, "visibility": 0.85}, ...],
     "categories": [{"id": 1, "name": "person"}]}

Boxes count from the picture's upper left corner, in pixels. `iscrowd` and `visibility` (the share of the person that
can be seen, 0 to 1) may be left out. Groups (`iscrowd`) and people who can hardly be seen are *ignored*: to find them
is no mistake, nor to miss them. Other keys and categories are not read; pictures without people are welcome.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError

PERSON = "person"
ANNOTATIONS = "annotations.json"
_SLACK_PX = 1.0  # that a box may reach beyond its picture: annotations are rounded


@dataclass(frozen=True)
class ReadOptions:
    """Who is ignored.

    Attributes:
        min_visibility: people of whom less can be seen.
        min_height_px: people whose box is lower, in pixels of the picture.
    """

    min_visibility: float = 0.3
    min_height_px: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_visibility <= 1 or self.min_height_px < 0:
            raise ConfigError(
                f"min_visibility must lie in [0, 1] and min_height_px not be negative, got {self.min_visibility:g} and "
                f"{self.min_height_px:g}"
            )


@dataclass(frozen=True, eq=False)
class PeoplePictures:
    """Pictures and who is in them; `len()` is the number of pictures.

    Attributes:
        name: of the annotation file, for messages.
        paths: (N,) image files.
        sizes: (N, 2) int64 (width, height) in pixels.
        starts: (N + 1,) int64: picture i has the rows starts[i] to starts[i + 1] of the next two.
        xyxy: (M, 4) float32 pixels, within the picture.
        is_ignored: (M,) bool.
    """

    name: str
    paths: tuple[str, ...]
    sizes: NDArray[np.int64]
    starts: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    is_ignored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def people(self) -> int:
        """Boxes that are not ignored."""
        return int((~self.is_ignored).sum())

    def boxes_of(self, picture: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(G, 4) boxes of a picture, and which of them are ignored, (G,)."""
        rows = slice(int(self.starts[picture]), int(self.starts[picture + 1]))
        return self.xyxy[rows], self.is_ignored[rows]

    @property
    def digest(self) -> str:
        """A fingerprint of file names and boxes, in order; not of where they lie."""
        found = hashlib.sha256("\n".join(map(os.path.basename, self.paths)).encode())
        found.update(self.starts.tobytes() + self.xyxy.tobytes() + self.is_ignored.tobytes())
        return found.hexdigest()[:16]

    def describe(self) -> str:
        """One line for the log."""
        empty = int((np.diff(self.starts) == 0).sum())
        return (
            f"{self.name}: {len(self)} pictures, {self.people} people, {int(self.is_ignored.sum())} ignored, "
            f"{empty} pictures without any"
        )


def read_pictures(path: Path, options: ReadOptions | None = None) -> PeoplePictures:
    """The pictures of a folder, or of an annotation file in it.

    Args:
        path: see the module.
        options: who is ignored.

    Raises:
        FormatError: not such a folder; an image that is missing; a box without area or outside its picture; nothing
            at all. Says where.
    """
    options = options or ReadOptions()
    file = _annotation_file(Path(path))
    content = _parse(file)
    rows, numbers = _images(content, file)
    person = _person_category(content, file)
    boxes: list[list[list[float]]] = [[] for _ in rows]
    ignored: list[list[bool]] = [[] for _ in rows]
    for place, entry in enumerate(_list(content, "annotations", file)):
        where = f"{file}: annotations[{place}]"
        if _get(entry, "category_id", where) != person:
            continue
        number = numbers.get(_get(entry, "image_id", where))
        if number is None:
            raise FormatError(f"{where}: image_id {entry['image_id']!r} is none of the images")
        _, width, height = rows[number]
        box = _box(entry, width, height, where)
        boxes[number].append(box)
        ignored[number].append(_is_ignored(entry, box, options, where))
    counts = [len(some) for some in boxes]
    return PeoplePictures(
        file.name,
        tuple(path for path, _, _ in rows),
        np.array([(width, height) for _, width, height in rows], np.int64),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.array([box for some in boxes for box in some], np.float32).reshape(-1, 4),
        np.array([flag for some in ignored for flag in some], bool),
    )


def together(sets: Sequence[PeoplePictures]) -> PeoplePictures:
    """The pictures of several folders, one after another."""
    if len(sets) == 1:
        return sets[0]
    counts = np.concatenate([np.diff(pictures.starts) for pictures in sets])
    return PeoplePictures(
        " + ".join(pictures.name for pictures in sets),
        tuple(path for pictures in sets for path in pictures.paths),
        np.concatenate([pictures.sizes for pictures in sets]),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.concatenate([pictures.xyxy for pictures in sets]),
        np.concatenate([pictures.is_ignored for pictures in sets]),
    )


def _annotation_file(path: Path) -> Path:
    if path.is_dir():
        if (path / ANNOTATIONS).is_file():  # `mdpr data synth detection` writes its settings beside it
            return path / ANNOTATIONS
        found = sorted(path.glob("*.json"))
        if len(found) != 1:
            names = ", ".join(file.name for file in found) or "none"
            raise FormatError(f"{path}: expected one annotation file (.json) in it, found {names}. Name it itself")
        return found[0]
    if not path.is_file():
        raise FormatError(f"{path}: no such folder or file. Expected a folder with images/ and one .json, or that file")
    return path


def _parse(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{file}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise FormatError(f"{file}: expected an object with images, annotations and categories, as COCO has them")
    return content


def _images(content: Mapping[str, Any], file: Path) -> tuple[list[tuple[str, int, int]], dict[Any, int]]:
    """Path, width and height of each image, and the place of each id."""
    folder = file.parent / "images"
    rows: list[tuple[str, int, int]] = []
    numbers: dict[Any, int] = {}
    for place, entry in enumerate(_list(content, "images", file)):
        where = f"{file}: images[{place}]"
        key, name = _get(entry, "id", where), _get(entry, "file_name", where)
        width, height = _get(entry, "width", where), _get(entry, "height", where)
        if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
            raise FormatError(f"{where}: expected width and height in whole pixels, got {width!r} and {height!r}")
        if key in numbers:
            raise FormatError(f"{where}: the id {key!r} is that of images[{numbers[key]}] too")
        path = os.path.join(folder, str(name))
        if not os.path.isfile(path):
            raise FormatError(f"{where}: the picture {path} is not there")
        numbers[key] = place
        rows.append((path, width, height))
    if not rows:
        raise FormatError(f"{file}: there is no image in it")
    return rows, numbers


def _person_category(content: Mapping[str, Any], file: Path) -> Any:
    categories = _list(content, "categories", file)
    named = {_get(entry, "name", f"{file}: categories"): entry for entry in categories}
    if PERSON not in named:
        known = ", ".join(map(repr, named)) or "none"
        raise FormatError(f"{file}: expected a category named {PERSON!r}, found {known}")
    return _get(named[PERSON], "id", f"{file}: categories")


def _box(entry: Mapping[str, Any], width: int, height: int, where: str) -> list[float]:
    """xyxy, cut to the picture."""
    values = _get(entry, "bbox", where)
    is_numbers = isinstance(values, list) and len(values) == 4 and all(isinstance(v, int | float) for v in values)
    if not is_numbers or not all(map(math.isfinite, values)) or values[2] <= 0 or values[3] <= 0:
        raise FormatError(f"{where}: bbox: expected x, y, width > 0, height > 0, got {values!r}")
    x1, y1, x2, y2 = values[0], values[1], values[0] + values[2], values[1] + values[3]
    cut = [max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))]
    if max(abs(a - b) for a, b in zip((x1, y1, x2, y2), cut, strict=True)) > _SLACK_PX or cut[0] >= cut[2]:
        raise FormatError(f"{where}: the box {values} lies outside its picture of {width}x{height} pixels")
    if cut[1] >= cut[3]:
        raise FormatError(f"{where}: the box {values} lies outside its picture of {width}x{height} pixels")
    return cut


def _is_ignored(entry: Mapping[str, Any], box: list[float], options: ReadOptions, where: str) -> bool:
    visibility = entry.get("visibility", 1.0)
    if not isinstance(visibility, int | float) or not 0 <= visibility <= 1:
        raise FormatError(f"{where}: visibility: expected a share from 0 to 1, got {visibility!r}")
    is_low = box[3] - box[1] < options.min_height_px
    return bool(entry.get("iscrowd", 0)) or visibility < options.min_visibility or is_low


def _list(content: Mapping[str, Any], key: str, file: Path) -> list[Any]:
    value = content.get(key)
    if not isinstance(value, list):
        raise FormatError(f"{file}: expected a list {key!r}, as COCO has it, got {type(value).__name__}")
    return value


def _get(entry: Any, key: str, where: str) -> Any:
    if not isinstance(entry, dict) or key not in entry:
        raise FormatError(f"{where}: expected an object with {key!r}, got {str(entry)[:100]}")
    return entry[key]
