"""TrackEval as the reference, and scenes with known mistakes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trackeval

from mdpr.pipeline.formats.trackboxes import TrackBoxes

Scores = dict[str, float]
QUIET = {"PRINT_CONFIG": False}


def reference_metrics() -> list[Any]:
    return [trackeval.metrics.HOTA(QUIET), trackeval.metrics.CLEAR(QUIET), trackeval.metrics.Identity(QUIET)]


def reference_values(results: dict[str, Any]) -> Scores:
    """TrackEval's fields by our names."""
    hota, clear, identity = results["HOTA"], results["CLEAR"], results["Identity"]
    names = ("HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA")
    scores = {name: float(np.mean(hota[name])) for name in names}
    scores |= {name: float(hota[name]) for name in ("HOTA(0)", "LocA(0)")}
    scores |= {name: float(clear[name]) for name in ("MOTA", "MOTP", "IDSW", "Frag", "MT", "PT", "ML")}
    scores |= {"FP": float(clear["CLR_FP"]), "FN": float(clear["CLR_FN"])}
    return scores | {name: float(identity[name]) for name in ("IDF1", "IDP", "IDR")}


def by_frame(boxes: TrackBoxes, frames: int, *names: str) -> dict[str, list[Any]]:
    rows = [np.flatnonzero(boxes.frame == frame) for frame in range(frames)]
    return {name: [np.array(getattr(boxes, name)[row]) for row in rows] for name in names}


def reference_data(truth: TrackBoxes, predicted: TrackBoxes, frames: int, benchmark: str) -> dict[str, Any]:
    """TrackEval's preprocessing of both, without going through files."""
    dataset = trackeval.datasets.MotChallenge2DBox.__new__(trackeval.datasets.MotChallenge2DBox)
    names = ("pedestrian", "person_on_vehicle", "car", "bicycle", "motorbike", "non_mot_vehicle", "static_person",
             "distractor", "occluder", "occluder_on_ground", "occluder_full", "reflection", "crowd")  # fmt: skip
    dataset.class_name_to_class_id = {name: number for number, name in enumerate(names, 1)}
    dataset.valid_class_numbers = list(range(1, 14))
    dataset.benchmark, dataset.do_preproc = benchmark, True
    true = by_frame(truth, frames, "track_id", "ltwh", "class_id", "score")
    guess = by_frame(predicted, frames, "track_id", "ltwh", "class_id", "score")
    raw = {
        "gt_ids": true["track_id"], "gt_dets": true["ltwh"], "gt_classes": true["class_id"],
        "gt_extras": [{"zero_marked": score.astype(int)} for score in true["score"]],
        "gt_crowd_ignore_regions": [np.empty((0, 4))] * frames,
        "tracker_ids": guess["track_id"], "tracker_dets": guess["ltwh"], "tracker_classes": guess["class_id"],
        "tracker_confidences": guess["score"], "num_timesteps": frames, "seq": "scene",
    }  # fmt: skip
    raw["similarity_scores"] = [
        dataset._calculate_similarities(*pair) for pair in zip(true["ltwh"], guess["ltwh"], strict=True)
    ]
    return dataset.get_preprocessed_seq_data(raw, "pedestrian")


@pytest.fixture(scope="session")
def reference_scores() -> Callable[..., Scores]:
    """`reference_scores(truth, predicted, frames, benchmark)`: TrackEval's values."""

    def scores(truth: TrackBoxes, predicted: TrackBoxes, frames: int, benchmark: str = "MOT17") -> Scores:
        data = reference_data(truth, predicted, frames, benchmark)
        return reference_values({one.get_name(): one.eval_sequence(data) for one in reference_metrics()})

    return scores


@pytest.fixture(scope="session")
def reference_files() -> Callable[..., dict[str, Scores]]:
    """`reference_files(root, lengths, benchmark)`: TrackEval over files; the combination is `COMBINED_SEQ`.

    `root` holds gt/BENCHMARK-train/SEQUENCE/gt/gt.txt and trackers/BENCHMARK-train/tracker/data/SEQUENCE.txt.
    """

    def scores(root: Path, lengths: dict[str, int], benchmark: str) -> dict[str, Scores]:
        with contextlib.redirect_stdout(io.StringIO()):
            dataset = trackeval.datasets.MotChallenge2DBox({
                **QUIET, "GT_FOLDER": str(root / "gt"), "TRACKERS_FOLDER": str(root / "trackers"),
                "TRACKERS_TO_EVAL": ["tracker"], "BENCHMARK": benchmark, "SEQ_INFO": dict(lengths),
            })  # fmt: skip
            silent = ("PRINT_RESULTS", "PRINT_CONFIG", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES",
                      "TIME_PROGRESS")  # fmt: skip
            evaluator = trackeval.Evaluator(dict.fromkeys(silent, False))
            results, _ = evaluator.evaluate([dataset], reference_metrics())
        found = results["MotChallenge2DBox"]["tracker"]
        return {name: reference_values(one["pedestrian"]) for name, one in found.items()}

    return scores


@pytest.fixture(scope="session")
def imitate() -> Callable[..., TrackBoxes]:
    """`imitate(truth, seed)`: what a tracker could make of the truth, with misses, ghosts, drift and switches."""

    def make(truth: TrackBoxes, seed: int, noise: float = 0.06) -> TrackBoxes:
        rng = np.random.default_rng(seed)
        kept = truth.select(rng.random(len(truth)) < 0.85)
        ltwh = kept.ltwh.copy()
        ltwh[:, :2] += rng.normal(0, noise, (len(kept), 2)) * ltwh[:, 2:]
        ltwh[:, 2:] *= np.exp(rng.normal(0, noise, (len(kept), 2)))
        switching = (kept.track_id % 3 == 0) * (kept.frame // int(rng.integers(20, 90)))
        ids = kept.track_id * 100 + switching
        swapped = rng.permutation(np.unique(ids))  # names mean nothing
        ids = swapped[np.searchsorted(np.unique(ids), ids)] + 1
        ghosts = rng.random(len(kept)) < 0.05
        frame = np.concatenate([kept.frame, kept.frame[ghosts]])
        away = ltwh[ghosts] + np.array([15.0, 5.0, 0.0, 0.0])
        return TrackBoxes.of(
            frame, np.concatenate([ids, ids[ghosts] + 10**6]), np.round(np.concatenate([ltwh, away]), 2),
            first_pixel=truth.first_pixel,
        )  # fmt: skip

    return make
