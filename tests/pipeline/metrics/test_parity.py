"""Equal to TrackEval 1.3 to 1e-6: on real ground truth, and on random scenes full of ties."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
import trackeval
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.pipeline.formats.mot import read_mot, write_mot
from mdpr.pipeline.formats.recordings import read_recordings
from mdpr.pipeline.formats.trackboxes import CROWD, Recording, TrackBoxes
from mdpr.pipeline.metrics.clear import clear, clear_matches
from mdpr.pipeline.metrics.comparison import Comparison, concatenated
from mdpr.pipeline.metrics.evaluate import EvaluateConfig, combined_scores, evaluate_sequence
from mdpr.pipeline.metrics.hota import hota
from mdpr.pipeline.metrics.identity import identity
from mdpr.pipeline.metrics.preprocessing import RULES, Rules, compare

Scores = dict[str, float]
BENCHMARKS = {"mot15": "MOT15", "mot16": "MOT17", "mot20": "MOT20"}
TOLERANCE = 1e-6
BATCH = 25


def our_scores(comparison: Comparison) -> Scores:
    matched = clear_matches(comparison)
    return hota(comparison).values() | clear(comparison, matched).values() | identity(comparison).values()


def assert_equal(ours: Scores, reference: Scores) -> None:
    differences = {
        name: (ours[name], value) for name, value in reference.items() if not abs(ours[name] - value) <= TOLERANCE
    }
    assert not differences


def grid_scene(rng: np.random.Generator, frames: int, ids: int, cells: int, with_classes: bool) -> TrackBoxes:
    """People on few cells: identical boxes, exact thresholds, empty frames and boxes without area are common."""
    frame: list[int] = []
    track: list[int] = []
    for one in range(frames):
        here = rng.permutation(ids)[: rng.integers(0, ids + 1)]
        frame += [one] * len(here)
        track += here.tolist()
    count = len(frame)
    ltwh = np.concatenate([rng.integers(0, cells, (count, 2)), rng.integers(0, cells + 2, (count, 2))], axis=1)
    if not with_classes:
        return TrackBoxes.of(frame, track, ltwh)
    classes = rng.choice([1, 1, 1, 1, 2, 6, 7, 8, 12, 13], count)
    return TrackBoxes.of(frame, track, ltwh, score=rng.random(count) < 0.9, class_id=classes)


@pytest.mark.parametrize("rules", list(RULES))
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_scenes(rules: str, seed: int, reference_scores: Callable[..., Scores]) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(BATCH):
        frames, ids, cells = (int(rng.integers(1, high)) for high in (12, 8, 6))
        truth = grid_scene(rng, frames, ids, cells, with_classes=rules != "mot15")
        predicted = grid_scene(rng, frames, int(rng.integers(1, 8)), cells, with_classes=False)
        ours = our_scores(compare(truth, predicted, frames, RULES[rules]))
        assert_equal(ours, reference_scores(truth, predicted, frames, BENCHMARKS[rules]))


@pytest.mark.parametrize("rules", list(RULES))
def test_crowded_scenes(
    rules: str, reference_scores: Callable[..., Scores], imitate: Callable[..., TrackBoxes]
) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        frame, people = np.divmod(np.arange(60 * 25), 25)
        walk = np.cumsum(rng.normal(0, 3, (60, 25, 2)), axis=0).reshape(-1, 2) + rng.uniform(0, 300, (25, 2))[people]
        ltwh = np.concatenate([walk, rng.uniform(20, 60, (25, 2))[people]], axis=1)
        shown = rng.random(len(frame)) < 0.9
        classes = rng.choice([1, 1, 1, 7, 12, 13], 25)[people] if rules != "mot15" else np.full(len(frame), -1)
        truth = TrackBoxes.of(frame[shown], people[shown], ltwh[shown], class_id=classes[shown])
        predicted = imitate(truth, seed)
        ours = our_scores(compare(truth, predicted, 60, RULES[rules]))
        assert_equal(ours, reference_scores(truth, predicted, 60, BENCHMARKS[rules]))


@pytest.mark.parametrize("has_truth", [True, False])
@pytest.mark.parametrize("has_prediction", [True, False])
def test_nothing_there(has_truth: bool, has_prediction: bool, reference_scores: Callable[..., Scores]) -> None:
    one = TrackBoxes.of([0, 2], [1, 1], [[0, 0, 5, 5], [1, 0, 5, 5]])
    truth, predicted = (one if there else TrackBoxes.empty() for there in (has_truth, has_prediction))
    ours = our_scores(compare(truth, predicted, 3, RULES["mot15"]))
    assert_equal(ours, reference_scores(truth, predicted, 3, "MOT15"))


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_ignore_regions(seed: int) -> None:
    """TrackEval has them for BDD100K: no distractors, predictions without a match inside a region are taken out."""
    dataset = trackeval.datasets.BDD100K.__new__(trackeval.datasets.BDD100K)
    dataset.class_name_to_class_id = {"pedestrian": 1}
    rng = np.random.default_rng(seed)
    for _ in range(BATCH):
        frames = int(rng.integers(1, 10))
        everything = grid_scene(rng, frames, 6, 5, with_classes=True)
        is_region = everything.class_id == CROWD
        truth = everything.select(is_region | (everything.class_id == 1))
        predicted = grid_scene(rng, frames, 5, 5, with_classes=False)
        people = truth.select((truth.class_id == 1) & (truth.score != 0))
        raw = bdd_data(dataset, people, truth.select(truth.class_id == CROWD), predicted, frames)
        data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
        scores = compare(
            truth.select((truth.score != 0) | (truth.class_id == CROWD)), predicted, frames,
            Rules(distractors=(), ignores_crowds=True),
        )  # fmt: skip
        from_reference = [metric.eval_sequence(data) for metric in reference_metrics()]
        assert data["num_tracker_dets"] == len(scores.predicted_id)
        ours = our_scores(scores)
        assert abs(ours["HOTA"] - from_reference[0]["HOTA"].mean()) <= TOLERANCE
        assert abs(ours["MOTA"] - from_reference[1]["MOTA"]) <= TOLERANCE
        assert abs(ours["IDF1"] - from_reference[2]["IDF1"]) <= TOLERANCE


def reference_metrics() -> list[Any]:
    quiet = {"PRINT_CONFIG": False}
    return [trackeval.metrics.HOTA(quiet), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]


def bdd_data(
    dataset: Any, people: TrackBoxes, regions: TrackBoxes, predicted: TrackBoxes, frames: int
) -> dict[str, Any]:
    def split(boxes: TrackBoxes, name: str) -> list[Any]:
        return [np.array(getattr(boxes, name)[boxes.frame == frame]) for frame in range(frames)]

    def corners(boxes: TrackBoxes) -> list[Any]:
        return [np.concatenate([one[:, :2], one[:, :2] + one[:, 2:]], axis=1) for one in split(boxes, "ltwh")]

    raw = {
        "gt_ids": split(people, "track_id"), "gt_dets": corners(people), "tracker_ids": split(predicted, "track_id"),
        "tracker_dets": corners(predicted), "gt_crowd_ignore_regions": corners(regions), "num_timesteps": frames,
        "gt_classes": [np.ones(int(np.sum(people.frame == frame)), int) for frame in range(frames)],
        "tracker_classes": [np.ones(int(np.sum(predicted.frame == frame)), int) for frame in range(frames)],
        "seq": "scene",
    }  # fmt: skip
    pairs = zip(raw["gt_dets"], raw["tracker_dets"], strict=True)
    return raw | {
        "similarity_scores": [dataset._calculate_box_ious(*pair, box_format="x0y0x1y1") for pair in pairs]
    }  # fmt: skip


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_cameras_are_one_long_sequence(seed: int, reference_scores: Callable[..., Scores]) -> None:
    """HOTA and IDF1 with global ids: TrackEval on the cameras' frames one after another."""
    rng = np.random.default_rng(seed)
    for _ in range(BATCH // 2):
        lengths = rng.integers(1, 8, 3).tolist()
        truth, predicted = ([grid_scene(rng, length, 6, 5, with_classes=False) for length in lengths] for _ in range(2))
        parts = [
            compare(*pair, length, RULES["mot15"]) for *pair, length in zip(truth, predicted, lengths, strict=True)
        ]
        ours = hota(concatenated(parts)).values() | identity(concatenated(parts)).values()
        reference = reference_scores(one_after_another(truth, lengths), one_after_another(predicted, lengths),
                                     sum(lengths), "MOT15")  # fmt: skip
        assert_equal(ours, {name: value for name, value in reference.items() if name in ours})


def one_after_another(parts: list[TrackBoxes], lengths: list[int]) -> TrackBoxes:
    starts = np.cumsum([0, *lengths[:-1]])
    columns = [
        np.concatenate([getattr(part, name) + (start if name == "frame" else 0)
                        for part, start in zip(parts, starts, strict=True)])
        for name in ("frame", "track_id", "ltwh")
    ]  # fmt: skip
    return TrackBoxes.of(*columns)


@pytest.mark.slow
@pytest.mark.shared
def test_real_sequences_and_faster(
    shared: Path, tmp_path: Path, reference_files: Callable[..., dict[str, Scores]], imitate: Callable[..., TrackBoxes]
) -> None:
    """Every sequence, and their combination, through files; both timed in the same process."""
    recordings = read_recordings(shared / "data" / "mot", "truth").by_name
    seconds = {"ours": 0.0, "reference": 0.0}
    for rules, benchmark in (("mot16", "MOT16"), ("mot20", "MOT20"), ("mot15", "MOT15")):
        chosen = {name: one for name, one in recordings.items() if name.startswith("MOT") or rules == "mot15"}
        lengths = write_layout(tmp_path, benchmark, chosen, imitate)
        start = process_time()
        expected = reference_files(tmp_path, lengths, benchmark)
        seconds["reference"] += process_time() - start
        start = process_time()
        ours = evaluate_layout(tmp_path, benchmark, lengths, rules)
        seconds["ours"] += process_time() - start
        for name, values in expected.items():
            assert_equal(ours[name], values)
    assert seconds["ours"] * 3 < seconds["reference"], seconds


def write_layout(
    root: Path, benchmark: str, recordings: dict[str, Recording], imitate: Callable[..., TrackBoxes]
) -> dict[str, int]:
    """TrackEval's folders; the ground truth is copied byte by byte."""
    lengths = {}
    predictions = root / "trackers" / f"{benchmark}-train" / "tracker" / "data"
    predictions.mkdir(parents=True)
    for seed, (name, one) in enumerate(recordings.items()):
        folder = root / "gt" / f"{benchmark}-train" / name / "gt"
        folder.mkdir(parents=True)
        (folder / "gt.txt").write_bytes(Path(one.where).read_bytes())
        write_mot(predictions / f"{name}.txt", imitate(one.boxes, seed))
        lengths[name] = int(one.boxes.frame.max()) + 1
    return lengths


def evaluate_layout(root: Path, benchmark: str, lengths: dict[str, int], rules: str) -> dict[str, Scores]:
    """Ours on the same files."""
    scores = {}
    for name, frames in lengths.items():
        where = root / "gt" / f"{benchmark}-train" / name / "gt" / "gt.txt"
        truth = Recording(name, read_mot(where), str(where), frames)
        file = root / "trackers" / f"{benchmark}-train" / "tracker" / "data" / f"{name}.txt"
        scores[name] = evaluate_sequence(truth, read_mot(file), str(file), EvaluateConfig(rules)).scores
    return {name: one.values() for name, one in scores.items()} | {
        "COMBINED_SEQ": combined_scores(list(scores.values())).values()
    }
