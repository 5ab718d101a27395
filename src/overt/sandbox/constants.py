"""Paths that the C library opens on its own, found where it keeps them.

`sysconf(_SC_NPROCESSORS_CONF)`, which the unpacking library asks before it decompresses, makes glibc open files that
count the processors. An examiner must open nothing, so these calls are answered "no such file" (glibc then counts
by `sched_getaffinity`). The filter knows them by the address of the constant string: a rewritten string at that
address is answered the same, so nothing can be gained by it.
"""

from __future__ import annotations

import ctypes
from functools import cache


@cache
def addresses(paths: tuple[str, ...], library: str = "libc.so.6") -> tuple[int, ...]:
    """Where the read-only data of `library` in this process holds each path as a whole C string (empty with
    another C library). The first call reads /proc; a confined process must have had it made before."""
    found = []
    with open("/proc/self/maps") as maps:
        ranges = [line.split() for line in maps if line.rstrip().endswith(library) and " r--p " in line]
    for columns in ranges:
        start, end = (int(number, 16) for number in columns[0].split("-"))
        data = ctypes.string_at(start, end - start)
        for path in paths:
            needle = b"\0" + path.encode() + b"\0"
            at = data.find(needle)
            while at >= 0:
                found.append(start + at + 1)
                at = data.find(needle, at + 1)
    return tuple(found)
