"""Manifests: what is written is read back, and every broken rule is named with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from mdpr.errors import FormatError, OutputError
from mdpr.reid.data import DISTRACTOR_PID, JUNK_PID, UNKNOWN, ReidDataset, ReidImages, load_dataset
from mdpr.reid.data.manifest import read_manifest, write_manifest
from reid_layouts import touch

HEADER = "path,pid,camid,split\n"


def write(folder: Path, text: str) -> Path:
    touch(folder, [f"{i}.jpg" for i in range(6)])
    path = folder / "m.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_round_trip(suffix: str, tmp_path: Path) -> None:
    touch(tmp_path / "far away", ["ö, 1.jpg", "2.jpg"])
    near = touch(tmp_path / "set", ["3.jpg", "4.jpg"])
    far = tmp_path / "far away"
    boxes = np.array([[0.1, 2, 3.3333333, 40], [np.nan] * 4], np.float32)
    dataset = ReidDataset(
        "people",
        ReidImages.of([str(far / "ö, 1.jpg"), str(near / "3.jpg")], [7, 9], [UNKNOWN, 0], boxes, [UNKNOWN, 3]),
        ReidImages.of([str(far / "2.jpg")], [12], [2]),
        ReidImages.of([str(near / "3.jpg"), str(near / "4.jpg"), str(far / "2.jpg")], [JUNK_PID, DISTRACTOR_PID, 12]),
    )
    path = near / f"people{suffix}"
    write_manifest(dataset, path)
    assert [one.name for one in near.glob("*.part")] == []
    again = read_manifest(path)
    assert again.name == "people"
    assert again.notes == ()
    for split in ("train", "query", "gallery"):
        first, second = getattr(dataset, split), getattr(again, split)
        assert second.paths == first.paths
        for name in ("pids", "camids", "boxes", "sequences"):
            np.testing.assert_array_equal(getattr(second, name), getattr(first, name), err_msg=f"{split}.{name}")


def test_paths_below_the_manifest_are_relative(tmp_path: Path) -> None:
    touch(tmp_path / "a", ["1.jpg"])
    images = ReidImages.of([str(tmp_path / "a/1.jpg")], [1])
    empty = ReidImages.of([], [])
    write_manifest(ReidDataset("x", images, empty, empty), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "path,pid,camid,split\na/1.jpg,1,,train\n"
    (tmp_path / "x.csv").rename(tmp_path / "a/x.csv")
    with pytest.raises(FormatError, match=r"x\.csv:2: path: the image .*a/a/1\.jpg is not there"):
        read_manifest(tmp_path / "a/x.csv")
    assert len(read_manifest(tmp_path / "a/x.csv", {"check_files": False}).train) == 1


def test_names_are_numbered_the_same_in_all_splits(tmp_path: Path) -> None:
    rows = "0.jpg,zoe,door,train\n1.jpg,p10,hall,query\n2.jpg,p9,door,gallery\n3.jpg,p10,,gallery\n4.jpg,0,,gallery\n"
    dataset = read_manifest(write(tmp_path, HEADER + rows))
    assert dataset.train.pids.tolist() == [3]
    assert dataset.query.pids.tolist() == [2]
    assert dataset.gallery.pids.tolist() == [1, 2, DISTRACTOR_PID]
    assert dataset.gallery.camids.tolist() == [1, UNKNOWN, UNKNOWN]
    assert dataset.notes == (
        "identities are numbered in the order of their names: p9 = 1, p10 = 2, zoe = 3",
        "cameras are numbered in the order of their names: door = 1, hall = 2",
    )
    shuffled = "".join(sorted(rows.splitlines(keepends=True), reverse=True))
    assert read_manifest(write(tmp_path, HEADER + shuffled)).query.pids.tolist() == [2]


def test_cameras_may_be_missing_and_columns_too_many(tmp_path: Path) -> None:
    dataset = read_manifest(write(tmp_path, "split,weather,path,pid\ntrain,rain,0.jpg,4\n\ntrain,,1.jpg,4\n"))
    assert dataset.train.camids.tolist() == [UNKNOWN, UNKNOWN]
    assert dataset.notes == ("columns not used: weather",)


def test_parquet_with_gaps_turned_into_floats(tmp_path: Path) -> None:
    touch(tmp_path, ["0.jpg", "1.jpg"])
    table = {"path": ["0.jpg", "1.jpg"], "pid": [3.0, 4.0], "camid": [2.0, None], "split": ["train", "train"]}
    parquet.write_table(pa.table(table), tmp_path / "m.parquet")
    train = read_manifest(tmp_path / "m.parquet").train
    assert train.pids.tolist() == [3, 4]
    assert train.camids.tolist() == [2, UNKNOWN]


@pytest.mark.parametrize(
    ("rows", "line", "rule"),
    [
        ("0.jpg,1,1,train\n1.jpg,1,1,val\n", 3, "split: expected train, query, gallery, got 'val'"),
        ("0.jpg,,1,train\n", 2, "pid: expected an identity, got nothing"),
        ("0.jpg,0,1,train\n", 2, "pid 0 means a distractor, which belongs into the gallery only, not into train"),
        ("0.jpg,-1,1,query\n", 2, "pid -1 means junk, which belongs into the gallery only, not into query"),
        ("0.jpg,-2,1,gallery\n", 2, "pid: expected -1 (junk), 0 (distractor) or a number or name, got -2"),
        (",1,1,train\n", 2, "path: expected an image file, got nothing"),
        ("0.jpg,1,1,train\n9.jpg,1,1,train\n", 3, "9.jpg is not there"),
        ("0.jpg,1,1,train\n0.jpg,2,1,gallery\n", 3, "is another identity here than in"),
        ("0.jpg,1,1\n", 2, "expected 4 cells as the header, got 3"),
        ('0.jpg,1,1,"train\n', 2, "not CSV: unexpected end of data"),
    ],
)
def test_broken_rows_are_named(rows: str, line: int, rule: str, tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + rows)
    with pytest.raises(FormatError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert rule in str(caught.value)


@pytest.mark.parametrize("box", ["1,2,3,", "1,2,1,9", "1,2,x,9", "1,2,nan,9", "1,2,3,inf"])
def test_broken_boxes_are_named(box: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"path,pid,split,x1,y1,x2,y2\n0.jpg,1,train,,,,\n1.jpg,1,train,{box}\n")
    with pytest.raises(FormatError, match=r"m\.csv:3: box: expected numbers with x1 < x2 and y1 < y2"):
        read_manifest(path)


def test_broken_sequence_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"m\.csv:2: sequence: expected a whole number"):
        read_manifest(write(tmp_path, "path,pid,split,sequence\n0.jpg,1,train,-4\n"))


def test_broken_files_are_named(tmp_path: Path) -> None:
    for text, why in (
        (HEADER, "found none"),
        ("", "missing: path, pid, split"),
        ("path,pid\n0.jpg,1\n", "missing: split"),
    ):
        with pytest.raises(FormatError, match=why):
            read_manifest(write(tmp_path, text))
    with pytest.raises(FormatError, match=r"a column comes twice"):
        read_manifest(write(tmp_path, "path,pid,split,pid\n0.jpg,1,train,2\n"))
    (tmp_path / "m.csv").write_bytes(b"path,pid,split\n\xff\xfe,1,train\n")
    with pytest.raises(FormatError, match=r"m\.csv: cannot be read as UTF-8"):
        read_manifest(tmp_path / "m.csv")
    (tmp_path / "m.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(FormatError, match=r"m\.parquet: cannot be read as Parquet"):
        read_manifest(tmp_path / "m.parquet")
    with pytest.raises(FormatError, match=r"ends in \.csv or \.parquet"):
        load_dataset("manifest", tmp_path)


def test_two_identities_with_three_images(tmp_path: Path) -> None:
    rows = "0.jpg,a,,query\n1.jpg,a,,gallery\n2.jpg,b,,gallery\n"
    dataset = read_manifest(write(tmp_path, HEADER + rows))
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (0, 1, 2)


def test_a_manifest_that_cannot_be_written(tmp_path: Path) -> None:
    empty = ReidImages.of([], [])
    dataset = ReidDataset("x", ReidImages.of(["a.jpg"], [1]), empty, empty)
    with pytest.raises(FormatError, match=r"ends in \.csv or \.parquet"):
        write_manifest(dataset, tmp_path / "x.txt")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        write_manifest(dataset, tmp_path / "file/x.csv")
