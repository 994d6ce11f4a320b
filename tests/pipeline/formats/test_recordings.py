"""What lies at a path, and which identities a run has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats.cvat import write_cvat
from mdpr.pipeline.formats.identities import read_identities
from mdpr.pipeline.formats.recordings import read_recordings
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes

LINE = "1,1,0,0,5,5,1\n"


def put(path: Path, text: str = LINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def sequence(folder: Path, info: str = "frameRate=12.5\nseqLength=40\nimWidth=640\nimHeight=480\n") -> Path:
    put(folder / "seqinfo.ini", f"[Sequence]\nname=other\n{info}")
    return put(folder / "gt" / "gt.txt")


def test_one_sequence_and_what_its_info_says(tmp_path: Path) -> None:
    file = sequence(tmp_path / "MOT-1")
    for path in (tmp_path / "MOT-1", file):
        found = read_recordings(path, "truth").by_name
        assert list(found) == ["MOT-1"]
        assert (found["MOT-1"].frames, found["MOT-1"].fps, found["MOT-1"].size) == (40, 12.5, (640, 480))


def test_folder_of_sequences(tmp_path: Path) -> None:
    for name in ("b", "a"):
        sequence(tmp_path / name, "")
    put(tmp_path / "truth.txt", "a 1 0 0 0 5 5 0 0\n")
    found = read_recordings(tmp_path, "truth")
    assert list(found.by_name) == ["a", "b"]
    assert found.by_name["a"].frames is None
    assert not found.are_ids_local


def test_run_of_mdpr_track(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path / name / "tracks.txt")
    found = read_recordings(tmp_path, "prediction")
    assert (list(found.by_name), found.are_ids_local, found.identities) == (["a", "b"], True, None)
    put(tmp_path / "identities.json", json.dumps({"identities": [{"id": 4, "tracklets": [
        {"camera": "a", "track_id": 1, "why": "?"}, {"camera": "b", "track_id": 1}]}]}))  # fmt: skip
    assert read_recordings(tmp_path, "prediction").identities == {("a", 1): 4, ("b", 1): 4}
    assert list(read_recordings(tmp_path / "a", "prediction").by_name) == ["a"]
    assert read_recordings(tmp_path / "a" / "tracks.txt", "prediction").are_ids_local


def test_truth_and_tracks_in_one_folder(tmp_path: Path) -> None:
    sequence(tmp_path / "a")
    put(tmp_path / "a" / "tracks.txt", "2,9,0,0,5,5,1\n")
    for folder in (tmp_path, tmp_path / "a"):
        assert read_recordings(folder, "truth").by_name["a"].boxes.track_id.tolist() == [1]
        assert read_recordings(folder, "prediction").by_name["a"].boxes.track_id.tolist() == [9]


def test_files_by_name(tmp_path: Path) -> None:
    put(tmp_path / "a.txt")
    put(tmp_path / "two.txt", "b 1 0 0 0 5 5 0 0\nc 1 0 0 0 5 5 0 0\n")
    write_cvat(tmp_path / "d.xml", Recording("d", TrackBoxes.of([0], 1, [[0, 0, 5, 5]])))
    assert list(read_recordings(tmp_path, "prediction").by_name) == ["a", "b", "c", "d"]
    put(tmp_path / "b.txt")
    with pytest.raises(FormatError, match=r"b is in both .*b\.txt and .*two\.txt"):
        read_recordings(tmp_path, "prediction")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        read_recordings(tmp_path / "none", "truth")
    with pytest.raises(FormatError, match=r"found no sequence. Expected\na file"):
        read_recordings(tmp_path, "truth")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "the list 'identities'"),
        ({"identities": [{"id": "x", "tracklets": []}]}, r"identities\[0\]: id: expected a whole number"),
        ({"identities": [{"id": 1}]}, "identity 1: expected an object with the list 'tracklets'"),
        ({"identities": [{"id": 1, "tracklets": [{"camera": "a"}]}]}, r"tracklets\[0\]: track_id"),
        ({"identities": [{"id": 1, "tracklets": [{"camera": 1, "track_id": 2}]}]}, "expected the name of a camera"),
        ({"identities": [{"id": 1, "tracklets": []}, {"id": 1, "tracklets": []}]}, "identity 1 is listed twice"),
        ({"identities": [{"id": n, "tracklets": [{"camera": "a", "track_id": 2}]} for n in (1, 3)]},
         "track 2 of camera a belongs to the identities 1 and 3"),
    ],
)  # fmt: skip
def test_identities_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_identities(put(tmp_path / "identities.json", json.dumps(content)))


def test_identities_no_json(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no JSON"):
        read_identities(put(tmp_path / "identities.json", "["))
