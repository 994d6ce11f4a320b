"""Class labels, several data sets as one, and counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdpr.errors import FormatError
from mdpr.reid.data import JUNK_PID, UNKNOWN, ReidDataset, ReidImages
from mdpr.reid.data.counts import check_counts, describe
from mdpr.reid.data.labels import combine, concatenate, relabel, select

EMPTY = ReidImages.of([], [])


def dataset(name: str, pids: list[int], camids: list[int], licence: str = "") -> ReidDataset:
    paths = [f"{name}/{i}.jpg" for i in range(len(pids))]
    return ReidDataset(name, ReidImages.of(paths, pids, camids), EMPTY, EMPTY, licence)


@given(st.lists(st.integers(1, 10**12), max_size=30))
def test_labels_are_dense_and_lead_back(pids: list[int]) -> None:
    labels, classes = relabel(np.array(pids, np.int64))
    assert labels.dtype == np.int64
    assert classes[labels].tolist() == pids
    assert classes.tolist() == sorted(set(pids))


def test_junk_cannot_be_trained_on() -> None:
    for pid in (0, JUNK_PID):
        with pytest.raises(FormatError, match="expected identities above 0"):
            relabel(np.array([3, pid]))


@given(st.lists(st.lists(st.tuples(st.integers(1, 9), st.integers(-1, 4)), max_size=8), min_size=1, max_size=4))
def test_combined_sets_share_nobody_and_no_camera(parts: list[list[tuple[int, int]]]) -> None:
    sets = [dataset(str(i), [p for p, _ in part], [c for _, c in part]) for i, part in enumerate(parts)]
    train = combine(sets).train
    rows = [(i, pid, camid) for i, part in enumerate(parts) for pid, camid in part]
    new = list(zip(train.pids.tolist(), train.camids.tolist(), strict=True))
    for (i, pid, camid), (new_pid, new_camid) in zip(rows, new, strict=True):
        for (j, other_pid, other_camid), (other_new_pid, other_new_camid) in zip(rows, new, strict=True):
            assert (new_pid == other_new_pid) == ((i, pid) == (j, other_pid))
            if camid != UNKNOWN and other_camid != UNKNOWN:
                assert (new_camid == other_new_camid) == ((i, camid) == (j, other_camid))
        assert (new_camid == UNKNOWN) == (camid == UNKNOWN)


def test_combined_sets_keep_names_and_licences() -> None:
    both = combine([dataset("one", [1], [1], "research"), dataset("two", [1], [1])])
    assert both.name == "one+two"
    assert both.licence == "one: research"
    assert both.train.paths == ("one/0.jpg", "two/0.jpg")
    with pytest.raises(FormatError, match="at least one"):
        combine([])


def test_select_and_concatenate_undo_each_other() -> None:
    images = dataset("a", [1, 2, 3], [4, 5, 6]).train
    again = concatenate([select(images, np.array([0])), select(images, np.array([False, True, True]))])
    assert again.paths == images.paths
    assert again.pids.tolist() == [1, 2, 3]
    assert again.camids.tolist() == [4, 5, 6]
    assert len(concatenate([])) == 0
    assert select(images, np.array([2, 0])).pids.tolist() == [3, 1]


def test_counts_are_held_against_the_published_ones() -> None:
    gallery = ReidImages.of(["a", "b", "c"], [1, 0, JUNK_PID], [1, 1, 2])
    mine = ReidDataset("mine", EMPTY, EMPTY, gallery, notes=("first",))
    agreeing = check_counts(mine, {"gallery": (2, 1)}, is_strict=True)
    assert agreeing.notes == ("first", "images and identities of gallery are as many as published")
    assert check_counts(mine, {}, is_strict=True).notes == ("first",)
    different = check_counts(mine, {"gallery": (3, 2)}, is_strict=False)
    assert different.notes == ("first", "gallery: found 2 images of 1 people, published are 3 of 2")
    with pytest.raises(FormatError, match="mine: gallery: found 2 images of 1 people"):
        check_counts(mine, {"gallery": (3, 2)}, is_strict=True)
    assert "  gallery          3           1        2        1            1" in describe(mine).splitlines()
