from __future__ import annotations

from pathlib import Path

import pytest

from mdpr.cpus import is_bf16_fast


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("GenuineIntel", "avx2 avx512_bf16 amx_bf16 amx_tile", True),
        ("GenuineIntel", "avx2 avx512_bf16 avx512_vnni", False),  # at half rate: slower than fp32
        ("AuthenticAMD", "avx2 avx512_bf16 fma", True),
        ("AuthenticAMD", "avx2 avx512_bf16_like", False),
        ("GenuineIntel", "avx512f bf16", False),
    ],
)
def test_by_the_description_of_the_cpu(vendor: str, flags: str, expected: bool, tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: {flags}\n")
    assert is_bf16_fast(file) is expected


def test_where_there_is_no_description(tmp_path: Path) -> None:
    assert not is_bf16_fast(tmp_path / "nothing")
