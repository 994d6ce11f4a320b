"""Draws places: shadow maps, light on the screen, the image in the floor, and the picture itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic import place_colours as colours
from mdpr.reid.synthetic import place_shaders as shaders
from mdpr.reid.synthetic.cameras import Camera, clip_matrix
from mdpr.reid.synthetic.lights import Light
from mdpr.reid.synthetic.place_device import LoadedPlace, Targets, layout_of, noise_texture, set_uniforms, shadow_map
from mdpr.reid.synthetic.place_lights import has_sharp_sun, parallel_clip, small_lights
from mdpr.reid.synthetic.place_types import Place

if TYPE_CHECKING:
    import moderngl

NEAR, FAR = 0.2, 400.0
_SUN_RADIUS_M = 32.0
_KEY = "mdpr.painter"
_CLIP_DISTANCE = 0x3000  # GL_CLIP_DISTANCE0

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Drawn:
    """What was drawn, top row first: RGBA pictures, depth in metres, `Role` + 1 (0 in the sky)."""

    lit: NDArray[np.uint8]
    unlit: NDArray[np.uint8]
    depth: NDArray[np.float32]
    role: NDArray[np.int32]


class Painter:
    """Programs and shadow maps of a context, and the place it drew last."""

    def __init__(self, context: moderngl.Context) -> None:
        self.context = context
        pairs = {
            "shadow": (shaders.OPAQUE_FRAGMENT, shaders.CUTOUT_FRAGMENT),
            "data": (shaders.OPAQUE_DATA, shaders.CUTOUT_DATA),
        }
        self._solid, self._leafy = (
            {name: context.program(shaders.VERTEX, pair[k]) for name, pair in pairs.items()} for k in (0, 1)
        )
        self._colour = context.program(shaders.VERTEX, colours.COLOUR_FRAGMENT)
        self._mirror = context.program(shaders.VERTEX, colours.MIRROR_FRAGMENT)
        self._light = context.program(shaders.SCREEN_VERTEX, shaders.LIGHT_FRAGMENT)
        self._smooth = context.program(shaders.SCREEN_VERTEX, shaders.SMOOTH_FRAGMENT)
        self._sky = context.program(shaders.SCREEN_VERTEX, colours.SKY_FRAGMENT)
        self._screen = context.buffer(np.array([[-1, -1], [3, -1], [-1, 3]], "f4").tobytes())
        rows = -(-shaders.MAX_TILES // shaders.ATLAS_COLUMNS)
        self._atlas = shadow_map(context, shaders.ATLAS_COLUMNS * shaders.TILE, rows * shaders.TILE)
        self._sun = shadow_map(context, shaders.SUN_MAP, shaders.SUN_MAP)
        self._noise = noise_texture(context)
        self._loaded: LoadedPlace | None = None
        self._targets: Targets | None = None

    @staticmethod
    def of(context: moderngl.Context) -> Painter:
        """The context's painter, made on first use."""
        store: dict[str, Any] = context.extra if isinstance(context.extra, dict) else {}
        context.extra = store
        if _KEY not in store:
            store[_KEY] = Painter(context)
        painter: Painter = store[_KEY]
        return painter

    def paint(self, place: Place, camera: Camera, light: Light) -> Drawn:
        """Draw the place."""
        loaded, targets = self._load(place), self._size(camera.width, camera.height)
        clip = clip_matrix(camera, NEAR, FAR)
        loaded.look(clip)
        self.context.enable_only(self.context.DEPTH_TEST)
        self._draw_data(loaded, targets, clip, camera)
        self._draw_light(loaded, targets, clip, camera, light)
        sun_clip = parallel_clip(place, light.direction, camera.position + camera.direction * 14, _SUN_RADIUS_M)
        if has_sharp_sun(place, light):
            self._draw_shadows(
                loaded, self._sun, [(sun_clip, (0, 0, shaders.SUN_MAP, shaders.SUN_MAP))], loaded.casters
            )
        self._set_colour(place, camera, light, sun_clip, clip, targets.fine)
        if loaded.has_polish:
            self._draw_floor_image(loaded, targets, clip, light)
        self._draw_picture(loaded, targets, clip)
        return self._read(targets)

    def _load(self, place: Place) -> LoadedPlace:
        if self._loaded is None or self._loaded.place is not place:
            if self._loaded is not None:
                self._loaded.release()
            self._loaded = LoadedPlace(self.context, place)
        return self._loaded

    def _size(self, width: int, height: int) -> Targets:
        if self._targets is None or self._targets.size != (width, height):
            if self._targets is not None:
                self._targets.release()
            self._targets = Targets(self.context, width, height)
        return self._targets

    def _draw(self, program: moderngl.Program, loaded: LoadedPlace, index: moderngl.Buffer | None, *clips: Any) -> None:
        """Draw the triangles of `index` once for each clip matrix, or pair of matrix and viewport."""
        if index is None:
            return
        set_uniforms(program, textures=0)
        layout, names = layout_of(program)
        array = self.context.vertex_array(program, [(loaded.vertices, layout, *names)], index)
        loaded.textures.use(0)
        for clip in clips:
            if isinstance(clip, tuple):
                clip, self.context.fbo.viewport = clip
            set_uniforms(program, clip=clip)
            array.render()
        array.release()

    def _draw_shadows(
        self, loaded: LoadedPlace, target: moderngl.Framebuffer, maps: list[Any], casters: moderngl.Buffer | None
    ) -> None:
        target.use()
        target.viewport = (0, 0, *target.size)
        target.clear(depth=1.0)
        self._draw_depth(loaded, casters, loaded.leafy_casters, maps, 1.0)

    def _draw_depth(
        self,
        loaded: LoadedPlace,
        solid: moderngl.Buffer | None,
        leafy: moderngl.Buffer | None,
        clips: list[Any],
        mirror: float,
    ) -> None:
        for programs, index in ((self._solid, solid), (self._leafy, leafy)):
            set_uniforms(programs["shadow"], mirror=mirror)
            self._draw(programs["shadow"], loaded, index, *clips)

    def _draw_data(self, loaded: LoadedPlace, targets: Targets, clip: Matrix, camera: Camera) -> None:
        targets.data_target.use()
        targets.data_target.clear(0, 0, 0, 0, depth=1.0)
        for programs, index in ((self._solid, loaded.seen), (self._leafy, loaded.leafy_seen)):
            set_uniforms(programs["data"], eye=camera.position, mirror=1.0)
            self._draw(programs["data"], loaded, index, clip)

    def _draw_light(self, loaded: LoadedPlace, targets: Targets, clip: Matrix, camera: Camera, light: Light) -> None:
        lights = small_lights(loaded.place, light, camera)[: shaders.MAX_TILES]
        maps = []
        for number, small in enumerate(lights):
            column, row = number % shaders.ATLAS_COLUMNS, number // shaders.ATLAS_COLUMNS
            maps.append((small.clip, (column * shaders.TILE, row * shaders.TILE, shaders.TILE, shaders.TILE)))
        wanted = b"".join(small.clip.tobytes() for small in lights)
        if loaded.atlas_holds != wanted:  # the sky's are the same for every view and every sky
            self._draw_shadows(loaded, self._atlas, maps, loaded.coarse_casters)
            loaded.atlas_holds = wanted
        pad = shaders.MAX_TILES - len(lights)
        set_uniforms(
            self._light,
            data=0,
            depth=1,
            atlas=2,
            noise=3,
            tiles=len(lights),
            near_far=(NEAR, FAR),
            ground=light.ground,
            unproject=np.linalg.inv(clip.astype(np.float64)),
            focal=camera.intrinsics[0, 0] / camera.width,
            tile_from=np.array([[*s.source, float(s.is_lamp)] for s in lights] + [[0] * 4] * pad),
            tile_colour=np.array([[*s.colour, 0.0] for s in lights] + [[0] * 4] * pad),
            tile_axis=np.array([s.axis for s in lights] + [np.zeros(3)] * pad),
            tile_clip=np.stack([s.clip.T for s in lights] + [np.eye(4)] * pad),
        )
        self.context.disable(self.context.DEPTH_TEST)
        targets.light_target.use()
        self._fill(self._light, targets.data, targets.depth, self._atlas.depth_attachment, self._noise)
        targets.smooth_target.use()
        set_uniforms(self._smooth, light_map=0, place_map=1, data=2)
        self._fill(self._smooth, targets.light, targets.near, targets.data)
        self.context.enable(self.context.DEPTH_TEST)

    def _fill(self, program: moderngl.Program, *textures: Any) -> None:
        for slot, texture in enumerate(textures):
            texture.use(slot)
        array = self.context.vertex_array(program, [(self._screen, "2f", "corner")])
        array.render()
        array.release()

    def _set_colour(
        self, place: Place, camera: Camera, light: Light, sun_clip: Matrix, clip: Matrix, pixels: tuple[int, int]
    ) -> None:
        indoor, sharp = float(place.is_indoor), has_sharp_sun(place, light)
        cloud = {"overcast": 1.1, "evening": 0.55}.get(light.name, (place.seed * 0.37) % 0.7)
        sun = light.sun if sharp else np.zeros(3)
        sky = {"sky_light": light.sky, "sun_light": sun, "sun_from": light.direction, "cloud": cloud}
        for program in (self._colour, self._mirror):
            set_uniforms(
                program,
                noise=1,
                light_map=2,
                place_map=3,
                sun_map=4,
                floor_image=5,
                sun_clip=sun_clip,
                ground=light.ground,
                eye=camera.position,
                pixels=pixels,
                indoor=indoor,
                mirror=-1.0 if program is self._mirror else 1.0,
                sun_size=light.softness if sharp else 0.0,
                glow=float(light.is_dark),
                haze=0.0 if indoor else 0.0012,
                room_light=light.sun + light.sky,
                **sky,
            )
        set_uniforms(self._sky, noise=0, eye=camera.position, unproject=np.linalg.inv(clip.astype(np.float64)), **sky)

    def _draw_floor_image(self, loaded: LoadedPlace, targets: Targets, clip: Matrix, light: Light) -> None:
        targets.floor_target.use()
        red, green, blue = (float(v) for v in np.clip(light.sky, 0, 1) ** (1 / 2.2))
        targets.floor_target.clear(red, green, blue, 1.0, depth=1.0)
        self.context.enable_direct(_CLIP_DISTANCE)
        self._draw_twice(self._mirror, loaded, loaded.mirrored, loaded.leafy_mirrored, clip, -1.0)
        self.context.disable_direct(_CLIP_DISTANCE)
        targets.floor.build_mipmaps()
        targets.floor.filter = (self.context.LINEAR_MIPMAP_LINEAR, self.context.LINEAR)

    def _draw_twice(
        self,
        program: moderngl.Program,
        loaded: LoadedPlace,
        solid: moderngl.Buffer | None,
        leafy: moderngl.Buffer | None,
        clip: Matrix,
        mirror: float,
    ) -> None:
        """Depth first, then colours of what is in front only: hidden surfaces are not shaded."""
        self._draw_depth(loaded, solid, leafy, [clip], mirror)
        self._noise.use(1)
        self.context.depth_func = "=="
        for index in (solid, leafy):
            self._draw(program, loaded, index, clip)
        self.context.depth_func = "<"

    def _draw_picture(self, loaded: LoadedPlace, targets: Targets, clip: Matrix) -> None:
        targets.picture.use()
        targets.picture.clear(depth=1.0)
        self.context.disable(self.context.DEPTH_TEST)
        self._fill(self._sky, self._noise)
        self.context.enable(self.context.DEPTH_TEST)
        inputs: tuple[Any, ...] = (targets.smooth, targets.near, self._sun.depth_attachment, targets.floor)
        for slot, texture in enumerate(inputs, start=2):
            texture.use(slot)
        self._draw_twice(self._colour, loaded, loaded.seen, loaded.leafy_seen, clip, 1.0)

    def _read(self, targets: Targets) -> Drawn:
        stored = targets.read(targets.data_target, 1, "f4", -1)[..., 0].astype(np.float64)
        depth = (NEAR * FAR / (FAR - stored * (FAR - NEAR))).astype(np.float32)
        depth[stored >= 1] = np.inf
        role = np.rint(targets.read(targets.data_target, 4, "f4", 0)[..., 3]).astype(np.int32)
        lit, unlit = (targets.read(targets.picture, 4, "f1", k) for k in (0, 1))
        lit, unlit = (cv2.resize(fine, targets.size, interpolation=cv2.INTER_AREA) for fine in (lit, unlit))
        return Drawn(lit, unlit, depth, role)
