"""COCO video: one JSON file with videos, images, and annotations that name their track.

Frames (`frame_id`, or `frame_index`) and pixels count from 0. The id is `instance_id` or `track_id`. Categories are
matched by name to MOTChallenge's classes, "person" being a pedestrian; `iscrowd` makes a box a crowd region. Beyond the
usual keys `score`, `visibility` and, for a video, `fps` are read where they are given.

Reference: MMTracking documentation, "Customize dataset", the CocoVID style; TAO annotation format.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mdpr.errors import FormatError
from mdpr.files import write_text
from mdpr.pipeline.formats.textfile import read_text
from mdpr.pipeline.formats.trackboxes import (
    CROWD,
    MOT_CLASSES,
    NO_CLASS,
    PEDESTRIAN,
    Recording,
    TrackBoxes,
    by_name,
    duplicated_rows,
)

log = logging.getLogger("mdpr")

_LABELS = {**MOT_CLASSES, "person": PEDESTRIAN, "people": PEDESTRIAN}
_TABLES = ("videos", "images", "annotations", "categories")


def read_coco(path: Path) -> dict[str, Recording]:
    """The people of each video, by its name. Annotations of unknown categories are left out and the categories named.

    Raises:
        FormatError: no JSON of this kind, or an entry that does not fit; names file and entry.
    """
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}: no JSON: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(name), list) for name in _TABLES):
        raise FormatError(f"{path}: expected an object with the lists {', '.join(_TABLES)}")
    try:
        return by_name(_recordings(content, path))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: an entry lacks a value or has one of the wrong kind: {error!r}") from error


def write_coco(path: Path, recordings: Mapping[str, Recording]) -> None:
    """Write one file with all recordings; without a length, a video ends with its last box.

    Raises:
        OutputError: cannot be written.
    """
    content: dict[str, list[dict[str, Any]]] = {name: [] for name in _TABLES}
    content["categories"] = [
        {"id": number, "name": "person" if number == PEDESTRIAN else name} for name, number in MOT_CLASSES.items()
    ]
    for video, (name, recording) in enumerate(recordings.items(), 1):
        boxes = recording.boxes
        shape = {"width": recording.size[0], "height": recording.size[1]}
        fps = {} if recording.fps is None else {"fps": recording.fps}
        content["videos"].append({"id": video, "name": name, **shape, **fps})
        first_image = len(content["images"]) + 1
        for frame in range(recording.frames or int(boxes.frame.max(initial=-1)) + 1):
            entry = {"id": first_image + frame, "video_id": video, "frame_id": frame, **shape}
            content["images"].append({**entry, "file_name": f"{name}/{frame + 1:06d}.jpg"})
        ltwh = boxes.ltwh - [boxes.first_pixel, boxes.first_pixel, 0, 0]
        for row, box in enumerate(ltwh.tolist()):
            number = PEDESTRIAN if boxes.class_id[row] == NO_CLASS else int(boxes.class_id[row])
            content["annotations"].append({
                "id": len(content["annotations"]) + 1, "image_id": first_image + int(boxes.frame[row]),
                "video_id": video, "category_id": number, "instance_id": int(boxes.track_id[row]), "bbox": box,
                "area": box[2] * box[3], "iscrowd": int(number == CROWD), "score": float(boxes.score[row]),
                "visibility": float(boxes.visibility[row]),
            })  # fmt: skip
    write_text(path, json.dumps(content))


def _recordings(content: dict[str, Any], path: Path) -> Iterable[Recording]:
    classes = {one["id"]: _LABELS.get(str(one["name"]).lower()) for one in content["categories"]}
    left_out = sorted(str(one["name"]) for one in content["categories"] if classes[one["id"]] is None)
    images = {one["id"]: one for one in content["images"]}
    rows: dict[Any, list[dict[str, Any]]] = {video["id"]: [] for video in content["videos"]}
    unknown: set[str] = set()
    for one in content["annotations"]:
        if one["image_id"] not in images:
            raise FormatError(f"{path}: annotation {one.get('id')} names an image that is not there: {one['image_id']}")
        if one["category_id"] not in classes:
            raise FormatError(f"{path}: annotation {one.get('id')} names no known category: {one['category_id']}")
        if classes[one["category_id"]] is not None:
            rows[images[one["image_id"]]["video_id"]].append(one)
        else:
            unknown.add(str(one["category_id"]))
    if unknown:
        log.warning("%s: annotations of %s are left out", path, ", ".join(left_out))
    for video in content["videos"]:
        own = [image for image in images.values() if image["video_id"] == video["id"]]
        yield _recording(video, own, rows[video["id"]], images, classes, path)


def _recording(
    video: dict[str, Any],
    own: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    images: Mapping[Any, dict[str, Any]],
    classes: Mapping[Any, int | None],
    path: Path,
) -> Recording:
    where = f"{path} (video {video['name']})"
    frame = np.array([_frame_of(images[one["image_id"]]) for one in annotations], np.int64)
    track_id = np.array([_id_of(one, path) for one in annotations], np.int64)
    ltwh = np.array([one["bbox"] for one in annotations], np.float64).reshape(-1, 4)
    class_id = [CROWD if one.get("iscrowd") else classes[one["category_id"]] for one in annotations]
    twice = duplicated_rows(frame, track_id)
    if len(twice):
        raise FormatError(f"{where}: id {track_id[twice[0]]} has two boxes in frame {frame[twice[0]]}")
    try:
        boxes = TrackBoxes.of(
            frame, track_id, ltwh, class_id=np.array(class_id, np.int64),
            score=np.array([one.get("score", 1.0) for one in annotations], np.float64),
            visibility=np.array([one.get("visibility", 1.0) for one in annotations], np.float64),
        )  # fmt: skip
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from error
    length = max((_frame_of(image) + 1 for image in own), default=0)
    first = own[0] if own else {}
    size = (int(video.get("width") or first.get("width") or 0), int(video.get("height") or first.get("height") or 0))
    fps = video.get("fps")
    return Recording(str(video["name"]), boxes, where, length or None, None if fps is None else float(fps), size)


def _frame_of(image: dict[str, Any]) -> int:
    return int(image["frame_id"] if "frame_id" in image else image["frame_index"])


def _id_of(annotation: dict[str, Any], path: Path) -> int:
    value = annotation.get("instance_id", annotation.get("track_id"))
    if value is None:
        raise FormatError(
            f"{path}: annotation {annotation.get('id')} has neither instance_id nor track_id: a file of detections has "
            "none, and tracks are needed here"
        )
    return int(value)
