"""Features kept in an .npz file, so that a model need not run again to be evaluated otherwise."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path, PurePath

import numpy as np

from mdpr.errors import ConfigError, FormatError
from mdpr.files import finish, part_path, write_errors
from mdpr.reid.data.records import ReidImages
from mdpr.reid.evaluation.models import Floats

_KEYS = ("query", "gallery", "model", "images")


def images_digest(query: ReidImages, gallery: ReidImages) -> str:
    """Identifies the crops: file names with their folder, boxes, order; where the data lies does not matter."""
    digest = hashlib.sha256()
    for images in (query, gallery):
        digest.update("\n".join("/".join(PurePath(path).parts[-2:]) for path in images.paths).encode())
        digest.update(images.boxes.tobytes())
    return digest.hexdigest()[:16]


def save_features(path: Path, query: Floats, gallery: Floats, model: str, images: str) -> None:
    """Write the file; it appears under its name when it is complete.

    Args:
        path: of the file, ends in .npz.
        query, gallery: raw features.
        model: what they depend on: fingerprint, engine, precision.
        images: see `images_digest`.

    Raises:
        OutputError: it cannot be written.
    """
    part = part_path(path)
    try:
        with write_errors(path), part.open("wb") as file:
            np.savez(file, query=query, gallery=gallery, model=np.array(model), images=np.array(images))
        finish(path)
    finally:
        part.unlink(missing_ok=True)


def load_features(path: Path, model: str, images: str) -> tuple[Floats, Floats]:
    """Query and gallery features of a file made by `save_features`.

    Raises:
        FormatError: no such file, or a damaged one.
        ConfigError: its features are of another model, or of other images.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in _KEYS if key not in file]
            if missing:
                raise FormatError(f"{path}: holds no features: {missing[0]!r} is missing in it")
            query, gallery, of_model, of_images = (file[key] for key in _KEYS)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path}: not a whole .npz file ({error}); delete it to extract the features anew") from error
    for what, has, wanted in (("model", str(of_model), model), ("images", str(of_images), images)):
        if has != wanted:
            raise ConfigError(
                f"{path}: its features are of another {what}: expected {wanted}, got {has}. "
                "Delete it to extract them anew, or give another file"
            )
    return query, gallery
