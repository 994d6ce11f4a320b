"""Contexts without a display, and what is read back from a canvas."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

moderngl = pytest.importorskip("moderngl")

from mdpr.errors import DependencyError  # noqa: E402
from mdpr.reid.synthetic import opengl  # noqa: E402
from mdpr.reid.synthetic.cameras import clip_matrix, look_at, project  # noqa: E402
from mdpr.reid.synthetic.opengl import TONE_MAP, Canvas, OpenGLError, open_context  # noqa: E402

_VERTEX = """#version 330
uniform mat4 clip; in vec3 position; void main() { gl_Position = clip * vec4(position, 1); }"""
_COLOUR = "#version 330\nout vec4 colour; void main() { colour = vec4(1.0, 0.5, 0.25, 1.0); }"
_ID = "#version 330\nout float id; void main() { id = 70001.0; }"


def _draw(context: moderngl.Context, fragment: str, points: np.ndarray, clip: np.ndarray) -> None:
    program = context.program(_VERTEX, fragment)
    program["clip"].write(clip.T.tobytes())
    context.vertex_array(program, [(context.buffer(points.astype("f4").tobytes()), "3f", "position")]).render()


def test_a_triangle_appears_where_the_camera_projects_it_with_its_id_and_depth(context: moderngl.Context) -> None:
    camera = look_at((0, -8, 3), (0, 0, 1), 60, 160, 90)
    corners = np.array([[-1, 0, 0], [1, 0.5, 0], [0.5, 1.0, 2]])
    near, far = 0.1, 100.0
    with Canvas(context, 160, 90) as canvas:
        canvas.begin((0, 0, 0, 0))
        _draw(context, _COLOUR, corners, clip_matrix(camera, near, far))
        picture = canvas.read_rgba()
        canvas.begin_data()
        _draw(context, _ID, corners, clip_matrix(camera, near, far))
        mask, depth = canvas.read_mask(), canvas.read_depth(near, far)
    assert picture.shape == (90, 160, 4)
    assert mask.dtype == np.int32
    assert set(np.unique(mask)) == {0, 70001}
    pixels, _ = project(camera, corners)
    rows, columns = np.nonzero(mask)
    assert np.allclose(
        [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], [*pixels.min(0), *pixels.max(0)], atol=1.5
    )
    for weights in ((0.6, 0.2, 0.2), (0.2, 0.6, 0.2), (0.34, 0.33, 0.33)):  # inside the triangle
        point = np.array(weights) @ corners
        (pixel,), (distance,) = project(camera, point)
        column, row = int(pixel[0]), int(pixel[1])
        assert mask[row, column] == 70001
        assert picture[row, column].tolist() == [255, 128, 64, 255]
        assert depth[row, column] == pytest.approx(distance, abs=0.05)
    assert np.array_equal(np.isinf(depth), mask == 0)
    inside = picture[..., 3] == 255
    assert (mask[inside] == 70001).all()
    assert ((picture[..., 3] > 0) & ~inside).any()  # edges are smoothed


def test_the_nearer_triangle_hides_the_other_in_any_order(context: moderngl.Context) -> None:
    camera = look_at((0, -5, 1), (0, 0, 1), 60, 64, 64)
    front = np.array([[-3, -1, -3], [3, -1, -3], [0, -1, 5]])
    back = front + np.array([0, 2, 0])
    with Canvas(context, 64, 64) as canvas:
        for order in ((front, back), (back, front)):
            canvas.begin_data()
            for triangle in order:
                _draw(context, _ID, triangle, clip_matrix(camera, 0.1, 50))
            assert canvas.read_depth(0.1, 50)[32, 32] == pytest.approx(4.0, abs=1e-3)


def test_tone_map_is_a_gamma_in_the_middle_and_never_clips_hard(context: moderngl.Context) -> None:
    fragment = (
        "#version 330\nuniform float v; out vec4 colour;" + TONE_MAP + "void main(){colour=vec4(tone_map(vec3(v)),1);}"
    )
    program = context.program(_VERTEX, fragment)
    program["clip"].write(np.eye(4, dtype="f4").tobytes())
    points = context.buffer(np.array([[-1, -1, 0], [3, -1, 0], [-1, 3, 0]], "f4").tobytes())
    array = context.vertex_array(program, [(points, "3f", "position")])
    shown = []
    with Canvas(context, 4, 4) as canvas:
        for value in (-1.0, 0.0, 0.18, 0.5, 0.599, 0.601, 0.9, 1.5, 10.0):
            canvas.begin()
            program["v"].value = value
            array.render()
            shown.append(int(canvas.read_rgba()[1, 1, 0]))
    expected = [0, 0, *(round(255 * v ** (1 / 2.2)) for v in (0.18, 0.5, 0.599))]
    assert np.allclose(shown[:5], expected, atol=1)
    assert shown == sorted(shown)
    assert abs(shown[5] - shown[4]) <= 1
    assert shown[6] < shown[7] < shown[8] == 255


def test_canvases_do_not_pile_up(context: moderngl.Context) -> None:
    psutil = pytest.importorskip("psutil")
    process, sizes = psutil.Process(), []
    for _ in range(40):
        with Canvas(context, 640, 360) as canvas:
            canvas.begin()
            canvas.read_rgba()
            canvas.begin_data()
            canvas.read_mask()
        sizes.append(process.memory_info().rss)
    assert sizes[-1] - sizes[10] < 30e6  # one canvas takes more than 6 MB


@pytest.mark.parametrize("setting", [("__EGL_VENDOR_LIBRARY_DIRS", "/nowhere"), ("LIBGL_DRIVERS_PATH", "/nowhere")])
def test_without_a_driver_the_error_names_packages_and_settings(setting: tuple[str, str]) -> None:
    code = f"""
import os
os.environ[{setting[0]!r}] = {setting[1]!r}
from mdpr.errors import DependencyError
from mdpr.reid.synthetic.opengl import open_context
try:
    open_context()
except DependencyError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for word in ("libegl1", "libegl-mesa0", "libgl1-mesa-dri", "LIBGL_ALWAYS_SOFTWARE=1", setting[0]):
        assert word in said


def test_missing_libraries_and_missing_packages_are_dependency_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise Exception("libEGL.so.1 not loaded")

    monkeypatch.setattr(opengl, "_own", threading.local())  # as in a thread that has no context yet
    monkeypatch.setattr(moderngl, "create_context", fail)
    with pytest.raises(OpenGLError, match=r"libEGL\.so\.1 not loaded.*libegl1"):
        open_context()
    monkeypatch.setitem(sys.modules, "moderngl", None)
    with pytest.raises(DependencyError, match=r"pip install 'mdpr-track\[synth\]'"):
        open_context()


def test_the_first_device_that_works_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graphics card without permission or driver is passed over; nothing asks for a certain driver."""

    class Context:
        gc_mode = "auto"

    tried: list[int] = []

    def create(device_index: int, **settings: object) -> Context:
        tried.append(device_index)
        assert settings["backend"] == "egl"
        if device_index < works:
            raise Exception("eglInitialize failed (0x3001)")
        return Context()

    monkeypatch.setattr(moderngl, "create_context", create)
    for works in (0, 2):
        tried.clear()
        monkeypatch.setattr(opengl, "_own", threading.local())
        context = open_context()
        assert tried == list(range(works + 1))
        assert open_context() is context
        assert len(tried) == works + 1


def test_there_are_no_more_devices_when_the_library_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = ["permission denied", "requested device index 1, but found 1 devices", "asked again"]
    monkeypatch.setattr(opengl, "_own", threading.local())

    def fail(**_: object) -> None:
        raise Exception(reasons.pop(0))

    monkeypatch.setattr(moderngl, "create_context", fail)
    with pytest.raises(OpenGLError, match="permission denied"):
        open_context()
    assert reasons == ["asked again"]


def test_the_number_of_threads_is_set_before_the_context_is_made() -> None:
    code = """
import os
os.environ.pop("LP_NUM_THREADS", None)
from mdpr.reid.synthetic.opengl import open_context
open_context(threads=2)
print(os.environ["LP_NUM_THREADS"])
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "2\n"
