"""One OpenGL context for all tests of synthetic people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from mdpr.reid.synthetic.opengl import OpenGLError, open_context

if TYPE_CHECKING:
    import moderngl


@pytest.fixture(scope="session")
def context() -> Iterator[moderngl.Context]:
    """A context; tests that need one are skipped, with the reason, where the machine has no OpenGL."""
    pytest.importorskip("moderngl")
    try:
        context = open_context()
    except OpenGLError as error:
        pytest.skip(str(error))
    yield context
    context.release()
