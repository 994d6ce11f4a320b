"""Crops of people as a camera in a place sees them and a detector cuts them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.cameras import Camera, crop_camera, ground_point, project
from mdpr.reid.synthetic.identities import Identity, sample_identity
from mdpr.reid.synthetic.lights import Light
from mdpr.reid.synthetic.people_renderer import PeopleRenderer, Placed, sample_creases
from mdpr.reid.synthetic.person import PeopleMaker, Person
from mdpr.reid.synthetic.plates import Plate
from mdpr.reid.synthetic.sensor import Sensor, auto_exposure, compress, expose

if TYPE_CHECKING:
    import moderngl

HEIGHT = 256  # of the largest crops, pixels
_WIDTH = 192
_LEAST_PX, _MOST_PX = 48.0, 800.0  # heights of people in the camera's picture
_PLACES = 600
_LEAST_VISIBLE = 0.35
_TRIES = 12
_BUSY = ("reach", "bend", "hold")  # what people do for a moment
PASSERS_BY = 48  # people who stand in the way; they are nobody's identity


@dataclass(frozen=True)
class StudioCamera:
    """A camera in a place: what it sees without people, and its sensor.

    Attributes:
        number: from 1.
        plate: the place as it sees it.
        sensor: of the camera.
        standing: (points, 2) metres, where somebody may stand in view.
        heights: (points,) of 1.7 m there, in pixels.
        sunlit: (points,) 0 or 1.
    """

    number: int
    plate: Plate
    sensor: Sensor
    standing: NDArray[np.float64]
    heights: NDArray[np.float64]
    sunlit: NDArray[np.float64]


def set_up_camera(number: int, plate: Plate, sensor: Sensor, seed: int) -> StudioCamera | None:
    """A camera with the points of its ground where people can be seen; None if there are too few."""
    rng, camera = np.random.default_rng([seed, 7, number]), plate.camera
    rows, columns = np.nonzero(plate.ground)
    if len(rows) < 100:
        return None
    pick = rng.choice(len(rows), min(len(rows), 8 * _PLACES), replace=False)
    pixels = np.column_stack([columns[pick], rows[pick]]) + 0.5
    points = ground_point(camera, pixels)
    heights = person_height_px(camera, points, 1.7)
    # near and far alike: as many of each size, not as many as there is ground
    fits = (heights > _LEAST_PX) & (heights < _MOST_PX) & np.isfinite(points).all(1)
    if fits.sum() < 20:
        return None
    share = 1 / np.maximum(np.histogram(np.log(heights[fits]), 12)[0], 1)
    bins = np.clip(((np.log(heights) - np.log(heights[fits]).min()) / np.ptp(np.log(heights[fits])) * 12), 0, 11)
    weight = np.where(fits, share[np.nan_to_num(bins).astype(int)], 0)
    chosen = rng.choice(len(points), _PLACES, p=weight / weight.sum())
    sunlit = plate.sunlit[rows[pick[chosen]], columns[pick[chosen]]] / 255.0
    return StudioCamera(number, plate, auto_exposure(sensor, plate.image), points[chosen], heights[chosen], sunlit)


def person_height_px(camera: Camera, points: NDArray[np.float64], height_m: float) -> NDArray[np.float64]:
    """How tall people of a height look who stand at points (n, 2) of the ground, pixels (n,)."""
    feet = np.column_stack([points, np.zeros(len(points))])
    low, depth = project(camera, feet)
    high, _ = project(camera, feet + np.array([0, 0, height_m]))
    return np.where(depth > 1.0, np.linalg.norm(high - low, axis=1), np.nan)


@dataclass(frozen=True)
class Crop:
    """One picture of one person.

    Attributes:
        jpeg: at most `HEIGHT` pixels high.
        identity, camera, view: numbers.
        box: (4,) xyxy of the cut in the camera's picture.
        visible: share that nothing hides of what the cut shows of the person, 0 to 1; a cut that is lower than 0.4 of
            the person's height makes it less.
        height_px: of the person in the camera's picture.
        mask: (H, W) share of each pixel that is the person, 0 to 1.
    """

    jpeg: bytes
    identity: int
    camera: int
    view: int
    box: NDArray[np.float64]
    visible: float
    height_px: float
    mask: NDArray[np.float32]


class Studio:
    """Renders crops; one per process.

    Args:
        context: of OpenGL.
        maker: of people.
        cameras: in which they are seen.
        seed: of the world.
    """

    def __init__(
        self, context: moderngl.Context, maker: PeopleMaker, cameras: Sequence[StudioCamera], seed: int
    ) -> None:
        self._context, self._maker, self._seed = context, maker, seed
        self._cameras = cameras
        self._renderer = PeopleRenderer(context)
        size = (_WIDTH, HEIGHT)
        self._target = context.framebuffer(
            [context.renderbuffer(size, 4, samples=4), context.renderbuffer(size, 4, samples=4)],
            context.depth_renderbuffer(size, samples=4),
        )
        self._resolved = context.framebuffer([context.renderbuffer(size, 4), context.renderbuffer(size, 4)])
        self._shadow = context.framebuffer([context.renderbuffer(size, 1)])
        self._passers: dict[int, Person] = {}

    def crops(self, identity: Identity, views: int) -> list[Crop]:
        """All views of a person: some cameras see it more than once."""
        rng = np.random.default_rng([identity.seed, 5, identity.number])
        person = self._maker.make(identity)
        seen_by = min(len(self._cameras), max(2, views // 2 - int(rng.integers(0, 3))))
        chosen = rng.choice(len(self._cameras), seen_by, replace=False)
        order = np.concatenate([chosen, rng.choice(chosen, max(views - seen_by, 0))])[:views]
        return [self._crop(person, view, self._cameras[camera]) for view, camera in enumerate(order.tolist())]

    def _crop(self, person: Person, view: int, camera: StudioCamera) -> Crop:
        rng = np.random.default_rng([self._seed, 6, person.identity.number, view])
        for _ in range(_TRIES - 1):
            crop = self._try(person, view, camera, rng, alone=False)
            if crop.visible >= _LEAST_VISIBLE:
                return crop
        return self._try(person, view, camera, rng, alone=True)

    def _try(self, person: Person, view: int, camera: StudioCamera, rng: np.random.Generator, alone: bool) -> Crop:
        place = int(rng.integers(len(camera.standing)))
        x, y = camera.standing[place]
        placed = stand(person, x, y, rng, camera.sunlit[place])
        others = [] if alone else self._companions(camera, placed, rng)
        cut, height_px = _cut(placed, camera.plate.camera, rng)
        scale = min(HEIGHT / (cut[3] - cut[1]), _WIDTH / (cut[2] - cut[0]), 1.0)
        width, height = (max(8, round(float(side) * scale)) for side in (cut[2] - cut[0], cut[3] - cut[1]))
        seen = crop_camera(camera.plate.camera, cut, width, height)
        depth = float(project(camera.plate.camera, [[x, y, 0.9]])[1][0])
        behind, without_sun, in_front, on_ground = _background(camera, cut, width, height, depth)
        people, alpha, mask, alone_mask = self._people(placed, others, seen, camera.plate.light)
        shadow, contact = self._shadows(placed, others, seen, camera)
        ground = behind + (shadow * on_ground)[..., None] * (without_sun - behind)
        ground *= 1 - 0.5 * (contact * on_ground)[..., None]
        over = (alpha * (1 - in_front))[..., None]
        picture = people * (1 - in_front)[..., None] + ground * (1 - over)
        mask = mask * (1 - in_front)
        visible = float(mask.sum() / max(alone_mask.sum(), 1e-3)) * _inside(cut, camera.plate.camera, height_px)
        exposed = expose(np.clip(picture, 0, 255).astype(np.uint8), camera.sensor, rng, scale=1 / scale)
        jpeg = compress(exposed, camera.sensor.quality)
        number = person.identity.number
        return Crop(jpeg, number, camera.number, view, cut, visible, height_px, mask)

    def _companions(self, camera: StudioCamera, placed: Placed, rng: np.random.Generator) -> list[Placed]:
        count = rng.choice(4, p=[0.58, 0.27, 0.11, 0.04])
        found = []
        for _ in range(count):
            away, angle = rng.uniform(0.45, 1.9), rng.uniform(0, 2 * np.pi)
            number = int(rng.integers(PASSERS_BY))
            if number not in self._passers:
                self._passers[number] = self._maker.make(sample_identity(self._seed, 10**7 + number))
            x, y = placed.x + away * np.cos(angle), placed.y + away * np.sin(angle)
            found.append(stand(self._passers[number], x, y, rng, placed.sunlit))
        return found

    def _people(
        self, placed: Placed, others: Sequence[Placed], camera: Camera, light: Light
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Colour times coverage (H, W, 3) of 255, coverage, the person's share, and that share with nobody else."""
        width, height = camera.width, camera.height
        self._begin(self._target, width, height)
        self._renderer.draw(placed, camera, light, 1.0)
        colour, mark = self._read(width, height)
        alone = mark
        if others:
            for other in others:
                self._renderer.draw(other, camera, light, 0.0)
            colour, mark = self._read(width, height)
        return colour[..., :3].astype(np.float32), _share(colour[..., 3]), mark, alone

    def _shadows(
        self, placed: Placed, others: Sequence[Placed], camera: Camera, studio: StudioCamera
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """On the ground (H, W) each, 0 to 1: where people take the sun, and how much of the sky under their feet."""
        width, height = camera.width, camera.height
        shadow, contact = np.zeros((2, height, width), np.float32)
        if placed.sunlit > 0.3 and studio.plate.light.sun.mean() > 0.12 and not studio.plate.light.is_dark:
            self._begin(self._shadow, width, height, depth=False)
            for one in (placed, *others):
                self._renderer.draw_shadow(one, camera, studio.plate.light)
            drawn = self._shadow.read(viewport=(0, 0, width, height), components=1, alignment=1)
            shadow = _share(np.frombuffer(drawn, np.uint8).reshape(height, width)[::-1])
            shadow = cv2.GaussianBlur(shadow, (0, 0), max(0.6, 25 * studio.plate.light.softness))
        for one in (placed, *others):
            turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
            ring = np.column_stack([one.x + 0.27 * np.cos(turn), one.y + 0.27 * np.sin(turn), 0 * turn])
            pixels, depth = project(camera, ring)
            if (depth > 0.5).all():
                disc = np.zeros((height, width), np.float32)
                cv2.fillPoly(disc, [np.round(pixels).astype(np.int32)], 1.0)
                contact = np.maximum(contact, cv2.GaussianBlur(disc, (0, 0), max(0.8, float(np.ptp(pixels[:, 0])) / 9)))
        return shadow, contact

    def _begin(self, target: moderngl.Framebuffer, width: int, height: int, depth: bool = True) -> None:
        target.use()
        self._context.viewport = (0, 0, width, height)
        self._context.enable_only(self._context.DEPTH_TEST if depth else self._context.NOTHING)
        target.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)
        self._context.viewport = (0, 0, width, height)

    def _read(self, width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        self._context.copy_framebuffer(self._resolved, self._target)
        part = (0, 0, width, height)
        colour = np.frombuffer(self._resolved.read(viewport=part, components=4, attachment=0), np.uint8)
        mark = np.frombuffer(self._resolved.read(viewport=part, components=4, attachment=1), np.uint8)
        self._target.use()
        self._context.viewport = part
        size = (height, width, 4)
        return colour.reshape(size)[::-1], _share(mark.reshape(size)[::-1, :, 0])


def _share(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """From 0 to 255 to shares."""
    return np.divide(pixels, 255, dtype=np.float32)


def stand(person: Person, x: float, y: float, rng: np.random.Generator, sunlit: float) -> Placed:
    """Somebody at a point of the ground (metres) at a random moment, mostly walking, turned anywhere."""
    walks = rng.random() < 0.72
    stance = "walk" if walks else person.identity.stance
    if walks and rng.random() < 0.12 and person.identity.stance in ("phone", "pockets", "call"):
        stance = person.identity.stance
    elif not walks and rng.random() < 0.35:
        stance = _BUSY[int(rng.integers(len(_BUSY)))]
    speed = float(rng.uniform(0.6, 1.7)) if walks else 0.0
    look = (float(rng.normal(0, 18)), float(rng.normal(0, 6)))
    vertices, normals = person.pose(stance, float(rng.random()), speed, look)
    heading = float(rng.uniform(0, 2 * np.pi))
    return Placed(person, vertices, normals, float(x), float(y), heading, float(sunlit), sample_creases(rng))


def _cut(placed: Placed, camera: Camera, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """The box that a detector might give, whole pixels within the picture, and the person's height in pixels."""
    pixels, _ = project(camera, placed.outline())
    x1, y1 = pixels.min(0)
    x2, y2 = pixels.max(0)
    width, height = x2 - x1, y2 - y1
    left, right = rng.normal(0.03, 0.06, 2) * width
    up, down = rng.normal(0.01, 0.03, 2) * height
    draw = rng.random()
    if draw < 0.2:  # legs hidden by the picture's edge or a desk, or missed
        down = -rng.uniform(0.1, 0.62) * height
    elif draw < 0.26:  # a side hidden by a door or the picture's edge
        left, right = rng.permutation([-rng.uniform(0.15, 0.4) * width, right])
    elif rng.random() < 0.06:
        left, right, up, down = rng.uniform(0.05, 0.3, 4) * [width, width, height / 2, height / 2]
    cut = np.array([x1 - left, y1 - up, x2 + right, y2 + down])
    least = 0.3 * (cut[3] - cut[1])
    if cut[2] - cut[0] < least:
        middle = (cut[0] + cut[2]) / 2
        cut[[0, 2]] = middle - least / 2, middle + least / 2
    size, smallest = np.array([camera.width, camera.height]), np.array([8, 16])
    low = np.clip(np.floor(cut[:2]), 0, size - smallest)
    high = np.clip(np.ceil(cut[2:]), low + smallest, size)
    return np.concatenate([low, high]), float(height)


def _inside(cut: NDArray[np.float64], camera: Camera, height_px: float) -> float:
    return float(np.clip((cut[3] - cut[1]) / max(0.4 * height_px, 1), 0, 1))


def _background(
    camera: StudioCamera, cut: NDArray[np.float64], width: int, height: int, depth: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """What is behind the person (H, W, 3), the same in shadow; where the place hides somebody that far away; ground."""
    x1, y1, x2, y2 = cut.astype(int).tolist()
    part, size = np.s_[y1:y2, x1:x2], (width, height)
    method = cv2.INTER_AREA if width < x2 - x1 else cv2.INTER_LINEAR
    nearer = (camera.plate.depth[part] < depth - 0.35) & ~camera.plate.ground[part]
    behind, shaded = (
        cv2.resize(picture[part], size, interpolation=method).astype(np.float32)
        for picture in (camera.plate.image, camera.plate.shaded)
    )
    in_front, on_ground = (
        cv2.resize(where.astype(np.float32), size, interpolation=method)
        for where in (nearer, camera.plate.ground[part])
    )
    return behind, shaded, in_front, on_ground
