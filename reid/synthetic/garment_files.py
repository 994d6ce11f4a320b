"""Clothes, shoes and hair of MakeHuman: meshes that follow the base mesh (.mhclo beside .obj, CC0)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from mdpr.errors import FormatError, SourceError
from mdpr.reid.synthetic.base_mesh import VERTICES, BaseMesh, Floats, Ints
from mdpr.reid.synthetic.meshes import cluster, triangulate

Scales = tuple[tuple[int, int, float] | None, ...]  # for x, y, z: two base vertices and their reference distance


@dataclass(frozen=True)
class GarmentFile:
    """One fitted mesh.

    Attributes:
        name: file name without its end.
        pieces: (faces, 3) triangles of each connected piece, the highest piece first.
        follows: (vertices, 19158) weights of base vertices.
        offsets: (vertices, 3) beyond them, in units of `scales`.
        scales: for each axis two base vertices and their reference distance, or None.
        rest: (vertices, 3) dm, fitted to the neutral body.
        skin_weights: (vertices, bones).
    """

    name: str
    pieces: tuple[Ints, ...]
    follows: csr_matrix
    offsets: Floats
    scales: Scales
    rest: Floats
    skin_weights: csr_matrix

    def fit(self, body: Floats) -> Floats:
        """Vertices (vertices, 3) dm on a body (19158, 3)."""
        return _fit(self.follows, self.offsets, self.scales, body)


def load_garments(folder: Path, base: BaseMesh, cell: float = 0.16) -> dict[str, GarmentFile]:
    """Every garment below `folder`, simplified to cells of `cell` dm.

    Raises:
        SourceError: the folder holds none.
        FormatError: a file that is not MakeHuman's format; it is named.
    """
    files = sorted(folder.rglob("*.mhclo"))
    if not files:
        raise SourceError(f"{folder}: expected MakeHuman clothes (*.mhclo beside *.obj), got none; check --assets")
    return {file.stem: _read(file, base, cell) for file in files}


def _read(path: Path, base: BaseMesh, cell: float) -> GarmentFile:
    mesh = path.with_suffix(".obj")
    try:
        vertex_count, triangles = _read_obj(mesh)
        corners, weights, offsets, scales = _read_mhclo(path)
    except (OSError, ValueError, IndexError) as error:
        raise FormatError(f"{path} with {mesh.name}: not a garment of MakeHuman that we can read: {error}") from error
    if vertex_count != len(corners):
        raise FormatError(f"{path}: expected {vertex_count} vertices as in {mesh.name}, got {len(corners)}")
    _check_numbers(mesh, "a face's vertex", triangles, vertex_count)
    _check_numbers(path, "a base vertex", corners, VERTICES)
    _check_numbers(
        path, "a scale's base vertex", np.array([0, *(v for rule in scales if rule for v in rule[:2])]), VERTICES
    )
    rows = np.repeat(np.arange(len(corners)), 3)
    follows = csr_matrix((weights.ravel(), (rows, corners.ravel())), (len(corners), VERTICES))
    rest = _fit(follows, offsets, scales, base.rest)
    skin = (follows.maximum(0) @ base.skin_weights).tocsr()
    total = np.maximum(np.asarray(skin.sum(1)).ravel(), 1e-9)
    skin.data /= np.repeat(total, np.diff(skin.indptr))
    pieces = tuple(cluster(rest, piece, cell) for piece in _pieces(rest, triangles))
    return GarmentFile(path.stem, pieces, follows, offsets, scales, rest, skin)


def _check_numbers(path: Path, what: str, numbers: Ints, count: int) -> None:
    if not numbers.size:
        raise FormatError(f"{path}: expected a mesh, got none")
    if numbers.min() < 0 or numbers.max() >= count:
        raise FormatError(f"{path}: {what} must be from 0 to {count - 1}, got {numbers.min()} to {numbers.max()}")


def _pieces(points: Floats, triangles: Ints) -> list[Ints]:
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])
    size = len(points)
    _, label = connected_components(coo_matrix((np.ones(len(ends)), ends.T), (size, size)), directed=False)
    label = label[triangles[:, 0]]
    found = [triangles[label == piece] for piece in np.unique(label)]
    return sorted(found, key=lambda piece: -float(points[piece][..., 1].mean()))


def _fit(follows: csr_matrix, offsets: Floats, scales: Scales, body: Floats) -> Floats:
    scale = np.ones(3, np.float32)
    for axis, rule in enumerate(scales):
        if rule is not None:
            scale[axis] = abs(body[rule[0], axis] - body[rule[1], axis]) / rule[2]
    return (follows @ body + offsets * scale).astype(np.float32)


def _read_obj(path: Path) -> tuple[int, Ints]:
    count = 0
    quads: list[list[int]] = []
    triangles: list[list[int]] = []
    for line in path.read_text("utf-8", "replace").splitlines():
        if line.startswith("v "):
            count += 1
        elif line.startswith("f "):
            face = [int(word.split("/")[0]) - 1 for word in line.split()[1:]]
            if len(face) not in (3, 4):
                raise ValueError(f"expected faces of 3 or 4 corners, got {len(face)} in {path.name}: {line!r}")
            (quads if len(face) == 4 else triangles).append(face)
    faces = np.array(triangles, np.int64).reshape(-1, 3)
    return count, np.concatenate([faces, triangulate(np.array(quads, np.int64).reshape(-1, 4))])


def _read_mhclo(path: Path) -> tuple[Ints, Floats, Floats, Scales]:
    """Base vertices (n, 3), their weights (n, 3), offsets (n, 3), scales."""
    section, rows = "", []
    scales: dict[str, tuple[int, int, float]] = {}
    for line in path.read_text("utf-8", "replace").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("x_scale", "y_scale", "z_scale"):
            scales[words[0][0]] = int(words[1]), int(words[2]), float(words[3])
            if not float(words[3]) > 0:
                raise ValueError(f"{words[0]} needs a reference distance above 0, got {words[3]}")
        elif words[0] in ("verts", "delete_verts"):  # the skin is drawn whole: what clothes would delete is not read
            section = words[0]
        elif words[0][0].isdigit() and section == "verts":
            rows.append(_follow(words))
    table = np.array(rows, np.float64).reshape(-1, 9)
    rules = tuple(scales.get(axis) for axis in "xyz")
    offsets = table[:, 6:9].astype(np.float32)
    return table[:, :3].astype(np.int64), table[:, 3:6].astype(np.float32), offsets, rules


def _follow(words: list[str]) -> list[float]:
    """Three base vertices, their weights and an offset; a single vertex stands for itself."""
    if len(words) == 1:
        return [float(words[0])] * 3 + [1, 0, 0, 0, 0, 0]
    if len(words) < 9:
        raise ValueError(f"expected 1 or 9 numbers for a vertex, got {len(words)}: {' '.join(words)!r}")
    return [float(word) for word in words[:9]]
