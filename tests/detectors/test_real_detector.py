"""What detectors are judged on: the people of real frames, and the figures of the model card."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mdpr.detectors.person import Person
from real_frames import GROUND_TRUTH, load_real_frames

SCRIPT = Path(__file__).resolve().parents[1] / "real_detector.py"
CARD = {GROUND_TRUTH: (4, 63, 0.399), "table": (41, 32, 0.994)}  # frames, people, AP50 of the shipped detector

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("real_detector", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", [GROUND_TRUTH, pytest.param("table", marks=pytest.mark.slow)])
def test_the_card_tells_what_is_measured(name: str, script: ModuleType, shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    frames = load_real_frames(name, shared)
    judged, found = script.judge(script.make_detector("person", {}), frames, 0.5)
    count, people, ap50 = CARD[name]
    assert (judged.frames, frames.people) == (count, people)
    assert judged.measures.ap50 == pytest.approx(ap50, abs=0.03)  # CPUs differ in bf16
    assert judged.ms > 0
    assert name in script.table([judged])
    script.draw(frames, found, 0.5, tmp_path / "sheets" / "one.png")
    assert (tmp_path / "sheets" / "one.png").stat().st_size > 100_000


def test_people_of_the_ground_truth(shared: Path) -> None:
    """Every person of the file once: to be found, or ignored; nothing else is."""
    frames = load_real_frames(GROUND_TRUTH, shared)
    rows = np.loadtxt(shared / "data/mot/MOT17-02-mini/gt/gt.txt", delimiter=",")
    rows = rows[rows[:, 0] <= len(frames.frames)]
    is_person = (rows[:, 7] == 1) & (rows[:, 6] == 1)
    assert frames.people == (is_person & (rows[:, 8] >= 0.3)).sum()
    nearly = np.isin(rows[:, 7], [2, 7, 8, 12]) | (is_person & (rows[:, 8] < 0.3))
    assert sum(len(truth.ignored) for truth in frames.truths) == nearly.sum()
    first = rows[(rows[:, 0] == 1) & is_person & (rows[:, 8] >= 0.3)][0]
    left, top, width, height = first[2:6]
    assert frames.truths[0].xyxy[0].tolist() == [left - 1, top - 1, left - 1 + width, top - 1 + height]


def test_frames_keep_their_own_pixels(shared: Path) -> None:
    frames = load_real_frames(GROUND_TRUTH, shared).frames
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert not np.array_equal(frames[0].image, frames[-1].image)


def test_a_name_is_a_detector_or_weights(script: ModuleType) -> None:
    assert isinstance(script.make_detector("person", {"imgsz": 320}), Person)
