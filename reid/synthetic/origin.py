"""What made a set: the version of the generator, and which clothes it had."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdpr import __version__
from mdpr.errors import SourceError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

GENERATOR = 4
"""Goes up when the same seed gives other pictures."""
PACKAGE = "mdpr_track"
"""The entry of `settings_of` that may differ when a set is gone on with."""
_NO_MATTER = ("out", "assets", "workers")


def settings_of(config: DataclassInstance, assets: Path | None) -> dict[str, Any]:
    """What the pictures of a set depend on, of JSON's types: the options, the generator, the clothes.

    Args:
        config: its options; where it goes and how many processes make it are left out.
        assets: folder of MakeHuman's clothes; None is without.

    Raises:
        SourceError: the folder cannot be read, or holds no files.
    """
    options = {key: value for key, value in asdict(config).items() if key not in _NO_MATTER}
    clothes = None if assets is None else assets_digest(assets)
    return options | {"generator": GENERATOR, PACKAGE: __version__, "assets": clothes}


def assets_digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files below a folder, hidden ones left out; "sha256:..." in hexadecimal.

    Where the folder lies does not matter, nor does the order in which the system lists it.

    Raises:
        SourceError: the folder cannot be read, or holds no files.
    """
    try:
        files = sorted((path.relative_to(folder).as_posix(), path) for path in _visible(folder))
        sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in files]
    except OSError as error:
        raise SourceError(f"--assets {folder}: cannot be read: {error}") from error
    if not sums:
        raise SourceError(f"--assets {folder}: expected MakeHuman's clothes (*.mhclo beside *.obj), got no files")
    return "sha256:" + hashlib.sha256("".join(sums).encode()).hexdigest()


def _visible(folder: Path) -> Iterable[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
