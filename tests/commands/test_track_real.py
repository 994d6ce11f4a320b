"""`mdpr-track` on real video with real weights; needs the development data."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from whole_runs import assert_whole

from mdpr.pipeline.commands.eval_mot import main as evaluate
from mdpr.pipeline.commands.track import main

pytestmark = [pytest.mark.slow, pytest.mark.shared]

SHOP_S = 7


@pytest.fixture(scope="module")
def models(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Flags that choose YOLO11n and OSNet."""
    pytest.importorskip("openvino")
    osnet = shared / "models/osnet_x0_25/osnet_x0_25_msmt17_combined_dynamic.onnx"
    if not osnet.exists():
        pytest.skip("the ReID model is not there")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MDPR_MODELS", str(shared / "models"))
        patch.setenv("MDPR_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MDPR_OFFLINE", "1")
        patch.setenv("YOLO_OFFLINE", "1")
        yield ["--reid", str(osnet), "--quiet"]


@pytest.fixture
def _their_folder(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDPR_MODELS", str(shared / "models"))


@pytest.fixture(scope="module")
def shop(shared: Path, models: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over the first seconds of the shop, with an embedding for everybody in every frame."""
    clip, folder = shared / "data/video/retail-cctv-1080p.mp4", tmp_path_factory.mktemp("shop")
    arguments = [f"shop={clip}", *models, "--end", str(SHOP_S), "--no-save", "--project", str(folder)]
    assert main([*arguments, "--reid-every", "0"]) == 0
    return folder / "run"


def test_the_shop(shop: Path) -> None:
    """6 to 9 people: nearly all frames show them, and ids last."""
    assert_whole(shop)
    rows = pq.read_table(shop / "shop/tracks.parquet").to_pydict()
    frames, ids = np.array(rows["frame"]), np.array(rows["track_id"])
    people = np.bincount(frames, minlength=30 * SHOP_S)
    assert 5 <= np.median(people) <= 10
    assert len(np.unique(ids)) <= 14
    assert np.sort(np.bincount(ids))[-5:].min() > 15 * SHOP_S  # five people stay for more than half of the time
    summary = json.loads((shop / "run.json").read_text())
    assert "OpenVINO int8" in summary["detector"]
    assert summary["embedding_model"].startswith("osnet")


@pytest.mark.usefixtures("_their_folder")
def test_a_crowded_shop_with_few_embeddings(shared: Path, models: list[str], shop: Path, tmp_path: Path) -> None:
    """`--reid-every auto`: a fifth of the embeddings at most, and people stay who they are."""
    clip = shared / "data/video/retail-cctv-1080p.mp4"
    arguments = [f"shop={clip}", *models, "--end", str(SHOP_S), "--no-save", "--project", str(tmp_path)]
    assert main([*arguments, "--reid-every", "auto"]) == 0
    everything, few = (json.loads((folder / "run.json").read_text()) for folder in (shop, tmp_path / "run"))
    counts = few["embeddings"]
    assert counts["made"] + counts["saved"] == pytest.approx(everything["embeddings"]["made"], rel=0.02)
    assert counts["made"] <= 0.2 * (counts["made"] + counts["saved"])
    truth = tmp_path / "truth.txt"  # all boxes count, also those of people who are hidden
    rows = [line.split(",") for line in (shop / "shop/tracks.txt").read_text().splitlines()]
    truth.write_text("".join(",".join([*row[:6], "1", *row[7:]]) + "\n" for row in rows))
    with contextlib.redirect_stdout(io.StringIO()) as told:
        assert evaluate([str(truth), str(tmp_path / "run/shop/tracks.txt"), "--fps", "30", "--json"]) == 0
    assert json.loads(told.getvalue())["combined"]["IDF1"] > 0.95
    assert abs(few["people"] - everything["people"]) <= 1


@pytest.mark.usefixtures("_their_folder")
def test_two_sources_together_equal_each_alone(shared: Path, models: list[str], tmp_path: Path) -> None:
    """Different sizes, rates and lengths; YOLO and OSNet in common batches."""
    names = ("store-aisle", "retail-cctv-1080p")
    paths = [str(shared / "data/video" / file) for file in ("store-aisle.gif", "retail-cctv-1080p.mp4")]
    common = [*models, "--no-save", "--no-link", "--project", str(tmp_path), "--end", "2"]
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
