"""Offscreen OpenGL without a display: a context on EGL, and a canvas to draw on and read back.

Any driver does, also Mesa's software renderer (llvmpipe) on a machine without a graphics card.
"""

from __future__ import annotations

import importlib
import os
import threading
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import DependencyError, MdprError

if TYPE_CHECKING:
    import moderngl

TONE_MAP = """
vec3 tone_map(vec3 linear) {  // scene-linear to display values in [0, 1]: linear up to 0.6, then a soft shoulder
    vec3 bright = 1.0 - 0.4 * exp(-(max(linear, 0.6) - 0.6) / 0.4);
    return pow(mix(max(linear, 0.0), bright, step(0.6, linear)), vec3(1.0 / 2.2));
}
"""
"""GLSL: every shader ends with `tone_map`, so that people and places have one response. Exposure is in the light."""

_DEBIAN = "apt-get install libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri"
_MAX_DEVICES = 16
_GLSL_VERSION = 330
_own = threading.local()
_EGL: dict[str, Any] = {"backend": "egl", "libgl": "libGL.so.1", "libegl": "libEGL.so.1"}


class OpenGLError(DependencyError):
    """The system has no OpenGL that works; the message names the packages and what to set."""

    def __init__(self, reason: str) -> None:
        MdprError.__init__(
            self,
            f"Rendering needs OpenGL 3.3 through EGL, which does not work here: {reason}. "
            f"On Debian or Ubuntu: {_DEBIAN}. With these installed and still no context, set LIBGL_ALWAYS_SOFTWARE=1 "
            "(no graphics card, or no permission for it) and unset EGL_PLATFORM, __EGL_VENDOR_LIBRARY_DIRS and "
            "LIBGL_DRIVERS_PATH.",
        )


def open_context(threads: int = 1) -> moderngl.Context:
    """The context of the calling thread, which needs no display; the first call makes it.

    A thread has one, because garbage of a second would be freed in whichever is current, and break that.

    Args:
        threads: how many threads the software renderer uses. Only the first context of a process can set it, and
            `LP_NUM_THREADS` in the environment comes first. 1 is best where several processes render.

    Raises:
        DependencyError: moderngl is not installed, or the system has no OpenGL that works (`OpenGLError`).
    """
    try:
        import moderngl

        importlib.import_module("glcontext")
    except ImportError as error:
        raise DependencyError(error.name or "moderngl", "rendering synthetic people", "synth") from error
    if (found := getattr(_own, "context", None)) is not None:
        return cast("moderngl.Context", found)
    os.environ.setdefault("LP_NUM_THREADS", str(max(threads, 1)))
    reasons: list[str] = []
    for device in range(_MAX_DEVICES):
        try:
            settings = {**_EGL, "device_index": device}  # moderngl's annotation of its keywords is wrong: pass a dict
            context = moderngl.create_context(require=_GLSL_VERSION, standalone=True, **settings)
        except Exception as error:  # noqa: BLE001  moderngl raises bare exceptions
            reasons.append(str(error))
            if "device index" in str(error) or "not loaded" in str(error):  # no further device, or no library
                break
        else:
            # "auto" frees in whatever thread collects garbage; large things are released. The annotation lacks None.
            context.gc_mode = None  # type: ignore[assignment]
            _own.context = context
            return context
    raise OpenGLError(reasons[0])


class Canvas:
    """Where to draw: a multisampled picture, and a plain target for ids and depth.

    `begin` directs drawing to the picture, `begin_data` to the plain target, whose fragment shader writes the id as
    `out float`. `release` frees both; a canvas is also a context manager.
    """

    def __init__(self, context: moderngl.Context, width: int, height: int, samples: int = 4) -> None:
        self.context = context
        self.width, self.height = width, height
        size = (width, height)
        self._picture = context.framebuffer(
            [context.renderbuffer(size, 4, samples=samples)], context.depth_renderbuffer(size, samples=samples)
        )
        self._resolved = context.framebuffer([context.renderbuffer(size, 4)])
        self._data = context.framebuffer([context.texture(size, 1, dtype="f4")], context.depth_texture(size))

    def begin(self, clear: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)) -> None:
        """Empty the picture to a display colour (RGBA in [0, 1]) and draw on it from now on, with a depth test."""
        self._begin(self._picture, clear)

    def begin_data(self) -> None:
        """Empty ids (to 0) and depth, and draw on them from now on, with a depth test."""
        self._begin(self._data, (0.0, 0.0, 0.0, 0.0))

    def _begin(self, target: moderngl.Framebuffer, clear: tuple[float, float, float, float]) -> None:
        target.use()
        self.context.enable_only(self.context.DEPTH_TEST)
        target.clear(*clear, depth=1.0)

    def read_rgba(self) -> NDArray[np.uint8]:
        """The picture, (H, W, 4), top row first, samples averaged."""
        self.context.copy_framebuffer(self._resolved, self._picture)
        pixels = np.frombuffer(self._resolved.read(components=4), np.uint8)
        return np.ascontiguousarray(pixels.reshape(self.height, self.width, 4)[::-1])

    def read_mask(self) -> NDArray[np.int32]:
        """The ids drawn since `begin_data`, (H, W), top row first; 0 where nothing was drawn."""
        ids = np.frombuffer(self._data.read(components=1, dtype="f4"), np.float32)
        return np.rint(ids.reshape(self.height, self.width)[::-1]).astype(np.int32)

    def read_depth(self, near: float, far: float) -> NDArray[np.float32]:
        """Distance along the camera's z axis of what was drawn since `begin_data`, (H, W) metres; inf where nothing.

        Args:
            near, far: those of the `clip_matrix` that was drawn with.
        """
        stored = np.frombuffer(self._data.read(attachment=-1, dtype="f4", components=1), np.float32)
        stored = stored.reshape(self.height, self.width)[::-1]
        depth = (near * far / (far - stored.astype(np.float64) * (far - near))).astype(np.float32)
        depth[stored >= 1] = np.inf
        return depth

    def release(self) -> None:
        """Free the memory of both targets; the context stays."""
        for framebuffer in (self._picture, self._resolved, self._data):
            attachments = [*framebuffer.color_attachments, framebuffer.depth_attachment]
            framebuffer.release()
            for attachment in attachments:
                if attachment is not None:
                    attachment.release()

    def __enter__(self) -> Canvas:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
