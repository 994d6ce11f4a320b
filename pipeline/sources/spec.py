"""What to read: the options of a source, one camera to open, and text that is safe to show and to name files."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from mdpr.errors import ConfigError

DEFAULT_FPS = 25.0

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(r"([?&;][^=&;]*(?:pass|pwd|token|key|secret|auth|sig)[^=&;]*=)[^&;#]*", re.IGNORECASE)
_LONGEST_NAME = 80

Picture = TypeVar("Picture")


@dataclass(frozen=True)
class SourceConfig:
    """Options that hold for every source of a run.

    Attributes:
        start_s: leave out what comes before this time.
        end_s: leave out what comes at or after this time; None reads to the end.
        vid_stride: keep the first frame from `start_s` on, and every `vid_stride`-th after it.
        fps: frames a second of image sequences that do not state it themselves (a seqinfo.ini does); None takes 25.
        timeout_s: how long a stream may be silent, when it is opened and later, before it counts as broken off.
        reconnect_s: how long a live source that broke off is looked for again, and by `mdpr-track` also one that nobody
            answers for when it begins; 0 = not at all, inf = until it is there.
        started_at: when second 0 of the sources was, see `mdpr.pipeline.sources.clock`; () where the files tell.

    Raises:
        ConfigError: a value out of range.
    """

    start_s: float = 0.0
    end_s: float | None = None
    vid_stride: int = 1
    fps: float | None = None
    timeout_s: float = 10.0
    reconnect_s: float = 300.0
    started_at: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(math.isfinite(self.start_s) and self.start_s >= 0, "start_s", "0 or more seconds", self.start_s)
        if self.end_s is not None:
            wanted = f"more than start_s ({self.start_s:g})"
            _require(math.isfinite(self.end_s) and self.end_s > self.start_s, "end_s", wanted, self.end_s)
        _require(self.vid_stride >= 1, "vid_stride", "1 or more", self.vid_stride)
        if self.fps is not None:
            _require(math.isfinite(self.fps) and self.fps > 0, "fps", "more than 0", self.fps)
        _require(math.isfinite(self.timeout_s) and self.timeout_s > 0, "timeout_s", "more than 0", self.timeout_s)
        _require(self.reconnect_s >= 0, "reconnect_s", "0 or more seconds", self.reconnect_s)


@dataclass(frozen=True)
class CameraSpec:
    """One camera to open.

    Attributes:
        camera: its name, unique within the run and usable as a file name.
        location: path, glob of images, URL or webcam number; may hold a password: show `display` instead.
    """

    camera: str
    location: str

    @property
    def display(self) -> str:
        """The location with passwords masked, for messages and files."""
        return mask_secrets(self.location)

    def __repr__(self) -> str:
        return f"CameraSpec(camera={self.camera!r}, location={self.display!r})"


def is_url(text: str) -> bool:
    """Whether `text` starts with a scheme such as `rtsp://`."""
    return _URL.match(text) is not None


def mask_secrets(text: str) -> str:
    """`text` without the user and password of a URL, nor parameters that look like a password or key.

    A password may hold `@`, `/`, `?` or `#` unescaped, so everything up to the last `@` is masked when in doubt.

    >>> mask_secrets("rtsp://admin:p@ss/w#rd@10.0.0.7:554/live")
    'rtsp://***@10.0.0.7:554/live'
    >>> mask_secrets("http://10.0.0.7/video?user=a&pwd=1234&channel=1")
    'http://10.0.0.7/video?user=a&pwd=***&channel=1'
    >>> mask_secrets("clips/door.mp4")
    'clips/door.mp4'
    """
    scheme = _URL.match(text)
    if scheme is None:
        return text
    user, at, _ = text[scheme.end() :].rpartition("@")
    if at and (":" in user or "/" not in user):
        text = f"{scheme.group()}***{text[scheme.end() + len(user) :]}"
    return _SECRET_PARAMETER.sub(r"\1***", text)


def url_host(url: str) -> str:
    """The host name of a URL, without user, password and port; "stream" where there is none.

    >>> url_host("rtsp://admin:secret@cam-3.local:554/live"), url_host("http://10.0.0.7:8080/a@2x.mp4")
    ('cam-3.local', '10.0.0.7')
    """
    rest = url.partition("://")[2]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not re.fullmatch(r"[^@:]*(:\d*)?|\[[0-9a-fA-F:.%]+\](:\d*)?", authority):
        rest = rest.rpartition("@")[2]
    try:
        return urlsplit(f"//{rest}").hostname or "stream"
    except ValueError:
        return "stream"


def safe_name(text: str) -> str:
    """`text` as a name for a camera and its files: letters, digits, `_`, `-` and `.`, 1 to 80 characters.

    >>> safe_name("Tür 3/links"), safe_name(".."), safe_name("2024-01-01 12:30")
    ('Tür_3_links', 'camera', '2024-01-01_12_30')
    """
    name = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", text))
    return name.strip(".")[:_LONGEST_NAME] or "camera"


def select(
    pictures: Iterator[tuple[int, float, Picture]], config: SourceConfig
) -> Iterator[tuple[int, float, Picture]]:
    """What `config` keeps of (index, time in seconds, picture) in order of time; the numbering stays.

    >>> list(select(iter([(0, 0.0, "a"), (1, 0.5, "b"), (2, 1.0, "c"), (3, 1.5, "d")]), SourceConfig(0.4, 2.0, 2)))
    [(1, 0.5, 'b'), (3, 1.5, 'd')]
    """
    first: int | None = None
    for index, time_s, picture in pictures:
        if time_s < config.start_s:
            continue
        if config.end_s is not None and time_s >= config.end_s:
            return
        first = index if first is None else first
        if (index - first) % config.vid_stride == 0:
            yield index, time_s, picture


def _require(is_met: bool, key: str, wanted: str, value: object) -> None:
    if not is_met:
        raise ConfigError(f"{key}: expected {wanted}, got {value}")
