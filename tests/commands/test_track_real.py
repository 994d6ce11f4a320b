"""`mdpr-track` on real video with real weights; needs the development data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mdpr.pipeline.commands.track import main

pytestmark = [pytest.mark.slow, pytest.mark.shared]


@pytest.fixture
def models(shared: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Flags that choose YOLO11n and OSNet."""
    pytest.importorskip("openvino")
    monkeypatch.setenv("MDPR_MODELS", str(shared / "models"))
    return ["--reid", str(shared / "models/osnet_x0_25/osnet_x0_25_msmt17_combined_dynamic.onnx"), "--quiet"]


def test_the_shop(shared: Path, models: list[str], tmp_path: Path) -> None:
    """6 to 9 people: nearly all frames show them, and ids last."""
    clip = shared / "data/video/retail-cctv-1080p.mp4"
    assert main([str(clip), *models, "--project", str(tmp_path), "--end", "10", "--no-save"]) == 0
    rows = pq.read_table(tmp_path / "run/retail-cctv-1080p/tracks.parquet").to_pydict()
    frames, ids = np.array(rows["frame"]), np.array(rows["track_id"])
    people = np.bincount(frames, minlength=300)
    assert 5 <= np.median(people) <= 10
    assert len(np.unique(ids)) <= 14
    assert np.sort(np.bincount(ids))[-5:].min() > 150  # five people stay for more than half of the time
    summary = json.loads((tmp_path / "run/run.json").read_text())
    assert "OpenVINO int8" in summary["detector"]
    assert summary["embedding_model"].startswith("osnet")


def test_two_sources_together_equal_each_alone(shared: Path, models: list[str], tmp_path: Path) -> None:
    """Different sizes, rates and lengths; YOLO and OSNet in common batches."""
    names = ("store-aisle", "retail-cctv-1080p")
    paths = [str(shared / "data/video" / file) for file in ("store-aisle.gif", "retail-cctv-1080p.mp4")]
    common = [*models, "--no-save", "--no-link", "--project", str(tmp_path), "--end", "3"]
    assert main([*paths, *common, "--name", "both"]) == 0
    for name, path in zip(names, paths, strict=True):
        assert main([path, *common, "--name", name]) == 0
        for file in ("tracks.txt", "tracks.parquet", "tracklets.parquet"):
            together, alone = tmp_path / "both" / name / file, tmp_path / name / name / file
            assert together.read_bytes() == alone.read_bytes(), (name, file)
            assert together.stat().st_size > 0


@pytest.mark.parametrize(("name", "rows"), [("MOT16-02", 5000), ("TUD-Campus", 150)])
def test_detections_of_motchallenge(shared: Path, tmp_path: Path, name: str, rows: int) -> None:
    sequence = shared / "data/mot" / name
    command = [str(sequence), "--detections", str(sequence / "det/det.txt"), "--project", str(tmp_path), "--no-save"]
    assert main(command) == 0
    assert len(np.loadtxt(tmp_path / f"run/{name}/tracks.txt", delimiter=",")) > rows
