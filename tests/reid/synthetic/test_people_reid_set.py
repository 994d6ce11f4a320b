"""ReID sets: their readers read them, an interrupted run ends with the same bytes, processes do not matter."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mdpr.errors import ConfigError, DependencyError
from mdpr.reid.data import load_dataset
from mdpr.reid.data.images import read_image
from mdpr.reid.synthetic import plate_library, reid_set
from mdpr.reid.synthetic.identities import FAMILY
from mdpr.reid.synthetic.opengl import open_context
from mdpr.reid.synthetic.plate_library import load_plates, render_plates, save_plate
from mdpr.reid.synthetic.reid_set import MANIFEST, ReidSetConfig, make_reid_set
from synthetic_people import flat_camera, flat_plate, save_plates

pytestmark = pytest.mark.usefixtures("context")  # OpenGL, or a reason to skip


@pytest.fixture(autouse=True)
def _world(people_cache: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three flat places, and a cache that has the base mesh."""
    plates = save_plates(tmp_path_factory.mktemp("plates"))
    monkeypatch.setattr(reid_set, "render_plates", lambda seed, count: plates[:count])
    monkeypatch.setenv("MDPR_CACHE", str(people_cache))
    monkeypatch.setenv("LP_NUM_THREADS", "0")  # and back to what it was: a worker in this process sets it


def _config(out: Path, **changes: object) -> ReidSetConfig:
    config = ReidSetConfig(out, identities=8, views=4, cameras=3, hold_out=0.5, workers=1)
    return replace(config, **changes)  # type: ignore[arg-type]


def _bytes(folder: Path) -> dict[str, str]:
    """Hashes of everything but the journal, whose order is that of finishing."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "done.jsonl"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def finished(people_cache: Path, tmp_path_factory: pytest.TempPathFactory, context: object) -> Path:
    """A set of 8 people that was made in one go."""
    folder = tmp_path_factory.mktemp("set")
    plates = save_plates(tmp_path_factory.mktemp("plates"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reid_set, "render_plates", lambda seed, count: plates[:count])
        patch.setenv("MDPR_CACHE", str(people_cache))
        assert make_reid_set(_config(folder)) > 0
    return folder


def test_its_readers_read_it(finished: Path) -> None:
    for dataset in (load_dataset("market1501", finished), load_dataset("manifest", finished / MANIFEST)):
        assert len(dataset.train.paths) == 4 * 4
        assert len(dataset.query.paths) + len(dataset.gallery.paths) == 4 * 4
        train, test = set(dataset.train.pids.tolist()), set(dataset.query.pids.tolist())
        assert len(train) == len(test) == 4
        assert not train & test
        assert set(dataset.gallery.pids.tolist()) <= test
        pairs = list(zip(dataset.query.pids.tolist(), dataset.query.camids.tolist(), strict=True))
        assert len(set(pairs)) == len(pairs)  # one query a camera, and no more
        assert set(zip(dataset.gallery.pids.tolist(), dataset.gallery.camids.tolist(), strict=True)) <= set(pairs)
    picture = read_image(Path(finished / "query" / next((finished / "query").iterdir()).name))
    assert picture.shape[0] <= 256


def test_the_manifest_names_every_file_with_its_measures(finished: Path) -> None:
    lines = (finished / MANIFEST).read_text().splitlines()
    assert lines[0] == "path,pid,camid,split,visible,height_px"
    rows = [line.split(",") for line in lines[1:]]
    assert {row[0] for row in rows} == {str(path.relative_to(finished)) for path in finished.rglob("*.jpg")}
    assert [int(row[1]) for row in rows] == [pid for pid in range(1, 9) for _ in range(4)]
    for path, pid, camera, split, visible, height in rows:
        assert f"{int(pid):05d}_c{camera}s1_" in path
        assert (int(pid) > 4) == (split in ("query", "gallery"))
        assert 0 < float(visible) <= 1
        assert float(height) > 40
    assert json.loads((finished / "synth.json").read_text())["licence"].endswith("no real person")


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    config, made = _config(tmp_path), []

    def person(number: int) -> dict[str, object]:
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(number)
        return real(number)

    real = reid_set._person
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reid_set, "_person", person)
        with pytest.raises(KeyboardInterrupt):
            make_reid_set(config)
    journal = tmp_path / "done.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])  # it died within a line
    assert not (tmp_path / MANIFEST).exists()
    assert make_reid_set(config) > 0
    assert _bytes(tmp_path) == _bytes(finished)
    assert sorted(json.loads(line)["number"] for line in journal.read_text().splitlines()) == list(range(8))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")}
    assert make_reid_set(config) == 0  # nothing is left to do
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")}


@pytest.mark.slow
def test_two_processes_make_the_same_files_as_one(finished: Path, tmp_path: Path) -> None:
    make_reid_set(_config(tmp_path, workers=2))
    assert _bytes(tmp_path) == _bytes(finished)


@pytest.mark.slow
def test_a_person_is_the_same_in_a_set_that_begins_elsewhere(finished: Path, tmp_path: Path) -> None:
    make_reid_set(_config(tmp_path, first=2, identities=2, hold_out=0.0))
    names = [path.name for path in (tmp_path / "bounding_box_train").iterdir()]
    assert {name[:5] for name in names} == {"00003", "00004"}
    for name in names:
        part = "bounding_box_train" if name < "00005" else "query"
        assert (tmp_path / "bounding_box_train" / name).read_bytes() == (finished / part / name).read_bytes()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"seed": 1}, "seed 0 there, 1 now"),
        ({"views": 6}, "views 4 there, 6 now"),
        ({"alike": 0.2}, r"alike 0\.5 there, 0\.2 now"),
        ({"identities": 9}, "identities 8 there, 9 now"),
    ],
)
def test_other_settings_in_the_same_folder_are_an_error(changes: dict[str, object], text: str, finished: Path) -> None:
    before = _bytes(finished)
    with pytest.raises(ConfigError, match=f"{text}.*give another --out"):
        make_reid_set(_config(finished, **changes))
    assert _bytes(finished) == before


def test_a_set_without_test_people_may_grow(tmp_path: Path) -> None:
    make_reid_set(_config(tmp_path, identities=1, views=2, hold_out=0.0))
    first = _bytes(tmp_path)
    make_reid_set(_config(tmp_path, identities=2, views=2, hold_out=0.0))
    grown = _bytes(tmp_path)
    assert len(load_dataset("manifest", tmp_path / MANIFEST).train.paths) == 4
    assert all(grown[name] == content for name, content in first.items() if name.endswith(".jpg"))


@pytest.mark.parametrize(("first", "identities", "hold_out"), [(0, 100, 0.1), (6, 50, 0.3), (3, 9, 0.5), (0, 7, 0.0)])
def test_whole_families_are_held_out(first: int, identities: int, hold_out: float) -> None:
    config = ReidSetConfig(Path("x"), first=first, identities=identities, hold_out=hold_out)
    numbers = range(first, first + identities)
    test = {number for number in numbers if reid_set._is_test(config, number)}
    families = {number // FAMILY for number in numbers}
    held_out = {number // FAMILY for number in test}
    assert test == {number for number in numbers if number // FAMILY in held_out}
    assert len(held_out) == round(len(families) * hold_out)
    assert not held_out or max(held_out) == max(families)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"identities": 0}, "identities must be at least 1, got 0"),
        ({"views": 0}, "views must be at least 1"),
        ({"cameras": 1}, "cameras must be at least 2"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"first": -1}, "first must be at least 0, got -1"),
        ({"alike": 1.5}, r"alike must be a share from 0 to 1, got 1\.5"),
        ({"hold_out": -0.1}, "hold_out must be a share"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, object], text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=text):
        _config(tmp_path, **changes)


def test_without_assets_it_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "mdpr"):
        make_reid_set(_config(tmp_path, identities=1, views=1))
    assert "no --assets" in caplog.text
    (picture,) = tmp_path.rglob("*.jpg")
    assert cv2.imread(str(picture)) is not None


def test_without_anny_the_error_tells_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "anny" else real(name, *a))
    with pytest.raises(DependencyError, match=r"pip install 'mdpr-track\[synth\]'"):
        make_reid_set(_config(tmp_path))


def test_without_opengl_the_error_names_the_packages(tmp_path: Path) -> None:
    """In a process of its own, because a context that exists stays."""
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2] / "helpers")!r})
from pathlib import Path
from mdpr.errors import DependencyError
from mdpr.reid.synthetic import reid_set
reid_set.render_plates = lambda seed, count: []
try:
    reid_set.make_reid_set(reid_set.ReidSetConfig(Path({str(tmp_path)!r}), workers=1))
except DependencyError as error:
    print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "__EGL_VENDOR_LIBRARY_DIRS": "/nowhere"},
    ).stdout
    assert "apt-get install libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri" in said


def test_places_where_nobody_can_stand_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plate = flat_plate(flat_camera())
    empty = replace(plate, ground=np.zeros_like(plate.ground))
    files = [tmp_path / "1.npz", tmp_path / "2.npz"]
    for file, one in zip(files, (plate, empty), strict=True):
        save_plate(file, one)
    monkeypatch.setattr(reid_set, "render_plates", lambda seed, count: files)
    with pytest.raises(ConfigError, match="1 of 2 cameras see enough ground, 2 are needed: give more --cameras"):
        make_reid_set(_config(tmp_path / "set"))


def test_plates_survive_their_files(tmp_path: Path) -> None:
    plate = flat_plate(flat_camera(), "low-sun")
    save_plate(tmp_path / "1.npz", plate)
    (again,) = load_plates([tmp_path / "1.npz"])
    for name in ("image", "shaded", "ground", "sunlit"):
        assert np.array_equal(getattr(again, name), getattr(plate, name)), name
    assert np.allclose(again.depth, plate.depth, rtol=1e-3)
    assert np.isinf(again.depth).any()
    assert np.array_equal(again.light.direction, plate.light.direction)
    assert (again.light.name, again.light.is_dark) == ("low-sun", False)
    assert np.array_equal(again.camera.intrinsics, plate.camera.intrinsics)
    assert [file.name for file in tmp_path.iterdir()] == ["1.npz"]


def test_only_missing_plates_are_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDPR_CACHE", str(tmp_path))
    asked: list[tuple[int, int]] = []

    def world_plate(seed: int, number: int, context: object, kinds: object) -> object:
        asked.append((seed, number))
        return flat_plate(flat_camera())

    monkeypatch.setattr(plate_library, "world_plate", world_plate)
    assert len(render_plates(5, 2)) == 2
    assert len(render_plates(5, 3)) == 3
    assert render_plates(6, 1) != render_plates(5, 1)
    assert asked == [(5, 1), (5, 2), (5, 3), (6, 1)]


@pytest.mark.slow
def test_many_plates_are_rendered_by_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same plates, one after the other or not; those that processes render are not seen by a patch of this one."""
    monkeypatch.setenv("MDPR_CACHE", str(tmp_path))
    monkeypatch.setattr(plate_library, "_MANY", 2)
    monkeypatch.setattr(plate_library.os, "cpu_count", lambda: 2)
    together = render_plates(5, 2)
    found = list(load_plates(together))
    alone = plate_library.world_plate(5, 2, open_context(1))
    assert found[1].image.shape == alone.image.shape
    assert float(np.abs(found[1].image.astype(float) - alone.image).mean()) < 0.01
