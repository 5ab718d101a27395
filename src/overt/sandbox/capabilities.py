"""Capabilities of the calling process, as bit sets (capabilities(7))."""

from __future__ import annotations

import ctypes
import os

PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
CAPABILITY_VERSION_3 = 0x2008_0522

_libc = ctypes.CDLL(None, use_errno=True)


def keep(kept: int) -> None:
    """Give up every capability that is not in the bit set, for good; nothing to do as a user. Raises `OSError`."""
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _check(_libc.capget(ctypes.byref(header), ctypes.byref(data)), "capget")
    for word in range(2):
        left = data[word * 3 + 1] & (kept >> (32 * word)) & 0xFFFF_FFFF
        data[word * 3], data[word * 3 + 1], data[word * 3 + 2] = left, left, 0
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")


def _check(result: int, call: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")
