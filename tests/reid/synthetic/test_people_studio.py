"""Crops: the same pixels in any run, order and process; what they say about themselves is counted again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import psutil
import pytest

from mdpr.reid.synthetic.cameras import ground_point, project
from mdpr.reid.synthetic.identities import sample_identity
from mdpr.reid.synthetic.people_renderer import Placed
from mdpr.reid.synthetic.person import PeopleMaker
from mdpr.reid.synthetic.plates import Plate
from mdpr.reid.synthetic.sensor import sample_sensor
from mdpr.reid.synthetic.studio import HEIGHT, PASSERS_BY, Crop, Studio, StudioCamera, person_height_px, set_up_camera
from synthetic_people import NEUTRAL, flat_camera, flat_plate

if TYPE_CHECKING:
    import moderngl

_LIGHTS = ("noon", "overcast", "evening")


def _camera(number: int, plate: Plate | None = None) -> StudioCamera:
    plate = plate or flat_plate(flat_camera(eye=(0.0, 0.0, 2.0 + number)), _LIGHTS[number % 3], 90 + 30 * number)
    camera = set_up_camera(number, plate, sample_sensor(np.random.default_rng(number)), 0)
    assert camera is not None
    return camera


def _cameras() -> list[StudioCamera]:
    return [_camera(number) for number in (1, 2, 3)]


def _mesh_hash(maker: PeopleMaker) -> str:
    """Of what is drawn in which order: pixels show that order only where two surfaces meet."""
    people = [maker.make(sample_identity(1, number)) for number in range(12)]
    return hashlib.sha256(b"".join(person.triangles.tobytes() for person in people)).hexdigest()


def _hash(crops: list[Crop]) -> str:
    return hashlib.sha256(b"".join(crop.jpeg for crop in crops)).hexdigest()


@pytest.fixture(scope="module")
def make_studio(context: moderngl.Context, maker: PeopleMaker) -> Callable[..., Studio]:
    def make(cameras: list[StudioCamera] | None = None) -> Studio:
        return Studio(context, maker, _cameras() if cameras is None else cameras, seed=0)

    return make


@pytest.fixture(scope="module")
def crops(make_studio: Callable[..., Studio]) -> list[Crop]:
    studio = make_studio()
    return [crop for number in (0, 1, 2) for crop in studio.crops(sample_identity(0, number), 5)]


def _decoded(crop: Crop) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(crop.jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_two_studios_make_the_same_pixels_in_any_order(make_studio: Callable[..., Studio], crops: list[Crop]) -> None:
    studio = make_studio()
    for number in (2, 0, 1):
        again = studio.crops(sample_identity(0, number), 5)
        assert _hash(again) == _hash(crops[5 * number : 5 * number + 5])
        for one, two in zip(again, crops[5 * number :], strict=False):
            assert np.array_equal(one.mask, two.mask)
            assert (one.camera, one.visible, one.height_px) == (two.camera, two.visible, two.height_px)


@pytest.mark.slow
def test_two_processes_make_the_same_pixels(crops: list[Crop], maker: PeopleMaker, people_cache: Path) -> None:
    """Sets of names are in another order in every process, unless their seed says otherwise."""
    code = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[2] / "helpers")]!r}
from test_people_studio import _cameras, _hash, _mesh_hash
from mdpr.reid.synthetic.identities import sample_identity
from mdpr.reid.synthetic.opengl import open_context
from mdpr.reid.synthetic.person import PeopleMaker
from mdpr.reid.synthetic.studio import Studio
maker = PeopleMaker()
studio = Studio(open_context(1), maker, _cameras(), seed=0)
print(_mesh_hash(maker), _hash([crop for number in (0, 1, 2) for crop in studio.crops(sample_identity(0, number), 5)]))
"""
    for seed, threads in (("1", "0"), ("2", "2")):
        settings = {"MDPR_CACHE": str(people_cache), "PYTHONHASHSEED": seed, "LP_NUM_THREADS": threads}
        said = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **settings}
        )
        assert said.stdout.split() == [_mesh_hash(maker), _hash(crops)]


def test_other_views_and_other_people_are_other_pictures(crops: list[Crop]) -> None:
    assert len({crop.jpeg for crop in crops}) == len(crops)
    assert [(crop.identity, crop.view) for crop in crops] == [(n, view) for n in range(3) for view in range(5)]
    for number in range(3):
        assert len({crop.camera for crop in crops if crop.identity == number}) >= 2


def test_crops_are_what_they_say(crops: list[Crop]) -> None:
    for crop in crops:
        picture = _decoded(crop)
        assert picture.shape[:2] == crop.mask.shape
        assert picture.shape[0] <= HEIGHT
        x1, y1, x2, y2 = crop.box
        assert 0 <= x1 < x2 <= 640
        assert 0 <= y1 < y2 <= 360
        assert (y2 - y1) / (x2 - x1) == pytest.approx(picture.shape[0] / picture.shape[1], rel=0.1)
        assert 0 <= crop.visible <= 1
        assert 0 <= crop.mask.min() <= crop.mask.max() <= 1
        assert crop.mask.mean() > 0.05
        assert 40 < crop.height_px < 900


def _stand(studio: Studio, maker: PeopleMaker, number: int, x: float, y: float) -> Placed:
    person = maker.make(replace(sample_identity(0, number), height_m=1.75))
    return Placed(person, *person.pose("relaxed", 0.2, 0.0), x, y, 0.0)


@pytest.mark.parametrize(("distance", "aside", "hidden"), [(-1.5, 0.0, True), (-1.5, 0.22, True), (2.0, 0.0, False)])
def test_visible_is_right_when_somebody_else_stands_there(
    distance: float,
    aside: float,
    hidden: bool,
    make_studio: Callable[..., Studio],
    maker: PeopleMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    camera = _camera(1)
    camera = replace(camera, standing=np.array([[8.0, 0.0]]), heights=camera.heights[:1], sunlit=camera.sunlit[:1])
    studio = make_studio([camera])
    someone, other = _stand(studio, maker, 0, 8.0, 0.0), _stand(studio, maker, 2, 8.0 + distance, aside)
    pixels, _ = project(camera.plate.camera, someone.outline())
    box = np.concatenate([np.floor(pixels.min(0)), np.ceil(pixels.max(0))])
    monkeypatch.setattr("mdpr.reid.synthetic.studio.stand", lambda *_: someone)
    monkeypatch.setattr("mdpr.reid.synthetic.studio._cut", lambda *_: (box, float(box[3] - box[1])))
    monkeypatch.setattr(studio, "_companions", lambda *_: [other])
    rng = np.random.default_rng(0)
    crop, alone = (studio._try(someone.person, 0, camera, rng, alone=alone) for alone in (False, True))
    counted = crop.mask.sum() / alone.mask.sum()
    assert alone.visible == pytest.approx(1)
    assert crop.visible == pytest.approx(counted, abs=1e-6)
    if hidden:
        assert counted < (0.6 if aside else 0.3)
    else:
        assert counted > 0.999
    assert (crop.mask <= alone.mask + 0.26).all()  # one of four samples may go to the other at an edge


def test_visible_is_right_when_the_place_hides_the_legs(
    make_studio: Callable[..., Studio], maker: PeopleMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = _camera(1)
    someone = _stand(make_studio([camera]), maker, 0, 8.0, 0.0)
    pixels, _ = project(camera.plate.camera, someone.outline())
    box = np.concatenate([np.floor(pixels.min(0)), np.ceil(pixels.max(0))])
    knee = int((box[1] + 2 * box[3]) / 3)
    depth, ground, image = camera.plate.depth.copy(), camera.plate.ground.copy(), camera.plate.image.copy()
    depth[knee:], ground[knee:], image[knee:] = 5.0, False, (250, 0, 0)  # a red counter
    plate = replace(camera.plate, depth=depth, ground=ground, image=image, shaded=image)
    camera = replace(
        camera, plate=plate, sensor=NEUTRAL, standing=np.array([[8.0, 0.0]]), sunlit=np.ones(1), heights=np.ones(1)
    )
    studio = make_studio([camera])
    monkeypatch.setattr("mdpr.reid.synthetic.studio.stand", lambda *_: someone)
    monkeypatch.setattr("mdpr.reid.synthetic.studio._cut", lambda *_: (box, float(box[3] - box[1])))
    crop = studio._try(someone.person, 0, camera, np.random.default_rng(0), alone=True)
    row = int((knee - box[1]) * crop.mask.shape[0] / (box[3] - box[1]))
    assert crop.mask[row + 2 :].max() == 0
    assert crop.mask[: row - 2].max() == 1
    assert 0.5 < crop.visible < 0.9
    below = _decoded(crop)[row + 3 :].astype(int)
    assert (below[..., 0] > below[..., 1] + 80).all()  # nothing but red


def test_people_stand_where_the_ground_is_seen_near_and_far_alike() -> None:
    camera = _camera(2)
    pixels, depth = project(camera.plate.camera, np.column_stack([camera.standing, np.zeros(len(camera.standing))]))
    columns, rows = pixels.astype(int).T
    assert camera.plate.ground[rows, columns].all()
    assert (depth > 1).all()
    expected = person_height_px(camera.plate.camera, camera.standing, 1.7)
    assert np.allclose(camera.heights, expected)
    counts, _ = np.histogram(np.log(camera.heights), 6)
    assert counts.min() > 0.4 * counts.mean()
    assert (camera.sunlit == 1).all()


def test_heights_in_pixels_by_hand() -> None:
    camera = flat_camera(eye=(0.0, 0.0, 0.5))  # looks level: focal length 554.26 px
    assert person_height_px(camera, np.array([[10.0, 0.0]]), 1.7)[0] == pytest.approx(554.256 * 1.7 / 10, rel=1e-4)
    assert np.isnan(person_height_px(camera, np.array([[-3.0, 0.0]]), 1.7)).all()


def test_a_camera_without_ground_is_none() -> None:
    plate, sensor = flat_plate(flat_camera()), sample_sensor(np.random.default_rng(0))
    assert set_up_camera(1, replace(plate, ground=np.zeros_like(plate.ground)), sensor, 0) is None
    away = flat_camera(eye=(0.0, 0.0, 80.0))  # so high up that people are specks
    points = ground_point(away, [[320.0, 350.0]])
    assert person_height_px(away, points, 1.7)[0] < 20
    assert set_up_camera(1, replace(plate, camera=away), sensor, 0) is None


@pytest.mark.slow
def test_memory_stays_flat(make_studio: Callable[..., Studio]) -> None:
    """One person's mesh takes more than a megabyte; passers-by are kept, so they are all made first."""
    studio, process = make_studio(), psutil.Process()
    for number in range(PASSERS_BY):
        studio._passers[number] = studio._maker.make(sample_identity(0, 10**7 + number))
    sizes = []
    for number in range(60):
        studio.crops(sample_identity(0, number), 5)
        sizes.append(process.memory_info().rss / 1e6)
    assert len(studio._passers) == PASSERS_BY
    assert sizes[-1] - sizes[15] < 15, sizes[::5]
