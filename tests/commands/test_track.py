"""`mdpr-track` as a stranger meets it: results, exit codes, bad input, interruption."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from whole_runs import assert_whole

from mdpr import track
from mdpr.errors import ConfigError, SourceError
from mdpr.pipeline.commands import main as mdpr_main
from mdpr.pipeline.commands.track import main

MakeWalk = Callable[..., Path]
QUICK = ("--detector", "motion", "--reid", "histogram")
"""Without a network, where who is who does not matter."""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., int]:
    """Runs the command with the motion detector; results go to tmp_path/out/run."""

    def call(*arguments: object, detector: str = "motion") -> int:
        return main([*map(str, arguments), "--detector", detector, "--project", str(tmp_path / "out"), "--exist-ok"])

    return call


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_small_people_are_shown_larger_unless_a_size_is_given(
    run: Callable[..., int], make_walk: MakeWalk, tmp_path: Path, capsys: Any
) -> None:
    """Six people in three close looks, 53 pixels high at 640."""
    clip, detector = make_walk(frames=60, size=(960, 540)), "blob_detector:ResizableBlobs"

    def size_of(*options: str) -> tuple[Any, str]:
        assert run(clip, "--reid", "none", "--no-save", *options, detector=detector) == 0
        report = json.loads((tmp_path / "out/run/run.json").read_text())
        return report["cameras"]["walk"]["imgsz"], report["detector"]

    assert size_of() == (960, "blobs; up to 1280 where people are small")
    assert "walk: people are small" in capsys.readouterr().err
    assert size_of("--imgsz", "640") == (None, "blobs")
    assert size_of("--config", str(tmp_path / "out/run/config.yaml")) == (None, "blobs")
    assert "people are small" not in capsys.readouterr().err


def test_all_results(run: Callable[..., int], make_walk: MakeWalk, tmp_path: Path, capsys: Any) -> None:
    assert run(make_walk(), "--save-crop", "--json") == 0
    folder = tmp_path / "out/run"
    summary = json.loads(capsys.readouterr().out)
    assert summary == json.loads((folder / "run.json").read_text())
    assert summary["status"] == "complete"
    assert summary["frames"] == 40
    assert summary["cameras"]["walk"]["people"] >= 2
    assert summary["stage_times"]["detect"]["frames"] == 40
    assert summary["versions"]["torch"]
    assert frames_of(folder / "walk/video.mp4") == 40
    text = np.loadtxt(folder / "walk/tracks.txt", delimiter=",")
    rows = pq.read_table(folder / "walk/tracks.parquet").to_pydict()
    assert rows["track_id"] == text[:, 1].astype(int).tolist()
    np.testing.assert_allclose(np.array(rows["x1"]) + 1, text[:, 2], atol=0.01)
    tracklets = pq.read_table(folder / "walk/tracklets.parquet").to_pylist()
    assert len(tracklets) == summary["people"] == len(list((folder / "walk/crops").glob("*.jpg")))
    for tracklet in tracklets:
        assert 1 <= len(tracklet["views"]) == len(tracklet["embeddings"]) <= 10
        np.testing.assert_allclose(np.linalg.norm(tracklet["embedding"]), 1, atol=1e-4)
    assert_whole(folder)


def test_the_resolved_configuration_gives_the_same_run(
    run: Callable[..., int], make_walk: MakeWalk, tmp_path: Path
) -> None:
    assert run(make_walk(), "--conf", "0.2") == 0
    first = (tmp_path / "out/run/walk/tracks.txt").read_text()
    again = ["--config", str(tmp_path / "out/run/config.yaml"), "--name", "again"]
    assert main(again) == 0
    assert (tmp_path / "out/again/walk/tracks.txt").read_text() == first


def test_the_same_run_twice_gives_the_same_files(run: Callable[..., int], make_walk: MakeWalk, tmp_path: Path) -> None:
    clip = make_walk()
    assert run(clip, "--name", "a") == run(clip, "--name", "b") == 0
    for name in ("tracks.txt", "tracks.parquet", "tracklets.parquet", "video.mp4"):
        first, second = (tmp_path / "out" / run_name / "walk" / name for run_name in "ab")
        assert first.read_bytes() == second.read_bytes(), name


def test_two_sources_together_equal_each_alone(run: Callable[..., int], make_walk: MakeWalk, tmp_path: Path) -> None:
    clips = [make_walk("one.mp4", 40), make_walk("two.mp4", 25, walkers=1, size=(200, 160))]
    assert run(*clips, "--name", "both", "--no-link") == 0
    for clip in clips:
        assert run(clip, "--name", clip.stem) == 0
        for name in ("tracks.txt", "tracklets.parquet"):
            together = tmp_path / "out/both" / clip.stem / name
            assert together.read_bytes() == (tmp_path / "out" / clip.stem / clip.stem / name).read_bytes()


def test_one_bad_source_does_not_stop_the_others(
    run: Callable[..., int], make_walk: MakeWalk, tmp_path: Path, capsys: Any
) -> None:
    fake = tmp_path / "fake.mp4"
    fake.write_text("this is no video")
    assert run(make_walk(), fake, tmp_path / "absent.mp4", "--reid", "histogram") == 3
    captured = capsys.readouterr()
    assert "fake.mp4" in captured.err
    assert "absent.mp4" in captured.err
    summary = json.loads((tmp_path / "out/run/run.json").read_text())
    assert summary["cameras"]["walk"]["frames"] == 40
    assert "fake.mp4" in summary["cameras"]["fake"]["error"]


def write_bad_file(kind: str, folder: Path) -> Path:
    path = folder / f"{kind}.mp4"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("hello " * 500)
    elif kind == "audio":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=8000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
            frame.rate = 8000
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize("kind", ["absent", "empty", "text", "audio", "folder"])
def test_nothing_to_read_is_exit_4(run: Callable[..., int], tmp_path: Path, capsys: Any, kind: str) -> None:
    path = write_bad_file(kind, tmp_path)
    assert run(path) == 4
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert f"{kind}.mp4" in captured.err
    assert "Traceback" not in captured.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tracker", "sort"], "unknown tracker 'sort'. Known: bytetrack, deepsort"),
        (["--set", "tracker.max_age=3"], "tracker: unknown key 'max_age'"),
        (["--config", "absent.yaml"], "no such file. Presets: default"),
        (["--start", "5", "--end", "2"], "end"),
        (["--reid", "onnx"], "needs a model"),
        (["--show"], "there is no display"),
    ],
)
def test_wrong_usage_is_exit_2(
    run: Callable[..., int],
    make_walk: MakeWalk,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert run(make_walk(frames=3), *arguments) == 2
    assert message in capsys.readouterr().err


def test_no_source_is_wrong_usage(capsys: Any) -> None:
    assert main([]) == 2
    assert "source" in capsys.readouterr().err


def test_an_unknown_flag_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--speed", "3"])
    assert stop.value.code == 2


def test_missing_weights_are_explained_within_five_seconds(make_walk: MakeWalk, tmp_path: Path) -> None:
    """Seconds of CPU time: the clock depends on what else the machine does."""
    environment = {**os.environ, "MDPR_MODELS": str(tmp_path / "models")}
    command = [
        sys.executable,
        "-m",
        "mdpr.pipeline.commands.track",
        str(make_walk(frames=3)),
        "--weights",
        "yolo11x",
        "--project",
        str(tmp_path),
    ]
    before = os.times()
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < 5
    assert result.returncode == 1
    for place in ("models", "cache", "MDPR_MODELS", "--weights"):
        assert place in result.stderr
    assert "Traceback" not in result.stderr


def write_sequence(folder: Path, rows: str) -> Path:
    folder.mkdir()
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=S\nframeRate=10\nseqLength=5\nimWidth=320\nimHeight=240\n")
    det = folder / "det.txt"
    det.write_text(rows)
    return det


def test_detections_without_pictures(tmp_path: Path, capsys: Any) -> None:
    det = write_sequence(tmp_path / "S", "".join(f"{i},-1,{10 * i},20,30,80,0.9\n" for i in range(1, 6)))
    assert main([str(tmp_path / "S"), "--detections", str(det), "--project", str(tmp_path / "out")]) == 0
    rows = np.loadtxt(tmp_path / "out/run/S/tracks.txt", delimiter=",")
    assert rows[:, :3].tolist() == [[i, 1, 10 * i] for i in range(1, 6)]
    assert "appearance is off" in capsys.readouterr().err
    assert frames_of(tmp_path / "out/run/S/video.mp4") == 5
    refused = main([str(tmp_path / "S"), "--detections", str(det), "--reid", "histogram", "--project", str(tmp_path)])
    assert refused == 2
    assert "has no images" in capsys.readouterr().err


class BrokenDetector:
    """Gives an inverted box at frame 35."""

    from mdpr.detectors.motion import Motion

    Config = Motion.Config
    description, batch_size = "broken", 1

    def __init__(self, config: Any) -> None:
        self._right = self.Motion(config)

    def detect(self, frames: Any) -> Any:
        from mdpr.types import Detections

        if any(frame.index == 35 for frame in frames):
            return [Detections(np.array([[50, 0, 10, np.nan]]), np.ones(1), np.zeros(1)) for _ in frames]
        return self._right.detect(frames)


def test_a_bad_box_stops_the_run_and_keeps_what_was_done(
    run: Callable[..., int], make_walk: MakeWalk, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = type(sys)("broken_detector")
    module.BrokenDetector = BrokenDetector  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "broken_detector", module)
    assert run(make_walk(), "--reid", "histogram", detector="broken_detector:BrokenDetector") == 1
    assert "not finite" in capsys.readouterr().err
    folder = tmp_path / "out/run"
    assert frames_of(folder / "walk/video.mp4") == 35
    assert len(pq.read_table(folder / "walk/tracklets.parquet")) >= 1
    summary = json.loads((folder / "run.json").read_text())
    assert summary["status"] == "failed"
    assert "not finite" in summary["error"]


@pytest.mark.parametrize(("number", "embedder"), [(signal.SIGINT, "mdpr-s"), (signal.SIGTERM, "histogram")])
def test_interruption_flushes_everything(
    make_walk: MakeWalk, tmp_path: Path, number: signal.Signals, embedder: str
) -> None:
    clip = make_walk(frames=400)
    command = [sys.executable, "-m", "mdpr.pipeline.commands.track", str(clip), "--detector", "motion"]
    command += ["--reid", embedder]
    process = subprocess.Popen([*command, "--project", str(tmp_path)], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    part = tmp_path / "run/walk/video.mp4.part"
    deadline = time.monotonic() + 300  # a network that was not converted before may take a minute
    while not (part.exists() and part.stat().st_size > 5_000) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    summary = json.loads((tmp_path / "run/run.json").read_text())
    assert summary["status"] == "interrupted"
    assert 0 < summary["frames"] < 400
    assert frames_of(tmp_path / "run/walk/video.mp4") == summary["frames"]
    assert len(pq.read_table(tmp_path / "run/walk/tracklets.parquet")) == summary["people"]
    assert_whole(tmp_path / "run")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(make_walk: MakeWalk, tiny_disk: Path, capsys: Any) -> None:
    clip = make_walk(frames=150, size=(640, 480))
    assert main([str(clip), *QUICK, "--project", str(tiny_disk), "--set", "output.crf=16"]) == 1
    assert "the disk is full" in capsys.readouterr().err
    folder = tiny_disk / "run"
    summary = json.loads((folder / "run.json").read_text())
    assert summary["status"] == "failed"
    assert 0 < summary["frames"] < 150
    last = int(
        np.loadtxt(folder / "walk/tracks.txt", delimiter=",")[-1, 0]
    )  # complete, up to what the writer had taken
    assert summary["frames"] - 8 <= last <= summary["frames"]
    assert len(pq.read_table(folder / "walk/tracklets.parquet")) == summary["people"]
    assert (folder / "walk/video.mp4.part").stat().st_size > 500_000
    assert [path.name for path in folder.rglob("*.part")] == ["video.mp4.part"]


def test_a_disk_without_any_space(make_walk: MakeWalk, tiny_disk: Path, capsys: Any) -> None:
    (tiny_disk / "filler").write_bytes(bytes(1_500_000))
    assert main([str(make_walk(frames=3)), *QUICK, "--project", str(tiny_disk)]) == 1
    assert "the disk is full" in capsys.readouterr().err


def test_an_unwritable_folder(make_walk: MakeWalk, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "file").touch()  # also root cannot make a folder below a file
    assert main([str(make_walk(frames=3)), *QUICK, "--project", str(tmp_path / "file")]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_names_count_up(run: Callable[..., int], make_walk: MakeWalk, tmp_path: Path) -> None:
    clip = make_walk(frames=3)
    for _ in range(3):
        assert main([str(clip), *QUICK, "--project", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["run", "run2", "run3"]


def test_python_api(make_walk: MakeWalk, tmp_path: Path) -> None:
    clip = make_walk()
    results = list(track(clip, detector="motion", settings={"tracker.max_age_s": 1.0}))
    frames = [frame.index for frame, _ in results]
    assert frames[:40] == list(range(40))
    assert results[30][0].image.shape == (240, 320, 3)
    ended = [tracklet for _, tracks in results for tracklet in tracks.ended]
    assert {int(i) for _, tracks in results for i in tracks.track_id} == {tracklet.track_id for tracklet in ended}
    with pytest.raises(SourceError):
        track(tmp_path / "absent.mp4", detector="motion")
    with pytest.raises(ConfigError):
        track(clip, detector="motion", confidence=0.5)


def test_the_command_leaves_logging_as_it_was(make_walk: MakeWalk, tmp_path: Path) -> None:
    logger = logging.getLogger("mdpr")
    before = logger.handlers[:], logger.level, logger.propagate
    assert main([str(make_walk(frames=3)), *QUICK, "--project", str(tmp_path), "--quiet"]) == 0
    assert (logger.handlers, logger.level, logger.propagate) == before


def test_print_config_and_help(capsys: Any) -> None:
    assert main(["a.mp4", "--print-config", "--detector", "motion"]) == 0
    assert "name: motion" in capsys.readouterr().out
    assert mdpr_main(["--help"]) == 0
    assert "track" in capsys.readouterr().out
    assert mdpr_main(["fly"]) == 2
    assert "unknown command 'fly'" in capsys.readouterr().err


def test_doctor(capsys: Any) -> None:
    assert mdpr_main(["doctor"]) == 0
    assert "ONNX Runtime" in capsys.readouterr().out
