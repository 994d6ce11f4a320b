"""Plates against their geometry: depth, ground, shadows, exposure; the same seed gives the same picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mdpr.reid.synthetic.cameras import Camera, crop_camera, ground_point, look_at, project
from mdpr.reid.synthetic.lights import Light, sample_light, scaled
from mdpr.reid.synthetic.place_draft import Draft
from mdpr.reid.synthetic.place_lights import light_at
from mdpr.reid.synthetic.place_types import Lamp, Place
from mdpr.reid.synthetic.places import make_place
from mdpr.reid.synthetic.plate_choice import ground_share, plate_for, sample_camera
from mdpr.reid.synthetic.plates import Plate, exposed, render_plate
from mdpr.reid.synthetic.solids import panel, slab
from mdpr.reid.synthetic.surfaces import Role, Surface

if TYPE_CHECKING:
    import moderngl

_WHITE = Surface("plain", (0.7, 0.7, 0.7), wear=0.0)
_CAMERA = look_at((0, -9, 4.5), (0, 0, 0.5), 60, 320, 180)


def _place(is_indoor: bool = False, lamps: tuple[Lamp, ...] = ()) -> Place:
    """A grey floor with a box of 1 m in the middle and nothing else."""
    draft = Draft("test", 0, (-8, -8, 8, 8), 4.0, is_indoor)
    floor = Surface("plain", (0.6, 0.6, 0.6), 2.0, wear=0.0, role=Role.GROUND)
    draft.add(panel((-60, -60, 0), (120, 0, 0), (0, 120, 0), floor), blocks=False)
    draft.add(slab((-0.5, 0.5), (-0.5, 0.5), (0, 1), _WHITE))
    draft.walk(-7, -7, 7, 7)
    draft.entrances.append((-4, 0))
    draft.lamps.extend(lamps)
    draft.camera((0, -7, 3), (0, 0, 0.5), 60)
    return draft.finish()


def _sun(direction: tuple[float, float, float]) -> Light:
    towards = np.array(direction) / np.linalg.norm(direction)
    return Light("noon", towards, np.full(3, 0.5), np.full(3, 0.2), np.full(3, 0.1), 0.01, False)


def _at(plate: Plate, camera: Camera, point: tuple[float, float, float]) -> tuple[int, int]:
    (pixel,), _ = project(camera, point)
    return int(pixel[1]), int(pixel[0])


@pytest.fixture(scope="module")
def plate(context: moderngl.Context) -> Plate:
    """The sun stands in the east (+x), so the box's shadow lies to the west."""
    return render_plate(_place(), _CAMERA, _sun((1, 0, 1)), context)


def test_depth_and_ground_are_those_of_the_geometry(plate: Plate) -> None:
    rows, columns = np.nonzero(plate.ground)
    assert 0.5 < plate.ground.mean() < 0.99
    points = ground_point(_CAMERA, np.column_stack([columns, rows]) + 0.5)
    _, expected = project(_CAMERA, np.column_stack([points, np.zeros(len(points))]))
    assert np.allclose(plate.depth[plate.ground], expected, rtol=2e-3)
    assert not plate.ground[_at(plate, _CAMERA, (0, -0.5, 0.5))]
    assert plate.depth[_at(plate, _CAMERA, (0, -0.5, 0.5))] == pytest.approx(
        project(_CAMERA, (0, -0.5, 0.5))[1][0], abs=0.05
    )


def test_the_sky_is_infinitely_far_and_no_ground(context: moderngl.Context) -> None:
    level = look_at((0, -6, 2), (0, 0, 2.5), 60, 160, 90)
    plate = render_plate(_place(), level, _sun((1, 0, 1)), context)
    assert np.isinf(plate.depth[:20]).all()
    assert not plate.ground[:20].any()
    assert plate.ground[-10:, :40].all()
    assert plate.image[:20].min() > 60


def test_the_shadow_lies_where_the_sun_throws_it(plate: Plate) -> None:
    """A box 1 m high and a sun at 45 degrees: the shadow ends 1 m west of the box, at x = -1.5."""
    lit, dark = _at(plate, _CAMERA, (-1.9, 0, 0)), _at(plate, _CAMERA, (-1.1, 0, 0))
    east = _at(plate, _CAMERA, (1.2, 0, 0))
    assert plate.sunlit[lit] > 200
    assert plate.sunlit[east] > 200
    assert plate.sunlit[dark] < 50
    assert np.array_equal(plate.image[dark], plate.shaded[dark])
    assert plate.image[lit].mean() > plate.image[dark].mean() + 30
    assert (plate.shaded.astype(int) <= plate.image.astype(int) + 1).all()


def test_brightness_follows_light_and_albedo(plate: Plate) -> None:
    """Open floor of albedo 0.6 ** 2.2 under sun 0.5 at 45 degrees and sky 0.2, then gamma 2.2."""
    row, column = _at(plate, _CAMERA, (4.0, 1.0, 0))
    shown = plate.image[row - 2 : row + 3, column - 2 : column + 3].mean() / 255
    linear = 0.6**2.2 * (0.5 * np.sqrt(0.5) + 0.2)
    assert shown == pytest.approx(linear ** (1 / 2.2), rel=0.08)


def test_ground_beside_a_box_gets_less_of_the_sky(context: moderngl.Context) -> None:
    overcast = Light("overcast", np.array([0.0, 0, 1]), np.full(3, 0.05), np.full(3, 0.5), np.full(3, 0.2), 0.4, False)
    plate = render_plate(_place(), _CAMERA, overcast, context)
    near, far = _at(plate, _CAMERA, (0.6, -0.4, 0)), _at(plate, _CAMERA, (3.0, -0.4, 0))
    assert plate.image[near].mean() < plate.image[far].mean() - 12
    assert np.array_equal(plate.image, plate.shaded)  # soft light throws no sharp shadow
    assert (plate.sunlit == 0).all()


def test_a_lamp_lights_what_is_near_it_and_people_too(context: moderngl.Context) -> None:
    place = _place(True, (Lamp((-3.0, 0.0, 3.0)),))
    light = Light("neon", np.array([0.0, 0, 1]), np.full(3, 0.4), np.full(3, 0.05), np.full(3, 0.03), 0.3, False)
    plate = render_plate(place, _CAMERA, light, context)
    under, away = _at(plate, _CAMERA, (-3.0, -1.0, 0)), _at(plate, _CAMERA, (3.5, -1.0, 0))
    assert plate.image[under].mean() > plate.image[away].mean() + 30
    here, there = (light_at(place, light, np.array([x, 0.0, 1.2])) for x in (-3.0, 3.0))
    assert here.sun.mean() > 4 * there.sun.mean()
    assert here.direction == pytest.approx([0, 0, 1], abs=1e-6)
    assert there.direction[0] < -0.8  # the lamp is to the west
    outdoors = sample_light("noon", np.random.default_rng(0))
    assert light_at(_place(), outdoors, np.zeros(3)) is outdoors


def test_a_crop_of_the_view_is_a_crop_of_the_picture(context: moderngl.Context, plate: Plate) -> None:
    box = (100, 60, 260, 150)
    crop = render_plate(_place(), crop_camera(_CAMERA, box, 160, 90), _sun((1, 0, 1)), context)
    whole = plate.image[60:150, 100:260].astype(float)
    assert np.abs(crop.image.astype(float) - whole).mean() < 4
    assert np.allclose(crop.depth[45, 80], plate.depth[105, 180], rtol=0.01)


def test_exposure_brings_the_mean_to_its_target(context: moderngl.Context) -> None:
    place, light = _place(), _sun((1, 0, 1))
    for dimmed in (0.3, 2.0):
        shown = render_plate(place, _CAMERA, exposed(place, _CAMERA, scaled(light, dimmed), context, 0.45), context)
        assert shown.image[np.isfinite(shown.depth)].mean() / 255 == pytest.approx(0.45, abs=0.06)


def test_same_arguments_same_pixels_whatever_was_drawn_before(context: moderngl.Context) -> None:
    place, light = make_place("corridor", 2), sample_light("neon", np.random.default_rng(1))
    views = [crop_camera(camera, (0, 0, 1280, 720), 160, 90) for camera in place.cameras[:2]]
    first = render_plate(place, views[0], light, context)
    render_plate(place, views[1], light, context)
    render_plate(_place(), _CAMERA, _sun((1, 0, 1)), context)
    again = render_plate(place, views[0], light, context)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.depth, again.depth)
    with pytest.raises(ValueError, match="read-only"):
        again.image[0, 0] = 0


def test_sampled_views_see_ground_and_differ() -> None:
    place = make_place("office", 3)
    cameras = [sample_camera(place, np.random.default_rng(seed), "a") for seed in range(6)]
    assert len({tuple(camera.position) for camera in cameras}) == 6
    for camera in cameras:
        assert ground_share(place, camera) > 0.05
        assert 1.4 < camera.position[2] < 7.1
    up = look_at((2, 2, 2), (4, 4, 3.2), 60, 640, 360)
    assert ground_share(place, up) < ground_share(place, place.cameras[0])


@pytest.mark.slow
def test_every_seed_has_one_plate(context: moderngl.Context) -> None:
    place, camera, light, plate = plate_for(12, context)
    _, _, _, again = plate_for(12, context)
    neighbour, other_camera, _, _ = plate_for(13, context)
    assert np.array_equal(plate.image, again.image)
    assert neighbour is place
    assert not np.array_equal(camera.position, other_camera.position)
    assert plate.image.shape == (720, 1280, 3)
    assert 0.2 < plate.image.mean() / 255 < 0.65
    assert plate.ground.mean() > 0.03
    assert plate.light is light
