"""Batches of augmented samples, read ahead by processes of their own.

Threads would not do: beside a GPU, half of the time Python's lock is held by the training loop. What a batch holds
does not depend on the number of processes.
"""

from __future__ import annotations

import math
import multiprocessing
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mdpr.detectors.yolox.augment import Sample
from mdpr.detectors.yolox.camera import CameraConfig
from mdpr.detectors.yolox.data import PeoplePictures
from mdpr.detectors.yolox.sampling import (
    Boxes,
    SampleJob,
    SampleMaker,
    SampleSpec,
    fill_in_process,
    keep_in_process,
    start_process,
)
from mdpr.detectors.yolox.views import AugmentConfig
from mdpr.errors import MdprError
from mdpr.files import write_errors

_READ_AHEAD = 3  # batches
_KEEP = 16  # pictures that are decoded in one go
_ORDER_STREAM = 4


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


class SampleLoader:
    """Reads, augments and stacks pictures. A context manager that ends its processes.

    Args:
        pictures: to train on.
        size: (width, height) of the network's usual input, which pictures are decoded for.
        augmentation, camera: see `make_sample`.
        seed: of the samples.
        workers: processes; 0 = a thread of this one.
        cache_bytes: of decoded pictures that are kept, in a temporary file that all processes map.
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
        self._folder = tempfile.TemporaryDirectory(prefix="mdpr-train-", ignore_cleanup_errors=True)
        cache = Path(self._folder.name) / "pictures"
        spec = SampleSpec(pictures, size, augmentation, camera, seed, cache, cache_bytes)
        self._maker = SampleMaker(spec)
        self._is_kept = self._maker.kept == 0
        self._jobs = 2 * max(workers, 1)  # of a batch, so that no process waits long for the last one
        self._pool: Executor
        self._fill: Callable[[SampleJob], list[Boxes]]
        self._keep: Callable[[int, int], None]
        if workers:
            context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
            self._pool = ProcessPoolExecutor(workers, context, start_process, (spec,))
            self._fill, self._keep = fill_in_process, keep_in_process
        else:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="mdpr-load")
            self._fill, self._keep = self._maker.fill, self._maker.keep

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
            MdprError: a process was ended from outside.
            OutputError: no room for temporary files.
        """
        waiting: deque[_Due] = deque()
        try:
            self._keep_pictures()
            for step in range(first, len(order) + _READ_AHEAD):
                if step < len(order):
                    waiting.append(self._submit(order[step], epoch, step, *plan(step)))
                if step - _READ_AHEAD >= first:
                    yield _stack(waiting.popleft())
        except BrokenProcessPool as error:
            raise MdprError(
                "a process that read pictures was ended from outside, often for want of memory: give fewer --workers "
                "or less --cache-mib, and go on with --resume"
            ) from error
        finally:
            left = [future for due in waiting for future in due.boxes]
            wait([future for future in left if not future.cancel()])  # the next batches go into the same files

    def sample(self, index: int, epoch: int, number: int, size: tuple[int, int], is_closing: bool) -> Sample:
        """Sample `number` of an epoch, about picture `index`; `size` (width, height)."""
        return self._maker.sample(index, epoch, number, size, is_closing)

    def __enter__(self) -> SampleLoader:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._folder.cleanup()

    def _keep_pictures(self) -> None:
        if self._is_kept:
            return
        kept = self._maker.kept
        self._touch("pictures")
        done = [self._pool.submit(self._keep, start, start + _KEEP) for start in range(0, kept, _KEEP)]
        for future in done:
            future.result()
        self._is_kept = True

    def _submit(
        self, indices: NDArray[np.int64], epoch: int, step: int, size: tuple[int, int], is_closing: bool
    ) -> _Due:
        file = self._touch(f"batch{step % (_READ_AHEAD + 1)}")
        pixels = 3 * size[0] * size[1]
        boxes = []
        for places in np.array_split(np.arange(len(indices)), min(self._jobs, len(indices))):
            start = int(places[0])
            chosen = tuple(indices[places].tolist())
            job = SampleJob(chosen, epoch, step * len(indices) + start, size, is_closing, file, start * pixels)
            boxes.append(self._pool.submit(self._fill, job))
        return _Due(file, (len(indices), size[1], size[0], 3), boxes)

    def _touch(self, name: str) -> Path:
        file = Path(self._folder.name) / name
        with write_errors(file):
            file.touch()
        return file


@dataclass(frozen=True, eq=False)
class _Due:
    """A batch that is being made."""

    file: Path
    shape: tuple[int, int, int, int]
    boxes: list[Future[list[Boxes]]]


def _stack(due: _Due) -> Batch:
    boxes = [pair for future in due.boxes for pair in future.result()]
    pixels = np.fromfile(due.file, np.uint8, math.prod(due.shape)).reshape(due.shape)
    return Batch(
        torch.from_numpy(pixels),
        tuple(torch.from_numpy(people) for people, _ in boxes),
        tuple(torch.from_numpy(ignored) for _, ignored in boxes),
    )
