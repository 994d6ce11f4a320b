"""Settings of the C allocator for a process that makes and frees a picture of megabytes for every frame."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h of glibc
_SETTINGS = ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, 1 << 30), (_M_TOP_PAD, 64 << 20))


def keep_freed_memory() -> bool:
    """Tell glibc to reuse freed memory instead of giving it back to the system, for the whole process.

    Otherwise each large array is mapped anew, and its first touch costs a page fault for every 4 KiB: with 1080p video
    three quarters of the time in the kernel. Call it first, before threads allocate.

    Returns:
        Whether it was done; False where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and all(mallopt(name, value) == 1 for name, value in _SETTINGS)
