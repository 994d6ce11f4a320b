"""Boxes as planes equal the box arithmetic of the root package, value for value."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.boxes import area, iou_matrix, xywh_to_xyxy, xyxy_to_xywh
from mdpr.trackers import geometry


def random_boxes(count, seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-50, 200, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0, 120, (count, 2))], axis=1).astype(np.float32)
    boxes[::7, 2] = boxes[::7, 0]  # without area
    return boxes


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 4), (4, 0), (1, 1), (30, 50)])
def test_overlap_equals_the_matrix_of_the_root_package(rows, columns):
    first, second = random_boxes(rows, 1), random_boxes(columns, 2)
    planes = geometry.to_planes(first), geometry.to_planes(second)
    shared = geometry.intersections(*planes)
    overlap = geometry.overlaps(shared, geometry.areas(planes[0]), geometry.areas(planes[1]))
    assert overlap.shape == (rows, columns)
    assert overlap.dtype == np.float32
    np.testing.assert_array_equal(overlap, iou_matrix(first, second))
    np.testing.assert_array_equal(geometry.areas(planes[0]), area(first))


def test_centres_and_corners_equal_the_root_package():
    boxes = random_boxes(20, 3)
    planes = geometry.to_planes(boxes)
    np.testing.assert_array_equal(geometry.centres_and_sizes(planes).T, xyxy_to_xywh(boxes))
    precise = xyxy_to_xywh(boxes.astype(np.float64) / 3)
    np.testing.assert_array_equal(geometry.corners(precise.T).T, xywh_to_xyxy(precise).astype(np.float32))


def test_planes_are_a_copy_without_gaps():
    boxes = random_boxes(5, 4)
    planes = geometry.to_planes(boxes)
    assert planes.flags.c_contiguous
    planes[:] = 0
    assert boxes.any()


def test_intersections_of_thousands_of_boxes_are_worked_out_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 50, (2, 37))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 30, (2, 37))]).astype(np.float32)
    at_once = geometry.intersections(boxes, boxes[:, :23])
    monkeypatch.setattr(geometry, "_MOST_PAIRS", 50)
    np.testing.assert_array_equal(geometry.intersections(boxes, boxes[:, :23]), at_once)
