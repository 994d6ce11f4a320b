"""Render a short clip of a square with people who do not exist: `python demo/render.py plaza.mp4`.

Flat figures drawn with OpenCV, enough to see the whole path work with no download: they walk past each other, behind a
pillar, out of the picture and back.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, FPS, SECONDS = 960, 540, 25, 16
HORIZON = 170
Colour = tuple[int, int, int]
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Person:
    """Clothes (BGR) and a path of (time_s, x, y) points: x in pixels, y where the feet are."""

    top: Colour
    trousers: Colour
    hair: Colour
    skin: Colour
    path: tuple[tuple[float, float, float], ...]

    def position(self, time_s: float) -> tuple[float, float]:
        """Where the feet are at a time."""
        times, xs, ys = zip(*self.path, strict=True)
        return float(np.interp(time_s, times, xs)), float(np.interp(time_s, times, ys))


PEOPLE = (
    Person((40, 40, 170), (60, 50, 45), (20, 25, 35), (150, 180, 220), ((0, -60, 430), (9, 1020, 450))),
    Person((150, 110, 30), (40, 40, 40), (30, 60, 110), (120, 150, 195), ((0.5, 1020, 380), (10, -60, 400))),
    Person((60, 140, 60), (120, 90, 60), (15, 15, 20), (70, 95, 140), ((1, 250, 235), (7, 640, 330), (13, 300, 480))),
    Person((190, 190, 195), (95, 60, 50), (40, 90, 160), (160, 190, 230),
           ((0, 700, 300), (4, 560, 250), (14, 900, 520))),
    Person((35, 160, 210), (70, 70, 75), (60, 60, 65), (100, 125, 170),
           ((2, -60, 330), (5, 150, 330), (8, -70, 340), (11, -70, 360), (16, 420, 380))),
)  # fmt: skip


def background() -> Image:
    """The empty square: sky, a facade with windows, paving in perspective."""
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:HORIZON] = np.linspace((200, 185, 170), (215, 208, 200), HORIZON)[:, None]
    picture[HORIZON:] = np.linspace((120, 126, 130), (150, 156, 160), HEIGHT - HORIZON)[:, None]
    cv2.rectangle(picture, (0, 40), (WIDTH, HORIZON), (140, 155, 172), -1)
    for x in range(30, WIDTH, 110):
        cv2.rectangle(picture, (x, 65), (x + 55, 135), (95, 85, 75), -1)
        cv2.rectangle(picture, (x, 65), (x + 55, 135), (175, 185, 195), 3)
    for x in range(-1600, 2600, 130):  # joints of the paving run towards a vanishing point
        cv2.line(picture, (480 + (x - 480) // 6, HORIZON), (x, HEIGHT), (112, 118, 122), 1, cv2.LINE_AA)
    for i in range(1, 14):
        y = HORIZON + round((HEIGHT - HORIZON) * (i / 13) ** 2)
        cv2.line(picture, (0, y), (WIDTH, y), (112, 118, 122), 1, cv2.LINE_AA)
    grain = np.random.default_rng(1).normal(0, 3, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def draw_person(picture: Image, person: Person, time_s: float) -> None:
    """A walking figure with a shadow; its height follows from where it stands."""
    x, y = person.position(time_s)
    before_x, before_y = person.position(time_s - 0.2)
    speed = math.hypot(x - before_x, y - before_y)
    height = 60 + 150 * (y - HORIZON) / (HEIGHT - HORIZON)
    swing = math.sin(time_s * 7 + person.path[0][1]) * min(1.0, speed / 4)
    limb = max(2, round(height * 0.085))
    hip, shoulder, head = y - 0.48 * height, y - 0.82 * height, y - 0.92 * height

    def point(dx: float, at_y: float) -> tuple[int, int]:
        return round((x + dx * height) * 8), round(at_y * 8)  # three fractional bits, for smooth motion

    shadow = picture.copy()
    cv2.ellipse(shadow, (round(x), round(y)), (round(height * 0.2), round(height * 0.05)), 0, 0, 360, (60, 64, 66), -1)
    cv2.addWeighted(shadow, 0.5, picture, 0.5, 0, picture)
    for side in (-1, 1):
        knee, foot = (
            point(0.05 * side + 0.07 * swing * side, y - 0.24 * height),
            point(0.04 * side + 0.16 * swing * side, y),
        )
        cv2.line(picture, point(0.05 * side, hip), knee, person.trousers, limb, cv2.LINE_AA, 3)
        cv2.line(picture, knee, foot, person.trousers, limb, cv2.LINE_AA, 3)
        cv2.line(picture, foot, (foot[0] + round(0.03 * height * 8), foot[1]), (30, 30, 30), limb, cv2.LINE_AA, 3)
    torso = np.array(
        [
            point(-0.13, shoulder),
            point(0.13, shoulder),
            point(0.1, hip + 0.03 * height),
            point(-0.1, hip + 0.03 * height),
        ]
    )
    cv2.fillConvexPoly(picture, torso, person.top, cv2.LINE_AA, 3)
    shade = tuple(round(0.8 * value) for value in person.top)
    for side in (-1, 1):
        hand = point(0.14 * side - 0.13 * swing * side, hip + 0.02 * height)
        cv2.line(
            picture, point(0.13 * side, shoulder + 0.03 * height), hand, shade, max(2, limb * 3 // 4), cv2.LINE_AA, 3
        )
        cv2.circle(picture, hand, round(0.025 * height * 8), person.skin, -1, cv2.LINE_AA, 3)
    face = (round(0.055 * height * 8), round(0.075 * height * 8))
    cv2.ellipse(picture, point(0, head), face, 0, 0, 360, person.skin, -1, cv2.LINE_AA, 3)
    cap = (round(0.06 * height * 8), round(0.065 * height * 8))
    cv2.ellipse(picture, point(0, head - 0.02 * height), cap, 0, 180, 360, person.hair, -1, cv2.LINE_AA, 3)


def draw_pillar(picture: Image) -> None:
    """The advertising pillar that people walk behind; it stands at y = 410."""
    shading = np.linspace(70, 130, 46)[None, :, None] * np.array([0.75, 0.9, 1.0])
    picture[190:410, 470:516] = shading.astype(np.uint8)
    cv2.ellipse(picture, (493, 190), (26, 8), 0, 0, 360, (70, 80, 90), -1, cv2.LINE_AA)


def render(path: Path) -> None:
    """Write the clip as H.264."""
    scene = background()
    noise = np.random.default_rng(2)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(FPS * SECONDS):
            picture = scene.copy()
            time_s = index / FPS
            has_pillar = False
            for person in sorted(PEOPLE, key=lambda person: person.position(time_s)[1]):  # far ones first
                if not has_pillar and person.position(time_s)[1] > 410:
                    draw_pillar(picture)
                    has_pillar = True
                if person.path[0][0] <= time_s <= person.path[-1][0]:
                    draw_person(picture, person, time_s)
            if not has_pillar:
                draw_pillar(picture)
            grain = noise.normal(0, 2.5, picture.shape[:2])[..., None]
            picture = np.clip(cv2.GaussianBlur(picture, (3, 3), 0) + grain, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    render(Path(sys.argv[1] if len(sys.argv) > 1 else "plaza.mp4"))
