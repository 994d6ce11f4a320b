"""Where weights lie: looked for in a fixed order, downloaded only by name, missing ones explained.

Importing this costs nothing (no torch, no ultralytics), so that a missing file is reported before the slow imports.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mdpr.errors import ModelError

CONNECT_DEADLINE_S = 4.0
_CHUNK_BYTES = 1 << 20
_log = logging.getLogger("mdpr")


class MissingWeightsError(ModelError):
    """Weights that are nowhere.

    Attributes:
        failure: why nothing was downloaded; "" where that was not tried.
    """

    def __init__(self, message: str, failure: str = "") -> None:
        super().__init__(message)
        self.failure = failure


def cache_folder() -> Path:
    """The folder for downloads and converted models: $MDPR_CACHE, else $XDG_CACHE_HOME/mdpr, else ~/.cache/mdpr."""
    if folder := os.environ.get("MDPR_CACHE"):
        return Path(folder).expanduser()
    if folder := os.environ.get("XDG_CACHE_HOME"):
        return Path(folder).expanduser() / "mdpr"
    return Path.home() / ".cache" / "mdpr"


def is_offline() -> bool:
    """Whether MDPR_OFFLINE or YOLO_OFFLINE forbids downloads (1, true, yes, on)."""
    return any(
        os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}
        for name in ("MDPR_OFFLINE", "YOLO_OFFLINE")
    )


def find_weights(name: str, variants: Sequence[str] = (), kind: str = "model") -> Path | None:
    """The first existing candidate for `name`, or None.

    A path (anything with a folder in it) is taken literally. A bare name is looked for in the working folder, in
    $MDPR_MODELS and in the cache, in that order.

    Args:
        name: a path, a file name ("yolo11n.pt") or a model name ("yolo11n").
        variants: file or folder names that a model name may stand for, best first; not used when `name` is a path or
            has one of their suffixes itself.
        kind: what is looked for, for messages: "ReID model".

    Returns:
        A file, or a folder that holds an OpenVINO model (`*.xml`).

    Raises:
        ModelError: `name` is empty.
    """
    if not name:
        raise ModelError(f"no {kind} given: expected a name or a path")
    return next((path for path in candidates(name, variants) if _is_weights(path)), None)


def obtain_weights(
    name: str, variants: Sequence[str] = (), kind: str = "model", urls: Mapping[str, str] | None = None
) -> Path:
    """`find_weights`, then a download into the cache if one of the candidates is in `urls`, else an error.

    Args:
        name, variants, kind: see `find_weights`.
        urls: file names to addresses; only these are ever downloaded.

    Raises:
        ModelError: not found; it names every place looked at, why nothing was downloaded, and what to do.
    """
    if found := find_weights(name, variants, kind):
        return found
    failure = ""
    wanted = [] if _is_path(name) else [file for file in _names(name, variants) if file in (urls or {})]
    if urls and wanted:
        try:
            return download(urls[wanted[0]], cache_folder() / wanted[0])
        except ModelError as error:
            failure = str(error)
    raise missing_weights(name, variants, kind, failure)


def missing_weights(
    name: str, variants: Sequence[str] = (), kind: str = "model", failure: str = ""
) -> MissingWeightsError:
    """The error for weights that are nowhere: every place looked at, and what to do about it."""
    places = "".join(f"\n  {path}" for path in candidates(name, variants))
    message = f"{kind} {name!r} not found. Looked at:{places}"
    if failure:
        message += f"\n{failure}"
    if _is_path(name):
        return MissingWeightsError(
            f"{message}\nGive the path of an existing file, or a name instead of a path.", failure
        )
    folder = os.environ.get("MDPR_MODELS") or str(cache_folder())
    file = next((file for file in _names(name, variants) if Path(file).suffix), name)
    return MissingWeightsError(
        f"{message}\nPut {file} into {folder}, or set MDPR_MODELS to the folder that holds it, or give --weights PATH.",
        failure,
    )


def candidates(name: str, variants: Sequence[str] = ()) -> list[Path]:
    """Every path that `find_weights` looks at, in order."""
    if _is_path(name):
        return [Path(name).expanduser()]
    folders = [Path()]
    if models := os.environ.get("MDPR_MODELS"):
        folders.append(Path(models).expanduser())
    folders.append(cache_folder())
    return [folder / file for folder in folders for file in _names(name, variants)]


def download(url: str, target: Path) -> Path:
    """Fetch `url` into `target` by way of a `.part` file; one log line says so first.

    Connecting, name lookup included, has `CONNECT_DEADLINE_S` seconds: it runs in a daemon thread because a resolver
    without network cannot be interrupted.

    Returns:
        `target`.

    Raises:
        ModelError: off-line by environment, no connection, a broken transfer, or a folder that cannot be written.
    """
    if is_offline():
        raise ModelError(f"Not downloaded from {url}: MDPR_OFFLINE or YOLO_OFFLINE is set.")
    _log.info("downloading %s to %s", url, target)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _connect(url) as response, part.open("wb") as file:
            expected = response.headers.get("Content-Length")
            while chunk := response.read(_CHUNK_BYTES):
                file.write(chunk)
            size = file.tell()
        if expected is not None and size != int(expected):
            raise OSError(f"the transfer broke off after {size} of {expected} bytes")
        part.replace(target)
    except OSError as error:  # URLError and timeouts are OSErrors
        raise ModelError(f"Download of {url} failed: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _connect(url: str) -> Any:
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def connect() -> None:
        try:
            answers.put(urllib.request.urlopen(url, timeout=CONNECT_DEADLINE_S))
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=connect, daemon=True, name="mdpr-download").start()
    try:
        answer = answers.get(timeout=CONNECT_DEADLINE_S)
    except queue.Empty:
        raise TimeoutError(f"no connection within {CONNECT_DEADLINE_S:g} s") from None
    if isinstance(answer, OSError):
        raise answer
    if isinstance(answer, ValueError):
        raise OSError(str(answer)) from answer
    return answer


def _names(name: str, variants: Sequence[str]) -> list[str]:
    suffixes = {Path(variant).suffix for variant in variants} - {""}
    return [name] if Path(name).suffix in suffixes else list(dict.fromkeys([*variants, name]))


def _is_path(name: str) -> bool:
    return name.startswith("~") or os.sep in name or "/" in name


def _is_weights(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and next(path.glob("*.xml"), None) is not None)
