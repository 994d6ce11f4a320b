"""Whole pictures of a camera: people in a place, before and behind its things and each other, with exact labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.cameras import Camera, crop_camera, project
from mdpr.reid.synthetic.opengl import Canvas
from mdpr.reid.synthetic.people_renderer import PeopleRenderer, Placed
from mdpr.reid.synthetic.plates import Plate

if TYPE_CHECKING:
    import moderngl

_PROBE = (48, 96)  # pixels of the picture in which a person's whole area is counted
_CLEARANCE_M = 0.35  # what of the place is this much nearer than a person's middle hides it


@dataclass(frozen=True)
class Label:
    """What is true of a person in a picture.

    Attributes:
        index: of the person in the list that was painted.
        xyxy: (4,) pixels around the whole person, hidden parts too; it may reach outside the picture.
        visible: share of its pixels that are in the picture and not hidden, 0 to 1.
        pixels: how many those are.
    """

    index: int
    xyxy: NDArray[np.float64]
    visible: float
    pixels: int


@dataclass(frozen=True)
class Painted:
    """A picture before the sensor, its labels, and whose each pixel is.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        ids: (H, W) index of the person + 1, 0 for the place.
        labels: of all people of whom at least one pixel is seen.
    """

    image: NDArray[np.uint8]
    ids: NDArray[np.int32]
    labels: tuple[Label, ...]


class ScenePainter:
    """Paints people into plates of one size."""

    def __init__(self, context: moderngl.Context, width: int, height: int) -> None:
        self._context = context
        self._renderer = PeopleRenderer(context)
        self._canvas = Canvas(context, width, height)
        self._probe = Canvas(context, *_PROBE, samples=1)
        self._half = (width // 2, height // 2)
        self._shadow = context.framebuffer([context.renderbuffer(self._half, 1)])

    def paint(self, plate: Plate, people: Sequence[Placed]) -> Painted:
        """The picture of a plate's camera with these people in it; people behind the camera are left out."""
        camera = plate.camera
        seen: list[tuple[int, Placed, NDArray[np.float64], float]] = []
        for index, placed in enumerate(people):
            box, depth = _box(placed, camera)
            if depth > 0.6 and box[2] > 0 and box[3] > 0 and box[0] < camera.width and box[1] < camera.height:
                seen.append((index, placed, box, depth))
        if not seen:
            return Painted(plate.image, np.zeros(plate.image.shape[:2], np.int32), ())
        self._canvas.begin()
        for _, placed, _, _ in seen:
            self._renderer.draw(placed, camera, plate.light)
        colour = self._canvas.read_rgba()
        self._canvas.begin_data()
        for index, placed, _, _ in seen:
            self._renderer.draw_mask(placed, camera, float(index + 1))
        ids = self._canvas.read_mask()
        depths = np.zeros(len(people) + 1, np.float32)
        for index, _, _, depth in seen:
            depths[index + 1] = depth
        whose = cv2.dilate(ids.astype(np.float32), np.ones((5, 5), np.uint8)).astype(np.int32)  # their soft edges too
        whose = np.where(ids > 0, ids, whose)
        hidden = (whose > 0) & (plate.depth < depths[whose] - _CLEARANCE_M) & ~plate.ground
        ids[hidden] = 0
        image = self._compose(plate, [placed for _, placed, _, _ in seen], colour, hidden)
        counts = np.bincount(ids.ravel(), minlength=len(people) + 1)
        labels = []
        for index, placed, box, _ in seen:
            pixels = int(counts[index + 1])
            if pixels:
                visible = min(1.0, pixels / max(self._area(placed, camera, box), 1.0))
                labels.append(Label(index, box, visible, pixels))
        return Painted(image, ids, tuple(labels))

    def _compose(
        self, plate: Plate, people: Sequence[Placed], colour: NDArray[np.uint8], hidden: NDArray[np.bool_]
    ) -> NDArray[np.uint8]:
        ground = plate.image
        rows, columns = np.nonzero(colour[..., 3])
        shadow, contact = self._shadows(plate, people)
        touched = ((shadow > 0.01) | (contact > 0.01)) & plate.ground
        image = ground.copy()
        here = image[touched].astype(np.float32)
        here += shadow[touched][:, None] * (plate.shaded[touched] - here)
        image[touched] = here * (1 - 0.5 * contact[touched][:, None])
        alpha = colour[rows, columns, 3].astype(np.float32) / 255
        if hidden.any():
            alpha *= 1 - cv2.blur(hidden.astype(np.float32), (3, 3))[rows, columns]
            lit = colour[rows, columns, :3] * (alpha * 255 / np.maximum(colour[rows, columns, 3], 1))[:, None]
        else:
            lit = colour[rows, columns, :3].astype(np.float32)
        image[rows, columns] = np.clip(image[rows, columns] * (1 - alpha[:, None]) + lit, 0, 255)
        return image

    def _shadows(self, plate: Plate, people: Sequence[Placed]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        width, height = self._half
        camera, light = plate.camera, plate.light
        size = (camera.width, camera.height)
        shadow = np.zeros((height, width), np.float32)
        if light.sun.mean() > 0.12 and not light.is_dark and plate.sunlit.any():
            self._shadow.use()
            self._context.enable_only(self._context.NOTHING)
            self._shadow.clear(0.0, 0.0, 0.0, 0.0)
            for placed in people:
                self._renderer.draw_shadow(placed, camera, light)
            drawn = np.frombuffer(self._shadow.read(components=1, alignment=1), np.uint8)
            shadow = np.divide(drawn.reshape(height, width)[::-1], 255, dtype=np.float32)
            shadow = cv2.GaussianBlur(shadow, (0, 0), max(0.5, 20 * light.softness))
        contact = np.zeros((height, width), np.float32)
        turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        for placed in people:
            ring = np.column_stack([placed.x + 0.27 * np.cos(turn), placed.y + 0.27 * np.sin(turn), 0 * turn])
            pixels, depth = project(camera, ring)
            if (depth > 0.5).all():
                cv2.fillPoly(contact, [np.round(pixels / 2).astype(np.int32)], 1.0)
        contact = cv2.GaussianBlur(contact, (0, 0), 1.6)
        return cv2.resize(shadow, size), cv2.resize(contact, size)

    def _area(self, placed: Placed, camera: Camera, box: NDArray[np.float64]) -> float:
        """Pixels of the whole person, as if nothing hid it and the picture went on."""
        self._probe.begin_data()
        self._renderer.draw_mask(placed, crop_camera(camera, box, *_PROBE), 1.0)
        share = (self._probe.read_mask() > 0).mean()
        return float(share * (box[2] - box[0]) * (box[3] - box[1]))


def _box(placed: Placed, camera: Camera) -> tuple[NDArray[np.float64], float]:
    pixels, depth = project(camera, placed.outline())
    middle = float(np.median(depth))
    if depth.min() < 0.35:  # at or behind the camera
        return np.zeros(4), -1.0
    return np.concatenate([pixels.min(0), pixels.max(0)]), middle
