"""Detections from a text file in the format of MOTChallenge, so that trackers are compared on the same boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.frames import detections_for
from mdpr.detectors.options import check_options
from mdpr.errors import ConfigError, FormatError
from mdpr.mottext import mot_values
from mdpr.types import Detections, Frame

# MOTChallenge's classes that YOLO knows too: pedestrian, person on vehicle, static person; car; bicycle; motorbike.
_CLASS_OF_MOT = {1: 0, 2: 0, 7: 0, 3: 2, 4: 1, 5: 3}
_PERSON = 0
_UNKNOWN = -1


class File:
    """Reads `frame,id,x,y,width,height,score[,...]`; frames and pixels count from 1, the id is ignored.

    Boxes are passed on as the file gives them, not cut to the image: ground truth reaches beyond it too.
    """

    @dataclass(frozen=True)
    class Config:
        """Options.

        Attributes:
            path: the file; `{camera}` in it stands for the name of the camera.
            conf: lowest score of a box; 0 keeps all, since such files were already cut by their detector.
            classes: class numbers to keep, None for all; 0 is person, which is what a file without class column has.
            score_scale: "probability", or "logistic" for scores of any size, turned into 1 / (1 + exp(-score)).
        """

        path: str = ""
        conf: float = 0.0
        classes: tuple[int, ...] | None = (0,)
        score_scale: str = "probability"

        def __post_init__(self) -> None:
            check_options(conf=self.conf, classes=self.classes)
            if not self.path:
                raise ConfigError(
                    "detector.path: the detector file needs a text file, as det/det.txt or {camera}/det.txt"
                )
            if self.score_scale not in ("probability", "logistic"):
                raise ConfigError(f"detector.score_scale: expected probability or logistic, got {self.score_scale!r}")

    def __init__(self, config: Config) -> None:
        """Read the file at once, or, with `{camera}`, when the first frame of a camera comes.

        Raises:
            ConfigError: the file does not exist.
            FormatError: a line that does not fit; it names file and line.
        """
        self._config = config
        self._files: dict[Path, _Rows] = {}
        self.batch_size = 1
        self.description = f"detections of {config.path}, scores as {config.score_scale}"
        if "{camera}" not in config.path:
            self._rows_of("")

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """See `mdpr.contracts.Detector`; frames need no image."""
        found = []
        for frame in frames:
            rows = self._rows_of(frame.camera)
            here = slice(*np.searchsorted(rows.frame, [frame.index, frame.index + 1]))
            found.append(detections_for(frame, rows.xyxy[here], rows.confidence[here], rows.class_id[here], clip=False))
        return found

    def _rows_of(self, camera: str) -> _Rows:
        path = Path(self._config.path.replace("{camera}", camera)).expanduser()
        if path not in self._files:
            rows = _read(path, self._config.score_scale == "logistic")
            kept = rows.confidence >= self._config.conf
            if self._config.classes is not None:
                kept &= np.isin(rows.class_id, self._config.classes)
            self._files[path] = _Rows(rows.frame[kept], rows.xyxy[kept], rows.confidence[kept], rows.class_id[kept])
        return self._files[path]


@dataclass(frozen=True, eq=False)
class _Rows:
    """A file by frame: frame (N,) index from 0 in rising order, xyxy (N, 4), confidence (N,), class_id (N,)."""

    frame: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]


def _read(path: Path, is_logistic: bool) -> _Rows:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"detector.path: cannot read {path}: {error}") from error
    parsed = [
        _parse(line, f"{path}:{number}", is_logistic)
        for number, line in enumerate(lines, 1)
        if line and not line.isspace()
    ]
    table = np.array([row for row in parsed if row[6] != _UNKNOWN], dtype=np.float64).reshape(-1, 7)
    table = table[np.argsort(table[:, 0], kind="stable")]  # lines may come in any order
    xyxy = np.concatenate([table[:, 1:3], table[:, 1:3] + table[:, 3:5]], axis=1)
    return _Rows(
        table[:, 0].astype(np.int64),
        xyxy.astype(np.float32),
        table[:, 5].astype(np.float32),
        table[:, 6].astype(np.int32),
    )


def _parse(line: str, where: str, is_logistic: bool) -> tuple[float, ...]:
    """Frame, x and y from 0 (MOTChallenge counts all three from 1), width, height, confidence, class of one line.

    A class is read where ground truth has it, in lines of 8 or 9 columns; 10 columns end in world coordinates.
    """
    values = mot_values(line, where, "frame,id,x,y,width,height,score,...")
    frame, _, x, y, width, height, score = values[:7]
    if frame < 1 or frame != int(frame):
        raise FormatError(f"{where}: expected a frame number from 1, got {frame:g}")
    if width < 0 or height < 0:
        raise FormatError(f"{where}: expected width and height of at least 0, got {width:g} and {height:g}")
    if is_logistic:
        score = 0.5 * (1 + math.tanh(score / 2))  # 1 / (1 + exp(-score)) that cannot overflow
    elif not 0 <= score <= 1:
        raise FormatError(
            f"{where}: expected a score in [0, 1], got {score:g}. "
            "Scores on another scale, as DPM's, are read with score_scale=logistic"
        )
    has_class = len(values) in (8, 9) and values[7] >= 0
    class_id = _CLASS_OF_MOT.get(int(values[7]), _UNKNOWN) if has_class else _PERSON
    return frame - 1, x - 1, y - 1, width, height, score, class_id
