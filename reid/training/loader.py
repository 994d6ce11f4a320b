"""Batches of augmented pictures, read ahead by threads.

Threads, not worker processes: decoding and resizing run outside Python's lock, nothing is copied between processes, and
an unreadable picture or Ctrl-C ends the run without orphans. What a batch holds does not depend on how many there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mdpr.reid.data import ReidImages
from mdpr.reid.data.images import read_image
from mdpr.reid.network import NetworkConfig
from mdpr.reid.training.augmentations import AugmentConfig, Image, augment, sample_generator

_READ_AHEAD = 3  # batches


@dataclass(frozen=True, eq=False)
class Part:
    """What goes through the network at once.

    Attributes:
        images: (n, H, W, 3) uint8 RGB on the CPU, pinned where it goes to a GPU.
        labels: (n,) int64 class labels on the CPU.
        indices: (n,) into the training images.
    """

    images: Tensor
    labels: Tensor
    indices: NDArray[np.int64]


class BatchLoader:
    """Reads, augments and stacks training images. A context manager that ends its threads.

    Args:
        images: of the training split.
        labels: (N,) class label of each.
        network: for the input size and the mean that erased rectangles get.
        augmentations: see `augment`.
        seed: of the augmentations.
        workers: threads.
        is_pinned: batches lie in page-locked memory, from where a GPU copies while it computes.
    """

    def __init__(
        self,
        images: ReidImages,
        labels: NDArray[np.int64],
        network: NetworkConfig,
        augmentations: AugmentConfig,
        seed: int,
        workers: int,
        is_pinned: bool,
    ) -> None:
        self._images = images
        self._labels = labels
        self._network = network
        self._augmentations = augmentations
        self._seed = seed
        self._is_pinned = is_pinned
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="mdpr-load")

    def batches(
        self, order: NDArray[np.int64], epoch: int, first: int, shards: list[int], count: int
    ) -> Iterator[list[Part]]:
        """The batches of an epoch from step `first` on, each as the parts that this process works on.

        Args:
            order: (steps, batch) of `epoch_order`.
            epoch: number of the epoch.
            first: step to begin with.
            shards: pieces of each batch that are wanted.
            count: pieces that a batch has.

        Raises:
            FormatError: a picture that cannot be read, when its batch is due; names the file.
        """
        size = order.shape[1] // count
        waiting: deque[list[list[Future[Image]]]] = deque()
        try:
            for step in range(first, len(order) + _READ_AHEAD):
                if step < len(order):
                    waiting.append([self._submit(order, epoch, step, shard * size, size) for shard in shards])
                done = step - _READ_AHEAD
                if done >= first:
                    parts = zip(shards, waiting.popleft(), strict=True)
                    yield [
                        self._part(order[done, shard * size : (shard + 1) * size], pictures)
                        for shard, pictures in parts
                    ]
        finally:
            for pictures in waiting:
                for future in (future for shard in pictures for future in shard):
                    future.cancel()

    def picture(self, index: int, rng: np.random.Generator) -> Image:
        """One training picture, augmented."""

        def donor() -> Image:
            return self._read(int(rng.integers(len(self._images))))

        return augment(self._read(index), self._network.input_size, self._augmentations, self._network.mean, rng, donor)

    def __enter__(self) -> BatchLoader:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, order: NDArray[np.int64], epoch: int, step: int, begin: int, size: int) -> list[Future[Image]]:
        width = order.shape[1]
        return [
            self._pool.submit(
                self.picture, int(order[step, column]), sample_generator(self._seed, epoch, step * width + column)
            )
            for column in range(begin, begin + size)
        ]

    def _part(self, indices: NDArray[np.int64], pictures: list[Future[Image]]) -> Part:
        images = torch.empty((len(pictures), *self._network.input_size, 3), dtype=torch.uint8)
        if self._is_pinned:
            images = images.pin_memory()
        for row, future in zip(images.numpy(), pictures, strict=True):
            row[:] = future.result()
        return Part(images, torch.from_numpy(self._labels[indices]), indices)

    def _read(self, index: int) -> Image:
        return read_image(self._images.paths[index], self._images.boxes[index])
