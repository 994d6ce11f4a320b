"""Market-1501 and its family: names, junk, distractors."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdpr.errors import FormatError
from mdpr.reid.data import DISTRACTOR_PID, JUNK_PID, load_dataset
from reid_images import make_market
from reid_layouts import box_folders, touch


def test_names_give_identity_camera_and_sequence(tmp_path: Path) -> None:
    root = box_folders(tmp_path)
    touch(root / "bounding_box_test", ["1501_c6s3_010203_07.jpg", "0012_c12s10_000001_00.jpg"])
    gallery = load_dataset("market1501", root).gallery
    found = {
        Path(path).name[:10]: (pid, camid, sequence)
        for path, pid, camid, sequence in zip(
            gallery.paths, gallery.pids.tolist(), gallery.camids.tolist(), gallery.sequences.tolist(), strict=True
        )
    }
    assert found["1501_c6s3_"] == (1501, 6, 3)
    assert found["0012_c12s1"] == (12, 12, 10)
    assert found["0005_c1s1_"] == (5, 1, 1)


def test_junk_and_distractors_stay_in_the_gallery_only(tmp_path: Path) -> None:
    root = box_folders(tmp_path)
    for folder in ("bounding_box_train", "query", "bounding_box_test"):
        touch(root / folder, ["-1_c1s1_000401_03.jpg", "0000_c2s1_000401_03.jpg", "0000_c3s1_000401_03.jpg"])
    dataset = load_dataset("market1501", root)
    assert (dataset.gallery.pids == JUNK_PID).sum() == 1
    assert (dataset.gallery.pids == DISTRACTOR_PID).sum() == 2
    assert dataset.gallery.identities == 2
    assert len(dataset.train) == 8
    assert len(dataset.query) == 4
    assert "train: 1 images of identity -1 left out (junk)" in dataset.notes
    assert "query: 2 images of identity 0 left out (distractors)" in dataset.notes


def test_junk_does_not_count_against_the_published_numbers(tmp_path: Path) -> None:
    root = box_folders(tmp_path)
    touch(root / "bounding_box_test", ["-1_c1s1_000401_03.jpg"])
    assert any(
        note.startswith("gallery: found 4 images of 2 people") for note in load_dataset("market1501", root).notes
    )


def test_five_hundred_thousand_distractors_are_an_option(tmp_path: Path) -> None:
    root = box_folders(tmp_path)
    with pytest.raises(FormatError, match="distractors_500k"):
        load_dataset("market1501", root, distractors=True)
    touch(root / "distractors_500k", ["0000_c1s1_000001_00.jpg", "12345.jpg"])
    gallery = load_dataset("market1501", root, distractors=True).gallery
    assert (gallery.pids == DISTRACTOR_PID).sum() == 2
    assert len(load_dataset("market1501", root).gallery) == len(gallery) - 2
    touch(root / "distractors_500k", ["0017_c1s1_000001_00.jpg"])
    with pytest.raises(FormatError, match=r"0017_c1s1_000001_00\.jpg: expected distractors only"):
        load_dataset("market1501", root, distractors=True)


@pytest.mark.parametrize("name", ["holiday.jpg", "0001c1.jpg", "x0001_c1.jpg", "0001_cx.jpg"])
def test_a_name_that_breaks_the_rule_is_named(name: str, tmp_path: Path) -> None:
    touch(box_folders(tmp_path) / "query", [name])
    with pytest.raises(FormatError, match=rf"query/{name}: expected a name that begins with IDENTITY_cCAMERA"):
        load_dataset("market1501", tmp_path)


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    root = box_folders(tmp_path)
    for path in (root / "query").iterdir():
        path.unlink()
    with pytest.raises(FormatError, match=r"query: expected images such as .*found: nothing"):
        load_dataset("market1501", root)
    (root / "query").rmdir()
    with pytest.raises(FormatError, match=r"missing: query; found: bounding_box_test, bounding_box_train"):
        load_dataset("market1501", root)


def test_crowd_prw_leaves_people_out_who_could_not_be_told(tmp_path: Path) -> None:
    root = box_folders(tmp_path, "{pid}_c{cam}s3_{i}.jpg")
    touch(root / "bounding_box_test", ["-2_c1s3_1.jpg", "-2_c2s3_1.jpg"])
    touch(root / "bounding_box_train", ["-2_c1s3_1.jpg"])
    dataset = load_dataset("crowd-prw", root)
    assert len(dataset.gallery) == 4
    assert "gallery: 2 images of identity -2 left out (unknown people)" in dataset.notes
    assert "train: 1 images of identity -2 left out (unknown people)" in dataset.notes


def test_duke_says_that_it_was_withdrawn(tmp_path: Path) -> None:
    root = box_folders(tmp_path, "{pid:04d}_c{cam}_f{i:07d}.jpg")
    for name in ("dukemtmc-reid", "occluded-duke"):
        dataset = load_dataset(name, root)
        assert any("withdrawn" in note for note in dataset.notes)
        assert "withdrawn" in dataset.licence


def test_pictures_of_the_test_helper(tmp_path: Path) -> None:
    dataset = load_dataset("market1501", make_market(tmp_path / "m", identities=2, cameras=2, images=3))
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (12, 4, 8)
    assert set(dataset.train.pids) == {1, 2}
    assert set(dataset.query.pids) == set(dataset.gallery.pids) == {3, 4}
