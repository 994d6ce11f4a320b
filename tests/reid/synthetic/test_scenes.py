"""Scenes of several cameras, and pictures for detectors: what is written, that it agrees, and that it goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mdpr.errors import ConfigError
from mdpr.reid.synthetic.cameras import camera_from_dict, project
from mdpr.reid.synthetic.detection_set import ANNOTATIONS, DetectionSetConfig, make_detection_set
from mdpr.reid.synthetic.scenes import SceneConfig, make_scene, write_video
from mdpr.reid.synthetic.sensor import expose, sample_sensor
from mdpr.reid.synthetic.video_sensor import VideoSensor


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory, people_cache: Path, context: object) -> tuple[SceneConfig, int]:
    """A second on a plaza with two cameras."""
    config = SceneConfig(
        tmp_path_factory.mktemp("scene"), "plaza", "noon", 3, 10, 0, 2, duration_s=1.0, fps=4, workers=1
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MDPR_CACHE", str(people_cache))
        return config, make_scene(config)


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as video:
        return [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]


@pytest.mark.slow
def test_videos_truth_and_calibration_agree(scene: tuple[SceneConfig, int]) -> None:
    config, boxes = scene
    cameras = [camera_from_dict(one) for one in json.loads((config.out / "cameras.json").read_text())]
    lines = [line.split() for line in (config.out / "truth.txt").read_text().splitlines()]
    assert len(lines) == boxes > 0
    counted = 0
    for number, camera in enumerate(cameras, 1):
        assert len(frames_of(config.out / camera.name / "video.mp4")) == 4
        rows = np.loadtxt(config.out / camera.name / "gt" / "gt.txt", delimiter=",", ndmin=2)
        shown = rows[rows[:, 6] == 1]
        counted += len(shown)
        mine = np.array([list(map(float, line[1:])) for line in lines if line[0] == str(number)]).reshape(-1, 8)
        np.testing.assert_array_equal(mine[:, 0], shown[:, 1])
        np.testing.assert_array_equal(
            mine[:, 1], shown[:, 0] - 1
        )  # frames count from 0 in the one, from 1 in the other
        np.testing.assert_allclose(mine[:, 2:4], shown[:, 2:4] - 1, atol=0.011)
        feet, _ = project(camera, np.column_stack([mine[:, 6:], np.zeros(len(mine))]))
        boxes_px = mine[:, 2:6]
        assert (boxes_px[:, :2] >= 0).all()
        assert (boxes_px[:, :2] + boxes_px[:, 2:] <= [camera.width + 0.02, camera.height + 0.02]).all()
        inside = feet[:, 0] - boxes_px[:, 0]
        assert ((inside > -0.3 * boxes_px[:, 2]) & (inside < 1.3 * boxes_px[:, 2])).all()
        bottom = boxes_px[:, 1] + boxes_px[:, 3]
        feet[:, 1] = np.minimum(feet[:, 1], camera.height)  # boxes end at the edge
        assert (np.abs(feet[:, 1] - bottom) < 0.2 * boxes_px[:, 3] + 2).all()  # they stand where it says
    assert counted == boxes
    about = json.loads((config.out / "scene.json").read_text())
    assert [person["id"] for person in about["people"]] == list(range(1, 11))


@pytest.mark.slow
def test_people_move_and_the_place_does_not(scene: tuple[SceneConfig, int]) -> None:
    config, _ = scene
    first, *_, last = frames_of(config.out / "cam1" / "video.mp4")
    change = np.abs(first.astype(int) - last).max(axis=2)
    rows = np.loadtxt(config.out / "cam1" / "gt" / "gt.txt", delimiter=",", ndmin=2)
    near_people = np.zeros(change.shape, bool)
    for x, y, w, h in rows[:, 2:6]:
        left, top = int(max(x - w, 0)), int(max(y - 0.2 * h, 0))
        near_people[top : int(y + 1.3 * h) + 1, left : int(x + 2 * w) + 1] = True
    assert np.median(change[~near_people]) < 25  # noise and exposure only
    assert change[near_people].max() > 60


@pytest.mark.slow
def test_a_scene_goes_on_and_refuses_another(scene: tuple[SceneConfig, int]) -> None:
    config, boxes = scene
    video = config.out / "cam1" / "video.mp4"
    before, truth = video.stat().st_mtime_ns, (config.out / "truth.txt").read_bytes()
    assert make_scene(config) == boxes  # nothing is rendered again
    assert video.stat().st_mtime_ns == before
    journal = config.out / "done.jsonl"
    journal.write_text(journal.read_text().splitlines()[0] + '\n{"number": 1, "came')  # killed in the second camera
    other = (config.out / "cam2" / "video.mp4").read_bytes()
    assert make_scene(config) == boxes
    assert (config.out / "truth.txt").read_bytes() == truth
    assert (config.out / "cam2" / "video.mp4").read_bytes() == other
    with pytest.raises(ConfigError, match="people 10 there, 11 now"):
        make_scene(replace(config, people=11))


@pytest.mark.parametrize(
    ("change", "named"),
    [({"place": "moon"}, "plaza"), ({"light": "dark"}, "noon"), ({"people": 0}, "people"), ({"fps": 0}, "fps")],
)
def test_options_that_cannot_be(tmp_path: Path, change: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        SceneConfig(tmp_path, **change)


@pytest.mark.slow
def test_pictures_for_detectors(
    tmp_path: Path, people_cache: Path, context: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MDPR_CACHE", str(people_cache))
    config = DetectionSetConfig(tmp_path, seed=1, images=5, cameras=2, most_people=6, height=360, workers=1)
    people = make_detection_set(config)
    coco = json.loads((tmp_path / ANNOTATIONS).read_text())
    assert len(coco["annotations"]) == people > 0
    for image in coco["images"]:
        picture = cv2.imread(str(tmp_path / "images" / image["file_name"]))
        assert picture.shape == (360, 640, 3) == (image["height"], image["width"], 3)
    for row in coco["annotations"]:
        x, y, width, height = row["bbox"]
        assert min(x, y) >= 0
        assert x + width <= 640.01
        assert y + height <= 360.01
        assert 0 < row["visibility"] <= 1
    bytes_before = {path.name: path.read_bytes() for path in (tmp_path / "images").iterdir()}
    (tmp_path / "done.jsonl").unlink()
    assert make_detection_set(config) == people
    assert {path.name: path.read_bytes() for path in (tmp_path / "images").iterdir()} == bytes_before


@pytest.mark.parametrize("seed", range(4))
def test_video_looks_like_single_pictures(seed: int) -> None:
    """Colours of the fast sensor are those of the exact one, but for drift and noise."""
    image = cv2.resize(
        np.random.default_rng(9).integers(0, 256, (6, 8, 3), dtype=np.uint8),
        (160, 120),
        interpolation=cv2.INTER_NEAREST,
    )
    sensor = replace(sample_sensor(np.random.default_rng(seed)), noise=0.0, chroma_noise=0.0, sharpening=0.0)
    exact = expose(image, sensor, np.random.default_rng(0), drift=0.0).astype(int)
    fast = VideoSensor(sensor, 160, 120, 1000.0, np.random.default_rng(0)).expose(image).astype(int)
    assert np.abs(exact - fast).mean() < 3


def test_a_video_is_whole_or_not_there(tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield np.zeros((32, 64, 3), np.uint8)
        raise RuntimeError("no more light")

    with pytest.raises(RuntimeError):
        write_video(tmp_path / "a.mp4", broken(), 10, 23)
    assert not (tmp_path / "a.mp4").exists()
    write_video(tmp_path / "a.mp4", [np.full((32, 64, 3), 200, np.uint8)] * 3, 10, 23)
    assert [int(frame.mean()) for frame in frames_of(tmp_path / "a.mp4")] == pytest.approx([200] * 3, abs=3)
