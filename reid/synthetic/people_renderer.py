"""Draws people: pictures with coverage, shadows on the ground, and exact masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdpr.reid.synthetic import person_shader
from mdpr.reid.synthetic.base_mesh import Floats
from mdpr.reid.synthetic.cameras import Camera, clip_matrix
from mdpr.reid.synthetic.lights import Light
from mdpr.reid.synthetic.person import Person

if TYPE_CHECKING:
    import moderngl

NEAR, FAR = 0.3, 120.0
_MOST_VERTICES, _MOST_TRIANGLES = 40_000, 60_000


@dataclass(frozen=True)
class Placed:
    """A person in a pose at a place.

    Attributes:
        person: who.
        vertices, normals: (n, 3) of the pose, see `Person.pose`.
        x, y: metres, where the middle of the body stands.
        heading: radians, 0 faces +x, counter-clockwise.
        sunlit: 0 in the shadow of the place, 1 in the sun.
    """

    person: Person
    vertices: Floats
    normals: Floats
    x: float
    y: float
    heading: float
    sunlit: float = 1.0

    def matrix(self) -> Floats:
        """From the person's axes to the world, (4, 4)."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        return np.array([[c, -s, 0, self.x], [s, c, 0, self.y], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32)

    def world_vertices(self) -> Floats:
        """(n, 3) metres."""
        return self.vertices @ self.matrix()[:3, :3].T + self.matrix()[:3, 3]


class PeopleRenderer:
    """Programs and buffers of one context. Draws into whatever framebuffer is in use."""

    def __init__(self, context: moderngl.Context) -> None:
        self._picture = context.program(person_shader.VERTEX, person_shader.FRAGMENT)
        self._mask = context.program(person_shader.VERTEX, person_shader.MASK)
        self._shadow = context.program(person_shader.SHADOW, person_shader.FLAT)
        self._vertices = context.buffer(reserve=_MOST_VERTICES * 40, dynamic=True)
        self._triangles = context.buffer(reserve=_MOST_TRIANGLES * 12, dynamic=True)
        layout = (self._vertices, "3f 3f 3f 1f", "position", "normal", "rest", "material")
        self._draw_picture = context.vertex_array(self._picture, [layout], self._triangles)
        self._draw_mask = context.vertex_array(self._mask, [layout], self._triangles, skip_errors=True)
        place_only = (self._vertices, "3f 28x", "position")
        self._draw_shadow = context.vertex_array(self._shadow, [place_only], self._triangles)
        self._loaded: Placed | None = None

    def draw(self, placed: Placed, camera: Camera, light: Light, marked: float = 1.0) -> None:
        """The picture of a person; alpha is coverage. A second colour target, where there is one, gets `marked`."""
        program = self._picture
        self._load(placed)
        _set(program, "sun", light.direction)
        _set(program, "sun_colour", light.sun * placed.sunlit)
        _set(program, "sky", light.sky)
        _set(program, "ground", light.ground)
        program["marked"].value = marked
        self._view(program, placed, camera)
        self._draw_picture.render(vertices=placed.person.triangles.size)

    def draw_mask(self, placed: Placed, camera: Camera, value: float) -> None:
        """The same fragments, all of one value."""
        self._load(placed)
        self._mask["value"].value = value
        self._view(self._mask, placed, camera)
        self._draw_mask.render(vertices=placed.person.triangles.size)

    def draw_shadow(self, placed: Placed, camera: Camera, light: Light) -> None:
        """Where the sun's shadow of a person falls on the ground: 1."""
        self._load(placed)
        program = self._shadow
        program["clip"].write(np.ascontiguousarray(clip_matrix(camera, NEAR, FAR).T).tobytes())
        program["placed"].write(np.ascontiguousarray(placed.matrix().T).tobytes())
        _set(program, "sun", light.direction)
        program["value"].value = 1.0
        self._draw_shadow.render(vertices=placed.person.triangles.size)

    def _load(self, placed: Placed) -> None:
        if self._loaded is placed:
            return
        person = placed.person
        table = np.concatenate(
            [placed.vertices, placed.normals, person.rest, person.material[:, None]], axis=1, dtype=np.float32
        )
        self._vertices.write(table.tobytes())
        self._triangles.write(person.triangles.tobytes())
        self._loaded = placed

    def _view(self, program: moderngl.Program, placed: Placed, camera: Camera) -> None:
        program["clip"].write(np.ascontiguousarray(clip_matrix(camera, NEAR, FAR).T).tobytes())
        program["placed"].write(np.ascontiguousarray(placed.matrix().T).tobytes())
        _set(program, "eye", camera.position)
        program["M"].write(placed.person.materials.tobytes())


def _set(program: moderngl.Program, name: str, values: np.ndarray) -> None:
    program[name].value = tuple(float(value) for value in values)
