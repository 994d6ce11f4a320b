"""A person is a list of parts: a mesh that bones move, with one material each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from mdpr.reid.synthetic.base_mesh import Floats, Ints
from mdpr.reid.synthetic.materials import Material

LOOSE = ("hang.L", "hang.R", "ground")
"""Bones that things hang on upright below a wrist, or that roll along on the ground."""


@dataclass(frozen=True)
class Part:
    """One mesh of a person.

    Attributes:
        vertices: (vertices, 3) dm on this body, in MakeHuman's axes.
        rest: (vertices, 3) dm on the neutral body; patterns, seams and hems are defined there.
        triangles: (faces, 3).
        skin: (vertices, bones) weights, or the name of the one bone that carries all of it: the base mesh's or `LOOSE`.
        material: what its surface looks like.
        two_sided: whether its inside can be seen.
    """

    vertices: NDArray[np.floating]
    rest: Floats
    triangles: Ints
    skin: csr_matrix | str
    material: Material
    two_sided: bool = False


def rigid(vertices: NDArray[np.floating], triangles: Ints, bone: str, material: Material) -> Part:
    """A part that one bone carries; its pattern is that of its own coordinates around its centre."""
    return Part(vertices, (vertices - vertices.mean(0)).astype(np.float32), triangles, bone, material)
