"""Linking while a run goes on: what has ended is in the gallery, and the end of the run is as if it had not been."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from whole_runs import assert_whole

from mdpr.errors import ConfigError, OutputError
from mdpr.pipeline.commands.gallery import main as gallery_main
from mdpr.pipeline.commands.link import main as link
from mdpr.pipeline.commands.track import main
from mdpr.pipeline.flags import config_from_flags
from mdpr.pipeline.formats.identities import read_identities
from mdpr.pipeline.linking import whiletracking
from mdpr.pipeline.linking.aftertracking import link_after
from mdpr.pipeline.linking.arrivals import MOST_BOXES, Arrival, Arrivals, ArrivalSink
from mdpr.pipeline.linking.runs import LEAST_SPACING_S, RunFolder
from mdpr.pipeline.linking.viewcrops import cut_views
from mdpr.pipeline.linking.whiletracking import LEAST_REST, LIVE_EVERY_S, LinkingWhileTracking, every_s_of
from mdpr.pipeline.run import TrackRun
from mdpr.pipeline.store import Retention, SqliteStore
from mdpr.pipeline.store.checks import Clock
from mdpr.pipeline.trajectory_files import read_boxes
from mdpr.trackers.crosscamera import Cameras, Sighting, TrackletKey
from mdpr.trackers.crosscamera.visits import SHOWN_S, visits_of
from mdpr.trackers.merging import VISIT_GAP_S
from mdpr.types import Frame, Tracklet, Tracks

FPS = 25


@pytest.fixture
def clips(make_walk: Callable[..., Path]) -> list[Path]:
    """Two people who have left after 2.5 of 8 seconds."""
    return [make_walk("one.mp4", 200), make_walk("two.mp4", 200)]


def run_of(tmp_path: Path, clips: list[Path], name: str = "run", **flags: Any) -> TrackRun:
    fixed = {
        "detector": "motion",
        "reid": "histogram",
        "project": str(tmp_path / "out"),
        "name": name,
        "save": False,
        "gallery": str(tmp_path / f"{name}.db"),
    }
    settings = (("tracker.return_s", 0.0),)
    return TrackRun(config_from_flags(tuple(map(str, clips)), fixed | flags, None, settings))


def people_of(gallery: Path) -> list[list[tuple[str, ...]]]:
    with SqliteStore(gallery, "read") as store:
        found = [
            sorted((key.camera, str(key.track_id), str(key.part)) for key in one.members) for one in store.identities()
        ]
    return sorted(found)


def test_who_has_left_is_in_the_gallery_before_the_run_is_over(clips, tmp_path) -> None:
    run = run_of(tmp_path, clips)
    seen: list[int] = []

    def look() -> None:
        linking.link_now()
        with SqliteStore(tmp_path / "run.db") as store:
            seen.append(len(store.tracklets()))

    linking = LinkingWhileTracking(run, Cameras(), 1e6)
    run.more_sinks.append(lambda camera: At(180 if camera == "one" else -1, look))
    code = run.execute()
    assert seen[0] > 0
    assert (tmp_path / "out/run/one/tracks.parquet").exists()
    assert link_after(run, code, linking.done) == 0
    other = run_of(tmp_path, clips, "whole")
    assert link_after(other, other.execute()) == 0
    assert people_of(tmp_path / "run.db") == people_of(tmp_path / "whole.db")
    assert_whole(tmp_path / "out/run")
    assert read_identities(tmp_path / "out/run/identities.json") == read_identities(
        tmp_path / "out/whole/identities.json"
    )
    with SqliteStore(tmp_path / "run.db", "read") as store:
        assert [one.name for one in store.runs()] == ["run"]
        assert all(jpeg[:2] == b"\xff\xd8" for one in store.tracklets() for jpeg in store.crops(one.key))
        assert store.stats().crops == store.stats().views


def test_who_was_forgotten_meanwhile_stays_forgotten(clips, tmp_path) -> None:
    run = run_of(tmp_path, clips)
    linking = LinkingWhileTracking(run, Cameras(), 1e6)
    code = run.execute()
    linking.link_now()
    with SqliteStore(tmp_path / "run.db") as store:
        gone, *left = store.identities()
        store.forget("test", identity=gone.number)
    assert left
    assert link_after(run, code, linking.done) == 0
    with SqliteStore(tmp_path / "run.db", "read") as store:
        assert {one.number for one in store.identities()} == {one.number for one in left}
    identities = json.loads((tmp_path / "out/run/identities.json").read_text())["identities"]
    assert {one["id"] for one in identities} == {one.number for one in left}


def test_who_is_forgotten_while_pictures_are_cut_stays_forgotten(clips, tmp_path, monkeypatch) -> None:
    run = run_of(tmp_path, clips)
    linking = LinkingWhileTracking(run, Cameras(), 1e6)
    code = run.execute()
    linking.link_now()

    def cut(of: RunFolder, sightings: Sequence[Sighting]) -> dict[TrackletKey, tuple[bytes, ...]]:
        found = cut_views(of, sightings)
        with SqliteStore(tmp_path / "run.db") as store:
            store.forget("test", identity=store.identities()[0].number)
        return found

    monkeypatch.setattr("mdpr.pipeline.linking.jobs.cut_views", cut)
    before = people_of(tmp_path / "run.db")
    assert link_after(run, code, linking.done) == 0
    assert len(people_of(tmp_path / "run.db")) == len(before) - 1
    with SqliteStore(tmp_path / "run.db", "read") as store:
        assert all(one.identity for one in store.tracklets())  # nothing of them was put back


def pictures_of(gallery: Path) -> dict[tuple[str, int, int], tuple[bytes, ...]]:
    with SqliteStore(gallery, "read") as store:
        found = {one.key: store.crops(one.key) for one in store.tracklets()}
    return {(key.camera, key.track_id, key.part): jpegs for key, jpegs in found.items()}


def live_run(tmp_path: Path, clips: list[Path], **flags: Any) -> tuple[TrackRun, LinkingWhileTracking]:
    """A run whose first camera is taken for a stream, which cannot be read again."""
    run = run_of(tmp_path, clips, **flags)
    run.cameras["one"].source = "http://127.0.0.1:9/x"
    return run, LinkingWhileTracking(run, Cameras(), 1e6)


@pytest.mark.parametrize("is_round", [True, False])
def test_pictures_of_a_live_camera_are_those_that_its_video_would_have_given(
    clips, tmp_path, caplog, is_round: bool
) -> None:
    """Of who entered the gallery while the run went on, and of who did at its end."""
    run, linking = live_run(tmp_path, clips)
    with linking:
        code = run.execute()
        if is_round:
            linking.link_now()
    assert bool(linking.done.entered) == is_round
    assert bool(linking.done.pictures) != is_round
    assert link_after(run, code, linking.done) == 0
    assert "no pictures" not in caplog.text
    whole = run_of(tmp_path, clips, "whole")
    assert link_after(whole, whole.execute()) == 0
    assert pictures_of(tmp_path / "run.db") == pictures_of(tmp_path / "whole.db")
    assert all(jpeg for jpegs in pictures_of(tmp_path / "run.db").values() for jpeg in jpegs)


@pytest.mark.parametrize("is_round", [True, False])
def test_no_pictures_where_they_are_not_wanted(clips, tmp_path, is_round: bool) -> None:
    run, linking = live_run(tmp_path, clips, crops=False)
    with linking:
        code = run.execute()
        if is_round:
            linking.link_now()
    assert link_after(run, code, linking.done) == 0
    found = pictures_of(tmp_path / "run.db")
    assert found
    assert not any(jpeg for jpegs in found.values() for jpeg in jpegs)


def test_files_are_read_again_instead(clips, tmp_path) -> None:
    run, linking = live_run(tmp_path, clips)
    with linking:
        run.execute()
        arrivals = linking._arrivals.take()
    assert {one.tracklet.camera: bool(one.pictures) for one in arrivals} == {"one": True, "two": False}


def test_pictures_that_wait_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr("mdpr.pipeline.linking.arrivals.MOST_WAITING_BYTES", 100)
    arrivals = Arrivals()
    for track_id in range(1, 5):
        arrivals.add([Arrival(tracklet_of(track_id, 0.0, 1.0), None, {0: b"x" * 40})])
    waiting = arrivals.take()
    assert [one.bytes for one in waiting] == [0, 0, 40, 40]
    assert [one.tracklet.track_id for one in waiting] == [1, 2, 3, 4]


def test_nothing_is_lost_by_a_round_that_fails(clips, tmp_path, caplog) -> None:
    run = run_of(tmp_path, clips)
    linking = LinkingWhileTracking(run, Cameras(), 1e6)
    run.execute()
    gallery = tmp_path / "run.db"
    gallery.write_text("no gallery at all" * 100)
    linking.link_now()
    assert "not linked for now" in caplog.text
    assert not linking.done.entered
    gallery.unlink()
    linking.link_now()
    assert linking.done.entered
    assert people_of(gallery)


def test_a_mistake_in_a_round_does_not_end_the_rounds(clips, tmp_path, caplog, monkeypatch) -> None:
    run = run_of(tmp_path, clips)
    linking = LinkingWhileTracking(run, Cameras(), 1e6)
    run.execute()
    with monkeypatch.context() as broken:
        broken.setattr(whiletracking, "link_known", lambda *_: 1 / 0)
        linking.link_now()
    assert "ZeroDivisionError" in caplog.text
    assert not linking.done.entered
    linking.link_now()
    assert linking.done.entered


def test_the_limits_of_the_gallery_hold_while_a_run_goes_on(clips, tmp_path, caplog) -> None:
    caplog.set_level("INFO", "mdpr")
    run = run_of(tmp_path, clips, started_at=["2026-11-01T08:00:00"])
    linking = LinkingWhileTracking(run, Cameras(), 1e6)
    linking.enforce_limits_now()  # there is no gallery yet
    assert "not enforced" not in caplog.text
    code = run.execute()
    linking.link_now()
    linking.enforce_limits_now()
    assert people_of(tmp_path / "run.db")  # it has no limits
    with SqliteStore(tmp_path / "run.db") as store:
        store.set_retention(Retention(ttl_s=60.0))
    linking.enforce_limits_now()
    assert people_of(tmp_path / "run.db")  # the next time is in an hour
    linking._limits_due_s = 0.0
    linking.enforce_limits_now()
    assert people_of(tmp_path / "run.db") == []
    assert linking._limits_due_s <= time.monotonic() + 6
    assert link_after(run, code, linking.done) == 0
    assert people_of(tmp_path / "run.db") == []
    assert "forgot" in caplog.text


def test_limits_that_cannot_be_enforced_are_told(clips, tmp_path, caplog) -> None:
    linking = LinkingWhileTracking(run_of(tmp_path, clips), Cameras(), 1e6)
    (tmp_path / "run.db").write_text("no gallery at all" * 100)
    linking.enforce_limits_now()
    assert "limits of the gallery were not enforced" in caplog.text


@pytest.mark.parametrize("limit", [Retention(ttl_s=60.0), Retention(max_bytes=1)])
def test_the_limits_of_the_gallery_hold_at_the_end_of_a_run(clips, tmp_path, limit: Retention) -> None:
    run = run_of(tmp_path, clips, started_at=["2026-11-01T08:00:00"])
    with SqliteStore(tmp_path / "run.db") as store:
        store.set_retention(limit)
    assert link_after(run, run.execute()) == 0
    assert people_of(tmp_path / "run.db") == []
    assert read_identities(tmp_path / "out/run/identities.json")  # the run's own files tell all the same


def test_a_camera_that_begins_late_joins_its_run(clips, tmp_path) -> None:
    """When a live camera began is a fact of the run in the gallery, which is not known before."""
    run = run_of(tmp_path, clips)
    known = Cameras.parse({"one -> two": "1..40 s"})
    linking = LinkingWhileTracking(run, known, 1e6)
    code = run.execute()
    arrivals = linking._arrivals.take()
    frames, run.cameras["two"].frames = run.cameras["two"].frames, 0
    linking._arrivals.add([one for one in arrivals if one.tracklet.camera == "one"])
    linking.link_now()
    with SqliteStore(tmp_path / "run.db", "read") as store:
        (before,) = store.runs()
        assert set(before.cameras) == {"one"}
        assert {one.key.camera for one in store.tracklets()} == {"one"}
    run.cameras["two"].frames = frames
    linking._arrivals.add([one for one in arrivals if one.tracklet.camera == "two"])
    linking.link_now()
    with SqliteStore(tmp_path / "run.db", "read") as store:
        (after,) = store.runs()
        assert set(after.cameras) == set(after.config["started_from"]) == {"one", "two"}
        assert after.cameras["one"] == before.cameras["one"]
        assert {one.key.camera for one in store.tracklets()} == {"one", "two"}
    assert link_after(run, code, linking.done) == 0
    other = run_of(tmp_path, clips, "whole")
    assert link_after(other, other.execute()) == 0
    assert people_of(tmp_path / "run.db") == people_of(tmp_path / "whole.db")


def test_the_boxes_are_those_that_the_files_will_have(clips, tmp_path) -> None:
    run = run_of(tmp_path, clips[:1])
    arrivals = Arrivals()
    run.more_sinks.append(lambda _camera: ArrivalSink(arrivals))
    run.execute()
    written = read_boxes(tmp_path / "out/run/one/tracks.parquet", LEAST_SPACING_S)
    taken = {one.tracklet.track_id: one.boxes for one in arrivals.take()}
    assert sorted(taken) == sorted(written)
    for track_id, boxes in written.items():
        for one, other in zip(taken[track_id], boxes, strict=True):
            np.testing.assert_allclose(one, other)
    assert arrivals.take() == []


def box_at(x: float) -> list[float]:
    return [x, 0.0, x + 10, 30.0]


def tracks_of(
    ids: list[int], x: float, ended: tuple[Tracklet, ...] = (), renamed: tuple[tuple[int, int], ...] = ()
) -> Tracks:
    count = len(ids)
    return Tracks(
        np.array(ids), np.array([box_at(x)] * count, np.float32).reshape(-1, 4), np.full(count, 0.9),
        np.zeros(count), np.arange(count), ended=ended, renamed=renamed,
    )  # fmt: skip


def tracklet_of(track_id: int, start_s: float, end_s: float) -> Tracklet:
    first, last = round(start_s * FPS), round(end_s * FPS)
    return Tracklet(
        "cam", track_id, 0, first, last, start_s, end_s, 5, 0.8, np.array([first]), np.array([start_s]),
        np.zeros((1, 4)), np.ones(1), np.ones(1), np.ones((1, 2)),
    )  # fmt: skip


def test_boxes_follow_an_id_that_is_taken_back() -> None:
    arrivals = Arrivals()
    sink = ArrivalSink(arrivals)
    for second in range(4):
        track_id, renamed = (1, ()) if second < 2 else (7, ((7, 1),) if second == 3 else ())
        sink.write(Frame("cam", second * FPS, float(second)), tracks_of([track_id], float(second), renamed=renamed))
    sink.end([tracklet_of(1, 0.0, 3.0)])
    (arrival,) = arrivals.take()
    boxes = arrival.boxes
    assert boxes is not None
    assert boxes[0].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert boxes[1].tolist() == [box_at(float(x)) for x in range(4)]


def test_a_guess_where_somebody_hidden_is_is_no_box() -> None:
    arrivals = Arrivals()
    sink = ArrivalSink(arrivals)
    for second in range(3):
        tracks = tracks_of([1], float(second))
        if second == 1:
            tracks = replace(tracks, confidence=np.zeros(1, np.float32), detection_index=np.array([-1], np.int32))
        sink.write(Frame("cam", second * FPS, float(second)), tracks)
    sink.end([tracklet_of(1, 0.0, 2.0)])
    (arrival,) = arrivals.take()
    boxes = arrival.boxes
    assert boxes is not None
    assert boxes[0].tolist() == [0.0, 2.0]


def test_boxes_of_the_latest_tracks_are_kept(clips, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(whiletracking, "MOST_PATHS", 2)
    run = run_of(tmp_path, clips)
    linking = LinkingWhileTracking(run, Cameras(), 1e6)
    run.execute()
    for first in (1, 3):
        tracklets = [tracklet_of(track_id, 0.0, 2.0) for track_id in (first, first + 1)]
        now = linking._so_far([Arrival(one, (np.zeros(1), np.zeros((1, 4), np.float32))) for one in tracklets])
        assert list(now.boxes_of("cam")) == [first, first + 1]
        assert list(now.tracklets) == tracklets


def test_rounds_rest_nine_times_as_long_as_they_take(clips, tmp_path, monkeypatch) -> None:
    linking = LinkingWhileTracking(run_of(tmp_path, clips), Cameras(), 0.5)
    rests: list[float] = []
    lasting = iter((0.0, 0.1))
    monkeypatch.setattr(linking, "link_now", lambda: time.sleep(next(lasting)))
    monkeypatch.setattr(
        linking, "_is_over", SimpleNamespace(wait=lambda rest_s: rests.append(rest_s) or len(rests) == 3)
    )
    limits: list[bool] = []
    monkeypatch.setattr(linking, "enforce_limits_now", lambda: limits.append(True))
    linking._rounds()
    assert len(limits) == 2
    assert rests[:2] == [0.5, 0.5]
    assert rests[2] >= LEAST_REST * 0.1


def test_who_stays_for_hours_costs_no_more_than_who_stays_for_minutes() -> None:
    arrivals = Arrivals()
    sink = ArrivalSink(arrivals)
    for index in range(5 * MOST_BOXES):
        sink.write(Frame("cam", index, index * LEAST_SPACING_S * 1.001), tracks_of([1], 0.0))
    sink.end([tracklet_of(1, 0.0, MOST_BOXES * LEAST_SPACING_S)])
    (arrival,) = arrivals.take()
    boxes = arrival.boxes
    assert boxes is not None
    assert MOST_BOXES / 2 <= len(boxes.time_s) <= MOST_BOXES
    steps = np.diff(boxes.time_s)
    assert steps.max() < 3 * np.median(steps)  # still over all of the time


def test_visits_of_who_stays_for_hours() -> None:
    """Boxes that are thinned out make no visits, and leave those that there were as they were."""
    arrivals = Arrivals()
    sink = ArrivalSink(arrivals)
    leaves, returns = 900.05, 1023.35
    times = np.concatenate([np.arange(0.05, leaves, 0.5), np.arange(returns, 9 * 3600, 0.5)])
    for index, time_s in enumerate(times.tolist()):
        sink.write(Frame("cam", index, time_s), tracks_of([1], 0.0))
    seen = np.linspace(0, len(times) - 1, 40).astype(int)
    rows = np.tile(np.eye(2, dtype=np.float32)[:1], (len(seen), 1))
    tracklet = Tracklet(
        "cam", 1, 0, 0, len(times) - 1, times[0], times[-1], len(times), 0.8, seen, times[seen],
        np.zeros((len(seen), 4)), np.ones(len(seen)), np.ones(len(seen)), rows,
    )  # fmt: skip
    sink.end([tracklet])
    (arrival,) = arrivals.take()
    assert arrival.boxes is not None
    assert len(arrival.boxes.time_s) < MOST_BOXES
    assert arrival.boxes.spacing_s > VISIT_GAP_S
    first, second = visits_of(replace(Sighting.of("run", tracklet), boxes=arrival.boxes))
    assert first.tracklet.end_s == pytest.approx(leaves - 0.5 + SHOWN_S)
    assert second.tracklet.start_s == pytest.approx(returns)
    assert second.tracklet.start_frame == int(np.flatnonzero(times == returns)[0])


def test_how_often(clips, tmp_path, monkeypatch) -> None:
    assert not run_of(tmp_path, clips).is_live
    assert every_s_of(run_of(tmp_path, clips)) is None
    assert every_s_of(run_of(tmp_path, clips, link_every=5.0)) == 5.0
    monkeypatch.setattr(TrackRun, "is_live", True)
    assert every_s_of(run_of(tmp_path, clips)) == LIVE_EVERY_S
    assert every_s_of(run_of(tmp_path, clips, link_every=0.0)) is None
    assert every_s_of(run_of(tmp_path, clips, refine=True)) is None
    assert every_s_of(run_of(tmp_path, clips, gallery="")) is None
    for wrong in ({"link_every": -1.0}, {"link_every": float("inf")}, {"link_every": 1.0, "gallery": ""},
                  {"link_every": 1.0, "refine": True}):  # fmt: skip
        with pytest.raises(ConfigError, match="link_every_s"):
            run_of(tmp_path, clips, **wrong)


def test_by_the_command(clips, tmp_path, capsys) -> None:
    gallery = tmp_path / "gallery.db"
    arguments = [*map(str, clips), "--detector", "motion", "--reid", "histogram", "--set", "tracker.return_s=0"]
    arguments += ["--project", str(tmp_path / "out"), "--gallery", str(gallery), "--link-every", "0.02"]
    assert main(arguments) == 0
    assert "so far" in capsys.readouterr().err
    found = read_identities(tmp_path / "out/run/identities.json")
    assert {camera for camera, _ in found} == {"one", "two"}
    with SqliteStore(gallery, "read") as store:
        assert len({one.key[:3] for one in store.tracklets()}) == len(found)


class At:
    """A sink that does something once, at a frame."""

    def __init__(self, frame: int, action: Callable[[], None]) -> None:
        self._frame, self._action = frame, action

    def write(self, frame: Frame, tracks: Tracks) -> None:
        if frame.index == self._frame:
            self._action()

    def end(self, tracklets: object) -> None: ...

    def __enter__(self) -> At:
        return self

    def __exit__(self, *_: object) -> None: ...


GALLERY_ONLY = {"save": False, "save_txt": False, "save_parquet": False}


def gallery_only(tmp_path: Path, clips: list[Path], name: str = "only", **flags: Any) -> tuple[int, TrackRun]:
    run = run_of(tmp_path, clips, name, **GALLERY_ONLY, **flags)
    every_s = every_s_of(run)
    assert every_s == LIVE_EVERY_S
    with LinkingWhileTracking(run, Cameras(), every_s) as linking:
        code = run.execute()
    return link_after(run, code, linking.done), run


def test_a_gallery_may_be_all_that_keeps_people(clips, tmp_path) -> None:
    code, run = gallery_only(tmp_path, clips)
    assert code == 0
    assert sorted(path.name for path in run.folder.rglob("*")) == ["config.yaml", "run.json"]
    whole = run_of(tmp_path, clips, "whole")
    assert link_after(whole, whole.execute()) == 0
    assert people_of(tmp_path / "only.db") == people_of(tmp_path / "whole.db")
    with SqliteStore(tmp_path / "only.db", "read") as store, SqliteStore(tmp_path / "whole.db", "read") as other:
        assert {one.key.track_id for one in store.tracklets()}
        assert store.stats().crops == store.stats().views == other.stats().views
    assert gallery_only(tmp_path, clips, "bare", crops=False)[0] == 0
    with SqliteStore(tmp_path / "bare.db", "read") as store:
        assert store.stats().crops == 0 < store.stats().views


def test_limits_hold_at_its_end(clips, tmp_path, monkeypatch) -> None:
    assert gallery_main([str(tmp_path / "only.db"), "keep", "--ttl", "1s"]) == 0
    clock = Clock.now_s
    monkeypatch.setattr(Clock, "now_s", lambda self: clock(self) + 60)
    assert gallery_only(tmp_path, clips)[0] == 0
    with SqliteStore(tmp_path / "only.db", "read") as store:
        assert store.tracklets() == []


def test_who_cannot_be_put_into_it_is_not_lost(clips, tmp_path, monkeypatch, caplog) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(whiletracking, "link_known", fail_with(OutputError("no space left")))
        code, run = gallery_only(tmp_path, clips)
    assert code == 1
    assert f"mdpr-link {run.folder} --gallery {tmp_path / 'only.db'}" in caplog.text
    assert link([str(run.folder), "--gallery", str(tmp_path / "only.db"), "--quiet"]) == 0
    assert gallery_only(tmp_path, clips, "whole")[0] == 0
    assert people_of(tmp_path / "only.db") == people_of(tmp_path / "whole.db")
    with SqliteStore(tmp_path / "only.db", "read") as store:
        assert [one.name for one in store.runs()] == ["only"]


def fail_with(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"link_every": 0.0}, "leave out --no-save-parquet"),
        ({"gallery": "", "link": True}, "leave out --no-save-parquet"),
        ({"refine": True}, "refining needs"),
    ],
)
def test_what_needs_tables_is_refused_without_them(clips, tmp_path, flags: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        run_of(tmp_path, clips, **GALLERY_ONLY, **flags)


def test_that_nothing_is_kept_is_said(clips, tmp_path, caplog) -> None:
    run_of(tmp_path, clips, **GALLERY_ONLY)
    assert "nothing of this run is kept" not in caplog.text
    run_of(tmp_path, clips, **GALLERY_ONLY, gallery="")
    assert "nothing of this run is kept" in caplog.text
