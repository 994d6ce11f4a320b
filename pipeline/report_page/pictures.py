"""Small pictures of the people of a run: from the gallery, from the source video, or those that --save-crop left."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import clip_boxes
from mdpr.errors import MdprError
from mdpr.pipeline.linking.viewcrops import goes_by
from mdpr.pipeline.report_page.run_content import RunCamera, RunContent, Visit
from mdpr.pipeline.sources import SourceConfig, open_source
from mdpr.pipeline.sources.spec import CameraSpec
from mdpr.pipeline.store.values import TrackletKey
from mdpr.types import Frame

log = logging.getLogger("mdpr")

CROP_HEIGHT_PX = 160
_CROP_WIDTH_PX = 120
_JPEG_QUALITY = 80
_SAME_TIME_S = 0.002  # a frame whose time differs by more is of another video


@dataclass(frozen=True)
class Picture:
    """A crop: its JPEG, and the second of its camera when it was taken; None when only the visit is known."""

    jpeg: bytes
    time_s: float | None


@dataclass
class Pictures:
    """The crops of a run.

    Attributes:
        of: for each visit, the best picture first.
        notes: why pictures are missing, for people.
        reasons: the same by camera: what is wrong, and where.
    """

    of: dict[TrackletKey, list[Picture]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reasons: dict[str, list[str]] = field(default_factory=dict)


def cut_pictures(run: RunContent, count: int, use_video: bool, budget_bytes: int) -> Pictures:
    """At most `count` pictures of each visit, and `budget_bytes` in all: everybody's best picture goes first.

    Args:
        run: whose people.
        count: pictures a visit; 0 gives none.
        use_video: read the source videos again where they are files; else only crops that were kept.
        budget_bytes: of all JPEGs together.
    """
    found = Pictures()
    if count == 0:
        found.notes.append("Pictures were left out on request.")
        return found
    for camera in run.cameras:
        visits = [visit for visit in run.visits if visit.key.camera == camera.name]
        if visits:
            _cut_camera(run, camera, visits, count, use_video, found)
    dropped = _keep_within(found, budget_bytes)
    missing = sum(visit.key not in found.of for visit in run.visits)
    if missing:
        found.notes.append(f"{missing} of {len(run.visits)} visits have no picture.")
        found.notes += [f"{', '.join(names)}: {why}" for why, names in found.reasons.items()]
    if dropped:
        found.notes.append(f"{dropped} pictures were left out to keep this page within its size (--max-mb).")
    return found


def _cut_camera(
    run: RunContent, camera: RunCamera, visits: list[Visit], count: int, use_video: bool, found: Pictures
) -> None:
    """Add the pictures of one camera."""
    for visit in visits:
        kept = run.kept_crops(visit.key)
        best = [view for view in _best_views(visit, len(kept)) if kept[view]][:count]
        pictures = [Picture(_small(kept[view]), float(visit.tracklet.view_time_s[view])) for view in best]
        pictures = [picture for picture in pictures if picture.jpeg]
        if pictures:
            found.of[visit.key] = pictures
    wanted = [visit for visit in visits if visit.key not in found.of]
    why = _cut_from_video(run, camera, wanted, count, found) if wanted and use_video else ""
    for visit in [visit for visit in wanted if visit.key not in found.of]:
        path = run.folder / camera.name / "crops" / f"{visit.key.track_id:06d}.jpg"
        jpeg = _small(path.read_bytes()) if path.is_file() and visit.key.part == 0 else b""
        if jpeg:
            found.of[visit.key] = [Picture(jpeg, None)]
    if why and any(visit.key not in found.of for visit in visits):
        found.reasons.setdefault(why, []).append(camera.name)


def _best_views(visit: Visit, count: int) -> list[int]:
    """Positions of the views of a visit among the first `count` of its tracklet, the best first."""
    times = visit.tracklet.view_time_s[:count]
    inside = np.flatnonzero((times >= visit.start_s - 1e-6) & (times <= visit.end_s + 1e-6))
    order = np.argsort(-visit.tracklet.view_quality[inside], kind="stable")
    return [int(view) for view in inside[order]]


def _cut_from_video(run: RunContent, camera: RunCamera, visits: list[Visit], count: int, found: Pictures) -> str:
    """Cut the best views out of the source; returns why that did not work, "" when it did."""
    location, why = _location(run, camera)
    if not location:
        return why
    due: dict[int, list[tuple[Visit, int, int]]] = {}  # by frame: visit, rank, view
    for visit in visits:
        for rank, view in enumerate(_best_views(visit, len(visit.tracklet.view_frame))[:count]):
            due.setdefault(int(visit.tracklet.view_frame[view]), []).append((visit, rank, view))
    if not due:
        return ""
    log.info("%s: cutting pictures of %d visits from %s", camera.name, len(visits), location)
    ranked: dict[TrackletKey, list[tuple[int, Picture]]] = {}
    left = dict(due)
    first_s = min(visit.tracklet.view_time_s[view] for rows in due.values() for visit, _, view in rows)
    try:
        for frame in _frames(location, camera, max(0.0, float(first_s) - 0.5), run.fps, max(due)):
            for visit, rank, view in left.pop(frame.index, ()):
                if abs(frame.time_s - visit.tracklet.view_time_s[view]) > _SAME_TIME_S:
                    return f"{Path(location).name} is not the video that was tracked: its frames have other times."
                jpeg = _cut(frame, visit.tracklet.view_xyxy[view])
                if jpeg:
                    ranked.setdefault(visit.key, []).append((rank, Picture(jpeg, frame.time_s)))
            if not left:
                break
    except MdprError as error:
        return f"the source cannot be read any more: {str(error).replace(location, Path(location).name)}"
    for key, pictures in ranked.items():
        found.of[key] = [picture for _, picture in sorted(pictures, key=lambda entry: entry[0])]
    return f"{Path(location).name} is shorter than when it was tracked." if left else ""


def _location(run: RunContent, camera: RunCamera) -> tuple[str, str]:
    """Where the source lies now, and why it cannot be read; one of the two is empty."""
    if not camera.source:
        return "", "run.json does not name its source."
    if goes_by(camera.source):
        why = "its source was live, so no picture can be cut afterwards; a gallery that it was tracked with has some "
        return "", why + "(mdpr report --gallery), and --save-crop keeps one of each person."
    path = Path(camera.source)
    for base in (Path(), *_started_in(run)):
        if (base / path).exists() or any(sign in path.name for sign in "*?["):
            return str(base / path), ""
    return "", f"its source {path.name} is not where it was."


def _started_in(run: RunContent) -> Iterator[Path]:
    """The folder in which mdpr-track ran, when the folder of the run still lies where it was under it."""
    written = Path(str(run.info.get("folder", "")))
    here = run.folder.resolve()
    if written.parts and not written.is_absolute() and here.parts[-len(written.parts) :] == written.parts:
        yield Path(*here.parts[: -len(written.parts)])


def _frames(location: str, camera: RunCamera, start_s: float, fps: float | None, last: int) -> Iterator[Frame]:
    source = open_source(CameraSpec(camera.name, location), SourceConfig(start_s=start_s, fps=fps))
    with closing(source):
        for frame in source:
            yield frame
            if frame.index >= last:
                break


def _cut(frame: Frame, box: NDArray[np.float32]) -> bytes:
    left, top, right, bottom = clip_boxes(box[None], frame.size)[0].round().astype(int).tolist()
    if not frame.has_image or right - left < 2 or bottom - top < 2:
        return b""
    return _jpeg(frame.image[top:bottom, left:right])


def _small(jpeg: bytes) -> bytes:
    """A kept crop in the size of the page; b"" when it is no picture."""
    data = np.frombuffer(jpeg, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    return b"" if image is None else _jpeg(np.asarray(image, np.uint8))


def _jpeg(image: NDArray[Any]) -> bytes:
    """The picture, made smaller to fit the page; never larger."""
    height, width = image.shape[:2]
    scale = min(1.0, CROP_HEIGHT_PX / height, _CROP_WIDTH_PX / width)
    if scale < 1.0:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    is_done, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return jpeg.tobytes() if is_done else b""


def _keep_within(found: Pictures, budget_bytes: int) -> int:
    """Drop pictures beyond the budget, and say how many: the first of everybody comes before the second of anybody."""
    by_rank: list[list[tuple[TrackletKey, Picture]]] = []
    for key, pictures in sorted(found.of.items()):
        for rank, picture in enumerate(pictures):
            by_rank.extend([] for _ in range(rank + 1 - len(by_rank)))
            by_rank[rank].append((key, picture))
    found.of = {}
    dropped = spent = 0
    for key, picture in [entry for row in by_rank for entry in row]:
        spent += len(picture.jpeg)
        if spent > budget_bytes:
            dropped += 1
        else:
            found.of.setdefault(key, []).append(picture)
    return dropped
