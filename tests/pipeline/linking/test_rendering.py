"""What is drawn of a run with identities."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mdpr.pipeline.linking.rendering import _boxes


def test_who_is_found_again_while_hidden_is_drawn_once(tmp_path: Path) -> None:
    """Track 12 is still shown as hidden in frame 8 while 17, the same person, is seen; others stay, linked or not."""
    rows = [  # frame, track, confidence, identity
        (7, 12, 0.0, 3), (8, 12, 0.0, 3), (8, 17, 0.8, 3), (8, 18, 0.0, 4), (8, 20, 0.0, None), (8, 21, 0.7, None),
    ]  # fmt: skip
    frame, track, confidence, identity = (list(column) for column in zip(*rows, strict=True))
    edges = {edge: [float(one) for one in track] for edge in ("x1", "y1", "x2", "y2")}
    table = pa.table(
        {
            "frame": frame,
            "track_id": track,
            **edges,
            "confidence": confidence,
            "class_id": [0] * 6,
            "identity": identity,
        }
    )
    pq.write_table(table, tmp_path / "tracks.parquet")
    found = _boxes(tmp_path / "tracks.parquet")
    assert found[7].track_id.tolist() == [3]
    assert list(zip(found[8].track_id.tolist(), found[8].xyxy[:, 0].tolist(), strict=True)) == [
        (3, 17.0), (4, 18.0), (0, 20.0), (0, 21.0),
    ]  # fmt: skip
