"""A rectangle that stands there and one that walks: `mdpr-track` tells which of them never moved."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from mdpr.pipeline.commands.track import main
from mdpr.pipeline.store.tracklet_files import read_still

SECONDS, RATE = 14, 5


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0)
    ground = noise.normal(170, 6, (120, 200, 3))
    with av.open(str(tmp_path / "room.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = 200, 120, "yuv420p"
        for index in range(SECONDS * RATE):
            picture = ground + noise.normal(0, 2, ground.shape)
            picture[30:100, 150:180] = (90, 40, 30)
            picture[30:100, 5 + 2 * (index // 2) : 35 + 2 * (index // 2)] = (30, 60, 90)
            frame = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return tmp_path / "room.mp4"


def test_a_run_says_what_never_moved(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--detector", "blob_detector:Blobs", "--reid", "none", "--project", str(tmp_path / "out")]
    assert main([str(clip), *options]) == 0
    assert "room: 70 frames, 2 people (1 never moved)" in capsys.readouterr().out
    folder = tmp_path / "out/run"
    summary = json.loads((folder / "run.json").read_text())
    assert (summary["people"], summary["still"], summary["cameras"]["room"]["still"]) == (2, 1, 1)
    (still,) = read_still(folder / "room/tracklets.parquet")
    rows = pq.read_table(folder / "room/tracks.parquet").to_pydict()
    assert {round(x, -1) for x, one in zip(rows["x1"], rows["track_id"], strict=True) if one == still} == {150}
    with av.open(str(folder / "room/video.mp4")) as video:
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in video.decode(video=0)]
    edge = [picture[60:70, 150].mean(axis=0) for picture in (pictures[20], pictures[-1])]
    assert [one.max() - one.min() > 60 for one in edge] == [True, False]  # coloured, then grey
