"""What the CPU is good at."""

from __future__ import annotations

import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def is_bf16_fast(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether this CPU multiplies bf16 faster than fp32, by a Linux description of it; False when there is none.

    True with AMX, and with AVX-512 BF16 on AMD's CPUs, whose dot products of bf16 run at full rate. Intel's CPUs with
    AVX-512 BF16 alone (AMX switched off, as in many virtual machines) issue them at half rate: there bf16 took 1.3 to
    1.6 times as long as fp32 (`docs/inference.md`).
    """
    try:
        text = cpuinfo.read_text(encoding="utf-8")
    except OSError:
        return False
    words = set(re.findall(r"\w+", text))
    return "amx_bf16" in words or {"avx512_bf16", "AuthenticAMD"} <= words
