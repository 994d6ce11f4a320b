"""Batches: the same whatever the threads, and wherever an epoch is begun."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mdpr.detectors.yolox.camera import CameraConfig
from mdpr.detectors.yolox.data import PeoplePictures, read_pictures
from mdpr.detectors.yolox.loader import Batch, SampleLoader, epoch_order
from mdpr.detectors.yolox.sampling import fitting_divisor, read_image
from mdpr.detectors.yolox.views import AugmentConfig
from mdpr.errors import FormatError, MdprError

SIZE = (128, 96)


@pytest.fixture(scope="module")
def scenes(make_scenes: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> PeoplePictures:
    return read_pictures(make_scenes(tmp_path_factory.mktemp("loader") / "scenes", 10, size=SIZE, height=(30, 70)))


def loader(pictures: PeoplePictures, workers: int = 0, cache_bytes: int = 0) -> SampleLoader:
    return SampleLoader(pictures, SIZE, AugmentConfig(), CameraConfig(), 5, workers, cache_bytes)


def batches(made: SampleLoader, first: int = 0, epoch: int = 1) -> list[Batch]:
    order = epoch_order(10, 4, 5, epoch)
    with made:
        return list(made.batches(order, epoch, first, lambda step: (SIZE, step == 1)))


def assert_same(one: Batch, other: Batch) -> None:
    assert torch.equal(one.images, other.images)
    for some, others in ((one.people, other.people), (one.ignored, other.ignored)):
        assert all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def test_batches_do_not_depend_on_processes_cache_or_beginning(scenes: PeoplePictures) -> None:
    expected = batches(loader(scenes))
    assert [tuple(batch.images.shape) for batch in expected] == [(4, 96, 128, 3)] * 2
    assert sum(len(boxes) for batch in expected for boxes in batch.people) > 4
    for others in (
        batches(loader(scenes, 2, 90_000)),
        batches(loader(scenes, 0, 1 << 30)),
        batches(loader(scenes, 0, 90_000)),
    ):
        for one, other in zip(expected, others, strict=True):
            assert_same(one, other)
    later = batches(loader(scenes), first=1)
    assert len(later) == 1
    assert_same(later[0], expected[1])
    assert not torch.equal(batches(loader(scenes), epoch=2)[0].images, expected[0].images)


def test_what_a_batch_holds_is_what_sample_makes(scenes: PeoplePictures) -> None:
    order = epoch_order(10, 4, 5, 1)
    made = loader(scenes)
    sample = made.sample(int(order[1, 2]), 1, 4 * 1 + 2, SIZE, True)
    batch = batches(made)[1]
    assert np.array_equal(batch.images[2].numpy(), sample.image)
    assert np.array_equal(batch.people[2].numpy(), sample.people)


def test_kept_pictures_are_not_read_again(tmp_path: Path, make_scenes: Callable[..., Path]) -> None:
    pictures = read_pictures(make_scenes(tmp_path / "own", 10, size=SIZE))
    with loader(pictures, 0, cache_bytes=7 * (96 * 128 * 3 + 1) + 10) as made:
        everything = list(made.batches(epoch_order(10, 4, 5, 1), 1, 0, lambda step: (SIZE, True)))
        assert len(everything) == 2
        expected = [made.sample(index, 0, index, SIZE, True).image for index in range(7)]
        for path in pictures.paths:
            Path(path).unlink()
        for index, image in enumerate(expected):
            assert np.array_equal(made.sample(index, 0, index, SIZE, True).image, image)
        for index in (7, 8, 9):
            with pytest.raises(FormatError, match=r"cannot be read"):
                made.sample(index, 0, index, SIZE, True)


def test_processes_that_are_ended_are_told(scenes: PeoplePictures) -> None:
    made = loader(scenes, 1)
    with made, pytest.raises(MdprError, match=r"was ended from outside.*--workers"):
        for _ in made.batches(epoch_order(10, 1, 5, 1), 1, 0, lambda step: (SIZE, False)):
            with contextlib.suppress(BrokenProcessPool):
                made._pool.submit(os._exit, 1)


def test_errors_cross_processes(tmp_path: Path, make_scenes: Callable[..., Path]) -> None:
    pictures = read_pictures(make_scenes(tmp_path / "own", 4, size=SIZE))
    for path in pictures.paths:
        Path(path).write_bytes(b"text")
    with loader(pictures, 1) as made, pytest.raises(FormatError, match=r"jpg: not an image, or damaged"):
        list(made.batches(epoch_order(4, 2, 5, 1), 1, 0, lambda step: (SIZE, False)))


def test_every_picture_once_an_epoch() -> None:
    order = epoch_order(11, 4, 0, 3)
    assert order.shape == (2, 4)
    assert len(set(order.ravel().tolist())) == 8
    assert not np.array_equal(order, epoch_order(11, 4, 0, 4))
    assert not np.array_equal(order, epoch_order(11, 4, 1, 3))
    few = epoch_order(3, 8, 0, 0)
    assert few.shape == (1, 8)
    assert set(few[0].tolist()) == {0, 1, 2}


def test_split_is_in_order(scenes: PeoplePictures) -> None:
    batch = batches(loader(scenes))[0]
    halves = batch.split(2)
    assert [len(half) for half in halves] == [2, 2]
    assert torch.equal(torch.cat([half.images for half in halves]), batch.images)
    assert torch.equal(halves[1].people[0], batch.people[2])


@pytest.mark.parametrize("size", [(1920, 1080), (960, 540), (641, 359), (4000, 3000), (100, 3000)])
def test_pictures_are_decoded_no_coarser_than_needed(size: tuple[int, int], tmp_path: Path) -> None:
    divisor = fitting_divisor(size, (416, 416))
    assert divisor == 1 or max(size) / divisor >= 1.1 * 416
    assert divisor == 8 or max(size) / (2 * divisor) < 1.1 * 416
    gradient = np.add.outer(np.linspace(0, 100, size[1]), np.linspace(0, 100, size[0]))
    path = tmp_path / "p.jpg"
    cv2.imwrite(str(path), np.repeat(gradient[..., None], 3, axis=2).astype(np.uint8))
    image = read_image(str(path), divisor)
    assert image.shape == (-(-size[1] // divisor), -(-size[0] // divisor), 3)
    assert float(image[image.shape[0] // 2, image.shape[1] // 2, 0]) == pytest.approx(100, abs=3)


def test_unreadable_pictures(scenes: PeoplePictures, tmp_path: Path, make_scenes: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match=r"gone.jpg: cannot be read"):
        read_image(str(tmp_path / "gone.jpg"))
    for content in (b"", b"text"):
        (tmp_path / "wrong.jpg").write_bytes(content)
        with pytest.raises(FormatError, match=rf"wrong.jpg: not an image, or damaged \({len(content)} bytes\)"):
            read_image(str(tmp_path / "wrong.jpg"))
    folder = make_scenes(tmp_path / "own", 10, size=SIZE)
    pictures = read_pictures(folder)
    cv2.imwrite(pictures.paths[0], np.zeros((50, 50, 3), np.uint8))
    with pytest.raises(FormatError, match=r"00000.jpg: annotations.json says 128x96 pixels, which does not fit"):
        loader(pictures).sample(0, 0, 0, SIZE, True)
