"""All textures by name, and a place's own set of them on the graphics device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic import textures_ground, textures_pictures, textures_walls, textures_windows
from mdpr.reid.synthetic.noise import SIZE, Pattern

if TYPE_CHECKING:
    import moderngl


def _named(module: ModuleType, names: str) -> dict[str, Callable[[np.random.Generator], Pattern]]:
    return {name: getattr(module, name) for name in names.split()}


TEXTURES: dict[str, Callable[[np.random.Generator], Pattern]] = {
    **_named(
        textures_ground, "asphalt concrete slabs setts floor_tiles terrazzo vinyl carpet planks gravel grass rubber"
    ),
    **_named(
        textures_walls,
        "plain plaster render brick blocks wall_tiles concrete_wall wood metal corrugated ceiling bark fabric "
        "cardboard asphalt_roof leaf mesh pebbles",
    ),
    **_named(textures_pictures, "goods posters papers screens books"),
    **_named(textures_windows, "rooms displays signs keyboard foliage"),
}

GRIDS: dict[str, tuple[int, int]] = {  # columns, rows
    "goods": (8, 8), "posters": (4, 4), "papers": (4, 4), "screens": (4, 4), "books": (2, 4), "rooms": (4, 4),
    "displays": (2, 4), "signs": (2, 8),
}  # fmt: skip


@lru_cache(maxsize=64)
def texture(name: str, seed: int) -> NDArray[np.uint8]:
    """The named texture, (SIZE, SIZE, 4) RGBA display values; the same for the same seed."""
    rng = np.random.default_rng([seed, crc32(name.encode())])
    values = np.rint(TEXTURES[name](rng) * 255).astype(np.uint8)
    values.flags.writeable = False
    return values


def upload(context: moderngl.Context, names: Sequence[str], seed: int) -> moderngl.TextureArray:
    """The named textures as layers of one array, with smaller versions for the distance."""
    layers = b"".join(texture(name, seed).tobytes() for name in names)
    array = context.texture_array((SIZE, SIZE, len(names)), 4, layers)
    array.build_mipmaps()
    array.filter = (context.LINEAR_MIPMAP_LINEAR, context.LINEAR)
    # no anisotropy: Mesa 22's software renderer can loop for ever in it
    return array
