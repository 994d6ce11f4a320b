"""Detections from MOTChallenge text."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mdpr.detectors.file import File
from mdpr.errors import ConfigError, FormatError
from mdpr.types import Frame


def frame(index: int, camera: str = "cam") -> Frame:
    return Frame(camera, index, index / 25)


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_rows_in_any_order_blank_lines_and_the_first_frame(tmp_path: Path) -> None:
    text = "\ufeff3,-1,10,20,30,40,0.5\n\n1,-1,1,2,3,4,0.9,-1,-1,-1\r\n3, -1, 50, 20, 30, 40, 0.25\n   \n"
    detector = File(File.Config(write(tmp_path / "det.txt", text)))
    found = detector.detect([frame(0), frame(1), frame(2), frame(99)])
    assert [len(one) for one in found] == [1, 0, 2, 0]
    assert found[0].xyxy.tolist() == [[0, 1, 3, 5]]  # pixels count from 1 in the file, from 0 here
    assert found[2].xyxy.tolist() == [[9, 19, 39, 59], [49, 19, 79, 59]]
    assert found[2].confidence.tolist() == [0.5, 0.25]
    assert found[2].class_id.tolist() == [0, 0]


def test_boxes_beyond_the_image_stay_and_those_without_area_go(tmp_path: Path) -> None:
    path = write(tmp_path / "det.txt", "1,-1,-20,-10,50,100,1\n1,-1,5,5,0,10,1\n")
    image = np.zeros((60, 40, 3), np.uint8)
    found = File(File.Config(path)).detect([Frame("cam", 0, 0.0, image)])[0]
    assert found.xyxy.tolist() == [[-21, -11, 29, 89]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,-1,1,2,3,4", "expected 7 to 10 columns .* got 6"),
        ("1,-1,1,2,3,4,1,1,1,1,1", "got 11"),
        ("1 -1 1 2 3 4 1", "got 1"),
        ("1,-1,x,2,3,4,1", "not a number: .*'x'"),
        ("1,-1,nan,2,3,4,1", "not finite"),
        ("1,-1,1,2,inf,4,1", "not finite"),
        ("1,-1,1,2,-3,4,1", "width and height of at least 0, got -3 and 4"),
        ("0,-1,1,2,3,4,1", "frame number from 1, got 0"),
        ("1.5,-1,1,2,3,4,1", "frame number from 1, got 1.5"),
        ("1,-1,1,2,3,4,1.01", "score_scale=logistic"),
        ("1,-1,1,2,3,4,-0.1", "score_scale=logistic"),
    ],
)
def test_errors_name_file_and_line(line: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "det.txt", f"1,-1,1,2,3,4,1\n\n{line}\n")
    with pytest.raises(FormatError, match=message) as caught:
        File(File.Config(path))
    assert str(caught.value).startswith(f"{path}:3: ")


@pytest.mark.parametrize("score", [-1000.0, -3.0, 0.0, 2.5, 1000.0])
def test_logistic_scores(score: float, tmp_path: Path) -> None:
    path = write(tmp_path / "det.txt", f"1,-1,1,2,3,4,{score}\n")
    found = File(File.Config(path, score_scale="logistic")).detect([frame(0)])[0]
    expected = 1 / (1 + math.exp(-score)) if score > -700 else 0.0
    np.testing.assert_allclose(found.confidence, [expected], atol=1e-7)


def test_conf_and_classes(tmp_path: Path) -> None:
    rows = "".join(f"1,-1,{10 * k},2,3,4,0.{k},{k},1.0\n" for k in (1, 2, 3, 4, 5, 7, 8))  # class k of MOTChallenge
    path = write(tmp_path / "gt.txt", rows)
    persons = File(File.Config(path)).detect([frame(0)])[0]
    assert persons.xyxy[:, 0].tolist() == [9, 19, 69]
    everything = File(File.Config(path, classes=None)).detect([frame(0)])[0]
    assert everything.class_id.tolist() == [0, 0, 2, 1, 3, 0]  # 8, a distractor, is none of YOLO's classes
    strong = File(File.Config(path, conf=0.2)).detect([frame(0)])[0]
    assert strong.xyxy[:, 0].tolist() == [19, 69]


def test_one_file_for_each_camera(tmp_path: Path) -> None:
    write(tmp_path / "a" / "det.txt", "1,-1,1,2,3,4,1\n")
    write(tmp_path / "b" / "det.txt", "1,-1,9,2,3,4,1\n")
    detector = File(File.Config(str(tmp_path / "{camera}" / "det.txt")))
    found = detector.detect([frame(0, "b"), frame(0, "a")])
    assert [one.xyxy[0, 0] for one in found] == [8, 0]
    with pytest.raises(ConfigError, match="cannot read"):
        detector.detect([frame(0, "c")])


@pytest.mark.parametrize(("options", "message"), [({}, "path"), ({"path": "x", "score_scale": "log"}, "score_scale")])
def test_wrong_options(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        File.Config(**options)


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none.txt"):
        File(File.Config(str(tmp_path / "none.txt")))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["MOT16-02", "TUD-Campus"])
def test_real_files_equal_a_plain_reading(shared: Path, name: str) -> None:
    path = shared / "data" / "mot" / name / "det" / "det.txt"
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    found = File(File.Config(str(path))).detect([frame(index) for index in range(int(rows[:, 0].max()))])
    for index, one in enumerate(found):
        here = rows[rows[:, 0] == index + 1]
        np.testing.assert_allclose(one.xyxy[:, :2], here[:, 2:4] - 1, atol=1e-3)
        np.testing.assert_allclose(one.xyxy[:, 2:] - one.xyxy[:, :2], here[:, 4:6], atol=1e-3)
        np.testing.assert_allclose(one.confidence, here[:, 6], rtol=1e-6)
    assert sum(map(len, found)) == len(rows)
