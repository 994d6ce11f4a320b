"""Another embedding model for a gallery: its crops are embedded again, so no video is needed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.contracts import Embedder
from mdpr.errors import ConfigError
from mdpr.pipeline.store.contract import Store
from mdpr.pipeline.store.errors import ConflictError
from mdpr.pipeline.store.values import EmbeddingModel, TrackletKey

_CROPS_AT_ONCE = 64


@dataclass(frozen=True)
class Reembedded:
    """Views that were embedded, and views that could not be, because their crop is absent or broken."""

    views: int
    lost: int


def reembed_crops(store: Store, embedder: Embedder, drop: bool = False) -> Reembedded:
    """Replace all embeddings by those that `embedder` gives for the crops.

    Args:
        store: nothing in it changes before all crops are embedded.
        embedder: the new model.
        drop: go on when views have no crop; they lose their appearance, a tracklet without any crop all of it.

    Raises:
        ConflictError: views have no crop, and `drop` is off.
        ConfigError: the embedder gives no embeddings.
    """
    if embedder.dimension == 0:
        raise ConfigError(f"{embedder.description} gives no embeddings: give another --reid")
    embeddings: dict[TrackletKey, NDArray[np.float32]] = {}
    views = lost = 0
    for record in store.tracklets():
        rows = np.zeros((len(record.tracklet.view_frame), embedder.dimension), np.float32)
        images = {
            place: image for place, jpeg in enumerate(store.crops(record.key)) if (image := _decode(jpeg)) is not None
        }
        places = list(images)
        for start in range(0, len(places), _CROPS_AT_ONCE):
            some = places[start : start + _CROPS_AT_ONCE]
            boxes = [np.array([[0, 0, images[place].shape[1], images[place].shape[0]]], np.float32) for place in some]
            rows[some] = embedder.embed([images[place] for place in some], boxes)
        views += len(places)
        lost += len(rows) - len(places)
        if lost and not drop:
            raise ConflictError(
                f"tracklet {record.key} has views without a crop, which cannot be embedded again. Track its video with "
                "the new model, or let such views lose their appearance: --drop"
            )
        embeddings[record.key] = rows if places else rows[:, :0]
    store.reembed(EmbeddingModel(embedder.fingerprint, embedder.dimension), embeddings)
    return Reembedded(views, lost)


def _decode(jpeg: bytes) -> NDArray[np.uint8] | None:
    """(height, width, 3) BGR; None for what is no picture."""
    if not jpeg:
        return None
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)
