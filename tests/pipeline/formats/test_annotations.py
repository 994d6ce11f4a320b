"""CVAT video XML and COCO video JSON: there and back, as other tools write them, and what is refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mdpr.errors import FormatError
from mdpr.pipeline.formats.coco import read_coco, write_coco
from mdpr.pipeline.formats.cvat import read_cvat, write_cvat
from mdpr.pipeline.formats.trackboxes import CROWD, Recording, TrackBoxes

WHO = '<attribute name="identity">31</attribute>'


def example(first_pixel: int = 1) -> Recording:
    boxes = TrackBoxes.of(
        [0, 1, 2, 5, 6, 1], [4, 4, 4, 4, 4, 9], [[1, 2, 10, 20.5]] * 5 + [[50, 60, 7, 8]],
        class_id=[1, 1, 1, 1, 1, 8], visibility=0.75, score=0.5, first_pixel=first_pixel,
    )  # fmt: skip
    return Recording("hall", boxes, "", 12, 25.0, (640, 480))


def assert_same(again: Recording, before: Recording) -> None:
    order = [np.lexsort((one.boxes.track_id, one.boxes.frame)) for one in (again, before)]
    for name in ("frame", "track_id", "class_id", "corners"):
        np.testing.assert_allclose(*(getattr(one.boxes, name)[rows] for one, rows in
                                     zip((again, before), order, strict=True)), atol=1e-9)  # fmt: skip
    assert (again.frames, again.size) == (before.frames, before.size)


def test_cvat_there_and_back(tmp_path: Path) -> None:
    """Also over the gap in frames 3 and 4, in which the track is outside."""
    write_cvat(tmp_path / "hall.xml", example())
    again = read_cvat(tmp_path / "hall.xml")
    assert again.name == "hall"
    assert_same(again, example())


def test_coco_there_and_back(tmp_path: Path) -> None:
    other = Recording("yard", TrackBoxes.empty(), frames=3)
    write_coco(tmp_path / "all.json", {"hall": example(), "yard": other})
    again = read_coco(tmp_path / "all.json")
    assert list(again) == ["hall", "yard"]
    assert_same(again["hall"], example())
    assert again["hall"].fps == 25
    assert again["hall"].boxes.visibility.tolist() == [0.75] * 6
    assert (len(again["yard"].boxes), again["yard"].frames) == (0, 3)


def xml(tmp_path: Path, tracks: str, meta: str = "<meta><task><size>50</size></task></meta>") -> Path:
    path = tmp_path / "cam.xml"
    path.write_text(f"<annotations><version>1.1</version>{meta}{tracks}</annotations>", encoding="utf-8")
    return path


def box(frame: int, x: float = 0, outside: int = 0, attribute: str = "") -> str:
    corners = f'xtl="{x}" ytl="0" xbr="{x + 10}" ybr="20"'
    return f'<box frame="{frame}" {corners} outside="{outside}" occluded="0" keyframe="1">{attribute}</box>'


def test_cvat_key_frames_are_interpolated(tmp_path: Path) -> None:
    path = xml(tmp_path, f'<track id="0" label="Person">{box(2, 0)}{box(6, 8)}{box(8, 50, 1)}{box(20, 3)}</track>')
    boxes = read_cvat(path).boxes
    assert boxes.frame.tolist() == [2, 3, 4, 5, 6, 7, 20]
    assert boxes.ltwh[:, 0].tolist() == [0, 2, 4, 6, 8, 8, 3]
    assert set(boxes.track_id.tolist()) == {0}
    assert read_cvat(path).frames == 50


def test_cvat_identity_of_an_attribute(tmp_path: Path) -> None:
    tracks = f'<track id="0" label="person">{box(0, attribute=WHO)}{box(1)}</track>'
    assert read_cvat(xml(tmp_path, tracks)).boxes.track_id.tolist() == [31, 31]


def test_cvat_other_labels_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tracks = f'<track id="0" label="person">{box(0)}</track><track id="1" label="bag">{box(0)}</track>'
    with caplog.at_level(logging.WARNING, "mdpr"):
        assert len(read_cvat(xml(tmp_path, tracks)).boxes) == 1
    assert "bag" in caplog.text


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        (f'<track id="0" label="bag">{box(0)}</track>', "labels are bag, expected person"),
        (f'<track id="0" label="person">{box(3)}{box(3)}</track>', "track 0: expected one box a frame"),
        ('<track id="7" label="person"><box frame="0" xtl="1"/></track>', "track 7: a box lacks 'ytl'"),
        (f'<track id="a" label="person">{box(0)}</track>', "expected a whole id"),
        ('<track id="0" label="person"><box frame="4" xtl="9" ytl="0" xbr="1" ybr="1"/></track>', "frame 4: inverted"),
        ('<image id="0"/>', "CVAT for video"),
        (f'<track id="0" label="person">{box(2, attribute=WHO)}</track><track id="31" label="person">{box(2)}</track>',
         "two tracks of id 31 are both in frame 2"),
    ],
)  # fmt: skip
def test_cvat_refuses(tmp_path: Path, tracks: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_cvat(xml(tmp_path, tracks))


@pytest.mark.parametrize(("text", "message"), [("<a", "cannot be read as XML"), ("<b/>", "expected CVAT's")])
def test_cvat_refuses_other_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.xml").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_cvat(tmp_path / "x.xml")


def content(**changes: Any) -> dict[str, Any]:
    """In the style of TAO: frame_index and track_id; with a crowd and a bicycle."""
    return {
        "videos": [{"id": 3, "name": "v"}],
        "images": [{"id": 10 + frame, "video_id": 3, "frame_index": frame} for frame in range(4)],
        "annotations": [
            {"id": 1, "image_id": 11, "category_id": 1, "track_id": 5, "bbox": [1, 2, 3, 4]},
            {"id": 2, "image_id": 13, "category_id": 1, "track_id": 6, "bbox": [0, 0, 9, 9], "iscrowd": 1},
            {"id": 3, "image_id": 13, "category_id": 2, "track_id": 7, "bbox": [0, 0, 9, 9]},
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
    } | changes


def test_coco_of_other_tools(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "x.json").write_text(json.dumps(content()))
    with caplog.at_level(logging.WARNING, "mdpr"):
        found = read_coco(tmp_path / "x.json")["v"]
    assert "dog" in caplog.text
    assert (found.boxes.frame.tolist(), found.boxes.class_id.tolist()) == ([1, 3], [1, CROWD])
    assert (found.frames, found.fps) == (4, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"videos": None}, "expected an object with the lists"),
        ({"annotations": [{"id": 8, "image_id": 99, "category_id": 1, "track_id": 1, "bbox": [0, 0, 1, 1]}]},
         "annotation 8 names an image that is not there: 99"),
        ({"annotations": [{"id": 8, "image_id": 11, "category_id": 9, "track_id": 1, "bbox": [0, 0, 1, 1]}]},
         "annotation 8 names no known category"),
        ({"annotations": [{"id": 8, "image_id": 11, "category_id": 1, "bbox": [0, 0, 1, 1]}]},
         "annotation 8 has neither instance_id nor track_id"),
        ({"annotations": [{"id": 8, "image_id": 11, "category_id": 1, "track_id": 1}]}, "lacks a value"),
        ({"annotations": [{"id": 8, "image_id": 11, "category_id": 1, "track_id": 1, "bbox": [0, 0, -1, 1]}]},
         "width and height of at least 0"),
        ({"annotations": [{"id": n, "image_id": 11, "category_id": 1, "track_id": 1, "bbox": [0, 0, 1, 1]}
                          for n in (1, 2)]}, "id 1 has two boxes in frame 1"),
        ({"videos": [{"id": 3, "name": "v"}, {"id": 4, "name": "v"}]}, "v is in both"),
    ],
)  # fmt: skip
def test_coco_refuses(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(content(**changes)))
    with pytest.raises(FormatError, match=message):
        read_coco(tmp_path / "x.json")


def test_no_json(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(FormatError, match="no JSON"):
        read_coco(tmp_path / "x.json")
