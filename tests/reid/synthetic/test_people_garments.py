"""Garments of MakeHuman: fitted by hand on small files, and errors that name the file and the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from mdpr.errors import FormatError, SourceError
from mdpr.reid.synthetic.base_mesh import VERTICES, BaseMesh, load_base_mesh
from mdpr.reid.synthetic.dressing import Dresser
from mdpr.reid.synthetic.garment_files import GarmentFile, load_garments

_BODY = np.zeros((VERTICES, 3), np.float32)
_BODY[:6] = [[0, 0, 0], [2, 0, 0], [0, 4, 0], [0, 0, 8], [5, 5, 5], [-1, 9, 0]]
_OBJ = """# two pieces: a square (a quad) and, higher up, a triangle
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 0 9 0
v 1 9 0
v 0 9 1
f 1/1 2/2 3/3 4/4
f 5//1 6//2 7//3
"""
_MHCLO = """# a comment
name thing
x_scale 0 1 2.0
z_scale 0 3 4.0
verts 0
0 1 2 0.5 0.25 0.25 1.0 1.0 1.0
material late.mhmat
1
2
0 1 2 1.5 -0.5 0.0 0 0 0
5
5 5 5 1 0 0 2 0 0
5 5 5 1 0 0 0 0 3
delete_verts
10 - 20 31
"""


def _base() -> BaseMesh:
    """Vertices as above and two bones: 0 carries vertex 0, bone 1 all others."""
    first = np.zeros(VERTICES, np.float32)
    first[0] = 1
    skin = csr_matrix(np.stack([first, 1 - first], 1))
    return BaseMesh(_BODY, np.zeros((0, 4), int), np.zeros((0, 1), np.float16), (), ("a", "b"), (-1, 0), skin.T, skin)


def _garment(folder: Path, mhclo: str = _MHCLO, obj: str | None = _OBJ) -> GarmentFile:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "thing.mhclo").write_text(mhclo)
    if obj is not None:
        (folder / "thing.obj").write_text(obj)
    return load_garments(folder, _base(), cell=0.01)["thing"]


def test_vertices_follow_the_base_mesh_by_hand(tmp_path: Path) -> None:
    garment = _garment(tmp_path / "deep" / "er")
    # scale: x |0 - 2| / 2 = 1, y has no rule, z |0 - 8| / 4 = 2
    expected = [[0 + 2 * 0.25 + 1, 4 * 0.25 + 1, 2], [2, 0, 0], [0, 4, 0], [-1, 0, 0]]
    expected += [[-1, 9, 0], [1, 9, 0], [-1, 9, 6]]
    assert np.allclose(garment.rest, expected)
    assert np.allclose(garment.fit(_BODY), expected)
    larger = garment.fit(_BODY * [2, 1, 1])  # twice as wide: offsets in x double, others stay
    assert np.allclose(larger[[0, 5]], [[4 * 0.25 + 2, 2, 2], [2, 9, 0]])


def test_skin_weights_leave_out_negative_ones_and_sum_to_one(tmp_path: Path) -> None:
    weights = _garment(tmp_path).skin_weights.toarray()
    assert np.allclose(weights[0], [0.5, 0.5])
    assert np.allclose(weights[3], [1, 0])  # 1.5 of vertex 0, -0.5 of vertex 1
    assert np.allclose(weights.sum(1), 1)


def test_connected_pieces_come_from_the_top_down(tmp_path: Path) -> None:
    upper, lower = _garment(tmp_path).pieces
    assert upper.tolist() == [[4, 5, 6]]
    assert sorted(lower.tolist()) == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize(
    ("mhclo", "obj", "reason"),
    [
        (_MHCLO, None, r"thing\.obj"),
        ("\n".join(_MHCLO.splitlines()[:9]), _OBJ, "expected 7 vertices as in thing.obj, got 3"),
        (_MHCLO.replace("0.25 1.0", "0.25 one"), _OBJ, "could not convert string to float: 'one'"),
        (_MHCLO.replace(" 1.0 1.0\n", "\n"), _OBJ, "expected 1 or 9 numbers for a vertex, got 7"),
        (_MHCLO.replace("x_scale 0 1 2.0", "x_scale 0 1"), _OBJ, "list index out of range"),
        (_MHCLO.replace("x_scale 0 1 2.0", "x_scale 0 1 0.0"), _OBJ, "x_scale needs a reference distance above 0"),
        (_MHCLO.replace("x_scale 0 1", "x_scale 0 99999"), _OBJ, "a scale's base vertex must be from 0 to 19157"),
        (_MHCLO.replace("\n5\n", "\n19158\n"), _OBJ, "a base vertex must be from 0 to 19157, got 0 to 19158"),
        (_MHCLO, _OBJ.replace("f 5//1", "f 8//1"), r"thing\.obj: a face's vertex must be from 0 to 6, got 0 to 7"),
        (_MHCLO, _OBJ.replace("f 5//1", "f 0//1"), "got -1 to 6"),
        (_MHCLO, _OBJ.replace("f 5//1", "f 1 2 5//1"), "expected faces of 3 or 4 corners, got 5 in thing.obj"),
        (_MHCLO, "\n".join(_OBJ.splitlines()[:8]), r"thing\.obj: expected a mesh, got none"),
        (_MHCLO, _OBJ.replace("f 5//1", "f five"), "invalid literal for int"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(mhclo: str, obj: str | None, reason: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=reason) as caught:
        _garment(tmp_path, mhclo, obj)
    assert str(tmp_path / "thing.") in str(caught.value)


def test_a_folder_without_garments_or_without_all_of_them_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"expected MakeHuman clothes \(\*.mhclo beside \*.obj\), got none"):
        load_garments(tmp_path, _base())
    garment = _garment(tmp_path)
    with pytest.raises(SourceError, match=r"not complete: expected also afro01, bob01, .*shoes06"):
        Dresser(_base(), {"thing": garment})


@pytest.mark.shared
@pytest.mark.slow
def test_makehumans_clothes_fit_the_neutral_body(
    shared: Path, people_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MDPR_CACHE", str(people_cache))
    base = load_base_mesh()
    garments = load_garments(shared / "data" / "people3d", base)
    assert len(garments) == 30
    Dresser(base, garments)  # all that people wear is there
    body = base.rest[:13380]
    for name, garment in garments.items():
        assert np.allclose(garment.fit(base.rest), garment.rest)
        assert np.allclose(garment.skin_weights.sum(1), 1, atol=1e-4)
        used = garment.rest[np.unique(np.concatenate(garment.pieces))]
        assert (used > body.min(0) - 1.5).all(), name
        assert (used < body.max(0) + 1.5).all(), name
    top, bottom = garments["male_casualsuit02"].pieces[:2]
    rest = garments["male_casualsuit02"].rest
    assert rest[top][..., 1].min() > rest[bottom][..., 1].min() + 3
    assert garments["shoes01"].rest[..., 1].max() < -5
    assert garments["long01"].rest[..., 1].max() > 7
