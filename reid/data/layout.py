"""Where a data set lies on the disk: its folder, the images in it, and errors that say what is there instead."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mdpr.errors import FormatError
from mdpr.reid.data.images import IMAGE_SUFFIXES

_SHOWN = 8


def find_folder(root: Path, title: str, names: Sequence[str], needed: Sequence[str]) -> Path:
    """The folder of a data set: `root` itself, or one of the standard names in it.

    Args:
        root: what the user gave.
        title: of the data set, for messages.
        names: relative paths under which people unpack it, most usual first.
        needed: relative paths that must be in it.

    Raises:
        FormatError: `root` is no folder, or none of the places holds all that is needed; says what is there.
    """
    if not root.is_dir():
        raise FormatError(
            f"{root}: expected the folder of {title}, {'it is a file' if root.exists() else 'no such folder'}"
        )
    places = [root, *(root / name for name in names)]
    for place in places:
        if all((place / path).exists() for path in needed):
            return place
    best = max(places, key=lambda place: sum((place / path).exists() for path in needed))
    missing = [path for path in needed if not (best / path).exists()]
    raise FormatError(
        f"{best}: expected {title} with {', '.join(needed)}"
        + (f" (there or in {names[0]}/)" if names and best == root else "")
        + (f"; missing: {', '.join(missing)}" if len(missing) < len(needed) else "")
        + f"; found: {found_in(best)}"
    )


def image_names(folder: Path, example: str) -> list[str]:
    """Names of the images directly in a folder, sorted; hidden files and other kinds of files are passed over.

    Raises:
        FormatError: it cannot be listed, or holds no image; says what was expected and what is there.
    """
    names = sorted(name for name in _listed(folder) if is_image(name))
    if not names:
        raise FormatError(f"{folder}: expected images such as {example}, found: {found_in(folder)}")
    return names


def folder_names(folder: Path) -> list[str]:
    """Names of the visible folders in a folder, in natural order: 2 before 10."""
    return sorted((name for name in _listed(folder) if (folder / name).is_dir()), key=natural_key)


def is_image(name: str) -> bool:
    """Whether a file name ends as images do.

    >>> is_image("a.JPG"), is_image("Thumbs.db")
    (True, False)
    """
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key that compares the numbers in a text as numbers.

    >>> sorted(["p10", "p9", "a"], key=natural_key)
    ['a', 'p9', 'p10']
    """
    parts = re.split(r"(\d+)", text)
    return [(1, int(part), part) if i % 2 else (0, 0, part) for i, part in enumerate(parts)]


def found_in(folder: Path) -> str:
    """A few names of what is in a folder, for messages."""
    return shortened(sorted(_listed(folder), key=natural_key)) or "nothing"


def shortened(names: Iterable[str], shown: int = _SHOWN) -> str:
    """The first names and how many more there are.

    >>> shortened(["a", "b", "c"], shown=2)
    'a, b and 1 more'
    """
    names = list(names)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _listed(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError as error:
        raise FormatError(f"{folder}: cannot list the folder: {error.strerror}") from error
