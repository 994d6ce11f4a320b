"""Which boxes of a tracking ground truth become crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.data.motcrops import CropOptions, due, read_ground_truth, usable


def write(folder: Path, *lines: str) -> Path:
    path = folder / "gt.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_considered_pedestrians_are_read_from_zero(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "2,7,11,21,30,80,1,1,0.25",
        "1,7,1,1,30,80,1,1,1",
        "1,8,1,1,30,80,0,1,1",  # not considered
        "1,9,1,1,30,80,1,3,1",  # a car
        "",
    )
    truth = read_ground_truth(path)
    assert truth.frames.tolist() == [0, 1]
    assert truth.people.tolist() == [7, 7]
    assert truth.boxes.tolist() == [[0, 0, 30, 80], [10, 20, 40, 100]]
    assert truth.visibility.tolist() == [1, 0.25]


def test_ten_columns_have_no_class(tmp_path: Path) -> None:
    truth = read_ground_truth(write(tmp_path, "1,3,5,6,30,80,1,-1,-1,-1", "1,4,5,6,30,80,1,2.5,3.5,0"))
    assert truth.people.tolist() == [3, 4]
    assert truth.visibility.tolist() == [1, 1]


def test_small_and_hidden_boxes_are_left_out(tmp_path: Path) -> None:
    lines = [f"1,{i + 1},1,1,30,{height},1,1,{visibility}" for i, (height, visibility) in enumerate(
        [(64, 0.5), (63.9, 0.5), (64, 0.49), (500, 1)]
    )]  # fmt: skip
    truth = read_ground_truth(write(tmp_path, *lines))
    assert usable(truth, CropOptions()).tolist() == [True, False, False, True]
    assert usable(truth, CropOptions(min_visibility=0, min_height_px=0)).all()


def test_a_person_is_due_once_in_a_while() -> None:
    """The same times as a loop that remembers the last crop."""
    times = np.arange(100) / 30
    last: dict[int, float] = {}
    taken = []
    for time_s in times.tolist():
        if due(np.array([1]), time_s, last, 0.5)[0]:
            last[1] = time_s
            taken.append(round(time_s * 30))
    assert taken == [0, 15, 30, 45, 60, 75, 90]
    assert due(np.zeros(0, np.int64), 0.0, {}, 1.0).shape == (0,)
    assert due(np.array([1]), 0.0, {1: 0.0}, 0.0).tolist() == [True]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("1,2,3", "expected 7 to 10 columns"),
        ("1,2,3,4,5,x,1", "not a number"),
        ("1,2,3,4,5,nan,1", "not finite"),
        ("0,2,3,4,5,6,1", "expected a frame and an identity from 1, got 0 and 2"),
        ("1,-1,3,4,5,6,1", "expected a frame and an identity from 1, got 1 and -1"),
        ("1,2,3,4,0,6,1", "expected width and height above 0"),
    ],
)
def test_broken_lines_are_named(line: str, rule: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        read_ground_truth(write(tmp_path, "1,1,1,1,9,9,1,1,1", line))
    assert str(caught.value).startswith(f"{tmp_path / 'gt.txt'}:2: ")
    assert rule in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"none\.txt: cannot be read"):
        read_ground_truth(tmp_path / "none.txt")


@pytest.mark.parametrize("options", [{"every_s": -1}, {"min_visibility": 1.5}, {"min_height_px": float("nan")}])
def test_options_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        CropOptions(**options)
