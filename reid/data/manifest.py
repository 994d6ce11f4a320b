"""A table of images as a data set: CSV or Parquet with a row for each crop.

path,pid,camid,split                     required: path, pid, split; relative paths start at the manifest
crops/a.jpg,17,2,train                   camid may be empty or left out: unknown
frames/9.jpg,alice,door,query,...        names are numbered; x1,y1,x2,y2 is a box within the image; sequence
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.components import build_config
from mdpr.errors import FormatError
from mdpr.files import finish, make_folder, part_path, write_errors, write_text
from mdpr.reid.data.counts import SPLITS
from mdpr.reid.data.naming import mapping_note, number_names
from mdpr.reid.data.records import DISTRACTOR_PID, JUNK_PID, UNKNOWN, ReidDataset, ReidImages
from mdpr.reid.data.tables import Table, read_table

BOX = ("x1", "y1", "x2", "y2")

_REQUIRED = ("path", "pid", "split")
_SPECIAL = {str(JUNK_PID): JUNK_PID, str(DISTRACTOR_PID): DISTRACTOR_PID}


@dataclass(frozen=True)
class ManifestOptions:
    """Options of a manifest.

    Attributes:
        check_files: look whether every image is there, before anything else happens.
        licence: one line that goes into checkpoints trained on this.
    """

    check_files: bool = True
    licence: str = ""


def read_manifest(path: Path, options: Mapping[str, Any] | None = None) -> ReidDataset:
    """The data set of a .csv or .parquet manifest; options as in `ManifestOptions`.

    Identities and cameras may be numbers or names; names are numbered in their natural order, the same in all splits,
    and a note tells how. Identity -1 is junk and 0 a distractor, both in the gallery only.

    Raises:
        FormatError: names the file, the line and the rule that it breaks.
    """
    chosen: ManifestOptions = build_config(ManifestOptions, options or {}, "manifest")
    path = Path(path)
    table = read_table(path)
    unused = table.require(_REQUIRED, (*_REQUIRED, "camid", *BOX, "sequence"))
    splits = _splits(table)
    pids, pid_numbers = _pids(table, splits)
    camids, camera_numbers = _camids(table)
    boxes, sequences = _boxes(table), _sequences(table)
    paths = _paths(table, path.parent, chosen.check_files)
    _require_one_answer(table, paths, pids, boxes)
    images = {}
    for split in SPLITS:
        rows = np.flatnonzero(splits == split)
        some = [paths[row] for row in rows.tolist()]
        images[split] = ReidImages.of(some, pids[rows], camids[rows], boxes[rows], sequences[rows])
    notes = (*mapping_note("identities", pid_numbers), *mapping_note("cameras", camera_numbers))
    if unused:
        notes += (f"columns not used: {', '.join(unused)}",)
    return ReidDataset(path.stem, **images, licence=chosen.licence, notes=notes)


def write_manifest(dataset: ReidDataset, path: Path) -> None:
    """Write a data set as .csv or .parquet, complete or not at all; `read_manifest` gives the same images back.

    Images below the manifest's folder get relative paths, others absolute ones.

    Raises:
        FormatError: another suffix.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise FormatError(f"{path}: expected a manifest that ends in .csv or .parquet")
    columns = _columns(dataset, Path(os.path.abspath(path)).parent)
    make_folder(path.parent)
    if path.suffix.lower() == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        rows = zip(*columns.values(), strict=True)
        writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
        write_text(path, text.getvalue())
        return
    import pyarrow as pa
    from pyarrow import parquet

    integers = {name: pa.int64() for name in ("pid", "camid", "sequence")} | {name: pa.float32() for name in BOX}
    arrays = {name: pa.array(values, integers.get(name, pa.string())) for name, values in columns.items()}
    with write_errors(path):
        parquet.write_table(pa.table(arrays), str(part_path(path)))
    finish(path)


def _columns(dataset: ReidDataset, folder: Path) -> dict[str, list[Any]]:
    """Columns of the file; boxes and sequences only where there are any."""
    parts = [(split, getattr(dataset, split)) for split in SPLITS]
    paths = [os.path.abspath(path) for _, images in parts for path in images.paths]
    prefix = os.path.join(folder, "")
    columns: dict[str, list[Any]] = {
        "path": [path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else path for path in paths],
        "pid": [pid for _, images in parts for pid in images.pids.tolist()],
        "camid": _known(np.concatenate([images.camids for _, images in parts])),
        "split": [split for split, images in parts for _ in range(len(images))],
    }
    boxes = np.concatenate([images.boxes for _, images in parts])
    if not np.isnan(boxes).all():
        for i, name in enumerate(BOX):
            columns[name] = [None if math.isnan(value) else float(str(value)) for value in boxes[:, i]]
    sequences = np.concatenate([images.sequences for _, images in parts])
    if (sequences != UNKNOWN).any():
        columns["sequence"] = _known(sequences)
    return columns


def _known(values: NDArray[np.int64]) -> list[int | None]:
    return [None if value == UNKNOWN else value for value in values.tolist()]


def _splits(table: Table) -> NDArray[np.str_]:
    for row, split in enumerate(table.columns["split"]):
        if split not in SPLITS:
            raise table.error(row, f"split: expected {', '.join(SPLITS)}, got {split!r}")
    return np.array(table.columns["split"], dtype=str)


def _pids(table: Table, splits: NDArray[np.str_]) -> tuple[NDArray[np.int64], dict[str, int]]:
    names = table.columns["pid"]
    numbers = number_names(name for name in names if name not in _SPECIAL and name)
    for row, name in enumerate(names):
        if not name:
            raise table.error(row, "pid: expected an identity, got nothing")
        if name in _SPECIAL and splits[row] != "gallery":
            raise table.error(
                row,
                f"pid {name} means {'junk' if name == '-1' else 'a distractor'}, which belongs into the gallery only, "
                f"not into {splits[row]}; count people from 1, or call them by names",
            )
        if name[:1] == "-" and name[1:].isdecimal() and name not in _SPECIAL:
            raise table.error(row, f"pid: expected -1 (junk), 0 (distractor) or a number or name, got {name}")
    return np.array([_SPECIAL.get(name) if name in _SPECIAL else numbers[name] for name in names], np.int64), numbers


def _camids(table: Table) -> tuple[NDArray[np.int64], dict[str, int]]:
    names = table.column("camid")
    numbers = number_names((name for name in names if name not in ("", "-1")), lowest=0)
    return np.array([numbers.get(name, UNKNOWN) for name in names], np.int64), numbers


def _boxes(table: Table) -> NDArray[np.float32]:
    boxes = np.full((len(table), 4), np.nan, np.float32)
    for row, cells in enumerate(zip(*(table.column(name) for name in BOX), strict=True)):
        if not any(cells):
            continue
        try:
            box = [float(cell) for cell in cells]
        except ValueError:
            box = [math.nan]
        if len(box) != 4 or not all(map(math.isfinite, box)) or box[2] <= box[0] or box[3] <= box[1]:
            raise table.error(row, f"box: expected numbers with x1 < x2 and y1 < y2, or none, got {', '.join(cells)}")
        boxes[row] = box
    return boxes


def _sequences(table: Table) -> NDArray[np.int64]:
    sequences = np.full(len(table), UNKNOWN, np.int64)
    for row, cell in enumerate(table.column("sequence")):
        if cell and not cell.isdecimal():
            raise table.error(row, f"sequence: expected a whole number of at least 0, or nothing, got {cell!r}")
        sequences[row] = int(cell) if cell else UNKNOWN
    return sequences


def _paths(table: Table, folder: Path, is_checked: bool) -> list[str]:
    paths = []
    seen: set[str] = set()
    for row, cell in enumerate(table.columns["path"]):
        if not cell:
            raise table.error(row, "path: expected an image file, got nothing")
        path = os.path.join(folder, cell)
        if is_checked and path not in seen and not os.path.isfile(path):
            raise table.error(row, f"path: the image {path} is not there")
        seen.add(path)
        paths.append(path)
    return paths


def _require_one_answer(table: Table, paths: list[str], pids: NDArray[np.int64], boxes: NDArray[np.float32]) -> None:
    """The same crop must not be two people; junk and distractors are nobody."""
    rows: dict[tuple[str, bytes], int] = {}
    for row in np.flatnonzero(pids > 0).tolist():
        path = paths[row]
        first = rows.setdefault((path, boxes[row].tobytes()), row)
        if pids[first] != pids[row]:
            raise table.error(row, f"{path} is another identity here than in {table.where(first)}")
