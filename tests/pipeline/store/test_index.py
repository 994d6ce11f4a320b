"""The matrix behind `nearest`, where blocks end and rows go."""

from __future__ import annotations

import numpy as np
import pytest

from galleries import unit_rows
from mdpr.pipeline.store import TrackletKey, index
from mdpr.pipeline.store.index import Entry, ViewIndex
from mdpr.pipeline.store.values import EVERYTHING


@pytest.mark.parametrize("block_rows", [1, 3, 7, 1000])
def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch, block_rows: int) -> None:
    monkeypatch.setattr(index, "BLOCK_BYTES", block_rows * 4 * 8)
    monkeypatch.setattr(index, "_SCORE_BYTES", 4 * 60)  # a query or two at once
    rng = np.random.default_rng(block_rows)
    views = ViewIndex(8)
    kept: dict[TrackletKey, np.ndarray] = {}
    for number in range(40):
        key = TrackletKey("run", "cam", number)
        kept[key] = unit_rows(rng, int(rng.integers(1, 9)))
        views.extend([Entry(key, 0.0, 1.0, kept[key])])
        if number % 5 == 4:
            gone = [list(kept)[i] for i in rng.choice(len(kept), 3, replace=False)]
            views.remove([*gone, TrackletKey("run", "nowhere", 1)])
            for key in gone:
                del kept[key]
    rows = np.concatenate(list(kept.values()))
    assert len(views) == len(rows)
    assert views.bytes <= (len(rows) + block_rows) * 4 * 8
    queries = unit_rows(rng, 7)
    for query, matches in zip(queries, views.nearest(queries, len(rows), EVERYTHING, "view"), strict=True):
        assert {(match.key, match.view) for match in matches} == {
            (key, view) for key, some in kept.items() for view in range(len(some))
        }
        for match in matches:
            assert match.similarity == pytest.approx(float(kept[match.key][match.view] @ query), abs=1e-6)
        assert [m.similarity for m in matches] == sorted((m.similarity for m in matches), reverse=True)


def test_it_may_become_empty_and_full_again() -> None:
    views, row = ViewIndex(4), np.eye(1, 4, dtype=np.float32)
    keys = [TrackletKey("run", "cam", n) for n in range(3)]
    for _ in range(2):
        views.extend(Entry(key, 0.0, 1.0, row) for key in keys)
        assert [match.key for match in views.nearest(row, 9, EVERYTHING, "tracklet")[0]] == keys
        views.remove(keys)
        assert views.nearest(row, 9, EVERYTHING, "identity") == [[]]
        assert len(views) == 0
