"""Landlock (landlock(7)): a second layer over paths and TCP, where the kernel has it.

Many kernels have none; seccomp is the layer that must hold, so absence is not an error, but a refusal is.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1
READ_FILE, READ_DIR, EXECUTE = 1 << 2, 1 << 3, 1 << 0

_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""All file-system rights known to each ABI; later ones have the last's."""
_TCP_RIGHTS = 0b11
"""BIND_TCP | CONNECT_TCP, since ABI 4."""

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """The kernel's Landlock ABI version; 0 when there is none."""
    version = int(_libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), CREATE_RULESET_VERSION))
    return max(version, 0)


def restrict(files: str) -> int:
    """Allow no path (`none`), reading below `/` (`read`) or reading and changing (`write`); no TCP at all.

    Returns the ABI in force, or 0 without Landlock. Raises `OSError` when the kernel has it and refuses.
    """
    version = abi()
    if version == 0:
        return 0
    handled = _FILE_RIGHTS[min(version, 5)]
    attributes = struct.pack("=QQ", handled, _TCP_RIGHTS) if version >= 4 else struct.pack("=Q", handled)
    ruleset = _call(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        allowed = {"none": 0, "read": READ_FILE | READ_DIR, "write": handled & ~EXECUTE}[files]
        if allowed:
            root = os.open("/", os.O_PATH | os.O_CLOEXEC)
            try:
                _call(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", allowed, root), 0)
            finally:
                os.close(root)
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        if code == errno.E2BIG:
            code = errno.EINVAL
        raise OSError(code, f"landlock: {os.strerror(code)}")
    return result
