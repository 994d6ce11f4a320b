"""`mdpr-track` with few embeddings and with a moving camera: flags, what run.json says, and who people are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mdpr.pipeline.commands.track import main

MakeWalk = Callable[..., Path]


@pytest.fixture
def summary_of(make_walk: MakeWalk, tmp_path: Path, capsys: Any) -> Callable[..., dict[str, Any]]:
    """summary_of(*flags): run.json of a run over a clip of 4 s with two people."""
    clip = make_walk(frames=100)

    def run(*flags: str) -> dict[str, Any]:
        arguments = [str(clip), "--detector", "motion", "--project", str(tmp_path), "--no-save", "--exist-ok", "--json"]
        arguments += ["--reid", "histogram"]
        assert main([*arguments, *flags]) == 0
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.slow
def test_few_embeddings_and_the_same_people(summary_of: Any, tmp_path: Path) -> None:
    everything = summary_of()
    assert everything["embeddings"]["saved"] == 0
    people = pq.read_table(tmp_path / "run/walk/tracks.parquet").to_pydict()
    auto = summary_of("--reid-every", "auto")
    assert auto["embeddings"]["made"] + auto["embeddings"]["saved"] == everything["embeddings"]["made"]
    assert auto["embeddings"]["saved_share"] > 0.5
    assert pq.read_table(tmp_path / "run/walk/tracks.parquet").to_pydict() == people
    seldom = summary_of("--reid-every", "3")
    assert seldom["embeddings"]["made"] <= auto["embeddings"]["made"]
    often = summary_of("--reid-every", "0.05")
    assert often["embeddings"]["made"] >= auto["embeddings"]["made"]
    tracklets = pq.read_table(tmp_path / "run/walk/tracklets.parquet").to_pylist()
    assert all(tracklet["embeddings"] for tracklet in tracklets)


@pytest.mark.slow
def test_a_fixed_camera_is_named_as_such(summary_of: Any) -> None:
    assert summary_of("--set", "camera_motion.decide_s=1")["cameras"]["walk"]["motion"] == "fixed"
    assert summary_of("--camera-motion", "on")["cameras"]["walk"]["motion"] == "moving"
    off = summary_of("--camera-motion", "off")
    assert off["cameras"]["walk"]["motion"] == "off"
    assert off["stage_times"]["motion"]["frames"] == 0


def test_wrong_usage(make_walk: MakeWalk, tmp_path: Path, capsys: Any) -> None:
    clip = str(make_walk(frames=3))
    assert main([clip, "--detector", "motion", "--project", str(tmp_path), "--set", "embedding.every=often"]) == 2
    assert "expected auto or a number of seconds" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main([clip, "--reid-every", "often"])
    assert stop.value.code == 2
