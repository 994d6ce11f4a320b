"""seqinfo.ini of a MOTChallenge sequence."""

from __future__ import annotations

import configparser
import math
from dataclasses import dataclass
from pathlib import Path

from mdpr.errors import SourceError


@dataclass(frozen=True)
class SequenceInfo:
    """What seqinfo.ini states.

    Attributes:
        image_folder: folder of the images, relative to the sequence.
        frame_rate: frames a second; None when not stated.
        length: number of frames; None when not stated.
        size: (width, height) in pixels; (0, 0) when not stated.
    """

    image_folder: str
    frame_rate: float | None
    length: int | None
    size: tuple[int, int]


def read_sequence_info(path: Path) -> SequenceInfo:
    """Read a seqinfo.ini; only its section is required, all keys may be missing.

    Raises:
        SourceError: cannot be read, is not an INI file with a section [Sequence], or a number is none or not above 0.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: not an INI file: {' '.join(str(error).split())}") from error
    if not parser.has_section("Sequence"):
        found = ", ".join(f"[{name}]" for name in parser.sections()) or "no section"
        raise SourceError(f"{path}: expected a section [Sequence], found {found}")
    values = parser["Sequence"]
    length = _positive(values, "seqLength", path, is_whole=True)
    width, height = (_positive(values, key, path, is_whole=True) for key in ("imWidth", "imHeight"))
    return SequenceInfo(
        image_folder=values.get("imDir", "").strip() or "img1",
        frame_rate=_positive(values, "frameRate", path),
        length=None if length is None else int(length),
        size=(int(width), int(height)) if width and height else (0, 0),
    )


def _positive(values: configparser.SectionProxy, key: str, path: Path, is_whole: bool = False) -> float | None:
    text = values.get(key, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0) or (is_whole and number != int(number)):
        raise SourceError(f"{path}: {key}: expected a {'whole ' if is_whole else ''}number above 0, got {text!r}")
    return number
