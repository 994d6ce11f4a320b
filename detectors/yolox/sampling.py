"""Makes the samples of a batch, in the training process or in one of its own: reads, keeps and augments pictures.

Torch is not imported here, so that a process that makes samples is small and starts at once. Decoded pictures lie in a
file that all processes map; samples go through files too. Both are in the page cache as long as there is memory.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.yolox.augment import Picture, Sample, make_sample, sample_generator
from mdpr.detectors.yolox.camera import CameraConfig
from mdpr.detectors.yolox.data import PeoplePictures
from mdpr.detectors.yolox.geometry import Image
from mdpr.detectors.yolox.views import AugmentConfig
from mdpr.errors import FormatError
from mdpr.files import write_errors

_DECODERS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_FINENESS = 1.1  # sides of the network's input that a decoded picture keeps at least


@dataclass(frozen=True, eq=False)
class SampleSpec:
    """What samples are made from; sent to every process once.

    Attributes:
        pictures: to train on.
        size: (width, height) of the network's usual input, which pictures are decoded for.
        augmentation, camera: see `make_sample`.
        seed: of the samples.
        cache: file for decoded pictures.
        cache_bytes: that it may take.
    """

    pictures: PeoplePictures
    size: tuple[int, int]
    augmentation: AugmentConfig
    camera: CameraConfig
    seed: int
    cache: Path
    cache_bytes: int


@dataclass(frozen=True)
class SampleJob:
    """Some samples of a batch that follow each other.

    Attributes:
        indices: of the pictures that they are about.
        epoch: its number.
        first: number of the first sample in its epoch.
        size: (width, height) of the samples.
        is_closing: see `make_sample`.
        file: that gets the pixels, sample after sample.
        offset: in bytes, where those of the first begin.
    """

    indices: tuple[int, ...]
    epoch: int
    first: int
    size: tuple[int, int]
    is_closing: bool
    file: Path
    offset: int


Boxes = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Of a sample: people and ignored."""


class SampleMaker:
    """Reads and augments. What it makes depends on the spec and the job alone, not on which process makes it.

    The cache file begins with a byte for each picture that has room in it, 1 when the picture is there; then come
    their pixels.
    """

    def __init__(self, spec: SampleSpec) -> None:
        self._spec = spec
        sizes = spec.pictures.sizes
        self._divisors = [fitting_divisor((width, height), spec.size) for width, height in sizes.tolist()]
        decoded = -(-sizes // np.array(self._divisors)[:, None])  # (N, 2) width, height
        ends = np.cumsum(3 * decoded.prod(axis=1)) + np.arange(1, len(sizes) + 1)
        self.kept = int(np.searchsorted(ends, spec.cache_bytes, side="right"))
        """Pictures that have room in the cache: the first ones."""
        self._shapes = decoded[:, ::-1].tolist()
        self._starts = self.kept + np.concatenate([[0], np.cumsum(3 * decoded.prod(axis=1))])
        self._map: NDArray[np.uint8] | None = None

    def keep(self, first: int, last: int) -> None:
        """Put pictures `first` to `last` - 1 into the cache; one that cannot be read is left out until it is needed.

        Raises:
            OutputError: the cache cannot be written.
        """
        with write_errors(self._spec.cache), self._spec.cache.open("r+b") as file:
            for index in range(first, min(last, self.kept)):
                try:
                    image = self._read(index)
                except FormatError:
                    continue
                file.seek(int(self._starts[index]))
                file.write(np.ascontiguousarray(image).data)
                file.seek(index)
                file.write(b"\1")

    def fill(self, job: SampleJob) -> list[Boxes]:
        """Make samples: pixels go into the job's file, boxes are returned.

        Raises:
            FormatError: a picture that cannot be read; names the file.
            OutputError: the pixels cannot be written.
        """
        boxes = []
        with write_errors(job.file), job.file.open("r+b") as file:
            file.seek(job.offset)
            for number, index in enumerate(job.indices, job.first):
                sample = self.sample(index, job.epoch, number, job.size, job.is_closing)
                file.write(np.ascontiguousarray(sample.image).data)
                boxes.append((sample.people, sample.ignored))
        return boxes

    def sample(self, index: int, epoch: int, number: int, size: tuple[int, int], is_closing: bool) -> Sample:
        """Sample `number` of an epoch, about picture `index`; `size` (width, height)."""
        spec = self._spec
        return make_sample(
            self._picture(index), self._picture, len(spec.pictures), size, spec.augmentation, spec.camera,
            sample_generator(spec.seed, epoch, number), is_closing,
        )  # fmt: skip

    def _picture(self, index: int) -> Picture:
        width, height = self._spec.pictures.sizes[index].tolist()
        boxes, is_ignored = self._spec.pictures.boxes_of(index)
        kept = self._kept(index)
        return Picture(self._read(index) if kept is None else kept, (width, height), boxes, is_ignored)

    def _kept(self, index: int) -> Image | None:
        if index >= self.kept:
            return None
        if self._map is None:
            self._map = np.memmap(self._spec.cache, np.uint8, "r")
        if not self._map[index]:
            return None
        rows, columns = self._shapes[index]
        start = int(self._starts[index])
        return np.asarray(self._map[start : start + 3 * rows * columns]).reshape(rows, columns, 3)

    def _read(self, index: int) -> Image:
        pictures, divisor = self._spec.pictures, self._divisors[index]
        image = read_image(pictures.paths[index], divisor)
        if list(image.shape[:2]) != self._shapes[index]:
            width, height = pictures.sizes[index].tolist()
            raise FormatError(
                f"{pictures.paths[index]}: {pictures.name} says {width}x{height} pixels, which does not fit the "
                f"picture ({image.shape[1]}x{image.shape[0]} decoded at 1/{divisor})"
            )
        return image


_maker: SampleMaker


def start_process(spec: SampleSpec) -> None:
    """What a process that makes samples begins with."""
    global _maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the training process, which ends this one
    cv2.setNumThreads(1)
    _maker = SampleMaker(spec)


def keep_in_process(first: int, last: int) -> None:
    """`SampleMaker.keep` in a process begun with `start_process`."""
    _maker.keep(first, last)


def fill_in_process(job: SampleJob) -> list[Boxes]:
    """`SampleMaker.fill` in a process begun with `start_process`."""
    return _maker.fill(job)


def read_image(path: str, divisor: int = 1) -> Image:
    """(h, w, 3) BGR as stored, decoded at 1/`divisor` of its size (1, 2, 4 or 8).

    Raises:
        FormatError: no such file, or not an image.
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
