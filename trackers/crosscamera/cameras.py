"""What a file says about cameras: how they lie to each other, and where their ground is.

entrance -> hall: 5..40 s          # see `Topology`
hall:                              # pixels of its pictures to metres on a floor that all calibrated cameras share
  homography: [[0.01, 0, -3.2], [0, 0.02, -1.1], [0, 0.0004, 1]]
stairs:
  points:                          # or four places or more: x, y in pixels, x, y in metres
    - [120, 500, 0, 0]
    - [860, 510, 4.2, 0]
    - [700, 300, 4.2, 9]
    - [240, 296, 0, 9]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.trackers.crosscamera.constraints import Knowledge
from mdpr.trackers.crosscamera.ground import Grounds, homography_of, is_invertible, to_ground
from mdpr.trackers.crosscamera.topology import Topology
from mdpr.trackers.crosscamera.types import Correction, TrackletKey

HOMOGRAPHY, POINTS = "homography", "points"
_LEAST_POINTS = 4
_MOST_RESIDUAL_M = 1.0


@dataclass(frozen=True)
class Cameras:
    """Everything known about cameras; nothing where there is no file.

    Attributes:
        topology: travel times, and which see the same place.
        grounds: homographies of those that are calibrated.
    """

    topology: Topology = field(default_factory=Topology)
    grounds: Grounds = field(default_factory=Grounds)

    def knowledge(
        self,
        corrections: Sequence[Correction] = (),
        cameras: Sequence[str] = (),
        whole: frozenset[TrackletKey] = frozenset(),
    ) -> Knowledge:
        """This, and what else is known; see `Knowledge`."""
        return Knowledge(corrections, self.topology, self.grounds, cameras, whole)

    @classmethod
    def parse(cls, content: Mapping[str, Any], where: str = "cameras") -> Cameras:
        """What the entries of a YAML mapping say; a camera by itself has its ground, two have what lies between them.

        Raises:
            ConfigError: a line that is not understood, or that contradicts another.

        >>> square = [[0, 0, 0, 0], [9, 0, 9, 0], [9, 9, 9, 9], [0, 9, 0, 9]]
        >>> sorted(Cameras.parse({"hall": {"points": square}}).grounds.homography)
        ['hall']
        """
        pairs = {key: value for key, value in content.items() if not isinstance(value, Mapping)}
        homography = {}
        for key, value in content.items():
            if isinstance(value, Mapping):
                name = _camera(key, where)
                if name in homography:
                    raise ConfigError(f"{where}: {name} stands there twice")
                homography[name] = _homography(value, f"{where}: {name}")
        return cls(Topology.parse(pairs, where), Grounds(homography))

    @classmethod
    def read(cls, path: Path | None) -> Cameras:
        """What a YAML file says; nothing without one.

        Raises:
            ConfigError: it cannot be read, is no YAML, or is not understood.
        """
        if path is None:
            return cls()
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read: {error}") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: no YAML: {error}") from error
        if content is None:
            return cls()
        if not isinstance(content, dict):
            raise ConfigError(f"{path}: expected lines such as 'entrance -> hall: 5..40 s', got {content!r}")
        return cls.parse(content, str(path))


def _camera(key: Any, where: str) -> str:
    name = str(key).strip()
    if not name or "->" in name:
        raise ConfigError(f"{where}: {key!r}: a ground is that of one camera; between two stand '5..40 s' and the like")
    return name


def _homography(value: Mapping[str, Any], where: str) -> NDArray[np.float64]:
    if set(value) == {HOMOGRAPHY}:
        matrix = _numbers(value[HOMOGRAPHY], 3, f"{where}: {HOMOGRAPHY}: expected 3 rows of 3 numbers")
        if len(matrix) != 3:
            raise ConfigError(f"{where}: {HOMOGRAPHY}: expected 3 rows of 3 numbers, got {len(matrix)} rows")
        if not is_invertible(matrix):
            raise ConfigError(f"{where}: {HOMOGRAPHY}: the matrix has no inverse, so it maps the picture to a line")
        return matrix
    if set(value) != {POINTS}:
        raise ConfigError(f"{where}: expected either {HOMOGRAPHY} or {POINTS}, got {', '.join(map(str, value)) or '-'}")
    rows = _numbers(value[POINTS], 4, f"{where}: {POINTS}: expected rows of 4 numbers: x, y in pixels, x, y in metres")
    if len(rows) < _LEAST_POINTS:
        raise ConfigError(f"{where}: {POINTS}: expected at least {_LEAST_POINTS} places, got {len(rows)}")
    pixels, metres = rows[:, :2], rows[:, 2:]
    found = homography_of(pixels, metres)
    if found is None:
        raise ConfigError(
            f"{where}: {POINTS}: places that lie on one line, or twice the same, do not tell where the ground is; "
            "no three of four may be on a line, nor one of them beyond the horizon that the others make"
        )
    feet = np.column_stack([pixels, pixels]).astype(np.float64)
    residual = np.linalg.norm(to_ground(feet, found) - metres, axis=1)
    worst = int(np.argmax(residual))
    if residual[worst] > _MOST_RESIDUAL_M:
        raise ConfigError(
            f"{where}: {POINTS}: {len(rows)} places do not fit one plane; number {worst + 1} is {residual[worst]:.1f} "
            "m off: are two of them mixed up?"
        )
    return found


def _numbers(value: Any, columns: int, expected: str) -> NDArray[np.float64]:
    """Rows of finite numbers."""
    is_table = isinstance(value, list) and value and all(isinstance(row, list) and len(row) == columns for row in value)
    if not is_table:
        raise ConfigError(f"{expected}, got {value!r}")
    for row in value:
        for entry in row:
            if isinstance(entry, bool) or not isinstance(entry, int | float) or not math.isfinite(entry):
                raise ConfigError(f"{expected}, got {entry!r}")
    return np.array(value, np.float64)
