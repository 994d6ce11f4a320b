"""CVAT for video 1.1: an XML file with a track a person and a box a frame.

Frames and pixels count from 0. Between two boxes of a track that are not in consecutive frames (a file of key frames)
the boxes in between are interpolated linearly, as CVAT shows them, unless the first is marked outside; nothing is
added after a track's last box. CVAT renumbers tracks, so the id is that of the attribute `identity` where a track has
one, else the track's own.

Reference: CVAT manual, "XML annotation format", version 1.1.
"""

from __future__ import annotations

import logging
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mdpr.errors import FormatError
from mdpr.files import write_bytes
from mdpr.pipeline.formats.trackboxes import (
    MOT_CLASSES,
    NO_CLASS,
    PEDESTRIAN,
    Floats,
    Recording,
    TrackBoxes,
    duplicated_rows,
)

log = logging.getLogger("mdpr")

IDENTITY = "identity"
"""Name of the attribute that holds the id of a person."""

_LABELS = {**MOT_CLASSES, "person": PEDESTRIAN, "people": PEDESTRIAN}
_CORNERS = ("xtl", "ytl", "xbr", "ybr")


def read_cvat(path: Path) -> Recording:
    """The people of one file. Labels are those of `MOT_CLASSES`, and "person"; other labels are left out and named.

    Raises:
        FormatError: no XML of this kind, or a track that does not fit; names file, track and frame.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise FormatError(f"{path}: cannot be read as XML: {error}") from error
    if root.tag != "annotations":
        raise FormatError(f"{path}: expected CVAT's <annotations>, found <{root.tag}>")
    if root.find("track") is None and root.find("image") is not None:
        raise FormatError(f"{path}: has images without tracks; export it as `CVAT for video 1.1`")
    tracks = root.findall("track")
    unknown = sorted({track.get("label", "") for track in tracks if track.get("label", "").lower() not in _LABELS})
    known = [track for track in tracks if track.get("label", "").lower() in _LABELS]
    if unknown and not known:
        raise FormatError(f"{path}: no track is a person; labels are {', '.join(unknown)}, expected person")
    if unknown:
        log.warning("%s: tracks with the labels %s are left out", path, ", ".join(unknown))
    parts = [_read_track(track, path) for track in known]
    boxes = _joined(parts, path)
    return Recording(
        path.stem, boxes, str(path), _whole(root, path, "meta/task/size", "meta/job/size"), None, _size(root, path)
    )


def write_cvat(path: Path, recording: Recording) -> None:
    """Write a file that CVAT imports: every box a key frame, and after its last box a track is marked outside.

    Scores, visibility and world positions have no place in it.

    Raises:
        OutputError: cannot be written.
    """
    boxes = recording.boxes
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    ElementTree.SubElement(task, "name").text = recording.name
    last = recording.frames or int(boxes.frame.max(initial=-1)) + 1
    ElementTree.SubElement(task, "size").text = str(last)
    ElementTree.SubElement(task, "mode").text = "interpolation"
    if recording.size != (0, 0):
        size = ElementTree.SubElement(task, "original_size")
        for tag, value in zip(("width", "height"), recording.size, strict=True):
            ElementTree.SubElement(size, tag).text = str(value)
    names = {number: name for name, number in MOT_CLASSES.items()} | {PEDESTRIAN: "person", NO_CLASS: "person"}
    corners = boxes.corners
    for track_id in np.unique(boxes.track_id).tolist():
        rows = np.flatnonzero(boxes.track_id == track_id)
        label = names.get(int(boxes.class_id[rows[0]]), "person")
        track = ElementTree.SubElement(root, "track", id=str(track_id), label=label)
        for row in rows.tolist():
            _write_box(track, int(boxes.frame[row]), corners[row], track_id)
            follower = boxes.frame[row] + 1
            if follower < last and not np.any(boxes.frame[rows] == follower):
                _write_box(track, int(follower), corners[row], track_id, is_outside=True)
    ElementTree.indent(root)
    write_bytes(path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _write_box(
    track: ElementTree.Element, frame: int, corners: Floats, track_id: int, is_outside: bool = False
) -> None:
    values = {name: f"{value:.10g}" for name, value in zip(_CORNERS, corners.tolist(), strict=True)}
    flags = {"outside": str(int(is_outside)), "occluded": "0", "keyframe": "1"}
    box = ElementTree.SubElement(track, "box", {"frame": str(frame), **flags, **values})
    ElementTree.SubElement(box, "attribute", name=IDENTITY).text = str(track_id)


def _read_track(track: ElementTree.Element, path: Path) -> tuple[int, int, Floats]:
    """Id, class, and (N, 5) frame, left, top, width, height of the frames in which the person is seen."""
    where = f"{path}: track {track.get('id')}"
    listed: list[tuple[float, ...]] = []
    for box in track.findall("box"):
        try:
            listed.append((float(box.attrib["frame"]), *(float(box.attrib[name]) for name in _CORNERS),
                           float(box.get("outside", "0"))))  # fmt: skip
        except (KeyError, ValueError) as error:
            raise FormatError(f"{where}: a box lacks {error} or has no number there") from error
    table = np.array(sorted(listed), np.float64).reshape(-1, 6)
    frames, corners = table[:, 0], table[:, 1:5]
    if np.any(frames < 0) or np.any(frames != np.floor(frames)) or np.any(np.diff(frames) == 0):
        raise FormatError(f"{where}: expected one box a frame with frames from 0")
    if not np.isfinite(corners).all() or np.any(corners[:, :2] > corners[:, 2:]):
        row = int(np.argmax(~np.isfinite(corners).all(axis=1) | (corners[:, :2] > corners[:, 2:]).any(axis=1)))
        raise FormatError(f"{where}, frame {frames[row]:g}: inverted or infinite box {corners[row].tolist()}")
    seen = np.concatenate([_interpolated(table[row], table[row + 1 : row + 2]) for row in range(len(table))] or [table])
    seen[:, 3:5] -= seen[:, 1:3]
    return _track_id(track, where), _LABELS[track.get("label", "").lower()], seen[:, :5]


def _interpolated(row: Floats, following: Floats) -> Floats:
    """(frames, 6) `row` and the boxes up to the one before `following`; none when it is outside.

    >>> _interpolated(np.array([2, 0, 0, 4, 4, 0.0]), np.array([[4, 2, 0, 8, 4, 0.0]]))[:, :5].tolist()
    [[2.0, 0.0, 0.0, 4.0, 4.0], [3.0, 1.0, 0.0, 6.0, 4.0]]
    """
    if row[5]:
        return np.empty((0, 6))
    if not len(following):
        return row[None]
    ahead = following[0].copy()
    if ahead[5]:
        ahead[1:5] = row[1:5]  # the person stays where it was last seen until it is outside
    share = np.arange(ahead[0] - row[0]) / (ahead[0] - row[0])
    return row + share[:, None] * (ahead - row) * [1, 1, 1, 1, 1, 0]


def _track_id(track: ElementTree.Element, where: str) -> int:
    named = {(one.text or "").strip() for one in track.iter("attribute") if one.get("name") == IDENTITY} - {""}
    if len(named) > 1:
        raise FormatError(f"{where}: has several values of the attribute {IDENTITY}: {', '.join(sorted(named))}")
    text = named.pop() if named else track.get("id", "")
    if not text.isdecimal():
        raise FormatError(f"{where}: expected a whole id of 0 or more, got {text!r}")
    return int(text)


def _joined(parts: list[tuple[int, int, Floats]], path: Path) -> TrackBoxes:
    rows = np.concatenate([part[2] for part in parts] or [np.empty((0, 5))])
    counts = [len(part[2]) for part in parts]
    track_id = np.repeat([part[0] for part in parts], counts).astype(np.int64)
    twice = duplicated_rows(rows[:, 0].astype(np.int64), track_id)
    if len(twice):
        raise FormatError(f"{path}: two tracks of id {track_id[twice[0]]} are both in frame {rows[twice[0], 0]:g}")
    return TrackBoxes.of(rows[:, 0], track_id, rows[:, 1:], class_id=np.repeat([part[1] for part in parts], counts))


def _whole(root: ElementTree.Element, path: Path, *places: str) -> int | None:
    text = next((found for place in places if (found := (root.findtext(place) or "").strip())), "")
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise FormatError(f"{path}: {places[0]}: expected a whole number above 0, got {text!r}")
    return int(text)


def _size(root: ElementTree.Element, path: Path) -> tuple[int, int]:
    width, height = (
        _whole(root, path, f"meta/task/original_size/{tag}", f"meta/original_size/{tag}") for tag in ("width", "height")
    )
    return (width, height) if width and height else (0, 0)
