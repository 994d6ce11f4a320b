"""Normals, smoothing and clustering against naive loops and shapes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.reid.synthetic.carried import rounded_box, tube
from mdpr.reid.synthetic.meshes import averaging, cluster, smooth, triangulate, vertex_normals

_TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
_CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)


def test_triangulate_keeps_area_and_side() -> None:
    square = np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]], np.float32)
    triangles = triangulate(np.array([[0, 1, 2, 3]]))
    normals = [np.cross(square[b] - square[a], square[c] - square[a]) for a, b, c in triangles]
    assert np.allclose(normals, [[0, 0, 2], [0, 0, 2]])  # twice the area of 1 each, both up
    assert triangulate(np.zeros((0, 4), np.int64)).shape == (0, 3)


def test_vertex_normals_equal_a_loop_over_triangles() -> None:
    rng = np.random.default_rng(0)
    points, triangles = rng.normal(size=(30, 3)).astype(np.float32), rng.integers(0, 29, (50, 3))
    expected = np.zeros((30, 3))
    for a, b, c in triangles:
        across = np.cross((points[b] - points[a]).astype(float), (points[c] - points[a]).astype(float))
        for corner in (a, b, c):
            expected[corner] += across
    length = np.linalg.norm(expected, axis=1, keepdims=True)
    normals = vertex_normals(points, triangles)
    assert np.allclose(normals, expected / np.maximum(length, 1e-9), atol=1e-4)
    assert (normals[29] == 0).all()  # no triangle has it
    assert not np.isnan(vertex_normals(points, np.array([[3, 3, 4]]))).any()  # nor area


@pytest.mark.parametrize(("points", "triangles"), [(_CORNERS, _TETRAHEDRON), rounded_box(np.array([1.0, 2, 0.5]))])
def test_normals_of_closed_shapes_point_outwards(points: np.ndarray, triangles: np.ndarray) -> None:
    outwards = ((points - points.mean(0)) * vertex_normals(points, triangles)).sum(1)
    assert (outwards[np.unique(triangles)] > 0).mean() > 0.99


def test_averaging_is_the_mean_of_the_neighbours() -> None:
    rng = np.random.default_rng(1)
    triangles, values = rng.integers(0, 19, (20, 3)), rng.normal(size=(20, 2)).astype(np.float32)
    average = averaging(triangles, 20)
    for vertex in range(20):
        around = {int(v) for triangle in triangles if vertex in triangle for v in triangle} - {vertex}
        loops = [t for t in triangles if (t == vertex).sum() > 1]  # an edge from a vertex to itself
        if around and not loops:
            assert np.allclose((average @ values)[vertex], values[sorted(around)].mean(0), atol=1e-5)
    assert np.allclose(average.sum(1), 1)
    assert (average @ values)[19] == pytest.approx(values[19])  # it has no neighbours and stays


def test_smoothing_flattens_a_peak_and_leaves_a_plane_alone() -> None:
    grid = np.arange(49).reshape(7, 7)
    quads = np.stack([grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]], -1).reshape(-1, 4)
    average = averaging(triangulate(quads), 49)
    flat = np.full((49, 3), 2.5, np.float32)
    assert np.allclose(smooth(flat, average, 5), flat)
    peak = np.zeros((49, 1), np.float32)
    peak[24] = 1
    heights = [float(smooth(peak, average, times).max()) for times in range(4)]
    assert heights == sorted(heights, reverse=True)
    assert heights[1] == 0.5  # half of the way to its neighbours, who are all at 0
    assert np.array_equal(smooth(peak, average, 1, share=0.0), peak)
    assert peak[24] == 1  # the argument is not changed


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 1.5))
def test_clusters_keep_existing_vertices_near_where_they_were(seed: int, cell: float) -> None:
    points, triangles = rounded_box(np.random.default_rng(seed).uniform(0.5, 2, 3))
    fewer = cluster(points, triangles, cell)
    assert set(np.unique(fewer)) <= set(np.unique(triangles))
    assert len(fewer) <= len(triangles)
    for a, b, c in fewer:
        assert len({a, b, c}) == 3
        assert not (points[a] // np.float32(cell) == points[b] // np.float32(cell)).all()  # one vertex a cell


def test_cluster_by_hand() -> None:
    points = np.array([[0.1, 0, 0], [0.2, 0, 0], [0.9, 0, 0], [1.5, 0, 0], [0, 1.5, 0]], np.float32)
    triangles = np.array([[0, 3, 4], [1, 3, 4], [2, 3, 4], [0, 1, 3]])
    # 0, 1 and 2 share a cell; their mean is 0.4, and 1 is nearest to it. The last triangle loses its area.
    assert cluster(points, triangles, 1.0).tolist() == [[1, 3, 4]] * 3
    assert np.array_equal(cluster(points, triangles, 0.01), triangles)
    assert cluster(points, triangles, 100.0).shape == (0, 3)
    fine = np.array([0.01, 1, 1, 1, 1], np.float32)  # a vertex of finer cells stays by itself
    assert cluster(points, triangles, fine).tolist() == [[0, 3, 4], [1, 3, 4], [1, 3, 4], [0, 1, 3]]


def test_a_rounded_box_fills_its_size_and_a_tube_keeps_its_distance() -> None:
    size = np.array([0.5, 1.0, 2.0])
    points, triangles = rounded_box(size, around=16, up=9)
    assert np.allclose(np.abs(points).max(0), size, atol=1e-6)
    _, place = np.unique(np.round(points, 3) + 0.0, axis=0, return_inverse=True)  # one point a pole
    faces = np.array([face for face in place[triangles] if len(set(face)) == 3])
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    counts = np.unique(edges, axis=0, return_counts=True)[1]
    assert (counts == 2).all()  # closed: every edge has two sides
    path = np.array([[0, 0, 0], [0, 1, 0], [0, 2, 0.0]])
    around, faces = tube(path, 0.3)
    assert np.allclose(np.linalg.norm(around[:, [0, 2]], axis=1), 0.3, atol=1e-6)
    assert len(faces) == 2 * 2 * 6
    assert len(tube(path + np.eye(3), 0.3, closed=True)[1]) == 3 * 2 * 6
