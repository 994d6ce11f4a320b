"""Places can be walked, entered, lit and seen; every kind, several seeds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.synthetic.cameras import look_at, project
from mdpr.reid.synthetic.place_draft import PERSON_RADIUS_M, Draft
from mdpr.reid.synthetic.place_types import Place, WalkGrid
from mdpr.reid.synthetic.place_views import blocked_share, unobstructed
from mdpr.reid.synthetic.places import BACKGROUNDS, PLACES, make_place
from mdpr.reid.synthetic.solids import panel, slab
from mdpr.reid.synthetic.surfaces import Role, Surface
from mdpr.reid.synthetic.textures import TEXTURES


def _draft() -> Draft:
    draft = Draft("test", 0, (-6, -6, 6, 6), 3.0, False)
    floor = Surface("slabs", (0.5, 0.5, 0.5), 4.8, role=Role.GROUND)
    draft.add(panel((-6, -6, 0), (12, 0, 0), (0, 12, 0), floor), blocks=False)
    draft.walk(-5, -5, 5, 5)
    draft.entrances.append((-4.5, 0.0))
    draft.camera((0, -5, 3), (0, 0, 0.5), 70)
    return draft


def test_people_keep_their_radius_from_walls_and_things() -> None:
    draft = _draft()
    draft.add(slab((-1, 1), (-0.5, 0.5), (0, 1.0), Surface()), (2, 1, 0))
    draft.add(slab((-1, 1), (-0.5, 0.5), (2.2, 2.6), Surface()), (-2, -2, 0))  # overhead: people pass under it
    draft.add(slab((-1, 1), (-0.5, 0.5), (0, 0.02), Surface()), (-2, 2, 0))  # a rug
    grid = draft.finish().ground
    centres = grid.centre_of(np.argwhere(np.ones_like(grid.free)))
    outside = np.maximum(np.abs(centres - [2, 1]) - [1, 0.5], 0)
    to_box = np.linalg.norm(outside, axis=1)
    to_edge = 5 - np.abs(centres).max(1)
    room = np.minimum(to_box, to_edge)
    free = grid.free.ravel()
    assert not free[room < PERSON_RADIUS_M - 0.08].any()
    assert free[room > PERSON_RADIUS_M + 0.08].all()


def test_only_what_can_be_reached_is_free() -> None:
    draft = _draft()
    draft.add(slab((2, 2.2), (-6, 6), (0, 2), Surface()))
    draft.entrances.append((4.0, 0.0))
    place = draft.finish()
    assert not place.ground.is_free([[4.0, 0.0]])[0]  # behind the wall
    assert (place.entrances[:, 0] < 2).all()


def test_a_place_needs_floor_ways_in_and_views() -> None:
    for missing in ("entrances", "cameras", "_floors"):
        draft = _draft()
        getattr(draft, missing).clear()
        with pytest.raises(FormatError, match="place test 0: needs"):
            draft.finish()
    broken = _draft()
    broken.add(slab((0, np.nan), (0, 1), (0, 1), Surface()), blocks=False)
    with pytest.raises(FormatError, match="not finite"):
        broken.finish()


def test_walk_grid_converts_between_cells_and_points() -> None:
    grid = WalkGrid(np.array([[True, False, True], [False, True, True]]), (10.0, -2.0), 0.25)
    cells = np.argwhere(np.ones((2, 3), bool))
    assert np.array_equal(grid.cell_of(grid.centre_of(cells)), cells)
    assert np.allclose(grid.centre_of([[1, 2]]), [[10.625, -1.625]])
    points = [[10.1, -1.9], [10.3, -1.9], [10.3, -1.6], [9.9, -1.9], [10.9, -1.6]]
    assert grid.is_free(points).tolist() == [True, False, True, False, False]


def test_a_blocked_camera_moves_to_a_free_view() -> None:
    draft = _draft()
    draft.add(slab((-0.4, 0.4), (-4.2, -4.0), (0, 4), Surface()))
    solid = draft.finish().solid
    camera = look_at((0, -5, 3), (0, 0, 0.5), 70, 1280, 720)
    assert blocked_share(solid, camera) > 0.2
    moved = unobstructed(solid, camera)
    assert blocked_share(solid, moved) < 0.1
    assert np.allclose(moved.rotation, camera.rotation)


@pytest.fixture(scope="module", params=PLACES)
def some_place(request: pytest.FixtureRequest) -> Place:
    return make_place(request.param, 5)


def test_every_place_is_whole(some_place: Place) -> None:
    solid = some_place.solid
    assert np.isfinite(solid.position).all()
    assert solid.triangles.max() < len(solid.position)
    assert set(solid.textures) <= set(TEXTURES)
    assert 1_000 < len(solid.triangles) < 150_000
    assert (solid.colour <= 1).all()
    assert some_place.is_indoor == bool((solid.material[:, 3] == Role.SHELL).any())
    assert some_place.lamps


def test_every_place_can_be_walked_and_entered(some_place: Place) -> None:
    grid = some_place.ground
    assert grid.free.sum() * grid.cell_m**2 > 20
    count, _ = cv2.connectedComponents(grid.free.astype(np.uint8), connectivity=4)
    assert count == 2  # the blocked cells, and one region
    assert len(some_place.entrances) >= 2
    assert len(some_place.waypoints) >= 2
    assert grid.is_free(some_place.entrances).all()
    assert grid.is_free(some_place.waypoints[:, :2]).all()


def test_every_place_has_views_that_show_where_people_walk(some_place: Place) -> None:
    x_min, y_min, x_max, y_max = some_place.bounds
    assert len(some_place.cameras) >= 4
    assert len({camera.name for camera in some_place.cameras}) == len(some_place.cameras)
    for camera in some_place.cameras:
        x, y, z = camera.position
        assert x_min < x < x_max
        assert y_min < y < y_max
        assert 1.6 < z < 6.1
        assert camera.direction[2] < 0
        assert blocked_share(some_place.solid, camera) < 0.35


def test_no_camera_of_a_crossing_sees_where_another_looks() -> None:
    place = make_place("crossing", 5)
    points = place.ground.centre_of(np.argwhere(place.ground.free))
    seen = np.zeros(len(points), int)
    for camera in place.cameras:
        pixels, depth = project(camera, np.column_stack([points, np.full(len(points), 0.9)]))
        here = (depth > 0) & (pixels > 0).all(1) & (pixels < [camera.width, camera.height]).all(1)
        assert here.sum() * place.ground.cell_m**2 > 10
        seen += here
    assert len(place.cameras) == 4
    assert seen.max() == 1
    assert (seen[np.abs(points).max(1) < 1.2] == 0).all()  # nobody sees the crossing itself


def test_crops_are_made_before_the_places_that_they_were_made_before() -> None:
    assert BACKGROUNDS == ("plaza", "street", "corridor", "shop", "station", "office", "carpark", "yard", "hall")


def test_the_same_seed_makes_the_same_place_and_another_one_another() -> None:
    first, again, other = (make_place.__wrapped__("office", seed) for seed in (1, 1, 2))
    for field in ("position", "colour", "material", "triangles"):
        assert np.array_equal(getattr(first.solid, field), getattr(again.solid, field))
    assert np.array_equal(first.ground.free, again.ground.free)
    assert first.solid.position.shape != other.solid.position.shape


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no place is called 'moon'; there are: plaza"):
        make_place("moon", 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLACES)
def test_many_seeds_make_whole_places(kind: str) -> None:
    for seed in range(20, 26):
        place = make_place(kind, seed)
        assert place.ground.free.sum() * place.ground.cell_m**2 > 20
        assert sum(blocked_share(place.solid, camera) < 0.1 for camera in place.cameras) >= 3
