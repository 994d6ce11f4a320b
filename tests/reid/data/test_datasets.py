"""What holds for every data set by name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.data import DATASETS, load_dataset
from reid_layouts import LAYOUTS


def test_every_data_set_has_a_layout() -> None:
    assert set(LAYOUTS) == set(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_reads_its_layout(name: str, tmp_path: Path) -> None:
    make, _ = LAYOUTS[name]
    dataset = load_dataset(name, make(tmp_path / "here"))
    assert len(dataset.train) >= 2
    assert len(dataset.query) >= 1
    assert len(dataset.gallery) >= 2
    assert (dataset.train.pids > 0).all()
    assert (dataset.query.pids > 0).all()
    assert set(dataset.query.pids) <= set(dataset.gallery.pids)
    for images in (dataset.train, dataset.query, dataset.gallery):
        assert all(os.path.isfile(path) for path in images.paths)
        assert len(set(images.paths)) == len(images)
        assert np.isnan(images.boxes).all()
    again = load_dataset(name, tmp_path / "here" if name != "manifest" else tmp_path / "here/people.csv")
    assert again.train.paths == dataset.train.paths


@pytest.mark.parametrize("name", [name for name in DATASETS if LAYOUTS[name][1]])
def test_root_may_be_the_parent(name: str, tmp_path: Path) -> None:
    make, standard_name = LAYOUTS[name]
    make(tmp_path / standard_name)
    assert len(load_dataset(name, tmp_path).train) == len(load_dataset(name, tmp_path / standard_name).train)


@pytest.mark.parametrize("name", DATASETS)
def test_wrong_folder_is_named_with_what_is_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").touch()
    with pytest.raises(FormatError, match=r"expected") as caught:
        load_dataset(name, tmp_path / "holiday")
    assert str(tmp_path / "holiday") in str(caught.value)
    with pytest.raises(FormatError, match=r"nowhere"):
        load_dataset(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", DATASETS)
def test_unknown_option_is_an_error(name: str, tmp_path: Path) -> None:
    make, _ = LAYOUTS[name]
    with pytest.raises(ConfigError, match=r"unknown key 'shuffle'. Known: "):
        load_dataset(name, make(tmp_path), shuffle=True)


@pytest.mark.parametrize("name", [name for name in DATASETS if name not in ("folders", "manifest", "crowd-prw")])
def test_counts_that_differ_are_noted_or_refused(name: str, tmp_path: Path) -> None:
    make, _ = LAYOUTS[name]
    root = make(tmp_path)
    assert any("train: found" in note and "published are" in note for note in load_dataset(name, root).notes)
    with pytest.raises(FormatError, match=r"train: found \d+ images of 2 people, published are \d+ of \d+"):
        load_dataset(name, root, strict=True)


def test_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown data set 'market'. Known: .*market1501"):
        load_dataset("market", tmp_path)


def test_a_reader_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot load nothing\.here:read"):
        load_dataset("nothing.here:read", tmp_path)
    with pytest.raises(ConfigError, match=r"reid_layouts:touch gave \w+Path, expected a ReidDataset"):
        load_dataset("reid_layouts:touch", tmp_path)
