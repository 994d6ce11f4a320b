"""The judges on real people: sound annotations, a protocol that does what it says, and figures that stay."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from real_crops import SETS, VIDEOS, RealCrops, as_two_cameras, read_annotations
from real_pictures import draw_worst
from real_scores import (
    GAP_S,
    VIEWS,
    area_under_curve,
    pairs_of_one_camera,
    rank_across_views,
    score,
    true_positive_rate,
)

SCRIPT = Path(__file__).resolve().parents[1] / "real_reid.py"
SIZES = {"lab": (1288, 728), "shop": (1920, 1080), "table": (768, 432), "aisle": (480, 270)}
COUNTS = {"lab": (3, 221), "shop": (9, 308), "table": (6, 108), "aisle": (3, 45)}
OSNET = {  # Rank-1, mAP, AUC, TPR at 1 %, as measured with ONNX Runtime on a CPU
    "lab": (1.000, 0.976, 0.985, 0.879),
    "shop": (0.684, 0.599, 0.926, 0.411),
    "shop-2cam": (0.792, 0.679, None, None),
    "table": (0.898, 0.894, 0.955, 0.246),
    "aisle": (None, None, 0.971, 0.691),
}
SHIPPED = {  # OpenVINO in fp32
    "lab": (0.984, 0.959, 0.970, 0.786),
    "shop": (0.738, 0.667, 0.931, 0.448),
    "shop-2cam": (0.748, 0.682, None, None),
    "table": (0.935, 0.851, 0.880, 0.177),
    "aisle": (None, None, 0.926, 0.711),
}
HISTOGRAM = {
    "lab": (0.879, 0.770, 0.798, 0.388),
    "shop": (0.693, 0.610, 0.901, 0.394),
    "shop-2cam": (0.307, 0.322, None, None),
    "table": (0.833, 0.719, 0.786, 0.116),
    "aisle": (None, None, 0.977, 0.737),
}


@pytest.mark.parametrize("name", VIDEOS)
def test_annotations(name):
    rows = read_annotations(name)
    assert (len({row["person"] for row in rows}), len(rows)) == COUNTS[name]
    places = [(row["camera"], row["frame"], row["person"]) for row in rows]
    assert len(set(places)) == len(rows), "a person is twice in one picture"
    for row in rows:
        x1, y1, x2, y2 = (int(row[key]) for key in ("x1", "y1", "x2", "y2"))
        assert 0 <= x1 < x2 - 20 <= SIZES[name][0] - 20, row
        assert 0 <= y1 < y2 - 40 <= SIZES[name][1] - 40, row
        assert int(row["camera"]) in VIDEOS[name], row
        assert row["view"] in ("front", "back", "side") or (name == "lab" and row["view"] == ""), row
        assert row["quality"] in ("clear", "partial"), row


def made_up(name, count=60, people=5, seed=0):
    """Random labels and embeddings that carry a little of the identity; person 5 is seen from the front only."""
    noise = np.random.default_rng(seed)
    pids = noise.integers(1, people + 1, count)
    views = noise.choice(["front", "back", "side"], count)
    views[pids == people] = "front"
    crops = RealCrops(
        name=name,
        pids=pids,
        cameras=noise.integers(0, 3, count) if VIEWS[name] == "cameras" else np.ones(count, np.int64),
        frames=np.arange(count),
        time_s=np.arange(count) / 10,
        views=views,
        is_partial=np.zeros(count, bool),
        patches=[np.full((40, 20, 3), i, np.uint8) for i in range(count)],
        boxes=[np.array([[2, 4, 18, 36]], np.float32)] * count,
    )
    rows = np.eye(people)[pids - 1] + noise.normal(0, 0.7, (count, people))
    return crops, (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def average_precision(scores, is_right):
    """By its definition, over the sorted gallery."""
    right = is_right[np.argsort(-scores)]
    return np.mean([right[: i + 1].mean() for i in np.flatnonzero(right)]), right[0]


@pytest.mark.parametrize("name", ["lab", "shop"])
def test_ranking_restated(name):
    crops, rows = made_up(name)
    found = []
    for i in range(len(crops)):
        if name == "lab":
            galleries = [crops.cameras == camera for camera in set(crops.cameras) - {crops.cameras[i]}]
        elif crops.pids[i] == 5 or crops.views[i] == "side":
            continue
        else:
            other = "back" if crops.views[i] == "front" else "front"
            galleries = [((crops.views == other) & (crops.pids != 5)) | (crops.pids == 5)]
        for gallery in galleries:
            is_right = crops.pids[gallery] == crops.pids[i]
            if is_right.any():
                found.append(average_precision(rows[gallery] @ rows[i], is_right))
    precision, first = np.transpose(found)
    scores = score(rows, crops)
    assert scores.queries == len(found) > 20
    assert scores.mean_average_precision == pytest.approx(precision.mean(), abs=1e-6)
    assert scores.rank1 == pytest.approx(first.mean(), abs=1e-9)
    assert 0.3 < scores.rank1 < 0.99


def test_pairs_restated():
    crops, rows = made_up("lab")
    same, other = [], []
    for i in range(len(crops)):
        for j in range(i):
            if crops.cameras[i] == crops.cameras[j]:
                if crops.pids[i] != crops.pids[j]:
                    other.append(rows[i] @ rows[j])
                elif abs(crops.time_s[i] - crops.time_s[j]) > GAP_S["lab"] - 0.05:
                    same.append(rows[i] @ rows[j])
    positive, negative = pairs_of_one_camera(crops)
    assert (positive.sum(), negative.sum()) == (len(same), len(other))
    wins = np.mean([(a > b) + 0.5 * (a == b) for a in same for b in other])
    scores = score(rows, crops)
    assert scores.auc == pytest.approx(wins, abs=1e-6)
    threshold = sorted(other, reverse=True)[len(other) // 100]
    assert scores.tpr == pytest.approx(np.mean(np.array(same) > threshold), abs=0.02)


def test_limits():
    """Perfect, constant and reversed similarities."""
    one, zero = np.ones(40, np.float32), np.zeros(200, np.float32)
    assert (area_under_curve(one, zero), true_positive_rate(one, zero, 0.01)) == (1, 1)
    assert (area_under_curve(zero, zero), true_positive_rate(zero, zero, 0.01)) == (0.5, 0)
    assert (area_under_curve(zero, one), true_positive_rate(zero, one, 0.01)) == (0, 0)


def test_a_set_without_views_is_not_ranked():
    crops, rows = made_up("aisle")
    assert rank_across_views(rows, crops) == []
    scores = score(rows, crops)
    assert (scores.rank1, scores.mean_average_precision, scores.queries) == (None, None, 0)
    assert scores.auc is not None


def test_the_second_camera():
    """Late crops only are changed; each person's cameras are apart in time; boxes keep their place in the patch."""
    crops, _ = made_up("shop")
    both = as_two_cameras(crops)
    for pid in np.unique(both.pids):
        first, second = (both.time_s[(both.pids == pid) & (both.cameras == camera)] for camera in (1, 2))
        assert second.min() - first.max() > 2
    for patch, box, camera, frame in zip(both.patches, both.boxes, both.cameras, both.frames, strict=True):
        if camera == 1:
            np.testing.assert_array_equal(patch, crops.patches[frame])
        else:
            assert patch.shape == (16, 8, 3)
            np.testing.assert_allclose(box, [[0.8, 1.6, 7.2, 14.4]], rtol=1e-6)
            assert (patch[..., 2] < patch[..., 0]).all() or frame < 10  # red falls, blue rises
    assert 0 < len(both) < len(crops)


def test_the_sheet_of_the_worst(tmp_path):
    """At most two queries of one person and view; nothing for a set that is not ranked."""
    crops, rows = made_up("shop")
    asked = Counter((p, v) for p, v in zip(crops.pids, crops.views, strict=True) if p < 5 and v != "side")
    assert draw_worst(rows, crops, tmp_path / "shop.png") == sum(min(2, count) for count in asked.values()) > 10
    with Image.open(tmp_path / "shop.png") as sheet:
        assert sheet.height > 3000
    assert draw_worst(rows, made_up("aisle")[0], tmp_path / "aisle.png") == 0
    assert not (tmp_path / "aisle.png").exists()


@pytest.mark.slow
@pytest.mark.shared
def test_the_figures_stay(shared):
    """Through the command line, as people call it; a change of the protocol or of a label shows here."""
    osnet = shared / "models/osnet_x0_25/osnet_x0_25_msmt17_combined_dynamic.onnx"
    command = [sys.executable, str(SCRIPT), "histogram", str(osnet), "mdpr-s", "--json", "--shared", str(shared)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for result, expected in zip(told, (HISTOGRAM, OSNET, SHIPPED), strict=True):
        assert list(result["sets"]) == list(SETS)
        for name, figures in expected.items():
            found = result["sets"][name]
            for key, value in zip(("rank1", "mean_average_precision", "auc", "tpr"), figures, strict=True):
                if value is None:
                    assert found[key] is None, (name, key)
                else:
                    assert found[key] == pytest.approx(value, abs=0.02), (result["embedder"], name, key)
    averages = [result["mean"] for result in told]
    assert averages[1]["mean_average_precision"] > averages[0]["mean_average_precision"] + 0.1
    assert averages[1]["auc"] > averages[0]["auc"] + 0.05
    assert averages[2]["mean_average_precision"] > averages[0]["mean_average_precision"] + 0.1
    assert averages[2]["auc"] > averages[0]["auc"] + 0.02
