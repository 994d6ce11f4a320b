"""The file about cameras: lines between two of them, and the ground of one."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.errors import ConfigError
from mdpr.trackers.crosscamera import Cameras
from mdpr.trackers.crosscamera.ground import to_ground

# A camera 4 m above the ground that looks down by 30 degrees: x right, y ahead, in metres.
FOCAL, HEIGHT_M, DOWN = 800.0, 4.0, np.radians(30)


def seen(x_m, y_m):
    """Pixels of a place on the ground, of a picture of 960 x 540."""
    along = y_m * np.cos(DOWN) + HEIGHT_M * np.sin(DOWN)
    below = HEIGHT_M * np.cos(DOWN) - y_m * np.sin(DOWN)
    return 480 + FOCAL * x_m / along, 270 + FOCAL * below / along


PLACES = [(-2.0, 5.0), (2.0, 5.0), (4.0, 15.0), (-4.0, 15.0), (0.5, 9.0)]


def points(count=4):
    return [[*map(float, seen(*place)), *place] for place in PLACES[:count]]


@pytest.mark.parametrize("count", [4, 5])
def test_places_give_the_ground(tmp_path, count):
    rows = "".join(f"    - {row}\n" for row in points(count))
    (tmp_path / "cameras.yaml").write_text(
        f"entrance <-> hall: overlapping\nhall:\n  points:\n{rows}"
        "entrance: {homography: [[0.01, 0, 0], [0, 0.01, 0], [0, 0, 1]]}\n"
    )
    known = Cameras.read(tmp_path / "cameras.yaml")
    assert known.topology.overlapping == {("entrance", "hall")}
    assert sorted(known.grounds.homography) == ["entrance", "hall"]
    x, y = seen(1.0, 12.0)
    box = np.array([[x - 10, y - 80, x + 10, y]], np.float32)
    np.testing.assert_allclose(to_ground(box, known.grounds.homography["hall"]), [[1, 12]], atol=1e-3)
    np.testing.assert_allclose(to_ground(box, known.grounds.homography["entrance"]), [[x / 100, y / 100]], atol=1e-5)


def test_no_file_and_an_empty_one_know_nothing(tmp_path):
    (tmp_path / "cameras.yaml").write_text("# nothing yet\n")
    for known in (Cameras.read(None), Cameras.read(tmp_path / "cameras.yaml")):
        assert not known.topology.cameras
        assert not known.grounds.homography


(_first, _second, *_rest) = points()
MIXED_UP = [[*_first[:2], *_second[2:]], [*_second[:2], *_first[2:]], *_rest]
ON_A_LINE = [[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"homography": [[1, 0], [0, 1]]}, "3 rows of 3 numbers"),
        ({"homography": [[1, 0, 0], [0, 1, 0]]}, "got 2 rows"),
        ({"homography": [[1, 0, 0], [0, 1, 0], [0, 0, "x"]]}, "3 rows of 3 numbers, got 'x'"),
        ({"homography": [[1, 0, 0], [0, 1, 0], [0, 0, float("nan")]]}, "got nan"),
        ({"homography": [[1, 2, 3], [2, 4, 6], [0, 0, 1]]}, "no inverse"),
        ({"homography": 5}, "got 5"),
        ({"points": points(3)}, "at least 4 places, got 3"),
        ({"points": [[1, 2, 3]] * 4}, "rows of 4 numbers"),
        ({"points": ON_A_LINE}, "on one line"),
        ({"points": [[5, 5, 1, 1]] * 4}, "on one line"),
        ({"points": MIXED_UP}, "beyond the horizon"),
        ({"points": [*points(4), [*map(float, seen(0.5, 9.0)), 4.5, 9.0]]}, "do not fit one plane"),
        ({"points": points(), "homography": np.eye(3).tolist()}, "either homography or points"),
        ({}, "either homography or points"),
    ],
)
def test_what_is_wrong_with_a_ground_is_said(value, message):
    with pytest.raises(ConfigError, match=message) as caught:
        Cameras.parse({"hall": value}, "cameras.yaml")
    assert "cameras.yaml: hall" in str(caught.value)


def test_a_ground_is_of_one_camera():
    with pytest.raises(ConfigError, match="ground is that of one camera"):
        Cameras.parse({"hall -> door": {"points": points()}})
    with pytest.raises(ConfigError, match="CAMERA -> CAMERA"):
        Cameras.parse({"hall": "5..40 s"})


def test_unreadable_files(tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [1\n")
    (tmp_path / "list.yaml").write_text("- a\n")
    for name, message in (("none.yaml", "cannot be read"), ("bad.yaml", "no YAML"), ("list.yaml", "expected lines")):
        with pytest.raises(ConfigError, match=message):
            Cameras.read(tmp_path / name)
