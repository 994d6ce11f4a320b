"""tracklets.parquet comes back as it was written, and goes into a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from galleries import NOON, make_tracklet, same_tracklet, unit_rows
from mdpr.errors import FormatError, SourceError
from mdpr.pipeline.commands.track import main
from mdpr.pipeline.sinks import TrackletSink
from mdpr.pipeline.store import EmbeddingModel, MemoryStore, Run, RunCamera, Store, TrackletRecord
from mdpr.pipeline.store.tracklet_files import read_tracklets
from mdpr.types import Tracklet


def write(path: Path, tracklets: list[Tracklet], dimension: int = 8, fingerprint: str = "mdpr-test-1") -> Path:
    with TrackletSink(path, dimension, fingerprint) as sink:
        sink.end(tracklets)
    return path


@pytest.mark.parametrize("dimension", [8, 0])
def test_they_come_back(tmp_path: Path, dimension: int) -> None:
    rng = np.random.default_rng(0)
    tracklets = [
        make_tracklet(track_id=n, embeddings=unit_rows(rng, int(rng.integers(1, 6)), dimension or 1)[:, :dimension])
        for n in range(1, 700)  # three groups of rows
    ]
    model, read = read_tracklets(write(tmp_path / "tracklets.parquet", tracklets, dimension))
    assert model == EmbeddingModel("mdpr-test-1", dimension)
    assert len(read) == len(tracklets)
    assert all(same_tracklet(a, b) for a, b in zip(read, tracklets, strict=True))
    with pytest.raises(ValueError, match="read-only"):
        read[0].view_xyxy[:] = 0


def test_nobody_was_there(tmp_path: Path) -> None:
    assert read_tracklets(write(tmp_path / "tracklets.parquet", [])) == (EmbeddingModel("mdpr-test-1", 8), [])


def test_the_same_before_and_after_the_file(tmp_path: Path) -> None:
    """Confidence is a float32 in the file: that does not make it another tracklet."""
    tracklet = replace(make_tracklet(), confidence=0.1 + 1e-12)
    _, (read,) = read_tracklets(write(tmp_path / "tracklets.parquet", [tracklet]))
    with MemoryStore() as store:
        store.add_run(Run("monday", NOON, EmbeddingModel("mdpr-test-1", 8), {"hall": RunCamera("a", NOON)}))
        assert store.put([TrackletRecord.of("monday", tracklet)]) == 1
        assert store.put([TrackletRecord.of("monday", read)]) == 0


def test_files_that_are_wrong(tmp_path: Path) -> None:
    path = write(tmp_path / "tracklets.parquet", [make_tracklet()])
    whole = path.read_bytes()
    for cut in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(FormatError, match="is no Parquet file, or is damaged or cut off"):
            read_tracklets(path)
    path.unlink()
    with pytest.raises(SourceError, match="expected a run of mdpr-track"):
        read_tracklets(path)
    (tmp_path / "tracklets.parquet.part").touch()
    with pytest.raises(SourceError, match="killed before the file was whole"):
        read_tracklets(path)
    with pytest.raises(SourceError, match="cannot read"):
        read_tracklets(tmp_path)


def test_tables_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "tracklets.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(FormatError, match="does not name its embedding model"):
        read_tracklets(path)
    metadata = {"embedding_model": "x", "embedding_dimension": "8"}
    pq.write_table(pa.table({"camera": [1]}).replace_schema_metadata(metadata), path)
    with pytest.raises(FormatError, match=r"expected a column camera \(string\)"):
        read_tracklets(path)
    table = pq.read_table(write(path, [make_tracklet()]))
    emptied = table.set_column(table.schema.get_field_index("end_frame"), "end_frame", pa.array([-5]))
    pq.write_table(emptied, path)
    with pytest.raises(FormatError, match="ends before it starts"):
        read_tracklets(path)


def test_damage_in_the_middle(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = write(tmp_path / "tracklets.parquet", [make_tracklet(track_id=n) for n in range(1, 30)])
    whole = path.read_bytes()
    refused = 0
    for _ in range(60):
        broken = bytearray(whole)
        start = int(rng.integers(len(broken) - 20))
        broken[start : start + 20] = rng.bytes(20)
        path.write_bytes(broken)
        try:
            read_tracklets(path)
        except FormatError:
            refused += 1
    assert refused > 20


def test_a_run_goes_into_a_store(store: Store, make_walk: Callable[..., Path], tmp_path: Path) -> None:
    clip = make_walk()
    fixed = ["--detector", "motion", "--reid", "histogram", "--project", str(tmp_path), "--quiet"]
    assert main([str(clip), *fixed]) == 0
    model, tracklets = read_tracklets(tmp_path / "run" / "walk" / "tracklets.parquet")
    assert len(tracklets) >= 2
    store.add_run(Run("run", NOON, model, {"walk": RunCamera(str(clip), NOON)}))
    assert store.put([TrackletRecord.of("run", tracklet) for tracklet in tracklets]) == len(tracklets)
    for record, tracklet in zip(store.tracklets(), tracklets, strict=True):
        assert same_tracklet(record.tracklet, tracklet)
    best = store.nearest(tracklets[0].embeddings, 1)
    assert {matches[0].key.track_id for matches in best} == {tracklets[0].track_id}
