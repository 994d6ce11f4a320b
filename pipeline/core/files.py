"""Files that are renamed when they are complete, and write errors that say what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mdpr.errors import OutputError


def part_path(path: Path) -> Path:
    """Where the file is written until it is complete.

    >>> part_path(Path("tracks.txt")).name
    'tracks.txt.part'
    """
    return path.with_name(path.name + ".part")


def finish(path: Path) -> None:
    """Rename the part file to its final name, replacing an older one."""
    with write_errors(path):
        os.replace(part_path(path), path)


def write_text(path: Path, text: str) -> None:
    """Write a small text file in one go; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one go: it appears under its name only when it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    part = part_path(path)
    try:
        with write_errors(path):
            part.write_bytes(content)
    except OutputError:
        with suppress(OSError):  # of the same reason
            part.unlink(missing_ok=True)
        raise
    finish(path)


def make_folder(path: Path) -> None:
    """Make a folder and its parents.

    Raises:
        OutputError: it cannot be made.
    """
    with write_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def results_folder(project: str, name: str, exist_ok: bool) -> Path:
    """Make the folder project/name, or name2, name3, ... when it exists and `exist_ok` is off.

    Raises:
        OutputError: it cannot be made.
    """
    folder = Path(project) / name
    number = 2
    while folder.exists() and not exist_ok:
        folder = Path(project) / f"{name}{number}"
        number += 1
    make_folder(folder)
    return folder


class Reserve:
    """Disk space that is kept free for the end: when a disk fills up, the small files still become complete.

    Args:
        folder: where the file with the space is put.
        size: bytes.

    Raises:
        OutputError: there is not even that much space.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._path = folder / "reserve.part"
        try:
            with write_errors(self._path):
                self._path.write_bytes(bytes(size))
        except OutputError:
            self.release()
            raise

    def release(self) -> None:
        """Give the space back; further calls do nothing. Safe to call from any thread."""
        self._path.unlink(missing_ok=True)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the body into an `OutputError` that names `path`, the reason and the way out."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            advice = "the disk is full: free some space or give another folder"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            advice = "no permission to write there: give another folder"
        else:
            advice = f"{error.strerror or error}"
        raise OutputError(f"cannot write {path}: {advice}") from error
