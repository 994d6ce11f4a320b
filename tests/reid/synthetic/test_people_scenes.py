"""Whole pictures: every label is held against the rendered mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from mdpr.reid.synthetic.cameras import project
from mdpr.reid.synthetic.identities import sample_identity
from mdpr.reid.synthetic.people_renderer import Placed, sample_creases
from mdpr.reid.synthetic.person import PeopleMaker
from mdpr.reid.synthetic.plates import Plate
from mdpr.reid.synthetic.scene_painter import Label, Painted, ScenePainter
from synthetic_people import flat_camera, flat_plate

if TYPE_CHECKING:
    import moderngl

Place = Callable[..., Placed]
_SIZE = (640, 360)


@pytest.fixture(scope="module")
def painter(context: moderngl.Context) -> ScenePainter:
    return ScenePainter(context, *_SIZE)


@pytest.fixture(scope="module")
def plate() -> Plate:
    return flat_plate(flat_camera(*_SIZE))


@pytest.fixture(scope="module")
def place(maker: PeopleMaker) -> Place:
    """`place(number, x, y, heading, stance)`: a person of number on the ground."""
    people = {number: maker.make(sample_identity(0, number)) for number in range(4)}

    def make(number: int, x: float, y: float, heading: float = 0.0, stance: str = "walk") -> Placed:
        vertices, normals = people[number].pose(stance, 0.15 * number, 1.3 if stance == "walk" else 0.0)
        return Placed(people[number], vertices, normals, x, y, heading)

    return make


def _label(painted: Painted, index: int) -> Label:
    (found,) = [label for label in painted.labels if label.index == index]
    return found


def _extent(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def test_boxes_of_people_whom_nothing_hides_lie_within_two_pixels_of_the_mask(
    painter: ScenePainter, plate: Plate, place: Place
) -> None:
    for turn in range(5):
        people = [place(number, 6.0 + 2 * number, 1.4 * number - 2, 1.3 * turn + number) for number in range(4)]
        painted = painter.paint(plate, people)
        assert [label.index for label in painted.labels] == [0, 1, 2, 3]
        for label in painted.labels:
            mask = painted.ids == label.index + 1
            assert mask.sum() == label.pixels
            if label.visible > 0.97:
                assert np.abs(_extent(mask) - label.xyxy).max() <= 2, (turn, label)
        assert sum(label.visible > 0.97 for label in painted.labels) >= 3


def test_the_picture_shows_people_where_the_mask_is_and_the_place_elsewhere(
    painter: ScenePainter, plate: Plate, place: Place
) -> None:
    painted = painter.paint(plate, [place(0, 8.0, 0.0), place(1, 8.0, 2.5)])
    changed = np.abs(painted.image.astype(int) - plate.image).max(2) > 6
    assert changed[painted.ids > 0].mean() > 0.9
    assert painted.image.dtype == np.uint8
    far_away = np.ones(_SIZE[::-1], bool)
    for label in painted.labels:
        x1, y1, x2, y2 = label.xyxy.astype(int)
        far_away[max(y1 - 10, 0) : y2 + 60, max(x1 - 60, 0) : x2 + 60] = False
    assert not changed[far_away].any()
    assert plate.image.min() == plate.image.max() == 150  # the plate is not painted on


def test_creases_of_another_moment_shade_the_clothes_and_move_nothing(
    painter: ScenePainter, plate: Plate, place: Place
) -> None:
    still = place(1, 5.0, 0.0)
    moments = [still, still, *(replace(still, creases=sample_creases(np.random.default_rng(n))) for n in range(2))]
    flat, again, one, other = (painter.paint(plate, [moment]) for moment in moments)
    np.testing.assert_array_equal(flat.image, again.image)
    for painted in (one, other):
        np.testing.assert_array_equal(painted.ids, flat.ids)
    person = flat.ids > 0
    around = cv2.dilate(person.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0  # edges are smoothed
    for first, second in ((flat, one), (one, other)):
        change = np.abs(first.image.astype(int) - second.image).max(2)
        assert change[~around].max() <= 3  # a single pixel of the smoothed edge was 2 off
        assert np.mean(change[person] > 2) > 0.3
        assert abs(first.image[person].mean() - second.image[person].mean()) < 0.1 * flat.image[person].mean()


def test_visibility_equals_counting_with_and_without_what_hides(
    painter: ScenePainter, plate: Plate, place: Place
) -> None:
    for aside in (0.0, 0.12, 0.24, 0.3):
        behind, front = place(0, 10.0, 0.0), place(1, 7.0, aside)
        alone, both = painter.paint(plate, [behind]), painter.paint(plate, [behind, front])
        whole, seen = int((alone.ids == 1).sum()), int((both.ids == 1).sum())
        labels = {label.index: label for label in both.labels}
        assert labels[1].visible > 0.97
        assert _label(alone, 0).visible > 0.97
        assert labels[0].pixels == seen < whole
        assert labels[0].visible == pytest.approx(seen / whole, abs=0.04)
        assert np.allclose(labels[0].xyxy, _label(alone, 0).xyxy)  # the box is that of the whole person


def test_what_stands_in_the_place_hides_people_behind_it_and_not_those_before(
    painter: ScenePainter, plate: Plate, place: Place
) -> None:
    wall = np.s_[:, 320:]  # 9 m away, the right half of the picture
    depth, ground = plate.depth.copy(), plate.ground.copy()
    depth[wall], ground[wall] = 9.0, False
    walled = replace(plate, depth=depth, ground=ground)
    before, behind = place(0, 7.0, 0.0), place(0, 11.0, 0.0)
    assert _label(painter.paint(walled, [before]), 0).visible > 0.97
    whole, half = painter.paint(plate, [behind]), painter.paint(walled, [behind])
    assert not (half.ids[wall] > 0).any()
    share = (whole.ids[:, :320] > 0).sum() / (whole.ids > 0).sum()
    assert 0.2 < share < 0.8
    assert _label(half, 0).visible == pytest.approx(share, abs=0.04)
    inside = cv2.erode((whole.ids > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    inside[:, :322] = False
    assert inside.sum() > 200
    assert (half.image[inside] == 150).all()


def test_people_at_the_edge_count_what_is_in_the_picture(painter: ScenePainter, plate: Plate, place: Place) -> None:
    edge = 6.0 * np.tan(np.radians(30)) * 1.06
    painted = painter.paint(plate, [place(0, 6.0, edge)])
    label = _label(painted, 0)
    assert label.xyxy[0] < 0 < label.xyxy[2]
    width = label.xyxy[2] - label.xyxy[0]
    assert label.visible == pytest.approx(label.xyxy[2] / width, abs=0.25)
    assert label.visible < 0.9
    assert painted.ids.max() == 1


def test_people_behind_the_camera_or_out_of_sight_have_no_label(
    painter: ScenePainter, plate: Plate, place: Place
) -> None:
    people = [place(0, -5.0, 0.0), place(1, 0.1, 0.0), place(2, 5.0, 30.0), place(3, 8.0, 0.0)]
    painted = painter.paint(plate, people)
    assert [label.index for label in painted.labels] == [3]
    assert set(np.unique(painted.ids)) == {0, 4}
    nobody = painter.paint(plate, people[:3])
    assert nobody.labels == ()
    assert np.array_equal(nobody.image, plate.image)
    assert not nobody.ids.any()
    assert not painter.paint(plate, []).labels


def test_the_order_of_the_list_does_not_matter(painter: ScenePainter, plate: Plate, place: Place) -> None:
    people = [place(number, 7.0 + number, 0.4 * number, number) for number in range(4)]
    one, other = painter.paint(plate, people), painter.paint(plate, people[::-1])
    assert np.array_equal(np.where(one.ids > 0, 5 - one.ids, 0), other.ids)
    assert (one.image != other.image).mean() < 1e-3  # two surfaces at one depth
    for label in one.labels:
        assert _label(other, 3 - label.index).visible == label.visible


def test_the_same_picture_again_with_another_one_in_between(
    context: moderngl.Context, painter: ScenePainter, plate: Plate, place: Place
) -> None:
    people = [place(0, 8.0, 0.0), place(1, 7.0, 0.5)]
    one = painter.paint(plate, people)
    painter.paint(plate, [place(2, 5.0, 0.0)])
    for again in (painter.paint(plate, people), ScenePainter(context, *_SIZE).paint(plate, people)):
        assert np.array_equal(one.image, again.image)
        assert np.array_equal(one.ids, again.ids)


def test_the_sun_throws_shadows_on_the_side_away_from_it(context: moderngl.Context, place: Place) -> None:
    checked = 0
    for seed in range(4):
        plate = flat_plate(flat_camera(*_SIZE), "low-sun", seed=seed)
        painter, someone = ScenePainter(context, *_SIZE), place(0, 9.0, 0.0)
        painted = painter.paint(plate, [someone])
        towards = plate.light.direction[:2] / np.linalg.norm(plate.light.direction[:2])
        shade, sun = (
            project(plate.camera, [[*(np.array([9.0, 0.0]) + sign * 1.2 * towards), 0.0]])[0][0].astype(int)
            for sign in (-1, 1)
        )
        if painted.ids[shade[1], shade[0]] or painted.ids[sun[1], sun[0]]:
            continue  # the person stands before it
        checked += 1
        assert painted.image[shade[1], shade[0]].mean() < 120
        assert painted.image[sun[1], sun[0]].mean() == 150
        overcast = flat_plate(flat_camera(*_SIZE), "overcast", seed=seed)
        assert painter.paint(overcast, [someone]).image[shade[1], shade[0]].mean() > 135
    assert checked >= 2


@pytest.mark.shared
@pytest.mark.slow
def test_boxes_of_people_in_makehumans_clothes_fit_the_mask(
    context: moderngl.Context, dressed_maker: PeopleMaker
) -> None:
    painter, plate = ScenePainter(context, 1280, 720), flat_plate(flat_camera(1280, 720))
    off = []
    for number in range(20):
        person = dressed_maker.make(sample_identity(8, number))
        for distance, phase in ((5.5, 0.1), (9.0, 0.6)):
            chosen = person.for_height(720 / distance)
            placed = Placed(chosen, *chosen.pose("walk", phase), distance, 0.3, 0.7 * number)
            painted = painter.paint(plate, [placed])
            off.append(np.abs(_extent(painted.ids == 1) - painted.labels[0].xyxy).max())
            assert painted.labels[0].visible > 0.95
    assert max(off) <= 2
