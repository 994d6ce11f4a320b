"""Pictures at the size of the network's input, kept in one file that several processes and runs share."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError
from mdpr.files import make_folder, write_errors
from mdpr.reid.data import ReidImages

Image = NDArray[np.uint8]


class PictureCache:
    """Decoding and resizing cost more than all augmentations; with the cache each picture is decoded once.

    The file is as large as all pictures at that size without compression, and is filled as they are asked for. Its name
    follows from their paths, boxes, sizes and times of change, so that other pictures get another file. Any number of
    processes may fill it: whoever is first writes the same bytes as everybody else.

    Args:
        folder: where the file lies; made if it is missing.
        images: what may be asked for.
        size: (height, width) that they are kept at.

    Raises:
        FormatError: an image file is missing.
        OutputError: the folder cannot be written, or the disk has not enough room.
    """

    def __init__(self, folder: Path, images: ReidImages, size: tuple[int, ...]) -> None:
        make_folder(folder)
        name = _digest(images, size)
        self._path = folder / f"{name}.pictures"
        self._shape = (len(images), *size, 3)
        with write_errors(self._path):
            for path, length in ((self._path, int(np.prod(self._shape))), (self._marks_path, len(images))):
                with open(path, "ab") as file:  # appending: another process may fill it already
                    if file.tell() < length:
                        os.truncate(path, length)
        self._open()

    def get(self, index: int, read: Callable[[int], Image]) -> Image:
        """Picture `index`: (height, width, 3), a copy; asked of `read` the first time."""
        if not self._marks[index]:
            self._pictures[index] = read(index)
            self._marks[index] = 1
        return np.array(self._pictures[index])

    def __getstate__(self) -> dict[str, object]:
        return {"_path": self._path, "_shape": self._shape}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._open()

    @property
    def _marks_path(self) -> Path:
        return self._path.with_suffix(".marks")

    def _open(self) -> None:
        self._pictures = np.memmap(self._path, np.uint8, "r+", shape=self._shape)
        self._marks = np.memmap(self._marks_path, np.uint8, "r+", shape=self._shape[:1])


def _digest(images: ReidImages, size: tuple[int, ...]) -> str:
    digest = hashlib.sha256(repr(size).encode())
    for path in images.paths:
        try:
            found = os.stat(path)
        except OSError as error:
            raise FormatError(f"{path}: no such image file") from error
        digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    digest.update(np.ascontiguousarray(images.boxes).tobytes())
    return digest.hexdigest()[:20]
