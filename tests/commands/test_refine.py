"""`mdpr refine` and `mdpr-track --refine`: files are rewritten as a whole, and the originals come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from whole_runs import assert_whole

from mdpr.pipeline.commands.refine import main
from mdpr.pipeline.commands.track import main as track_main
from mdpr.pipeline.sinks.parquet import IS_STILL
from mdpr.pipeline.store.tracklet_files import read_still, read_tracklets

FILES = ("tracks.txt", "tracks.parquet", "tracklets.parquet")


@pytest.fixture
def tracked(tmp_path: Path) -> Any:
    """tracked(*flags): the folder of a run over two people; one is hidden for 1.5 s, too long for the tracker."""
    sequence = tmp_path / "S"
    sequence.mkdir()
    (sequence / "seqinfo.ini").write_text("[Sequence]\nname=S\nframeRate=10\nimWidth=900\nimHeight=480\nseqLength=80\n")
    rng = np.random.default_rng(0)
    lines = []
    for frame in range(1, 81):
        for x, y, hidden in ((100 + 5 * frame, 100, range(30, 45)), (700, 300, ())):
            if frame not in hidden:
                left, top = np.array([x, y]) + rng.normal(0, 1.5, 2)
                lines.append(f"{frame},-1,{left:.2f},{top:.2f},40,100,0.9\n")
    det = tmp_path / "det.txt"
    det.write_text("".join(lines))

    def run(*flags: str) -> Path:
        arguments = [
            str(sequence),
            "--detections",
            str(det),
            "--no-save",
            "--quiet",
            "--project",
            str(tmp_path / "out"),
        ]
        assert track_main([*arguments, "--exist-ok", "--tracker", "bytetrack", *flags]) == 0
        return tmp_path / "out/run"

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def test_refined_files_agree_and_the_originals_come_back(tracked: Any, capsys: Any) -> None:
    folder = tracked()
    camera = folder / "S"
    before = contents(camera)
    assert len(read_tracklets(camera / "tracklets.parquet")[1]) == 3
    assert main([str(folder), "--max-fill", "5", "--json"]) == 0
    change = json.loads(capsys.readouterr().out)[str(folder)]["cameras"]["S"]
    assert change["connected"] == [[1, 3]]
    assert (change["tracks_before"], change["tracks"]) == (3, 2)
    assert json.loads((folder / "run.json").read_text())["refined"]["cameras"]["S"] == change

    text = np.loadtxt(camera / "tracks.txt", delimiter=",")
    rows = pq.read_table(camera / "tracks.parquet").to_pydict()
    assert rows["frame"] == (text[:, 0] - 1).astype(int).tolist()
    assert rows["track_id"] == text[:, 1].astype(int).tolist()
    np.testing.assert_allclose(np.array(rows["x2"]) - rows["x1"], text[:, 4], atol=0.02)
    hidden = np.isin(rows["frame"], range(29, 44)) & (np.array(rows["track_id"]) == 1)
    assert hidden.sum() == 15 <= change["filled_boxes"] == sum(rows["is_interpolated"])
    assert np.array(rows["is_interpolated"])[hidden].all()
    np.testing.assert_allclose(np.array(rows["x1"])[hidden], 105 + 5 * np.arange(29, 44), atol=12)
    tracklets = read_tracklets(camera / "tracklets.parquet")[1]
    assert [(one.track_id, one.start_frame, one.end_frame) for one in tracklets] == [(1, 0, 79), (2, 0, 79)]
    assert {name: (camera / "unrefined" / name).read_bytes() for name in FILES} == before
    assert_whole(folder)

    assert main([str(folder), "--undo", "--quiet"]) == 0
    assert contents(camera) == before
    assert not (camera / "unrefined").exists()
    assert "refined" not in json.loads((folder / "run.json").read_text())
    assert_whole(folder)


def test_refining_again_begins_with_the_originals(tracked: Any) -> None:
    folder = tracked()
    assert main([str(folder), "--max-fill", "5", "--quiet"]) == 0
    first = contents(folder / "S")
    assert main([str(folder), "--no-connect", "--no-smooth", "--quiet"]) == 0
    assert contents(folder / "S") != first
    assert main([str(folder), "--max-fill", "5", "--quiet"]) == 0
    assert contents(folder / "S") == first


@pytest.mark.parametrize("replaced", [("tracks.parquet",), ("tracks.parquet", "tracklets.parquet")])
def test_after_a_kill_in_between_refining_again_is_right(tracked: Any, replaced: tuple[str, ...]) -> None:
    folder = tracked()
    before = contents(folder / "S")
    assert main([str(folder), "--quiet"]) == 0
    refined = contents(folder / "S")
    for name in set(FILES) - set(replaced):  # as if it had been killed after `replaced`
        (folder / "S" / name).write_bytes(before[name])
    assert main([str(folder), "--quiet"]) == 0
    assert contents(folder / "S") == refined
    assert main([str(folder), "--undo", "--quiet"]) == 0
    assert contents(folder / "S") == before


def test_a_new_run_in_the_same_folder_is_not_taken_for_refined(tracked: Any) -> None:
    folder = tracked()
    assert main([str(folder), "--quiet"]) == 0
    tracked("--set", "tracker.confirm_s=1")
    fresh = contents(folder / "S")
    assert main([str(folder), "--quiet"]) == 0
    assert main([str(folder), "--undo", "--quiet"]) == 0
    assert contents(folder / "S") == fresh


def test_what_linking_found_before_is_set_aside(tracked: Any) -> None:
    folder = tracked()
    (folder / "identities.json").write_text("{}")
    assert main([str(folder), "--quiet"]) == 0
    assert not (folder / "identities.json").exists()
    assert (folder / "identities.json.before-refine").exists()


@pytest.mark.parametrize(("before", "after"), [({1, 2, 3}, {1, 2}), ({1, 2}, {2}), ({2, 3}, {2}), (set(), set())])
def test_a_connected_track_never_moved_if_no_part_did(tracked: Any, before: set[int], after: set[int]) -> None:
    path = tracked() / "S/tracklets.parquet"
    table = pq.read_table(path)
    column = pa.array([track_id in before for track_id in table["track_id"].to_pylist()])
    pq.write_table(table.set_column(table.schema.get_field_index(IS_STILL), IS_STILL, column), path)
    assert read_still(path) == before
    assert main([str(path.parents[1]), "--max-fill", "5", "--quiet"]) == 0  # connects 1 and 3
    assert read_still(path) == after


def test_track_refines_at_the_end(tracked: Any, capsys: Any) -> None:
    folder = tracked("--refine", "--set", "refine.max_fill_s=5", "--json")
    summary = json.loads(capsys.readouterr().out)
    assert summary == json.loads((folder / "run.json").read_text())
    assert summary["refined"]["cameras"]["S"]["connected"] == [[1, 3]]
    assert summary["refined"]["config"]["max_fill_s"] == 5
    assert len(read_tracklets(folder / "S/tracklets.parquet")[1]) == 2


def test_a_run_without_anybody(tmp_path: Path, tracked: Any) -> None:
    folder = tracked("--set", "tracker.new_track_conf=0.95")
    assert main([str(folder), "--quiet"]) == 0
    assert pq.read_table(folder / "S/tracks.parquet").num_rows == 0
    assert (folder / "S/tracks.txt").read_text() == ""


def test_wrong_usage(tmp_path: Path, tracked: Any, capsys: Any) -> None:
    assert main([str(tmp_path)]) == 2
    assert "expected the folder of a run" in capsys.readouterr().err
    folder = tracked()
    assert main([str(folder), "--min-probability", "2"]) == 2
    assert "min_probability" in capsys.readouterr().err
    assert main([str(folder), "--quiet"]) == 0
    (folder / "S/unrefined/tracks.parquet").unlink()
    assert main([str(folder)]) == 2
    assert "track again" in capsys.readouterr().err
    assert track_main(["x.mp4", "--refine", "--no-save-parquet"]) == 2
    assert "save_parquet" in capsys.readouterr().err
