"""Triangles of places: sizes, outward normals, texture coordinates, and what joining and moving keep."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.errors import FormatError
from mdpr.reid.synthetic.shapes import blob, extrude, leaves, tube, upright
from mdpr.reid.synthetic.solids import Solid, box, boxes, join, panel, picture_uv, place, recast, slab
from mdpr.reid.synthetic.surfaces import PICTURE, Role, Surface, linear

_GREY = Surface("concrete", (0.5, 0.5, 0.5), 2.0)


def _corners(part: Solid) -> np.ndarray:
    return part.position[part.triangles].astype(np.float64)


def _volume(part: Solid) -> float:
    """Signed volume by the divergence theorem, from the stored normals: positive where they point outwards."""
    corners = _corners(part)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    normals = part.normal[part.triangles].mean(1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return float((area * (corners.mean(1) * normals).sum(1)).sum() / 3)


@pytest.mark.parametrize(
    ("part", "volume"),
    [
        (box((1, 2, 3), (2, 3, 0.5), _GREY), 3.0),
        (box((1, 2, 3), (2, 3, 0.5), _GREY, 0.7), 3.0),
        (slab((0, 1), (-1, 1), (2, 5), _GREY), 6.0),
        (extrude([(0, 0), (2, 0), (2, 1), (0, 1)], 3.0, _GREY), 6.0),
        (upright(3, 4, (1, 3), 0.5, _GREY, 64), np.pi / 2),
        (tube([(0, 0, 0), (1, 0, 0), (2, 0, 0)], 0.5, _GREY, 64), np.pi / 2),
        (blob((1, 1, 1), (1, 2, 3), _GREY, 64), 8 * np.pi),
    ],
)
def test_bodies_are_closed_and_their_normals_point_outwards(part: Solid, volume: float) -> None:
    assert _volume(part) == pytest.approx(volume, rel=0.01)
    assert np.allclose(np.linalg.norm(part.normal, axis=1), 1, atol=1e-5)


def test_boxes_equal_single_boxes() -> None:
    rng = np.random.default_rng(0)
    centres, sizes, yaws = rng.normal(size=(4, 3)), rng.uniform(0.1, 2, (4, 3)), rng.uniform(0, 6, 4)
    together = boxes(centres, sizes, _GREY, yaws)
    alone = join([box(c, s, _GREY, y) for c, s, y in zip(centres, sizes, yaws, strict=True)])
    for field in ("position", "normal", "uv", "triangles"):
        assert np.allclose(getattr(together, field), getattr(alone, field), atol=1e-6)


def test_a_texture_covers_as_many_metres_as_it_says() -> None:
    part = box((0, 0, 0), (4, 1, 1), _GREY)
    corners, uv = _corners(part), part.uv[part.triangles]
    for k in range(3):
        metres = np.linalg.norm(corners[:, k] - corners[:, k - 1], axis=1)
        assert np.allclose(np.linalg.norm(uv[:, k] - uv[:, k - 1], axis=1) * 2.0, metres, atol=1e-5)


def test_cell_zero_of_a_picture_is_its_top_left() -> None:
    """The first rows of a texture are at small v, and a panel's lower edge shows the lower part of its cell."""
    (lower_left, lower_right, upper_right, upper_left) = picture_uv([0], (4, 2))[0]
    assert lower_left[0] < lower_right[0] < 0.25
    assert 0 < upper_left[1] < lower_left[1] < 0.5
    assert np.allclose(upper_right[0], lower_right[0])
    assert picture_uv([5], (4, 2))[0].min(0) == pytest.approx([0.255, 0.51], abs=0.01)


def test_a_panel_faces_where_it_is_seen_from_and_can_be_divided() -> None:
    whole = panel((0, 0, 0), (2, 0, 0), (0, 0, 1), Surface("rooms", PICTURE, 0), 3, (4, 4))
    divided = panel((0, 0, 0), (2, 0, 0), (0, 0, 1), Surface("rooms", PICTURE, 0), 3, (4, 4), divisions=3)
    assert np.allclose(whole.normal, [0, -1, 0])
    assert len(divided.triangles) == 18
    for part in (whole, divided):
        corners = _corners(part)
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
        assert area.sum() == pytest.approx(2)
    assert np.allclose(whole.uv.min(0), divided.uv.min(0))
    assert np.allclose(whole.uv.max(0), divided.uv.max(0))


def test_joining_keeps_each_parts_own_texture_and_colour() -> None:
    red = Surface("brick", (0.6, 0.1, 0.1), gloss=0.3, role=Role.SHELL)
    part = join([box((0, 0, 0), (1, 1, 1), _GREY), box((5, 0, 0), (1, 1, 1), red), box((9, 0, 0), (1, 1, 1), _GREY)])
    names = np.array(part.textures)[part.texture]
    right = part.position[:, 0] > 3
    assert set(names[right & (part.position[:, 0] < 7)]) == {"brick"}
    assert set(names[~right]) == {"concrete"} == set(names[part.position[:, 0] > 7])
    middle = right & (part.position[:, 0] < 7)
    assert np.allclose(part.colour[middle], linear((0.6, 0.1, 0.1)))
    assert np.allclose(part.material[middle], [[0.3, 0, 0.5, Role.SHELL]])
    assert _volume(part) == pytest.approx(3)
    assert len(join([]).triangles) == 0


def test_placing_turns_scales_and_moves() -> None:
    part = box((1, 0, 0), (0.2, 0.2, 0.2), _GREY)
    moved = place(part, (10, 20, 30), np.pi / 2, (2, 1, 1))
    assert moved.position.mean(0) == pytest.approx([10, 22, 30])
    assert np.ptp(moved.position, axis=0) == pytest.approx([0.2, 0.4, 0.2], abs=1e-4)
    slope = place(extrude([(0, 0), (1, 0), (0, 1)], 1.0, _GREY), (0, 0, 0), 0.3, (3, 1, 1))
    assert _volume(slope) == pytest.approx(1.5, rel=1e-3)
    assert part.position.mean(0) == pytest.approx([1, 0, 0], abs=1e-6)  # the original stays


def test_recasting_leaves_leaves_alone() -> None:
    tuft = leaves(np.zeros((3, 3)), 0.5, (0, 0, -1), Surface("leaf", role=Role.CUTOUT), np.random.default_rng(0))
    part = recast(join([box((0, 0, 0), (1, 1, 1), _GREY), tuft]), Role.BACKDROP)
    assert set(part.material[:, 3]) == {Role.BACKDROP, Role.CUTOUT}


def test_a_tube_whose_points_coincide_is_refused() -> None:
    """Its direction would not be a number, and numbers that are none hang the software renderer."""
    with pytest.raises(FormatError, match="points that differ"):
        tube([(0, 0, 1), (0, 0, 1)], 0.1, _GREY)
