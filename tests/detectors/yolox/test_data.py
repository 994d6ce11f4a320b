"""The reader of COCO JSON: what it takes, whom it ignores, and what it says of broken files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mdpr.detectors.yolox.config import build_train_config
from mdpr.detectors.yolox.data import ReadOptions, read_pictures
from mdpr.detectors.yolox.setup import read_people
from mdpr.errors import ConfigError, FormatError


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """`write(changes)`: a folder of two pictures, three people and a car; `changes` edits the annotations first."""

    def make(change: Callable[[dict[str, Any]], Any] = lambda content: None) -> Path:
        (tmp_path / "images").mkdir(exist_ok=True)
        for name in ("a.jpg", "b.jpg"):
            cv2.imwrite(str(tmp_path / "images" / name), np.zeros((60, 100, 3), np.uint8))
        content: dict[str, Any] = {
            "images": [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 60},
                       {"id": 3, "file_name": "b.jpg", "width": 100, "height": 60}],
            "annotations": [{"image_id": 3, "category_id": 5, "bbox": [10, 20, 30, 40]},
                            {"image_id": 3, "category_id": 5, "bbox": [0, 0, 8.5, 12], "visibility": 0.29},
                            {"image_id": 3, "category_id": 9, "bbox": [0, 0, 5, 5]},
                            {"image_id": 3, "category_id": 5, "bbox": [50, 0, 50, 60], "iscrowd": 1}],
            "categories": [{"id": 9, "name": "car"}, {"id": 5, "name": "person"}],
        }  # fmt: skip
        change(content)
        (tmp_path / "truth.json").write_text(json.dumps(content))
        return tmp_path

    return make


def test_boxes_of_people(write: Callable[..., Path]) -> None:
    folder = write()
    found = read_pictures(folder)
    assert [Path(path).name for path in found.paths] == ["a.jpg", "b.jpg"]
    assert found.sizes.tolist() == [[100, 60], [100, 60]]
    assert found.boxes_of(0)[0].shape == (0, 4)
    boxes, is_ignored = found.boxes_of(1)
    assert boxes.tolist() == [[10, 20, 40, 60], [0, 0, 8.5, 12], [50, 0, 100, 60]]
    assert is_ignored.tolist() == [False, True, True]
    assert (len(found), found.people) == (2, 1)
    assert found.describe() == "truth.json: 2 pictures, 1 people, 2 ignored, 1 pictures without any"
    assert read_pictures(folder / "truth.json").digest == found.digest


def test_who_is_ignored(write: Callable[..., Path]) -> None:
    folder = write()
    assert read_pictures(folder, ReadOptions(min_visibility=0.2)).boxes_of(1)[1].tolist() == [False, False, True]
    assert read_pictures(folder, ReadOptions(min_height_px=41)).boxes_of(1)[1].tolist() == [True, True, True]
    assert read_pictures(folder).digest != read_pictures(folder, ReadOptions(min_visibility=0.2)).digest
    for wrong in ({"min_visibility": 1.5}, {"min_height_px": -1.0}):
        with pytest.raises(ConfigError, match="min_visibility"):
            ReadOptions(**wrong)


def test_boxes_are_cut_by_a_pixel_and_no_more(write: Callable[..., Path]) -> None:
    folder = write(lambda c: c["annotations"][0].update(bbox=[-0.5, -1, 30, 61.9]))
    assert read_pictures(folder).boxes_of(1)[0][0].tolist() == [0, 0, 29.5, 60]


BROKEN: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda c: c["images"][1].update(file_name="c.jpg"), r"images\[1\]: the picture .*images/c.jpg is not there"),
    (lambda c: c["images"][1].update(id=7), r"images\[1\]: the id 7 is that of images\[0\] too"),
    (lambda c: c["images"][0].pop("width"), r"images\[0\]: expected an object with 'width'"),
    (
        lambda c: c["images"][0].update(height=0),
        r"images\[0\]: expected width and height in whole pixels, got 100 and 0",
    ),
    (lambda c: c["images"].clear(), "there is no image in it"),
    (lambda c: c.pop("annotations"), "expected a list 'annotations'"),
    (lambda c: c["categories"].pop(), "expected a category named 'person', found 'car'"),
    (lambda c: c["annotations"][0].update(image_id=4), r"annotations\[0\]: image_id 4 is none of the images"),
    (lambda c: c["annotations"][0].update(bbox=[1, 2, 0, 5]), r"annotations\[0\]: bbox: expected .*got \[1, 2, 0, 5\]"),
    (lambda c: c["annotations"][0].update(bbox=[1, 2, 3]), r"bbox: expected x, y, width > 0, height > 0"),
    (lambda c: c["annotations"][0].update(bbox=[1, 2, "3", 4]), r"bbox: expected x, y, width > 0, height > 0"),
    (lambda c: c["annotations"][0].update(bbox=[1, 2, float("nan"), 4]), r"bbox: expected x, y"),
    (lambda c: c["annotations"][0].update(bbox=[80, 2, 30, 4]), "lies outside its picture of 100x60 pixels"),
    (lambda c: c["annotations"][0].update(bbox=[100, 2, 0.5, 4]), "lies outside its picture of 100x60 pixels"),
    (lambda c: c["annotations"][0].update(visibility=2), r"visibility: expected a share from 0 to 1, got 2"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_broken_annotations(write: Callable[..., Path], change: Callable[[dict[str, Any]], Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_pictures(write(change))


def test_no_such_files(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"nowhere: no such folder or file"):
        read_pictures(tmp_path / "nowhere")
    with pytest.raises(FormatError, match=r"expected one annotation file .*found none"):
        read_pictures(tmp_path)
    folder = write()
    (folder / "val.json").write_text("{")
    with pytest.raises(FormatError, match=r"found truth.json, val.json. Name it itself"):
        read_pictures(folder)
    with pytest.raises(FormatError, match=r"val.json: cannot be read as JSON"):
        read_pictures(folder / "val.json")
    (folder / "val.json").write_text("[]")
    with pytest.raises(FormatError, match=r"expected an object with images"):
        read_pictures(folder / "val.json")


def test_several_folders_are_read_one_after_another(make_scenes: Callable[..., Path], tmp_path: Path) -> None:
    config = {"size": "nano", "imgsz": [64, 96]}
    for number, count in enumerate((3, 5)):
        make_scenes(tmp_path / str(number), count, size=(96, 64), height=(25, 60))
    folders = [str(tmp_path / "0"), str(tmp_path / "1")]
    each = [read_pictures(Path(folder)) for folder in folders]
    both = read_people(build_train_config({"train": {**config, "data": folders}}), "data")
    assert both.paths == each[0].paths + each[1].paths
    assert both.people == each[0].people + each[1].people
    for number in range(5):
        np.testing.assert_array_equal(both.boxes_of(3 + number)[0], each[1].boxes_of(number)[0])
    one = read_people(build_train_config({"train": {**config, "data": folders[0]}}), "data")
    assert one.digest == each[0].digest
    with pytest.raises(FormatError, match="nowhere: no such folder or file"):
        read_people(build_train_config({"train": {**config, "data": [folders[0], "nowhere"]}}), "data")
    with pytest.raises(ConfigError, match="where are the pictures"):
        read_people(build_train_config({"train": {**config, "data": []}}), "data")
