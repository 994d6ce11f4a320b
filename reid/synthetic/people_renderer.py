"""Draws people: pictures with coverage, shadows on the ground, and exact masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdpr.reid.synthetic import person_shader
from mdpr.reid.synthetic.base_mesh import Floats
from mdpr.reid.synthetic.cameras import Camera, clip_matrix
from mdpr.reid.synthetic.lights import Light
from mdpr.reid.synthetic.person import Person

if TYPE_CHECKING:
    import moderngl

NEAR, FAR = 0.3, 120.0
MOST_VERTICES, MOST_TRIANGLES = 40_000, 60_000  # of a person


@dataclass(frozen=True)
class Creases:
    """How cloth lies at a moment. Folds come and go with every movement, so nobody is to be recognised by them.

    The default is one relief for all moments, without folds: videos, where folds would have to move with the body.

    Attributes:
        offset: chooses other creases.
        scale: draws them out along x, y and z of the neutral body.
        depth: of the relief, in what a garment usually has.
        shade: how deep folds are, and how dark they are inside; 0 leaves them out.
    """

    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    depth: float = 1.0
    shade: float = 0.0


def sample_creases(rng: np.random.Generator) -> Creases:
    """Those of another moment; most are half as deep as usual to three times."""
    offset, scale = rng.uniform(0, 50, 3), np.exp(rng.normal(0, 0.3, 3))
    depth = float(np.exp(rng.normal(0.25, 0.4)))
    return Creases(tuple(offset.tolist()), tuple(scale.tolist()), depth, float(rng.uniform(0.5, 1.3)))


@dataclass(frozen=True)
class Placed:
    """A person in a pose at a place.

    Attributes:
        person: who.
        vertices, normals: (n, 3) of the pose, see `Person.pose`.
        x, y: metres, where the middle of the body stands.
        heading: radians, 0 faces +x, counter-clockwise.
        sunlit: 0 in the shadow of the place, 1 in the sun.
        creases: of the clothes.
    """

    person: Person
    vertices: Floats
    normals: Floats
    x: float
    y: float
    heading: float
    sunlit: float = 1.0
    creases: Creases = Creases()

    def matrix(self) -> Floats:
        """From the person's axes to the world, (4, 4)."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        return np.array([[c, -s, 0, self.x], [s, c, 0, self.y], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32)

    def outline(self) -> Floats:
        """World coordinates (k, 3) of the vertices that bound the person's picture."""
        matrix = self.matrix()
        return self.vertices[self.person.outline] @ matrix[:3, :3].T + matrix[:3, 3]


class PeopleRenderer:
    """Programs and buffers of one context. Draws into whatever framebuffer is in use."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._vertices = context.buffer(reserve=MOST_VERTICES * 36, dynamic=True)
        self._triangles = context.buffer(reserve=MOST_TRIANGLES * 12, dynamic=True)
        self._made: dict[tuple[str, bool], _Program] = {}
        shadow = context.program(person_shader.SHADOW, person_shader.FLAT)
        place_only = (self._vertices, "3f 24x", "position")
        self._shadow = _Program(shadow, context.vertex_array(shadow, [place_only], self._triangles))
        self._loaded: Placed | None = None

    def draw(self, placed: Placed, camera: Camera, light: Light, marked: float = 1.0) -> None:
        """The picture of a person; alpha is coverage. A second colour target, where there is one, gets `marked`."""
        values = {
            "sun": light.direction,
            "sun_colour": light.sun * placed.sunlit,
            "sky": light.sky,
            "ground": light.ground,
            "crease_offset": placed.creases.offset,
            "crease_scale": placed.creases.scale,
            "crease_depth": placed.creases.depth,
            "crease_shade": placed.creases.shade,
            "marked": marked,
        }
        self._draw(placed, camera, mask=False, values=values)

    def draw_mask(self, placed: Placed, camera: Camera, value: float) -> None:
        """The same fragments, all of one value."""
        self._draw(placed, camera, mask=True, values={"value": value})

    def draw_shadow(self, placed: Placed, camera: Camera, light: Light) -> None:
        """Where the sun's shadow of a person falls on the ground: 1."""
        self._load(placed)
        values = {"clip": _clip(camera), "placed": placed.matrix(), "sun": light.direction, "value": 1.0}
        self._shadow.set(_packed(values))
        self._shadow.shape.render(vertices=placed.person.triangles.size)

    def _draw(self, placed: Placed, camera: Camera, mask: bool, values: dict[str, Any]) -> None:
        self._load(placed)
        packed = _packed({**values, "clip": _clip(camera), "placed": placed.matrix(), "eye": camera.position})
        ready: set[str] = set()
        for surface in placed.person.surfaces:
            program = self._program(surface.pattern, mask)
            if surface.pattern not in ready:
                program.set(packed)
                ready.add(surface.pattern)
            rows = program.uniforms["M"]
            rows.write(surface.row[: 4 * rows.array_length].tobytes())  # drivers leave out unused rows at the end
            if surface.two_sided:
                self._context.disable(self._context.CULL_FACE)
            else:
                self._context.enable(self._context.CULL_FACE)
            program.shape.render(vertices=3 * surface.count, first=3 * surface.first)
        self._context.disable(self._context.CULL_FACE)

    def _program(self, pattern: str, mask: bool) -> _Program:
        if (pattern, mask) not in self._made:
            program = self._context.program(person_shader.VERTEX, person_shader.fragment(pattern, mask))
            layout = (self._vertices, "3f 3f 3f", "position", "normal", "rest")
            shape = self._context.vertex_array(program, [layout], self._triangles, skip_errors=True)
            self._made[pattern, mask] = _Program(program, shape)
        return self._made[pattern, mask]

    def _load(self, placed: Placed) -> None:
        if self._loaded is placed:
            return
        table = np.concatenate([placed.vertices, placed.normals, placed.person.rest], axis=1, dtype=np.float32)
        self._vertices.write(table.tobytes())
        self._triangles.write(placed.person.triangles.tobytes())
        self._loaded = placed


def _clip(camera: Camera) -> Floats:
    return clip_matrix(camera, NEAR, FAR)


class _Program:
    """A program, its uniforms by name, and the mesh as it reads it."""

    def __init__(self, program: moderngl.Program, shape: moderngl.VertexArray) -> None:
        self.shape = shape
        self.uniforms: dict[str, Any] = {name: program[name] for name in program}  # moderngl's look-up is slow

    def set(self, values: dict[str, bytes]) -> None:
        """Give values to those uniforms that the program uses."""
        for name, value in values.items():
            if name in self.uniforms:
                self.uniforms[name].write(value)


def _packed(values: dict[str, Any]) -> dict[str, bytes]:
    """Numbers, vectors and matrices as OpenGL reads them: float32, matrices column by column."""
    return {name: np.asarray(value, np.float32).T.tobytes() for name, value in values.items()}
