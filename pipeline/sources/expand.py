"""From what was typed to the cameras to open: globs, folders, lists of streams, NAME=SOURCE."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mdpr.errors import ConfigError
from mdpr.pipeline.sources.spec import CameraSpec, is_url, safe_name, url_host

# What OpenCV's imread takes, and what is looked for in a folder; a file given by name may end as it likes.
# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".bmp", ".dib", ".jpeg", ".jpg", ".jpe", ".jp2", ".png", ".webp", ".avif", ".pbm", ".pgm", ".ppm", ".pnm", ".tif",
    ".tiff",
})
VIDEO_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".dav", ".flv", ".gif", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg", ".mjpg",
    ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})
# fmt: on
LIST_SUFFIX = ".streams"
SEQUENCE_FILE = "seqinfo.ini"

_NAMED = re.compile(r"([A-Za-z0-9_.-]+)=(.+)", re.DOTALL)
_COMMENT = re.compile(r"^\s*#.*|\s+#\s.*")

_Found = tuple[str, str]  # wanted camera name, location


def expand_sources(specs: Sequence[str]) -> list[CameraSpec]:
    """The cameras that the sources of a command line stand for, in order.

    A source is, in this order of precedence: a URL; `NAME=SOURCE`, unless a path of that spelling exists; a webcam
    number (write `./0` for a folder named 0); a glob; a list of sources (`.streams`: one a line, `#` starts a comment,
    relative paths are relative to the list); a folder; a file. A folder with a seqinfo.ini is one camera; in any other
    folder, and in a glob, the images together are one camera and each video is one.

    Args:
        specs: sources as typed.

    Returns:
        One spec for each camera. Names are unique, case aside, and usable as file names; a second `door` is `door-2`.
        What does not exist is listed too: opening it tells why it fails, while the others go on.

    Raises:
        ConfigError: no source at all, or a list of sources that names another list.
    """
    given = [spec for spec in specs if spec.strip()]
    if not given:
        raise ConfigError("no source given. Name a video, folder, glob, webcam number, rtsp:// or http:// address")
    taken: set[str] = set()
    return [
        CameraSpec(_unique_name(name, taken), location) for spec in given for name, location in _expand(spec.strip())
    ]


def has_wildcard(location: str) -> bool:
    """Whether `location` is a glob and not a path that exists."""
    return any(sign in location for sign in "*?[") and not exists(Path(location))


def has_suffix(path: Path, suffixes: Iterable[str]) -> bool:
    """Whether the name of `path` ends in one of `suffixes`, in any case."""
    return path.suffix.lower() in suffixes


def exists(path: Path) -> bool:
    """Whether there is something at `path`; False for what cannot be a path or not be looked at."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sort key under which 2 comes before 10.

    >>> [path.name for path in sorted([Path("a10.png"), Path("a2.png")], key=natural_key)]
    ['a2.png', 'a10.png']
    """
    parts = re.split(r"([0-9]+)", str(path))
    return [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts]


def _expand(spec: str, base: Path | None = None) -> Iterator[_Found]:
    """The cameras of one source; `base` is the folder of the list that names it."""
    if is_url(spec):
        yield url_host(spec), spec
        return
    named = _NAMED.fullmatch(spec)
    if named and not exists(_path(spec, base)):
        for _, location in _expand_plain(named[2].strip(), base):
            yield named[1], location
        return
    yield from _expand_plain(spec, base)


def _expand_plain(spec: str, base: Path | None) -> Iterator[_Found]:
    if is_url(spec):
        yield url_host(spec), spec
        return
    if re.fullmatch(r"[0-9]+", spec):
        yield f"webcam{int(spec)}", str(int(spec))
        return
    path = _path(spec, base)
    if has_wildcard(str(path)):
        yield from _expand_glob(str(path))
    elif has_suffix(path, {LIST_SUFFIX}):
        yield from _expand_list(path, base is not None)
    elif _is_folder(path):
        yield from _expand_folder(path)
    else:
        yield path.stem, str(path)


def _expand_list(path: Path, is_nested: bool) -> Iterator[_Found]:
    if is_nested:
        raise ConfigError(f"{path}: a list of sources cannot be named in another one; copy its lines")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    sources = [source for source in (_COMMENT.sub("", line).strip() for line in lines) if source]
    if not sources:  # opening it tells why
        yield path.stem, str(path)
    for source in sources:
        yield from _expand(source, path.parent)


def _expand_folder(folder: Path) -> Iterator[_Found]:
    files = [] if (folder / SEQUENCE_FILE).exists() else _visible_files(folder)
    videos = [file for file in files if has_suffix(file, VIDEO_SUFFIXES)]
    if not videos or any(has_suffix(file, IMAGE_SUFFIXES) for file in files):
        yield folder.resolve().name, str(folder)
    for video in videos:
        yield video.stem, str(video)


def _expand_glob(pattern: str) -> Iterator[_Found]:
    matches = sorted((Path(match) for match in glob.glob(pattern, recursive=True)), key=natural_key)
    known = VIDEO_SUFFIXES | {LIST_SUFFIX}
    has_images = any(has_suffix(path, IMAGE_SUFFIXES) for path in matches)
    others = [path for path in matches if _is_folder(path) or has_suffix(path, known)]
    if not others and not has_images:
        others = matches  # nothing has a known ending: take what was asked for
    if has_images or not matches:
        yield _fixed_folder(pattern).resolve().name, pattern
    for path in others:
        yield from _expand_plain(str(path), None)


def _fixed_folder(pattern: str) -> Path:
    """The folder above the first wildcard."""
    folder = Path(pattern).parent
    while any(sign in str(folder) for sign in "*?["):
        folder = folder.parent
    return folder


def _visible_files(folder: Path) -> list[Path]:
    try:
        files = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file()]
    except OSError:
        return []
    return sorted(files, key=natural_key)


def _path(spec: str, base: Path | None) -> Path:
    path = Path(spec)
    if spec.startswith("~"):
        try:
            path = path.expanduser()
        except RuntimeError:  # no such user: a file of that name
            return path
    return path if base is None else base / path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _unique_name(wanted: str, taken: set[str]) -> str:
    stem = safe_name(wanted)
    name, count = stem, 1
    while name.casefold() in taken:
        count += 1
        name = f"{stem}-{count}"
    taken.add(name.casefold())
    return name
