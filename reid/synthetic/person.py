"""A dressed body that takes poses."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, vstack

from mdpr.reid.synthetic.base_mesh import BODY, BaseMesh, Floats, Ints, load_base_mesh
from mdpr.reid.synthetic.dressing import Dresser
from mdpr.reid.synthetic.gait import take_pose
from mdpr.reid.synthetic.garment_files import load_garments
from mdpr.reid.synthetic.identities import Identity
from mdpr.reid.synthetic.materials import PATTERNS
from mdpr.reid.synthetic.meshes import cluster, vertex_normals
from mdpr.reid.synthetic.parts import LOOSE, Part
from mdpr.reid.synthetic.skeleton import bone_transforms, to_world
from mdpr.reid.synthetic.tailor import along_arm

_COARSE_DM = 0.55  # cells that vertices are merged in
_COARSE_PX = 170


@dataclass(frozen=True)
class Surface:
    """The triangles of one look: `pattern`, `row` for the shader, and `count` triangles from `first` on."""

    pattern: str
    row: Floats
    two_sided: bool
    first: int
    count: int


class Person:
    """One mesh of all parts; made by `PeopleMaker`.

    Attributes:
        identity: whose it is.
        rest: (n, 3) coordinates of patterns.
        triangles: (m, 3) int32, those of one surface side by side.
        surfaces: what they look like, in that order.
        outline: numbers of vertices that are not cut away by hems and sleeves; they bound the picture of the person.
    """

    def __init__(self, identity: Identity, base: BaseMesh, joints: Floats, parts: Sequence[Part]) -> None:
        self.identity = identity
        self._base, self._joints = base, joints
        counts = [len(part.vertices) for part in parts]
        self._vertices = np.concatenate([part.vertices for part in parts])
        self._normals = np.concatenate([vertex_normals(part.vertices, part.triangles) for part in parts])
        self._weights = vstack([_weights(part, base) for part in parts]).tocsr()
        on_ground = np.repeat([isinstance(part.skin, str) and part.skin == "ground" for part in parts], counts)
        self._floor = float(self._vertices[~on_ground, 1].min())
        stands = np.flatnonzero(~on_ground & (self._vertices[:, 1] < self._floor + 2.5))
        self._stand_weights, self._feet = self._weights[stands], self._vertices[stands]
        self.rest = np.concatenate([part.rest for part in parts])
        self.triangles, self.surfaces = _surfaces(parts)
        self.outline = np.flatnonzero(np.concatenate([_is_drawn(part) for part in parts]))
        self._coarse: Person | None = None

    def coarse(self) -> Person:
        """The same person with about a quarter of the mesh, for when it is small in the picture; made once."""
        if self._coarse is None:
            fewer = copy(self)
            faces: list[Ints] = []
            surfaces: list[Surface] = []
            for surface in self.surfaces:
                triangles = self.triangles[surface.first : surface.first + surface.count]
                first = sum(map(len, faces))
                faces.append(cluster(self._vertices, triangles.astype(np.int64), _COARSE_DM))
                surfaces.append(replace(surface, first=first, count=len(faces[-1])))
            used, local = np.unique(np.concatenate(faces), return_inverse=True)
            fewer.triangles, fewer.surfaces = local.reshape(-1, 3).astype(np.int32), tuple(surfaces)
            fewer._vertices, fewer._normals, fewer.rest = self._vertices[used], self._normals[used], self.rest[used]
            fewer._weights = self._weights[used]
            fewer.outline = np.flatnonzero(np.isin(used, self.outline))
            self._coarse = fewer  # it stands on the feet of the fine one
        return self._coarse

    def for_height(self, height_px: float) -> Person:
        """The person, or its coarse mesh when it is so small in the picture that nobody sees the difference."""
        return self.coarse() if height_px < _COARSE_PX else self

    def pose(
        self, stance: str, phase: float, speed: float = 1.3, look: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[Floats, Floats]:
        """Vertices and normals (n, 3) in metres, z up, facing +x, standing on z = 0; see `gait.take_pose`."""
        base, joints = self._base, self._joints
        moved = bone_transforms(base, joints, take_pose(stance, phase, self.identity.manner, speed, look))
        loose = np.zeros((len(LOOSE), 3, 4), np.float32)
        loose[:, :, :3] = np.eye(3)
        for row, name in enumerate(("wrist.L", "wrist.R")):
            bone = base.bones.index(name)
            loose[row, :, 3] = moved[bone, :, :3] @ joints[bone] + moved[bone, :, 3] - joints[bone]
        bones = np.concatenate([moved, loose]).reshape(-1, 12)
        feet = (self._stand_weights @ bones).reshape(-1, 3, 4)
        lowest = float((_apply(feet, self._feet)[:, 1] + feet[:, 1, 3]).min())
        bones[len(base.bones) + 2, 7] += lowest - self._floor  # what rolls on the ground stays on it
        every = (self._weights @ bones).reshape(-1, 3, 4)
        vertices = _apply(every, self._vertices) + every[:, :, 3]
        vertices[:, 1] -= lowest
        return to_world(vertices), np.ascontiguousarray(_apply(every, self._normals)[:, [2, 0, 1]])


class PeopleMaker:
    """Makes people from identities; loads what they are made of once.

    Args:
        assets: a folder with MakeHuman's clothes, or None: then all clothes are cut from the body's own helper meshes.
    """

    def __init__(self, assets: Path | None = None) -> None:
        self.base = load_base_mesh()
        self.dresser = Dresser(self.base, load_garments(assets, self.base) if assets else {})

    def make(self, identity: Identity) -> Person:
        """The dressed body of an identity."""
        shape = self.base.shape(identity.phenotype)
        heights = shape[BODY, 1]
        shape = (shape * (identity.height_m * 10 / (heights.max() - heights.min()))).astype(np.float32)
        joints = np.asarray(self.base.head_weights @ shape, np.float32)
        rng = np.random.default_rng([identity.seed, 3, identity.number])
        parts = self.dresser.dress(identity.outfit, shape, joints, identity.skin, identity.sex, rng)
        return Person(identity, self.base, joints, parts)


def _surfaces(parts: Sequence[Part]) -> tuple[NDArray[np.int32], tuple[Surface, ...]]:
    """All triangles (m, 3), those of one look side by side and looks of one pattern side by side, and the looks."""
    kinds = sorted(  # of one pattern in the order of the parts: a set's order differs from process to process
        dict.fromkeys((part.material, part.two_sided) for part in parts),
        key=lambda kind: PATTERNS.index(kind[0].pattern),
    )
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    faces: list[Ints] = []
    surfaces: list[Surface] = []
    for material, two_sided in kinds:
        chosen = [
            part.triangles + start
            for part, start in zip(parts, starts, strict=False)
            if (part.material, part.two_sided) == (material, two_sided)
        ]
        first = sum(map(len, faces))
        faces += chosen
        surfaces.append(Surface(material.pattern, material.row(), two_sided, first, sum(map(len, chosen))))
    return np.concatenate(faces).astype(np.int32), tuple(surfaces)


def _is_drawn(part: Part) -> NDArray[np.bool_]:
    """Vertices (n,) that lie within the material's cuts, with a margin of a triangle."""
    material, y = part.material, part.rest[:, 1]
    drawn = (y > material.hem - 0.25) & (y < material.top + 0.25) & (along_arm(part.rest) < material.sleeve + 0.25)
    plane = np.array(material.plane, np.float32)
    drawn &= part.rest @ plane[:3] > plane[3] - 0.2
    used = np.zeros(len(drawn), bool)
    used[part.triangles] = True
    return drawn & used


def _apply(transforms: Floats, points: Floats) -> Floats:
    return np.einsum("nij,nj->ni", transforms[:, :, :3], points)


def _weights(part: Part, base: BaseMesh) -> csr_matrix:
    bones, count = len(base.bones), len(part.vertices)
    if isinstance(part.skin, str):
        names = (*base.bones, *LOOSE)
        ones, rows = np.ones(count, np.float32), np.arange(count)
        return csr_matrix((ones, (rows, np.full(count, names.index(part.skin)))), (count, bones + len(LOOSE)))
    return hstack([part.skin, csr_matrix((count, len(LOOSE)), dtype=np.float32)]).tocsr()
