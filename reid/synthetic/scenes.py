"""`mdpr data synth scene`: people walking through a place, seen by several cameras, with exact truth.

OUT/CAMERA/video.mp4, gt/gt.txt, seqinfo.ini    as MOTChallenge has it; identities are the same in all cameras
OUT/truth.txt                                   camera, identity, frame, left, top, width, height, world x, world y
OUT/cameras.json, scene.json                    calibration; who is who, when they are there, how it was made
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.files import finish, make_folder, part_path, write_errors, write_text
from mdpr.reid.synthetic.cameras import Camera, camera_to_dict, crop_camera, project
from mdpr.reid.synthetic.identities import Identity, sample_identity
from mdpr.reid.synthetic.jobs import claim_folder, read_journal, run_jobs
from mdpr.reid.synthetic.lights import INDOOR_LIGHTS, LIGHTS, OUTDOOR_LIGHTS, sample_light
from mdpr.reid.synthetic.opengl import open_context
from mdpr.reid.synthetic.origin import PACKAGE, settings_of
from mdpr.reid.synthetic.paths import PathOptions, Walk, plan
from mdpr.reid.synthetic.people_renderer import Placed
from mdpr.reid.synthetic.person import PeopleMaker, Person
from mdpr.reid.synthetic.places import PLACES, make_place
from mdpr.reid.synthetic.plates import render_plate
from mdpr.reid.synthetic.scene_painter import ScenePainter
from mdpr.reid.synthetic.sensor import Picture, auto_exposure, sample_sensor
from mdpr.reid.synthetic.video_sensor import VideoSensor

STRIDE_M = 1.42  # of a person of 1.75 m, two steps
_LEAST_VISIBLE = 0.1  # less is in the truth, but not counted by evaluations


@dataclass(frozen=True)
class SceneConfig:
    """What happens where.

    Attributes:
        out: folder of the scene.
        place: kind of place, one of `PLACES`.
        light: one of `LIGHTS`, or empty for one that suits the place.
        seed: of place, people and paths.
        people: how many come by.
        first: number of the first person; other scenes may show the same people again.
        cameras: how many see the place.
        duration_s, fps: of the videos.
        alike: share of people who wear nearly what others wear.
        paths: how people behave.
        assets: folder of MakeHuman's clothes, or None.
        workers: processes, at most one a camera.
        crf: quality of the videos, lower is better.
        height: of the pictures in pixels, even; they are 16:9.
        views: which of the place's views the cameras have, by number from 0; empty takes the first.
    """

    out: Path
    place: str = "plaza"
    light: str = ""
    seed: int = 0
    people: int = 12
    first: int = 0
    cameras: int = 4
    duration_s: float = 120.0
    fps: float = 10.0
    alike: float = 0.5
    paths: PathOptions = field(default_factory=PathOptions)
    assets: Path | None = None
    workers: int = max(os.cpu_count() or 1, 1)
    crf: int = 23
    height: int = 720
    views: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, known in (("place", tuple(PLACES)), ("light", ("", *LIGHTS))):
            if getattr(self, name) not in known:
                raise ConfigError(f"no {name} is called {getattr(self, name)!r}; there are: {', '.join(known)}")
        for name in ("people", "cameras", "workers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("duration_s", "fps"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.height < 90 or self.height % 2:
            raise ConfigError(f"height must be even and at least 90 pixels, got {self.height}")
        if self.views and (len(self.views) != self.cameras or min(self.views) < 0):
            raise ConfigError(f"views must name one view a camera, from 0: {self.cameras} cameras, got {self.views}")


def make_scene(config: SceneConfig) -> int:
    """Render the cameras that are missing and write the truth; returns the number of boxes in it.

    Raises:
        ConfigError: the folder holds another scene, or the place has fewer cameras.
        DependencyError: a package or OpenGL is missing.
        OutputError: the folder cannot be written.
    """
    make_folder(config.out)
    claim_folder(config.out, settings_of(config, config.assets), [PACKAGE])
    cameras = scene_cameras(config)
    write_text(config.out / "cameras.json", json.dumps([camera_to_dict(camera) for camera in cameras], indent=2) + "\n")
    workers = min(config.workers, config.cameras)
    for _ in run_jobs(config.out, range(config.cameras), _start, (config,), _film, workers, " cameras"):
        pass
    rows = sorted(read_journal(config.out), key=lambda row: row["number"])
    lines = [" ".join(map(str, line)) for row in rows for line in row["truth"]]
    write_text(config.out / "truth.txt", "".join(line + "\n" for line in lines))
    _write_about(config)
    return len(lines)


def scene_cameras(config: SceneConfig) -> list[Camera]:
    """The chosen views of the place, or its first ones, named cam1, cam2, ..."""
    views = make_place(config.place, config.seed).cameras
    chosen = config.views or tuple(range(config.cameras))
    if max(chosen) >= len(views):
        raise ConfigError(f"place {config.place} {config.seed} has {len(views)} views, no view {max(chosen)} (from 0)")
    width = round(config.height * views[0].width / views[0].height / 2) * 2
    return [
        replace(crop_camera(view, (0, 0, view.width, view.height), width, config.height), name=f"cam{number}")
        for number, view in enumerate((views[index] for index in chosen), 1)
    ]


def scene_walks(config: SceneConfig) -> list[Walk]:
    """Everybody's way through the place; the same for all cameras."""
    place = make_place(config.place, config.seed)
    return plan(place, config.people, config.duration_s, config.fps, config.seed, config.paths)


def _identities(config: SceneConfig) -> list[Identity]:
    return [sample_identity(config.seed, config.first + index, config.alike) for index in range(config.people)]


def _write_about(config: SceneConfig) -> None:
    people = []
    for index, (identity, walk) in enumerate(zip(_identities(config), scene_walks(config), strict=True)):
        outfit = identity.outfit
        people.append(
            {
                "id": index + 1,
                "identity": [identity.seed, identity.number],
                "height_m": round(identity.height_m, 3),
                "visits_s": [
                    [round(start / config.fps, 2), round(end / config.fps, 2)] for start, end in _visits(walk)
                ],
                "wears": [part.kind for part in (outfit.top, outfit.outer, outfit.bottom, outfit.hat) if part.kind],
            }
        )
    write_text(config.out / "scene.json", json.dumps({"people": people}, indent=2) + "\n")


def _visits(walk: Walk) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], walk.present.astype(int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


_film_config: SceneConfig


def _start(config: SceneConfig) -> None:
    global _film_config
    cv2.setNumThreads(1)
    os.environ["LP_NUM_THREADS"] = "0"  # the software renderer draws in the caller's thread
    _film_config = config


def _film(number: int) -> dict[str, Any]:
    """Film one camera: its video and MOT files; the truth goes into the journal."""
    config = _film_config
    camera = scene_cameras(config)[number]
    context = open_context(1)
    place = make_place(config.place, config.seed)
    rng = np.random.default_rng([config.seed, 13])
    light = sample_light(config.light or place_light(config.place, rng), rng)
    plate = render_plate(place, camera, light, context)
    maker = PeopleMaker(config.assets)
    people = [maker.make(identity) for identity in _identities(config)]
    walks = scene_walks(config)
    painter = ScenePainter(context, camera.width, camera.height)
    noise = np.random.default_rng([config.seed, 14, number])
    exposed = auto_exposure(sample_sensor(noise), plate.image)
    sensor = VideoSensor(exposed, camera.width, camera.height, config.fps, noise)
    folder = config.out / camera.name
    make_folder(folder / "gt")
    truth: list[list[float]] = []
    mot: list[str] = []

    def frames() -> Iterator[Picture]:
        for frame in range(len(walks[0].present)):
            placed = [_place(person, walk, frame, camera) for person, walk in zip(people, walks, strict=True)]
            shown = [(index, one) for index, one in enumerate(placed) if one is not None]
            painted = painter.paint(plate, [one for _, one in shown])
            for label in painted.labels:
                who = shown[label.index][0]
                cut = np.clip(label.xyxy, 0, [camera.width, camera.height] * 2)  # as detectors see people at the edge
                x1, y1, x2, y2 = (round(float(value), 2) for value in cut)
                counted = int(label.visible >= _LEAST_VISIBLE)
                box = f"{x1 + 1:.2f},{y1 + 1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
                mot.append(f"{frame + 1},{who + 1},{box},{counted},1,{label.visible:.3f}")
                if counted:
                    x, y = (round(float(value), 3) for value in walks[who].xy[frame])
                    sides = [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)]
                    truth.append([number + 1, who + 1, frame, *sides, x, y])
            yield sensor.expose(painted.image)

    write_video(folder / "video.mp4", frames(), config.fps, config.crf)
    write_text(folder / "gt" / "gt.txt", "".join(line + "\n" for line in mot))
    write_text(folder / "seqinfo.ini", _seqinfo(camera, config, len(walks[0].present)))
    return {"number": number, "camera": camera.name, "truth": truth}


def place_light(kind: str, rng: np.random.Generator) -> str:
    """A light that suits a kind of place."""
    fits = INDOOR_LIGHTS if make_place(kind, 0).is_indoor else OUTDOOR_LIGHTS[:3]
    return fits[int(rng.integers(len(fits)))]


def _place(person: Person, walk: Walk, frame: int, camera: Camera) -> Placed | None:
    """The person in this frame, or None when it is not in the camera's sight."""
    if not walk.present[frame]:
        return None
    x, y = (float(value) for value in walk.xy[frame])
    pixels, depth = project(camera, [[x, y, 0.0], [x, y, 1.8]])
    if depth.min() < 0.5:
        return None
    height = float(np.abs(pixels[0, 1] - pixels[1, 1]))
    margin = 0.6 * height + 10
    if (pixels.max(0) < -margin).any() or (pixels.min(0) > [camera.width + margin, camera.height + margin]).any():
        return None
    person = person.for_height(height)
    speed = float(walk.speed[frame])
    stance = "walk" if speed > 0.25 else person.identity.stance
    phase = float(walk.walked_m[frame]) / (STRIDE_M * person.identity.height_m / 1.75)
    if speed <= 0.25:
        phase = 0.1 * frame / max(len(walk.present), 1) * 40  # sways slowly
    vertices, normals = person.pose(stance, phase % 1.0, speed)
    return Placed(person, vertices, normals, x, y, float(walk.heading[frame]))


def write_video(path: Path, frames: Iterator[Picture] | Sequence[Picture], fps: float, crf: int) -> None:
    """H.264 in MP4 that plays in a browser; (H, W, 3) RGB frames of even width and height.

    Raises:
        OutputError: it cannot be written.
    """
    rate = Fraction(fps).limit_denominator(1001)
    with (
        write_errors(path),
        av.open(str(part_path(path)), "w", format="mp4", options={"movflags": "faststart"}) as file,
    ):
        stream = file.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": str(crf)})
        stream.pix_fmt = "yuv420p"
        for index, image in enumerate(frames):
            if index == 0:
                stream.height, stream.width = image.shape[:2]
            file.mux(stream.encode(_yuv(image)))
        file.mux(stream.encode(None))
    finish(path)


def _yuv(image: NDArray[np.uint8]) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420), "yuv420p")


def _seqinfo(camera: Camera, config: SceneConfig, frames: int) -> str:
    return (
        f"[Sequence]\nname={camera.name}\nimDir=img1\nframeRate={config.fps:g}\nseqLength={frames}\n"
        f"imWidth={camera.width}\nimHeight={camera.height}\nimExt=.jpg\n"
    )
