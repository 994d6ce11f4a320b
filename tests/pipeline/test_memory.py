"""The allocator settings keep large arrays from being mapped anew each time."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource
import numpy as np
from mdpr.pipeline.memory import keep_freed_memory
if {is_on}:
    assert keep_freed_memory()
np.ones(8 << 20, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(8 << 20, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_faults(is_on: bool) -> int:
    code = COUNT_FAULTS.format(is_on=is_on)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is on Linux only")
def test_no_page_faults_for_arrays_that_come_again() -> None:
    assert count_faults(is_on=True) < 100
