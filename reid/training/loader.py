"""Batches of augmented pictures, read ahead by threads, or by processes where a GPU wants more than threads give.

Threads by default: decoding and resizing run outside Python's lock, nothing is copied between processes, and an
unreadable picture or Ctrl-C ends the run without orphans. The rest of the augmentations holds the lock, so that threads
feed no fast GPU; processes do. What a batch holds depends on neither.
"""

from __future__ import annotations

import signal
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mdpr.errors import ModelError
from mdpr.reid.data import ReidImages
from mdpr.reid.data.images import read_image, resize_image
from mdpr.reid.network import NetworkConfig
from mdpr.reid.training.augmentations import AugmentConfig, Image, augment, sample_generator
from mdpr.reid.training.picture_cache import PictureCache

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


@dataclass(frozen=True)
class PictureMaker:
    """Training pictures by number: a pure function, the same in any thread and process.

    Attributes:
        images: of the training split.
        network: for the input size and the mean that erased rectangles get.
        augmentations: see `augment`.
        seed: of the augmentations.
        cache: resized pictures that are kept, or None.
    """

    images: ReidImages
    network: NetworkConfig
    augmentations: AugmentConfig
    seed: int
    cache: PictureCache | None = None

    def picture(self, index: int, epoch: int, place: int) -> Image:
        """Picture `index` as it looks at `place` of an epoch: (H, W, 3).

        Raises:
            FormatError: it cannot be read; names the file.
        """
        rng = sample_generator(self.seed, epoch, place)

        def donor() -> Image:
            return self._read(int(rng.integers(len(self.images))))

        return augment(self._read(index), self.network.input_size, self.augmentations, self.network.mean, rng, donor)

    def _read(self, index: int) -> Image:
        if self.cache is not None:
            return self.cache.get(index, self._resized)
        return read_image(self.images.paths[index], self.images.boxes[index])

    def _resized(self, index: int) -> Image:
        return resize_image(read_image(self.images.paths[index], self.images.boxes[index]), self.network.input_size)


@dataclass(frozen=True)
class _Task:
    """A part that is wanted: its pictures, and where they lie in the epoch."""

    indices: NDArray[np.int64]
    epoch: int
    place: int


class BatchLoader:
    """Reads, augments and stacks training images. A context manager that ends its threads.

    Args:
        maker: of pictures.
        labels: (N,) class label of each image.
        workers: threads or processes.
        is_pinned: batches lie in page-locked memory, from where a GPU copies while it computes.
        processes: worker processes instead of threads.
    """

    def __init__(
        self, maker: PictureMaker, labels: NDArray[np.int64], workers: int, is_pinned: bool, processes: bool = False
    ) -> None:
        self._maker = maker
        self._labels = labels
        self._workers = workers
        self._is_pinned = is_pinned
        self._pool = None if processes else ThreadPoolExecutor(workers, thread_name_prefix="mdpr-load")

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
            ModelError: a worker process was ended.
        """
        width = order.shape[1]
        size = width // count
        tasks = [
            _Task(order[step, shard * size : (shard + 1) * size], epoch, step * width + shard * size)
            for step in range(first, len(order))
            for shard in shards
        ]
        parts = self._by_processes(tasks) if self._pool is None else self._by_threads(self._pool, tasks, len(shards))
        for _ in range(first, len(order)):
            yield [next(parts) for _ in shards]

    def __enter__(self) -> BatchLoader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _by_threads(self, pool: ThreadPoolExecutor, tasks: list[_Task], shards: int) -> Iterator[Part]:
        waiting: deque[list[Future[Image]]] = deque()
        try:
            for number in range(len(tasks) + _READ_AHEAD * shards):
                if number < len(tasks):
                    task = tasks[number]
                    waiting.append(
                        [
                            pool.submit(self._maker.picture, int(index), task.epoch, task.place + offset)
                            for offset, index in enumerate(task.indices)
                        ]
                    )
                if (done := number - _READ_AHEAD * shards) >= 0:
                    pictures = waiting.popleft()
                    images = torch.empty((len(pictures), *self._maker.network.input_size, 3), dtype=torch.uint8)
                    if self._is_pinned:
                        images = images.pin_memory()
                    for row, future in zip(images.numpy(), pictures, strict=True):
                        row[:] = future.result()
                    yield self._part(tasks[done], images)
        finally:
            for future in (future for pictures in waiting for future in pictures):
                future.cancel()

    def _by_processes(self, tasks: list[_Task]) -> Iterator[Part]:
        context = get_context("forkserver" if sys.platform == "linux" else "spawn")
        if sys.platform == "linux":  # no fork of this process: it has threads, whose locks a copy would inherit
            context.set_forkserver_preload(["mdpr.reid.training.loader"])
        ahead = _READ_AHEAD * self._workers
        with ProcessPoolExecutor(self._workers, context, _start_worker, (self._maker,)) as pool:
            waiting: deque[Future[Image]] = deque()
            try:
                for number in range(len(tasks) + ahead):
                    if number < len(tasks):
                        waiting.append(pool.submit(_pictures, tasks[number]))
                    if (done := number - ahead) >= 0:
                        images = torch.from_numpy(waiting.popleft().result())
                        yield self._part(tasks[done], images.pin_memory() if self._is_pinned else images)
            except BrokenProcessPool as error:
                raise ModelError(
                    "a process that reads pictures was ended from outside, often for want of memory: give fewer workers"
                ) from error
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _part(self, task: _Task, images: Tensor) -> Part:
        return Part(images, torch.from_numpy(self._labels[task.indices]), task.indices)


_maker: PictureMaker  # of a worker process


def _start_worker(maker: PictureMaker) -> None:
    """Ctrl-C goes to the run, which ends its workers; one thread is enough for small pictures."""
    global _maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    _maker = maker


def _pictures(task: _Task) -> Image:
    """(n, H, W, 3): the pictures of a part, made in a worker process."""
    places = range(task.place, task.place + len(task.indices))
    return np.stack(
        [_maker.picture(i, task.epoch, place) for i, place in zip(task.indices.tolist(), places, strict=True)]
    )
