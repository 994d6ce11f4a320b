"""MSMT17, CUHK03 and SynergyReID."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.data import DISTRACTOR_PID, load_dataset
from reid_layouts import cuhk03_extracted, cuhk03_np, msmt17, synergyreid, touch


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_msmt17_versions(version: str, tmp_path: Path) -> None:
    msmt17(tmp_path / f"MSMT17_{version}", version)
    dataset = load_dataset("msmt17", tmp_path)
    assert dataset.name == f"msmt17-{version.lower()}"
    assert dataset.train.pids.tolist() == [1, 1, 2, 2]
    assert dataset.train.camids.tolist() == [1, 2, 1, 2]
    assert dataset.gallery.pids.tolist() == [1, 1, 2, 2]
    assert dataset.gallery.camids.tolist() == [2, 3, 2, 3]
    assert "list_val.txt (2 images) is not used" in dataset.notes


def test_msmt17_version_is_chosen(tmp_path: Path) -> None:
    msmt17(tmp_path / "MSMT17_V1", "V1")
    msmt17(tmp_path / "MSMT17_V2", "V2")
    assert load_dataset("msmt17", tmp_path).name == "msmt17-v1"
    assert load_dataset("msmt17", tmp_path, version="v2").name == "msmt17-v2"
    with pytest.raises(ConfigError, match="expected auto, v1 or v2, got 'v3'"):
        load_dataset("msmt17", tmp_path, version="v3")
    with pytest.raises(FormatError, match=r"expected MSMT17 with the folders mask_train_v2 and mask_test_v2"):
        load_dataset("msmt17", tmp_path / "MSMT17_V1", version="v2")


def test_msmt17_val_joins_train(tmp_path: Path) -> None:
    train = load_dataset("msmt17", msmt17(tmp_path), combine_all=True).train
    assert train.pids.tolist() == [1, 1, 2, 2, 1, 2]


@pytest.mark.parametrize("line", ["0000/0000_000_01_x.jpg", "0000/0000_000_01_x.jpg one", "0000/x.jpg 0", "a b c"])
def test_msmt17_broken_line_is_named(line: str, tmp_path: Path) -> None:
    root = msmt17(tmp_path)
    with (root / "list_query.txt").open("a") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(FormatError, match=r"list_query.txt:4: expected PERSON/"):
        load_dataset("msmt17", root)


def test_msmt17_missing_image_and_empty_list(tmp_path: Path) -> None:
    root = msmt17(tmp_path)
    (root / "test/0001/0001_000_01_0303morning_0015_0.jpg").unlink()
    with pytest.raises(FormatError, match=r"list_query.txt:2: the image .*0001_000_01_.* is not there"):
        load_dataset("msmt17", root)
    (root / "list_query.txt").write_text("")
    with pytest.raises(FormatError, match=r"list_query.txt: .*empty"):
        load_dataset("msmt17", root)


def test_cuhk03_layouts_agree(tmp_path: Path) -> None:
    folders = load_dataset("cuhk03", cuhk03_np(tmp_path / "np"))
    extracted = load_dataset("cuhk03", cuhk03_extracted(tmp_path / "ex"))
    assert folders.name == extracted.name == "cuhk03-detected"
    assert folders.train.camids.tolist() == [1, 1, 2, 2] * 2
    assert extracted.train.pids.tolist() == [1, 1, 2, 2]
    assert extracted.train.camids.tolist() == [1, 2, 1, 2]
    assert [Path(path).name for path in extracted.query.paths] == ["1_003_1_01.png", "1_004_1_01.png"]
    assert extracted.query.pids.tolist() == extracted.gallery.pids.tolist() == [3, 4]
    assert extracted.gallery.camids.tolist() == [2, 2]


def test_cuhk03_boxes_are_chosen(tmp_path: Path) -> None:
    cuhk03_np(tmp_path, "labeled")
    assert load_dataset("cuhk03", tmp_path, boxes="labelled").name == "cuhk03-labeled"
    with pytest.raises(FormatError, match=r"either detected/ with .* or images_detected/ with .*found: labeled"):
        load_dataset("cuhk03", tmp_path)
    with pytest.raises(ConfigError, match="expected labeled or detected"):
        load_dataset("cuhk03", tmp_path, boxes="drawn")


def test_cuhk03_broken_split_file(tmp_path: Path) -> None:
    root = cuhk03_extracted(tmp_path)
    path = root / "cuhk03_new_protocol_config_detected.mat"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"config_detected.mat"):
        load_dataset("cuhk03", root)
    path.write_bytes(b"not a matlab file")
    with pytest.raises(FormatError, match=r"config_detected.mat: cannot be read as a MATLAB file"):
        load_dataset("cuhk03", root)
    savemat(path, {"filelist": np.array([["a"]], object)})
    with pytest.raises(FormatError, match=r"missing: gallery_idx, labels, query_idx, train_idx"):
        load_dataset("cuhk03", root)


def test_cuhk03_missing_picture_is_named(tmp_path: Path) -> None:
    root = cuhk03_extracted(tmp_path)
    (root / "images_detected/1_004_2_02.png").unlink()
    with pytest.raises(FormatError, match=r"1_004_2_02.png: the split file names this picture"):
        load_dataset("cuhk03", root)


def test_synergyreid_identities_cameras_sequences(tmp_path: Path) -> None:
    dataset = load_dataset("synergyreid", synergyreid(tmp_path))
    assert dataset.train.pids.tolist() == [1, 1, 2]  # 0 in the names is a person
    assert dataset.train.sequences.tolist() == [1, 1, 2]
    assert dataset.query.pids.tolist() == [8, 9]
    assert dataset.gallery.pids.tolist() == [8, 9, 9]
    assert set(dataset.query.camids) == {0}
    assert set(dataset.gallery.camids) == {1}


def test_synergyreid_challenge_has_no_answers(tmp_path: Path) -> None:
    dataset = load_dataset("synergyreid", synergyreid(tmp_path), challenge=True)
    assert dataset.query.pids.tolist() == [5, 10]
    assert (dataset.gallery.pids == DISTRACTOR_PID).all()
    assert any("cannot" in note or "not scored" in note for note in dataset.notes)


def test_synergyreid_name_that_breaks_the_rule(tmp_path: Path) -> None:
    touch(synergyreid(tmp_path) / "reid_test/gallery", ["12.jpeg"])
    with pytest.raises(FormatError, match=r"gallery/12.jpeg: expected a name IDENTITY_SEQUENCE_FRAME.jpeg"):
        load_dataset("synergyreid", tmp_path)
