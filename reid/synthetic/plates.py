"""Pictures of places without people: the background plates of synthetic crops and videos.

A plate also holds what people need to be put into it: depth, the ground, where the sun shines, and the same picture
without the sun, which is what their shadows show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.cameras import Camera, crop_camera
from mdpr.reid.synthetic.lights import Light, scaled
from mdpr.reid.synthetic.place_painter import Painter
from mdpr.reid.synthetic.place_types import Place
from mdpr.reid.synthetic.surfaces import Role

if TYPE_CHECKING:
    import moderngl


@dataclass(frozen=True)
class Plate:
    """A picture of a place; all arrays are (H, W) or (H, W, 3), top row first, and cannot be written to.

    Attributes:
        image: RGB after `tone_map`, before any sensor.
        shaded: the same without the sun: a shadow of strength s shows (1 - s) * image + s * shaded. Equal to `image`
            where no sun shines, and everywhere under soft light, which casts no sharp shadow.
        depth: metres along the camera's z axis; inf in the sky.
        ground: where feet can be seen to stand.
        sunlit: 0 to 255, share of the sun that reaches the surface, 0 on the side away from it.
    """

    camera: Camera
    light: Light
    image: NDArray[np.uint8]
    shaded: NDArray[np.uint8]
    depth: NDArray[np.float32]
    ground: NDArray[np.bool_]
    sunlit: NDArray[np.uint8]


def render_plate(place: Place, camera: Camera, light: Light, context: moderngl.Context) -> Plate:
    """The place as the camera sees it under the light; the same picture for the same arguments.

    The context keeps what the last place needs on the device, so several views of one place in a row are cheap.
    """
    painter = Painter.of(context)
    drawn = painter.paint(place, camera, light)
    arrays = (
        drawn.lit[..., :3].copy(), drawn.unlit[..., :3].copy(), drawn.depth, drawn.role == Role.GROUND + 1,
        drawn.unlit[..., 3].copy(),
    )  # fmt: skip
    for array in arrays:
        array.flags.writeable = False
    return Plate(camera, light, *arrays)


def exposed(
    place: Place, camera: Camera, light: Light, context: moderngl.Context, target: float | None = None
) -> Light:
    """The light scaled as an automatic exposure would: the mean of the picture comes near `target`.

    Args:
        target: display value in [0, 1]; without it 0.42 by day and indoors, 0.3 in the evening.
    """
    goal = target if target is not None else (0.3 if light.is_dark and not place.is_indoor else 0.42)
    small = crop_camera(camera, (0, 0, camera.width, camera.height), 160, 90)
    factor = 1.0
    for _ in range(2):
        drawn = Painter.of(context).paint(place, small, scaled(light, factor))
        shown = drawn.lit[drawn.role > 0][:, :3].mean() / 255 if (drawn.role > 0).any() else goal
        factor = float(np.clip(factor * (goal / max(shown, 0.02)) ** 1.8, 0.5, 4.0))
    return scaled(light, factor)
