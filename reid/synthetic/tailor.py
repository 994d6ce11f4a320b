"""Clothes cut from the body itself: the base mesh has a suit of tights and a skirt around it, which are loosened here.

Looseness is an offset along the normals, smoothed so that cloth bridges hollows; hems, sleeves and fronts are cut by
the material, in the shader, where edges stay sharp.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from mdpr.reid.synthetic.base_mesh import BODY, EYES, SKIRT, TIGHTS, BaseMesh, Floats, Ints
from mdpr.reid.synthetic.materials import Material
from mdpr.reid.synthetic.meshes import averaging, cluster, smooth, triangulate, vertex_normals
from mdpr.reid.synthetic.parts import Part

_SHOULDER = np.array([1.70, 5.02, 0.19], np.float32)  # of the neutral body, dm
_ARM = np.array([0.665, -0.747, 0.0], np.float32)
WRIST = 4.2  # dm along the arm


def along_arm(rest: Floats) -> Floats:
    """How far along an arm points (n, 3) of the neutral body are, dm from the shoulder; -1 on the rest of the body."""
    x, y = np.abs(rest[:, 0]), rest[:, 1]
    on_arm = (x > 1.75 + 0.35 * np.maximum(4.6 - y, 0)) & (y > 0.8)
    mirrored = np.column_stack([x, y, rest[:, 2]])
    return np.where(on_arm, (mirrored - _SHOULDER) @ _ARM, -1).astype(np.float32)


@dataclass(frozen=True)
class Fabric:
    """A piece of the base mesh that clothes are made of.

    Attributes:
        vertices: their numbers in the base mesh.
        triangles: (faces, 3) of local numbers.
        average: see `averaging`.
        skin: (vertices, bones).
        rest: (vertices, 3).
    """

    vertices: Ints
    triangles: Ints
    average: csr_matrix
    skin: csr_matrix
    rest: Floats


class Tailor:
    """Cuts clothes for any body; made once.

    Args:
        base: the mesh.
        cell: simplification of the skin, dm; the face and the hands are twice as fine.
    """

    def __init__(self, base: BaseMesh, cell: float = 0.32) -> None:
        triangles = triangulate(base.quads)
        self.base = base
        self.tights = _fabric(base, triangles[_within(triangles, TIGHTS)])
        self.skirt = _fabric(base, triangles[_within(triangles, SKIRT)])
        body = triangles[_within(triangles, BODY) | _within(triangles, EYES)]
        fine = (base.rest[:, 1] > 5.9) | (along_arm(base.rest) > WRIST - 0.1)
        self.skin = _fabric(base, cluster(base.rest, body, np.where(fine, cell / 2, cell).astype(np.float32)))
        head = body[(base.rest[body][..., 1] > 6.0).all(1) & _within(body, BODY)]
        self.head = _fabric(base, cluster(base.rest, head, cell / 2))

    def body(self, shape: Floats, material: Material) -> Part:
        """The skin, a little thinner than it is so that tight clothes cover it."""
        fabric = self.skin
        vertices = shape[fabric.vertices]
        covered = (fabric.rest[:, 1] < 5.7) & (along_arm(fabric.rest) < WRIST) & (fabric.rest[:, 1] > -7.2)
        thinner = np.where(covered, 0.05, 0.0)[:, None] * vertex_normals(vertices, fabric.triangles)
        return Part((vertices - thinner).astype(np.float32), fabric.rest, fabric.triangles, fabric.skin, material)

    def upper(self, shape: Floats, material: Material, loose: float, bulk: int = 4, flare: float = 0.0) -> Part:
        """A shirt, jumper or jacket.

        Args:
            shape: (19158, 3) the body, dm.
            material: with hem and sleeve.
            loose: distance from the skin, dm.
            bulk: smoothing steps: more bridge more hollows, as thick cloth does.
            flare: more looseness towards the hem, dm.
        """
        rest = self.tights.rest
        arm = along_arm(rest)
        extra = flare * np.clip((3.5 - rest[:, 1]) / 4, 0, 1) * (arm < 0) + 0.12 * loose * np.clip(arm / 4, 0, 1)
        chosen = (rest[:, 1] > material.hem - 0.5) & (arm < material.sleeve + 0.5)
        return self._cut(self.tights, shape, material, loose + extra, bulk, chosen)

    def lower(self, shape: Floats, material: Material, loose: float, bulk: int = 2, flare: float = 0.0) -> Part:
        """Trousers, shorts or leggings; `flare` is how much wider the legs are at the ankle, dm."""
        rest = self.tights.rest
        legs = np.clip((-1.0 - rest[:, 1]) / 5.5, 0, 1)
        knees = np.exp(-(((rest[:, 1] + 3.4) / 1.2) ** 2))
        offset = loose + flare * legs + 0.25 * loose * knees
        chosen = (rest[:, 1] < 1.9) & (rest[:, 1] > -7.9) & (along_arm(rest) < 0)
        return self._cut(self.tights, shape, material, offset, bulk, chosen)

    def around(self, shape: Floats, material: Material, loose: float, flare: float) -> Part:
        """A skirt, or what of a dress or coat hangs below the waist; `flare` scales its width at the ankles."""
        fabric = self.skirt
        vertices = shape[fabric.vertices].copy()
        down = np.clip((0.6 - fabric.rest[:, 1]) / 7.5, 0, 1)[:, None]
        vertices[:, [0, 2]] *= 1 + (flare - 1) * down
        normals = vertex_normals(vertices, fabric.triangles)
        vertices = smooth(vertices + (loose * normals).astype(np.float32), fabric.average, 1)
        return Part(vertices.astype(np.float32), fabric.rest, fabric.triangles, fabric.skin, material, two_sided=True)

    def feet(self, shape: Floats, material: Material) -> Part:
        """Shoes."""
        rest = self.skin.rest
        return self._cut(self.skin, shape, material, np.full(len(rest), 0.12, np.float32), 3, rest[:, 1] < -7.3)

    def on_head(self, shape: Floats, material: Material, loose: float, bulk: int = 8) -> Part:
        """A cap, beanie, hood or short hair; the material's plane leaves the face free."""
        every = np.ones(len(self.head.rest), bool)
        return self._cut(self.head, shape, material, np.full(len(every), loose), bulk, every)

    @staticmethod
    def _cut(
        fabric: Fabric,
        shape: Floats,
        material: Material,
        offset: NDArray[np.floating],
        bulk: int,
        chosen: NDArray[np.bool_],
    ) -> Part:
        vertices = shape[fabric.vertices]
        normals = vertex_normals(smooth(vertices, fabric.average, 2), fabric.triangles)
        vertices = smooth(vertices + offset[:, None] * normals, fabric.average, bulk)
        triangles = fabric.triangles[chosen[fabric.triangles].any(1)]
        used, local = np.unique(triangles, return_inverse=True)
        return Part(
            vertices[used].astype(np.float32),
            fabric.rest[used],
            local.reshape(-1, 3),
            fabric.skin[used],
            material,
            two_sided=material.opening > 0,
        )


def _within(triangles: Ints, part: slice) -> NDArray[np.bool_]:
    return ((triangles >= part.start) & (triangles < part.stop)).all(1)


def _fabric(base: BaseMesh, triangles: Ints) -> Fabric:
    used, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3)
    return Fabric(used, local, averaging(local, len(used)), base.skin_weights[used], base.rest[used])
