"""What lies at a path: sequences or cameras in any of the formats, by their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats import identities
from mdpr.pipeline.formats.coco import read_coco
from mdpr.pipeline.formats.cvat import read_cvat
from mdpr.pipeline.formats.identities import Identities, Pieces
from mdpr.pipeline.formats.mot import read_mot
from mdpr.pipeline.formats.multicamera import COLUMNS, read_multicamera
from mdpr.pipeline.formats.textfile import first_line
from mdpr.pipeline.formats.trackboxes import Recording, by_name
from mdpr.pipeline.sources.motsequence import read_sequence_info

Kind = Literal["truth", "prediction"]

TRUTH_FILE = Path("gt") / "gt.txt"
TRACKS_FILE = Path("tracks.txt")
SEQUENCE_FILE = "seqinfo.ini"
LAYOUTS = """\
a file:   MOTChallenge text, multi-camera text (camera id frame left top width height world_x world_y), CVAT video XML,
          COCO video JSON
a folder: SEQUENCE/gt/gt.txt, or a run of mdpr-track with CAMERA/tracks.txt, for one or several sequences or cameras;
          or one file a sequence, NAME.txt or NAME.xml"""


@dataclass(frozen=True, eq=False)
class Recordings:
    """All sequences or cameras that lie at a path.

    Attributes:
        path: where.
        by_name: each by its name; ids are those of the files.
        are_ids_local: whether an id means a person of its camera only, as in a run of mdpr-track.
        identities: of the run's tracklets, where identities.json lies in it.
        pieces: of those that were cut.
    """

    path: Path
    by_name: dict[str, Recording]
    are_ids_local: bool = False
    identities: Identities | None = None
    pieces: Pieces = field(default_factory=dict)


def read_recordings(path: Path, kind: Kind) -> Recordings:
    """Everything at `path`; see LAYOUTS. A folder that holds both ground truth and tracks is read as `kind` says.

    Raises:
        ConfigError: there is nothing at the path.
        FormatError: nothing there is known, a name occurs twice, or a file does not fit.
    """
    if not path.exists():
        raise ConfigError(f"{path}: no such file or folder")
    if path.is_file():
        return Recordings(path, by_name(_read_file(path)), are_ids_local=path.name == TRACKS_FILE.name)
    files = (TRUTH_FILE, TRACKS_FILE) if kind == "truth" else (TRACKS_FILE, TRUTH_FILE)
    for file in files:
        found = [path / file] if (path / file).is_file() else sorted(path.glob(f"*/{file}"))
        if found:
            break
    else:
        found = sorted(one for one in path.iterdir() if one.suffix.lower() in (".txt", ".xml") and one.is_file())
    if not found:
        raise FormatError(f"{path}: found no sequence. Expected\n{LAYOUTS}")
    recordings = by_name(one for file in found for one in _read_file(file))
    is_run = found[0].name == TRACKS_FILE.name
    listed = path / identities.FILE
    return Recordings(
        path, recordings, is_run,
        identities.read_identities(listed) if is_run and listed.is_file() else None,
        identities.read_pieces(listed) if is_run and listed.is_file() else {},
    )  # fmt: skip


def _read_file(path: Path) -> Iterator[Recording]:
    suffix = path.suffix.lower()
    if suffix == ".json":
        yield from read_coco(path).values()
    elif suffix == ".xml":
        yield read_cvat(path)
    elif _is_multicamera(path):
        yield from read_multicamera(path).values()
    else:
        yield _with_info(Recording(_name_of(path), read_mot(path), str(path)), path)


def _is_multicamera(path: Path) -> bool:
    first = first_line(path)
    return "," not in first and len(first.split()) == COLUMNS


def _name_of(path: Path) -> str:
    """The sequence's folder for SEQUENCE/gt/gt.txt and CAMERA/tracks.txt, else the name of the file."""
    folder = path.resolve().parent
    if path.name == TRUTH_FILE.name and folder.name == TRUTH_FILE.parent.name:
        return folder.parent.name
    return folder.name if path.name == TRACKS_FILE.name else path.stem


def _with_info(recording: Recording, path: Path) -> Recording:
    """With what the seqinfo.ini of the sequence says, where there is one."""
    folder = path.resolve().parent
    for place in (folder.parent, folder) if path.name == TRUTH_FILE.name else (folder,):
        if (place / SEQUENCE_FILE).is_file():
            info = read_sequence_info(place / SEQUENCE_FILE)
            return replace(recording, frames=info.length, fps=info.frame_rate, size=info.size)
    return recording
