"""Batches of pictures: the same whatever the number of threads, the shards, and the step to begin with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mdpr.errors import FormatError
from mdpr.reid.data import ReidImages, load_dataset
from mdpr.reid.data.labels import relabel
from mdpr.reid.network import NetworkConfig
from mdpr.reid.training.augmentations import AugmentConfig
from mdpr.reid.training.loader import BatchLoader, Part, PictureMaker
from mdpr.reid.training.picture_cache import PictureCache
from mdpr.reid.training.sampler import SamplerConfig, epoch_order

NETWORK = NetworkConfig(input_size=(64, 32))
SAMPLER = SamplerConfig(4, 2, parts=2)


def loader(images: ReidImages, workers: int = 2, processes: bool = False, cache: Path | None = None) -> BatchLoader:
    kept = PictureCache(cache, images, NETWORK.input_size) if cache is not None else None
    maker = PictureMaker(images, NETWORK, AugmentConfig(), 0, kept)
    return BatchLoader(maker, relabel(images.pids)[0], workers, is_pinned=False, processes=processes)


def pixels(parts: list[Part]) -> np.ndarray:
    return np.concatenate([part.images.numpy() for part in parts])


def read(
    images: ReidImages,
    workers: int = 2,
    first: int = 0,
    shards: tuple[int, ...] = (0, 1),
    processes: bool = False,
    cache: Path | None = None,
) -> list[list[Part]]:
    order = epoch_order(images.pids, SAMPLER, 0, 5)
    with loader(images, workers, processes, cache) as opened:
        return list(opened.batches(order, 5, first, list(shards), 2))


def test_batches_do_not_depend_on_threads_shards_or_where_they_begin(crops: Path) -> None:
    images = load_dataset("market1501", crops).train
    batches = read(images, workers=1)
    assert len(batches) == len(epoch_order(images.pids, SAMPLER, 0, 5)) >= 3
    assert batches[0][0].images.shape == (4, 64, 32, 3)
    labels = relabel(images.pids)[0]
    for parts in batches:
        for part in parts:
            np.testing.assert_array_equal(part.labels, labels[part.indices])
    for other in (
        read(images, workers=3),
        [[*a, *b] for a, b in zip(read(images, shards=(0,)), read(images, shards=(1,)), strict=True)],
    ):
        for mine, theirs in zip(batches, other, strict=True):
            np.testing.assert_array_equal(pixels(mine), pixels(theirs))
    for mine, theirs in zip(batches[2:], read(images, first=2), strict=True):
        np.testing.assert_array_equal(pixels(mine), pixels(theirs))
    assert read(images, first=len(batches)) == []


def test_batches_are_the_same_from_processes_and_from_a_cache(crops: Path, tmp_path: Path) -> None:
    images = load_dataset("market1501", crops).train
    wanted = read(images)
    for other in (
        read(images, processes=True),
        read(images, cache=tmp_path / "kept"),
        read(images, processes=True, cache=tmp_path / "kept"),  # filled by the run before
        read(images, processes=True, cache=tmp_path / "new"),
    ):
        assert len(other) == len(wanted)
        for mine, theirs in zip(wanted, other, strict=True):
            np.testing.assert_array_equal(pixels(mine), pixels(theirs))
            np.testing.assert_array_equal(mine[0].labels, theirs[0].labels)
    for mine, theirs in zip(wanted[2:], read(images, first=2, processes=True), strict=True):
        np.testing.assert_array_equal(pixels(mine), pixels(theirs))


def test_a_cache_decodes_a_picture_once_and_holds_only_these_pictures(crops: Path, tmp_path: Path) -> None:
    images = load_dataset("market1501", crops).train
    cache = PictureCache(tmp_path, images, (64, 32))
    asked: list[int] = []

    def decode(index: int) -> np.ndarray:
        asked.append(index)
        return np.full((64, 32, 3), index, np.uint8)

    assert [int(cache.get(index, decode).mean()) for index in (3, 1, 3)] == [3, 1, 3]
    assert int(PictureCache(tmp_path, images, (64, 32)).get(1, decode).mean()) == 1
    assert asked == [3, 1]
    PictureCache(tmp_path, images, (32, 32)).get(3, lambda _: np.zeros((32, 32, 3), np.uint8))
    PictureCache(tmp_path, ReidImages.of(images.paths[1:], images.pids[1:]), (64, 32)).get(2, decode)
    assert asked == [3, 1, 2]
    gone = ReidImages.of([str(tmp_path / "gone.jpg")], images.pids[:1])
    with pytest.raises(FormatError, match=r"gone\.jpg"):
        PictureCache(tmp_path, gone, (64, 32))


def test_a_picture_looks_different_each_time(crops: Path) -> None:
    images = load_dataset("market1501", crops).train
    order = np.zeros((2, 3), np.int64)
    with loader(images) as opened:
        seen = [p for epoch in (0, 1) for parts in opened.batches(order, epoch, 0, [0], 1) for p in pixels(parts)]
    assert len(seen) == 12
    assert len({picture.tobytes() for picture in seen}) == 12


@pytest.mark.parametrize("processes", [False, True])
def test_a_picture_that_cannot_be_read_is_named_when_its_batch_is_due(
    crops: Path, tmp_path: Path, processes: bool
) -> None:
    train = load_dataset("market1501", crops).train
    order = epoch_order(train.pids, SAMPLER, 0, 0)
    late = [index for index in order[2] if index not in order[:2]]
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")
    paths = [str(broken) if index == late[0] else path for index, path in enumerate(train.paths)]
    no_patches = AugmentConfig(patch=0)
    maker = PictureMaker(ReidImages.of(paths, train.pids), NETWORK, no_patches, 0)
    seen = 0
    with (
        BatchLoader(maker, relabel(train.pids)[0], 2, is_pinned=False, processes=processes) as opened,
        pytest.raises(FormatError, match=r"broken\.jpg"),
    ):
        for _ in opened.batches(order, 0, 0, [0], 1):
            seen += 1
    assert seen == 2
