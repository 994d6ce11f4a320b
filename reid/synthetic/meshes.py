"""Small mesh arithmetic: normals, smoothing, fewer triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def triangulate(quads: Ints) -> Ints:
    """Two triangles a quad: (faces, 4) to (2 * faces, 3)."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def vertex_normals(vertices: Floats, triangles: Ints) -> Floats:
    """Unit normals (vertices, 3), weighted by area; a vertex without area gets zeros."""
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.empty_like(vertices)
    for axis in range(3):
        summed[:, axis] = np.bincount(triangles.ravel(), np.repeat(normals[:, axis], 3), len(vertices))
    return summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-9)


def averaging(triangles: Ints, vertices: int) -> csr_matrix:
    """The matrix that moves each vertex to the mean of its neighbours (umbrella operator); lonely ones stay."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    matrix = coo_matrix((np.ones(len(edges), np.float32), (edges[:, 0], edges[:, 1])), (vertices, vertices)).tocsr()
    matrix.data[:] = 1
    count = np.asarray(matrix.sum(1)).ravel()
    alone = diags((count == 0).astype(np.float32))
    return (diags((1 / np.maximum(count, 1)).astype(np.float32)) @ matrix + alone).tocsr()


def smooth(vertices: Floats, average: csr_matrix, times: int, share: float = 0.5) -> Floats:
    """Laplacian smoothing: `times` steps, each a `share` of the way to the neighbours' mean."""
    for _ in range(times):
        vertices = vertices + share * (average @ vertices - vertices)
    return vertices


def cluster(points: Floats, triangles: Ints, cell: Floats | float) -> Ints:
    """Fewer triangles by vertex clustering: corners of one cell become one of them, the one nearest to their mean.

    Only vertices that exist are kept, so that shapes, skin weights and patterns stay theirs.

    Args:
        points: (vertices, 3), the neutral shape.
        triangles: (faces, 3).
        cell: size of the cells, one number or one a vertex.

    Returns:
        (fewer, 3) triangles of the same vertex numbers.

    Reference: Rossignac & Borrel, Multi-resolution 3D approximations for rendering complex scenes, 1993.
    """
    used = np.unique(triangles)
    size = np.broadcast_to(np.asarray(cell, np.float32), len(points))[used]
    keys = np.concatenate([np.floor(points[used] / size[:, None]), size[:, None]], axis=1)
    _, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.ravel()
    count = np.bincount(group)
    mean = np.stack([np.bincount(group, points[used, axis]) / count for axis in range(3)], axis=1)
    distance = np.linalg.norm(points[used] - mean[group], axis=1)
    order = np.lexsort((distance, group))
    first = np.searchsorted(group[order], np.arange(len(count)))
    chosen = np.arange(len(points))
    chosen[used] = used[order[first]][group]
    mapped = chosen[triangles]
    return mapped[(mapped[:, 0] != mapped[:, 1]) & (mapped[:, 1] != mapped[:, 2]) & (mapped[:, 2] != mapped[:, 0])]
