"""Batches of augmented samples, read ahead by threads.

Decoding and warping run outside Python's lock. What a batch holds does not depend on the number of threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mdpr.detectors.yolox.augment import AugmentConfig, Picture, Sample, make_sample, sample_generator
from mdpr.detectors.yolox.camera import CameraConfig
from mdpr.detectors.yolox.data import PeoplePictures
from mdpr.detectors.yolox.geometry import Image
from mdpr.errors import FormatError

_READ_AHEAD = 3  # batches
_ORDER_STREAM = 4
_DECODERS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_FINENESS = 1.1  # sides of the network's input that a decoded picture keeps at least


@dataclass(frozen=True, eq=False)
class Batch:
    """What goes through the network at once.

    Attributes:
        images: (n, H, W, 3) uint8 BGR on the CPU.
        people: n tensors (G, 4) float32 `xyxy`.
        ignored: n tensors (I, 4) float32 `xyxy`.
    """

    images: Tensor
    people: tuple[Tensor, ...]
    ignored: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.people)

    def split(self, parts: int) -> list[Batch]:
        """Equal pieces, in order; `parts` divides the number of samples."""
        size = len(self) // parts
        cuts = [slice(first, first + size) for first in range(0, len(self), size)]
        return [Batch(self.images[cut], self.people[cut], self.ignored[cut]) for cut in cuts]


def epoch_order(pictures: int, batch: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """(steps, batch): the pictures of each step, every one once; what does not fill a batch is left out.

    Fewer pictures than a batch are repeated until they fill one.

    >>> epoch_order(5, 2, 0, 0).shape
    (2, 2)
    """
    rng = np.random.default_rng((seed, _ORDER_STREAM, epoch))
    repeats = max(1, -(-batch // pictures))
    order = np.concatenate([rng.permutation(pictures) for _ in range(repeats)])
    steps = max(len(order) // batch, 1)
    return order[: steps * batch].reshape(steps, batch)


def read_image(path: str, divisor: int = 1) -> Image:
    """A picture as (h, w, 3) BGR, decoded at its size over 1, 2, 4 or 8.

    Raises:
        FormatError: it cannot be read.
    """
    try:
        coded = np.fromfile(path, np.uint8)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error
    image = cv2.imdecode(coded, _DECODERS[divisor] | cv2.IMREAD_IGNORE_ORIENTATION) if len(coded) else None
    if image is None:
        raise FormatError(f"{path}: not an image, or damaged ({len(coded)} bytes)")
    return np.asarray(image, np.uint8)


def fitting_divisor(size: tuple[int, int], wanted: tuple[int, int]) -> int:
    """How much smaller a picture may be decoded and still be finer than a network's input; sizes (width, height).

    >>> fitting_divisor((1920, 1080), (416, 416)), fitting_divisor((960, 540), (416, 416))
    (4, 2)
    """
    fitting = [divisor for divisor in _DECODERS if max(size) / divisor >= _FINENESS * max(wanted)]
    return max(fitting, default=1)


class SampleLoader:
    """Reads, augments and stacks pictures. A context manager that ends its threads.

    Args:
        pictures: to train on.
        size: (width, height) of the network's usual input, which pictures are decoded for.
        augmentation, camera: see `make_sample`.
        seed: of the samples.
        workers: threads.
        cache_bytes: of decoded pictures that are kept in memory.
    """

    def __init__(
        self,
        pictures: PeoplePictures,
        size: tuple[int, int],
        augmentation: AugmentConfig,
        camera: CameraConfig,
        seed: int,
        workers: int,
        cache_bytes: int = 0,
    ) -> None:
        self._pictures = pictures
        self._size = size
        self._augmentation = augmentation
        self._camera = camera
        self._seed = seed
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="mdpr-load")
        self._kept: dict[int, Image] = {}
        self._room = cache_bytes
        self._lock = threading.Lock()

    def batches(
        self, order: NDArray[np.int64], epoch: int, first: int, plan: Callable[[int], tuple[tuple[int, int], bool]]
    ) -> Iterator[Batch]:
        """The batches of an epoch from step `first` on.

        Args:
            order: (steps, batch) of `epoch_order`.
            epoch: its number.
            first: step to begin with.
            plan: (width, height) of the samples of a step, and whether they are without mosaic; asked when they are
                read.

        Raises:
            FormatError: a picture that cannot be read, when its batch is due; names the file.
        """
        waiting: deque[list[Future[Sample]]] = deque()
        try:
            for step in range(first, len(order) + _READ_AHEAD):
                if step < len(order):
                    waiting.append(self._submit(order[step], epoch, step * order.shape[1], *plan(step)))
                if step - _READ_AHEAD >= first:
                    yield self._stack(waiting.popleft())
        finally:
            for future in (future for samples in waiting for future in samples):
                future.cancel()

    def sample(self, index: int, epoch: int, number: int, size: tuple[int, int], is_closing: bool) -> Sample:
        """Sample `number` of an epoch, about picture `index`; `size` (width, height)."""
        return make_sample(
            self._picture(index), self._picture, len(self._pictures), size, self._augmentation, self._camera,
            sample_generator(self._seed, epoch, number), is_closing,
        )  # fmt: skip

    def __enter__(self) -> SampleLoader:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(
        self, indices: NDArray[np.int64], epoch: int, number: int, size: tuple[int, int], is_closing: bool
    ) -> list[Future[Sample]]:
        return [
            self._pool.submit(self.sample, index, epoch, number + place, size, is_closing)
            for place, index in enumerate(indices.tolist())
        ]

    def _stack(self, samples: list[Future[Sample]]) -> Batch:
        done = [future.result() for future in samples]
        return Batch(
            torch.from_numpy(np.stack([sample.image for sample in done])),
            tuple(torch.from_numpy(sample.people) for sample in done),
            tuple(torch.from_numpy(sample.ignored) for sample in done),
        )

    def _picture(self, index: int) -> Picture:
        width, height = self._pictures.sizes[index].tolist()
        boxes, is_ignored = self._pictures.boxes_of(index)
        image = self._kept.get(index)
        if image is None:
            divisor = fitting_divisor((width, height), self._size)
            image = read_image(self._pictures.paths[index], divisor)
            expected = (-(-height // divisor), -(-width // divisor))
            if image.shape[:2] != expected:
                raise FormatError(
                    f"{self._pictures.paths[index]}: {self._pictures.name} says {width}x{height} pixels, which does "
                    f"not fit the picture ({image.shape[1]}x{image.shape[0]} decoded at 1/{divisor})"
                )
            self._keep(index, image)
        return Picture(image, (width, height), boxes, is_ignored)

    def _keep(self, index: int, image: Image) -> None:
        with self._lock:
            if index not in self._kept and image.nbytes <= self._room:
                self._kept[index] = image
                self._room -= image.nbytes
