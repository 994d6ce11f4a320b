"""Features of all crops of a split: read and resized by threads, embedded in batches, in the order of the split."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from mdpr.errors import ConfigError, ModelError
from mdpr.reid.data.images import read_image, resize_image
from mdpr.reid.data.records import ReidImages
from mdpr.reid.evaluation.models import Crops, FeatureModel, Floats

_READ_AHEAD = 3  # batches


def extract_features(
    model: FeatureModel,
    images: ReidImages,
    batch: int = 64,
    workers: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Floats:
    """Raw features of each crop.

    Args:
        model: see `mdpr.reid.evaluation.models`.
        images: the split; may be empty.
        batch: crops a call, 1 or more.
        workers: threads that read; 0 = one a core.
        progress: is told the number of crops of each batch when it is done.

    Returns:
        (N, D) float32; (0, 0) for no crops.

    Raises:
        FormatError: a picture that cannot be read; names the file.
        ModelError: the model gives something else than a row a crop, or values that are not finite.
        ConfigError: a batch of less than one crop.
    """
    if batch < 1 or workers < 0:
        raise ConfigError(f"expected a batch of 1 or more and 0 or more workers, got {batch} and {workers}")
    features = np.zeros((len(images), 0), np.float32)
    first = 0
    for crops in _batches(images, model.input_size, batch, workers or os.cpu_count() or 1):
        rows = np.asarray(model.embed(crops), np.float32)
        last = first + len(crops)
        if rows.ndim != 2 or len(rows) != len(crops) or (first and rows.shape[1] != features.shape[1]):
            raise ModelError(f"{model.description}: expected {len(crops)} rows of features, got shape {rows.shape}")
        if not np.isfinite(rows).all():
            bad = first + int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            raise ModelError(f"{model.description}: features that are not finite for {images.paths[bad]}")
        if first == 0:
            features = np.empty((len(images), rows.shape[1]), np.float32)
        features[first:last] = rows
        first = last
        if progress is not None:
            progress(len(crops))
    return features


def _batches(images: ReidImages, size: tuple[int, int], batch: int, workers: int) -> Iterator[Crops]:
    """(n, height, width, 3) uint8 BGR crops, in order; a few batches are read ahead."""

    def read(index: int) -> Crops:
        return resize_image(read_image(images.paths[index], images.boxes[index]), size)[..., ::-1]

    starts = iter(range(0, len(images), batch))
    waiting: deque[list[Future[Crops]]] = deque()
    with ThreadPoolExecutor(workers, "mdpr-read") as pool:
        try:
            while True:
                while len(waiting) < _READ_AHEAD and (start := next(starts, None)) is not None:
                    stop = min(start + batch, len(images))
                    waiting.append([pool.submit(read, index) for index in range(start, stop)])
                if not waiting:
                    return
                yield np.stack([future.result() for future in waiting.popleft()])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
