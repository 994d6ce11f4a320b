"""Folders that are replaced as a whole: at any moment the old one or the new one is there, complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from mdpr.files import write_errors


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a folder beside `folder`, then put it in its place.

    A run that is killed between the two renames leaves the old one as `.NAME.old`; `find_folder` finds it.

    Args:
        folder: to make or to replace.
        write: fills the new folder, given as an empty one.

    Raises:
        OutputError: it cannot be written; `folder` is as it was.
    """
    part, old = _part(folder), _old(folder)
    with write_errors(folder):
        restore_folder(folder)
        shutil.rmtree(part, ignore_errors=True)
        try:
            part.mkdir(parents=True)
            write(part)
            if folder.exists():
                os.rename(folder, old)
            os.rename(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def restore_folder(folder: Path) -> None:
    """Undo what a killed `replace_folder` left behind."""
    old = _old(folder)
    if old.is_dir() and not folder.exists():
        os.rename(old, folder)
    shutil.rmtree(old, ignore_errors=True)


def find_folder(folder: Path) -> Path:
    """Where the contents of `folder` are: there, or where a killed `replace_folder` put them. Changes nothing."""
    old = _old(folder)
    return old if old.is_dir() and not folder.exists() else folder


def link_folder(source: Path, target: Path) -> None:
    """Make `target` hold the files of `source`, without copying where the file system has hard links.

    The files must be replaced, never changed, later on.

    Raises:
        OutputError: it cannot be written.
    """

    def write(part: Path) -> None:
        for file in sorted(source.iterdir()):
            try:
                os.link(file, part / file.name)
            except OSError:  # no hard links here
                shutil.copyfile(file, part / file.name)

    replace_folder(target, write)


def _part(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.part")


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")
