"""A place's triangles and textures on the graphics device, and the framebuffers of one picture size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.noise import fractal
from mdpr.reid.synthetic.place_types import Place
from mdpr.reid.synthetic.solids import Solid
from mdpr.reid.synthetic.surfaces import Role
from mdpr.reid.synthetic.textures import upload

if TYPE_CHECKING:
    import moderngl

_LAYOUT = "3f 3f 2f 1f 3f 4f"
_NAMES = ("position", "normal", "uv", "layer", "colour", "material")
_TEXTURE_VARIANTS = 5
_COARSE_M = 0.07  # thinner triangles matter to the sun's sharp shadows only
_FINER = 1.5  # colours are drawn with that many pixels a pixel along each side, then averaged


class LoadedPlace:
    """Buffers of a place; index buffers are None where there is no such triangle.

    `casters`, `leafy_casters` throw shadows; `seen`, `leafy_seen` are in the view that `look` chose; leafy triangles
    are cut out by their texture.
    """

    def __init__(self, context: moderngl.Context, place: Place) -> None:
        self.place, self.context = place, context
        part = place.solid
        table = np.concatenate(
            [part.position, part.normal, part.uv, part.texture[:, None], part.colour, part.material], axis=1
        ).astype("f4")
        role = part.material[part.triangles[:, 0], 3].astype(int)
        self._is_leafy = role == Role.CUTOUT
        is_caster = ~np.isin(role, [Role.GROUND, Role.SHELL, Role.BACKDROP, Role.CUTOUT])
        self.vertices = context.buffer(table.tobytes())
        self.textures = upload(context, part.textures, place.seed % _TEXTURE_VARIANTS)
        self.casters, self.leafy_casters = self._index(is_caster), self._index(self._is_leafy)
        self.coarse_casters = self._index(is_caster & (_thickness(part) >= _COARSE_M))
        self.atlas_holds = b""  # clip matrices of the shadow maps that were drawn last
        self.seen: moderngl.Buffer | None = None
        self.leafy_seen: moderngl.Buffer | None = None
        self.mirrored: moderngl.Buffer | None = None
        self.leafy_mirrored: moderngl.Buffer | None = None
        is_ground = part.material[:, 3] == Role.GROUND
        self.has_polish = bool((is_ground & (part.material[:, 0] > 0.03)).any())

    def _index(self, chosen: NDArray[np.bool_]) -> moderngl.Buffer | None:
        triangles = self.place.solid.triangles[chosen]
        return self.context.buffer(triangles.astype("i4").tobytes()) if len(triangles) else None

    def look(self, clip: NDArray[np.float32]) -> None:
        """Choose the triangles that are not wholly outside the view of a clip matrix (4, 4), and their images."""
        self._free_views()
        flip = np.diag([1.0, 1.0, -1.0, 1.0]).astype(np.float32)
        seen, mirrored = self._in_view(clip), self._in_view(clip @ flip)
        self.seen, self.leafy_seen = self._index(seen & ~self._is_leafy), self._index(seen & self._is_leafy)
        if self.has_polish:
            self.mirrored = self._index(mirrored & ~self._is_leafy)
            self.leafy_mirrored = self._index(mirrored & self._is_leafy)

    def _in_view(self, clip: NDArray[np.float32]) -> NDArray[np.bool_]:
        solid = self.place.solid
        seen = solid.position @ clip[:, :3].T + clip[:, 3]
        outside = np.zeros(len(seen), np.uint8)
        for bit, value in enumerate((seen[:, 0], -seen[:, 0], seen[:, 1], -seen[:, 1], seen[:, 2])):
            outside |= (value < -seen[:, 3]).astype(np.uint8) << bit
        codes = outside[solid.triangles]
        return (codes[:, 0] & codes[:, 1] & codes[:, 2]) == 0

    def _free_views(self) -> None:
        for buffer in (self.seen, self.leafy_seen, self.mirrored, self.leafy_mirrored):
            if buffer is not None:
                buffer.release()
        self.seen = self.leafy_seen = self.mirrored = self.leafy_mirrored = None

    def release(self) -> None:
        """Free everything on the device."""
        self._free_views()
        for resource in (self.vertices, self.textures, self.casters, self.coarse_casters, self.leafy_casters):
            if resource is not None:
                resource.release()


def _thickness(part: Solid) -> NDArray[np.float32]:
    """The least height of each triangle (T,) in metres."""
    a, b, c = (part.position[part.triangles[:, k]] for k in range(3))
    longest = np.max([np.linalg.norm(p - q, axis=1) for p, q in ((a, b), (b, c), (c, a))], axis=0)
    twice_area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return (twice_area / np.maximum(longest, 1e-6)).astype(np.float32)


class Targets:
    """Framebuffers for one picture size; that of colours is finer, those of light and of the floor's image coarser."""

    def __init__(self, context: moderngl.Context, width: int, height: int) -> None:
        size, half = (width, height), ((width + 1) // 2, (height + 1) // 2)
        self.size = size
        self.data = context.texture(size, 4, dtype="f4")
        self.depth = context.depth_texture(size)
        self.depth.compare_func = ""
        for texture in (self.data, self.depth):
            texture.filter = (context.NEAREST, context.NEAREST)
            texture.repeat_x = texture.repeat_y = False
        self.data_target = context.framebuffer([self.data], self.depth)
        self.light, self.near = context.texture(half, 4, dtype="f4"), context.texture(half, 1, dtype="f4")
        self.light_target = context.framebuffer([self.light, self.near])
        self.smooth = context.texture(half, 4, dtype="f4")
        self.smooth_target = context.framebuffer([self.smooth])
        quarter = ((width + 3) // 4, (height + 3) // 4)
        self.floor = context.texture(quarter, 4)
        self.floor.repeat_x = self.floor.repeat_y = False
        self.floor_target = context.framebuffer([self.floor], context.depth_renderbuffer(quarter))
        self.fine = (round(width * _FINER), round(height * _FINER))
        pictures = [context.renderbuffer(self.fine, 4) for _ in range(2)]
        self.picture = context.framebuffer(pictures, context.depth_renderbuffer(self.fine))

    def read(self, source: moderngl.Framebuffer, components: int, dtype: str, attachment: int) -> NDArray[Any]:
        """Pixels (H, W, components) of an attachment (-1: depth), top row first."""
        raw = source.read(components=components, dtype=dtype, attachment=attachment)
        values = np.frombuffer(raw, np.uint8 if dtype == "f1" else np.float32)
        return np.ascontiguousarray(values.reshape(source.height, source.width, components)[::-1])

    def release(self) -> None:
        """Free everything on the device."""
        for target in (self.data_target, self.light_target, self.smooth_target, self.floor_target, self.picture):
            for attachment in (*target.color_attachments, target.depth_attachment):
                if attachment is not None:
                    attachment.release()
            target.release()


def set_uniforms(program: moderngl.Program, **values: Any) -> None:
    """Write uniforms; those that the compiler dropped are left out. Matrices (4, 4) are given row by row."""
    for name, value in values.items():
        uniform: Any = program.get(name, None)
        if uniform is not None and isinstance(value, (int, float)):
            uniform.value = value
        elif uniform is not None:
            array = np.asarray(value, np.float32)
            uniform.write(np.ascontiguousarray(array.T if array.shape == (4, 4) else array).tobytes())


def layout_of(program: moderngl.Program) -> tuple[str, list[str]]:
    """Buffer layout for the program, with padding for attributes it does not read, and the names of those it reads."""
    layout, names = [], []
    for part, name in zip(_LAYOUT.split(), _NAMES, strict=True):
        if program.get(name, None) is None:
            layout.append(f"{int(part[0]) * 4}x")
        else:
            layout.append(part)
            names.append(name)
    return " ".join(layout), names


def shadow_map(context: moderngl.Context, width: int, height: int) -> moderngl.Framebuffer:
    """A target for depth alone, to be read as plain numbers."""
    texture = context.depth_texture((width, height))
    texture.compare_func = ""
    texture.filter = (context.NEAREST, context.NEAREST)
    texture.repeat_x = texture.repeat_y = False
    return context.framebuffer([], texture)


def noise_texture(context: moderngl.Context) -> moderngl.Texture:
    """Two smooth patterns and two of white noise, 256 x 256; always the same."""
    rng = np.random.default_rng(4)
    layers = [cv2.resize(fractal(rng, 4, 6), (256, 256), interpolation=cv2.INTER_AREA) for _ in range(2)]
    planes = [np.clip(0.5 + 0.2 * layer / layer.std(), 0, 1) for layer in layers] + list(rng.random((2, 256, 256)))
    values = np.rint(np.dstack(planes) * 255).astype(np.uint8)
    texture = context.texture((256, 256), 4, values.tobytes())
    texture.build_mipmaps()
    texture.filter = (context.LINEAR_MIPMAP_LINEAR, context.LINEAR)
    return texture
