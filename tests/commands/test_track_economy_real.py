"""`--reid-every auto` on a crowded shop: a fifth of the embeddings at most, and people stay who they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mdpr.pipeline.commands.eval_mot import main as eval_main
from mdpr.pipeline.commands.track import main as track_main


@pytest.mark.slow
@pytest.mark.shared
def test_a_crowded_shop(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setenv("MDPR_MODELS", str(shared / "models"))
    clip = shared / "data/video/retail-cctv-1080p.mp4"
    model = shared / "models/osnet_x0_25/osnet_x0_25_msmt17_combined_dynamic.onnx"
    if not clip.exists() or not model.exists():
        pytest.skip("the development video or the ReID model is not there")
    summaries = {}
    for name, every in (("all", "0"), ("auto", "auto")):
        arguments = [
            f"shop={clip}",
            "--reid",
            str(model),
            "--end",
            "7",
            "--no-save",
            "--json",
            "--project",
            str(tmp_path),
        ]
        assert track_main([*arguments, "--name", name, "--reid-every", every]) == 0
        summaries[name] = json.loads(capsys.readouterr().out)
    counts = summaries["auto"]["embeddings"]
    assert counts["made"] + counts["saved"] == pytest.approx(summaries["all"]["embeddings"]["made"], rel=0.02)
    assert counts["made"] <= 0.2 * (counts["made"] + counts["saved"])
    truth = tmp_path / "truth.txt"  # all boxes count, also those of people who are hidden
    rows = [line.split(",") for line in (tmp_path / "all/shop/tracks.txt").read_text().splitlines()]
    truth.write_text("".join(",".join([*row[:6], "1", *row[7:]]) + "\n" for row in rows))
    assert eval_main([str(truth), str(tmp_path / "auto/shop/tracks.txt"), "--fps", "30", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["combined"]
    assert scores["IDF1"] > 0.95
    assert abs(summaries["auto"]["people"] - summaries["all"]["people"]) <= 1
