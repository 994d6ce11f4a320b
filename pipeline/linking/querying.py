"""What is asked for: people in a photo, or a tracklet of a gallery or of a run, as embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.contracts import Detector, Embedder
from mdpr.errors import ConfigError, SourceError
from mdpr.pipeline.config import component_of
from mdpr.pipeline.linking.runs import TRACKLETS_FILE
from mdpr.pipeline.store import EmbeddingModel, Run, Store, TrackletKey
from mdpr.pipeline.store.checks import check_model_name
from mdpr.pipeline.store.tracklet_files import read_tracklets
from mdpr.types import Frame

LEAST_CONFIDENCE = 0.4
"""Of a detection in a photo that counts as a person."""

_BLIND = ("file", "motion")  # detectors that find nobody in a single picture


@dataclass(frozen=True, eq=False)
class Query:
    """One person who is asked for.

    Attributes:
        text: for the answer: "photo.jpg, person 2 of 3".
        embeddings: (Q, D).
        box: of the person in the photo; None for a tracklet, or a photo that is taken whole.
        without: the tracklets of the gallery that the query itself is.
    """

    text: str
    embeddings: NDArray[np.float32]
    box: tuple[int, int, int, int] | None = None
    without: tuple[TrackletKey, ...] = ()


class Photos:
    """People in photos, found and embedded as the gallery's own were.

    Args:
        store: the gallery; the run that came last tells which detector and embedder.
        options: "reid", "detector", "weights" and "device", instead of those.
        is_whole: take each photo as a crop of one person.

    Raises:
        OtherModelError: the embedder is not that of the gallery.
        ConfigError: the gallery does not tell, and nothing is given.
    """

    def __init__(self, store: Store, options: Mapping[str, str | None], is_whole: bool) -> None:
        runs = [run for run in store.runs() if run.model.dimension]
        config: Mapping[str, Any] = runs[-1].config if runs else {}
        self._embedder: Embedder = component_of("reid", _options("reid", config, options)).make()
        if not self._embedder.dimension:
            raise ConfigError(f"{self._embedder.description} gives no appearance to search for: give another --reid")
        model = EmbeddingModel(self._embedder.fingerprint, self._embedder.dimension)
        check_model_name("this query", model, store.model, "the gallery")
        self._detector: Detector | None = None
        if not is_whole:
            chosen = _options("detector", config, options)
            if chosen.get("name") in _BLIND:
                raise ConfigError(
                    f"the detector {chosen['name']} finds nobody in a single picture: give --detector yolo, or --whole "
                    "when the picture is a crop of one person"
                )
            self._detector = component_of("detector", chosen).make()

    def people(self, path: Path) -> list[Query]:
        """The people in a photo, from left to right; none when nobody is found.

        Raises:
            SourceError: it cannot be read, or is no picture.
        """
        image = _read_image(path)
        height, width = image.shape[:2]
        boxes = np.array([[0, 0, width, height]], np.float32)
        if self._detector is not None:
            (found,) = self._detector.detect([Frame("photo", 0, 0.0, image)])
            boxes = found.xyxy[found.confidence >= LEAST_CONFIDENCE]
            boxes = boxes[np.argsort(boxes[:, 0], kind="stable")]
        if not len(boxes):
            return []
        rows = self._embedder.embed([image], [boxes])
        whole = self._detector is None
        return [
            Query(
                f"{path}" if whole or len(boxes) == 1 else f"{path}, person {number} of {len(boxes)}",
                rows[number - 1 : number],
                None if whole else tuple(np.rint(box).astype(int).tolist()),
            )
            for number, box in enumerate(boxes, 1)
        ]  # fmt: skip


def track_query(store: Store, text: str) -> Query:
    """The query that a tracklet is: RUN/CAMERA/TRACK of the gallery, or the same below the folder of a run.

    Raises:
        UnknownError: the gallery has no such tracklet.
        ConfigError: it is neither.
        SourceError, FormatError: a run that cannot be read.
        OtherModelError: a run with embeddings of another model.
    """
    path = Path(text)
    file = path.parent / TRACKLETS_FILE
    if path.name.isdecimal() and file.is_file():
        model, tracklets = read_tracklets(file)
        check_model_name(f"run {file.parent.parent}", model, store.model, "the gallery")
        found = [one for one in tracklets if one.track_id == int(path.name)]
        if not found:
            raise ConfigError(f"{file} has no track {path.name}")
        return Query(text, found[0].embeddings)
    key = TrackletKey.parse(text)
    records = {record.key: record for record in store.tracklets()}
    if key not in records:
        raise ConfigError(f"{text}: no such file, no such track of a run, and no such tracklet in the gallery")
    return Query(text, records[key].tracklet.embeddings, None, (key,))


def _options(kind: str, config: Mapping[str, Any], options: Mapping[str, str | None]) -> dict[str, Any]:
    """Options of a component: those of the run, or what was given in their place."""
    chosen = dict(config.get(kind, {}))
    if options.get(kind):
        chosen = {"name": options[kind]}
    if kind == "detector" and options.get("weights"):
        chosen = {**chosen, "weights": options["weights"]}
    if not chosen:
        raise ConfigError(f"the gallery does not tell which {kind} made it: give --{kind}")
    if kind == "detector":
        chosen.pop("conf", None)
    return chosen


def _read_image(path: Path) -> NDArray[np.uint8]:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise SourceError(f"{path}: expected a picture (JPEG, PNG, ...), or RUN/CAMERA/TRACK")
    return np.asarray(image, np.uint8)


def is_photo(text: str) -> bool:
    """Whether a query is a picture on the disk."""
    return Path(text).is_file()


def runs_by_name(store: Store) -> dict[str, Run]:
    """The runs of a gallery."""
    return {run.name: run for run in store.runs()}
