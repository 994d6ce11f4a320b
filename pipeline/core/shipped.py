"""Weights that come with the package: found by file name, held to their checksum."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

from mdpr.errors import ModelError
from mdpr.weights import find_weights, obtain_weights

FOLDER, SUMS = "weights", "SHA256SUMS"
_log = logging.getLogger("mdpr")


def shipped_weights(package: str, file: str, reason: str = "") -> Path | None:
    """The file `weights/FILE` of an installed package ("mdpr.reid"), or None when it ships no such file.

    One log line says that it is used, and begins with why, where a `reason` is given.

    Raises:
        ModelError: the file is not the one that was shipped.
    """
    folder = _folder(package)
    if folder is None or not (folder / file).is_file():
        return None
    path = folder / file
    expected = read_sums(folder).get(file)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise ModelError(
            f"{path} is not the file that was shipped: expected SHA-256 {expected}, got {found}. "
            "Install mdpr-track again."
        )
    begin = f"{reason}, so " if reason else ""
    _log.info("%s%s is used: weights that come with mdpr-track, trained on synthetic people", begin, file)
    return path


def obtain_or_shipped(package: str, name: str, variants: Sequence[str], kind: str) -> Path:
    """The weights of a name or path where `mdpr.weights.find_weights` finds them, else those that a package ships.

    Args:
        package: that ships a file called as the first of the variants.
        name, variants, kind: see `mdpr.weights.find_weights`.

    Raises:
        ModelError: they are nowhere, or not those that were shipped.
    """
    path = find_weights(name, variants, kind) or shipped_weights(package, variants[0])
    return path or obtain_weights(name, variants, kind)


def shipped_sums(package: str) -> dict[str, str]:
    """File names to SHA-256 of all weights that an installed package ships."""
    folder = _folder(package)
    return {} if folder is None else read_sums(folder)


def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / FOLDER


def read_sums(folder: Path) -> dict[str, str]:
    """File names to SHA-256 of a folder's `SHA256SUMS`, as `sha256sum` writes it; empty where there is none."""
    sums = folder / SUMS
    if not sums.is_file():
        return {}
    rows = [line.split(maxsplit=1) for line in sums.read_text("utf-8").splitlines() if line.strip()]
    return {name.lstrip("*").strip(): digest for digest, name in rows}
