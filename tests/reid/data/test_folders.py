"""A folder per person, and people held out of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.data import DISTRACTOR_PID, JUNK_PID, UNKNOWN, load_dataset
from mdpr.reid.data.splits import held_out
from reid_layouts import folders, touch


def people(root: Path, **images: int) -> Path:
    for name, count in images.items():
        touch(root / name, [f"{i}.jpg" for i in range(count)])
    return root


def test_everybody_is_trained_on_by_default(tmp_path: Path) -> None:
    dataset = load_dataset("folders", people(tmp_path, zoe=2, bob=1))
    assert dataset.train.pids.tolist() == [1, 2, 2]
    assert len(dataset.query) == len(dataset.gallery) == 0
    assert dataset.notes == ("identities are numbered in the order of their names: bob = 1, zoe = 2",)


def test_numbers_are_kept_unless_someone_is_zero(tmp_path: Path) -> None:
    assert load_dataset("folders", people(tmp_path / "a", **{"0007": 1, "12": 1})).train.pids.tolist() == [7, 12]
    assert load_dataset("folders", people(tmp_path / "b", **{"0": 1, "1": 1})).train.pids.tolist() == [1, 2]


def test_two_identities_with_three_images(tmp_path: Path) -> None:
    dataset = load_dataset("folders", people(tmp_path, ann=2, bob=1), hold_out=1.0)
    assert len(dataset.train) == 0
    assert len(dataset.query) == 1  # ann's; the only picture of bob stays in the gallery
    assert sorted(dataset.gallery.pids.tolist()) == [1, 2]


def test_cameras_are_read_where_names_have_them(tmp_path: Path) -> None:
    touch(tmp_path / "ann", ["a_c3s2_1.jpg", "b.jpg", "c_c12.png"])
    train = load_dataset("folders", tmp_path).train
    assert train.camids.tolist() == [3, UNKNOWN, 12]
    assert train.sequences.tolist() == [2, UNKNOWN, UNKNOWN]
    assert "the camera is known for 2 of 3 images (_cN in the name)" in load_dataset("folders", tmp_path).notes


def test_split_folders_share_numbers(tmp_path: Path) -> None:
    root = folders(tmp_path)
    people(root / "gallery", **{"-1": 1, "0000": 2})
    dataset = load_dataset("folders", root)
    assert dataset.train.pids.tolist() == [1, 1, 2, 2]
    assert dataset.query.pids.tolist() == [3, 3, 4, 4]
    assert sorted(dataset.gallery.pids.tolist()) == [JUNK_PID, DISTRACTOR_PID, DISTRACTOR_PID, 3, 3, 4, 4]


def test_a_split_may_be_missing(tmp_path: Path) -> None:
    people(tmp_path / "train", ann=2)
    dataset = load_dataset("folders", tmp_path)
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (2, 0, 0)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    root = people(tmp_path / "a", ann=1)
    touch(root, ["stray.jpg"])
    with pytest.raises(FormatError, match=r"stray\.jpg: expected every picture in the folder of its person"):
        load_dataset("folders", root)
    people(tmp_path / "b" / "ann", deeper=1)
    with pytest.raises(FormatError, match=r"ann/deeper: expected pictures of ann, found a folder"):
        load_dataset("folders", tmp_path / "b")
    people(tmp_path / "c", ann=0, bob=0)
    with pytest.raises(FormatError, match=r"the folders of 2 people, all are empty"):
        load_dataset("folders", tmp_path / "c")
    people(tmp_path / "d" / "train", ann=1)
    people(tmp_path / "d", bob=1)
    with pytest.raises(FormatError, match=r"expected only train, query, gallery beside each other, found: bob"):
        load_dataset("folders", tmp_path / "d")
    with pytest.raises(FormatError, match=r"hold_out is for folders without a split"):
        load_dataset("folders", folders(tmp_path / "e"), hold_out=0.5)
    with pytest.raises(ConfigError, match=r"hold_out: expected a fraction"):
        load_dataset("folders", root, hold_out=2.0)


def test_empty_people_are_noted(tmp_path: Path) -> None:
    dataset = load_dataset("folders", people(tmp_path, ann=2, bob=0))
    assert "people without a picture left out: bob" in dataset.notes


@given(st.lists(st.integers(1, 6), max_size=40), st.floats(0, 1), st.integers(1, 4), st.integers(0, 9))
def test_held_out_people_are_nowhere_else(pids: list[int], fraction: float, queries: int, seed: int) -> None:
    array = np.array(pids, np.int64)
    train, query, gallery = held_out(array, fraction, queries, seed)
    assert sorted([*train, *query, *gallery]) == list(range(len(pids)))
    assert not set(array[train]) & set(array[gallery])
    assert set(array[query]) <= set(array[gallery])
    for pid in set(array[gallery].tolist()):
        assert (array[query] == pid).sum() == min(queries, pids.count(pid) - 1)
    people = len(set(pids))
    tested = max(round(fraction * people), 1) if fraction > 0 and people else 0
    assert len(set(array[gallery].tolist())) == tested


def test_the_seed_chooses_the_people() -> None:
    pids = np.repeat(np.arange(1, 21), 3)
    first, again, other = (held_out(pids, 0.5, seed=seed)[2].tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_folders_that_would_share_a_number_stay_two_people(tmp_path: Path) -> None:
    train = load_dataset("folders", people(tmp_path, **{"7": 1, "007": 1, "12": 1})).train
    assert sorted(train.pids.tolist()) == [1, 2, 3]


def test_a_person_called_0000_is_one_when_query_asks_for_it(tmp_path: Path) -> None:
    people(tmp_path / "query", **{"0000": 1, "0001": 1})
    people(tmp_path / "gallery", **{"0000": 1, "0001": 1, "-1": 1})
    dataset = load_dataset("folders", tmp_path)
    assert dataset.query.pids.tolist() == [1, 2]
    assert sorted(dataset.gallery.pids.tolist()) == [JUNK_PID, 1, 2]
