"""Landlock (landlock(7)): a second layer over paths and TCP, where the kernel has it.

Many kernels have none; seccomp is the layer that must hold, so absence is not an error, but a refusal is.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH, RULE_NET_PORT = 1, 2
READ_FILE, READ_DIR, EXECUTE = 1 << 2, 1 << 3, 1 << 0

_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""All file-system rights known to each ABI; later ones have the last's."""
ALL = _FILE_RIGHTS[5]
_SPECIAL = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11
"""MAKE_CHAR | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK."""
_OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
"""The rights that a single file can have: EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV."""
CONNECT_TCP = 0b10
_TCP_RIGHTS = 0b11
"""BIND_TCP | CONNECT_TCP, since ABI 4."""
_SCOPES = 0b11
"""ABSTRACT_UNIX_SOCKET | SIGNAL, since ABI 6."""

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """The kernel's Landlock ABI version; 0 when there is none."""
    version = int(_libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), CREATE_RULESET_VERSION))
    return max(version, 0)


@dataclass(frozen=True, slots=True)
class Grants:
    """What Landlock leaves; all else of what it knows is refused."""

    read: tuple[str, ...] = ()
    """Files, and folders with all below them, that may be read."""
    write: tuple[str, ...] = ()
    """Folders below which regular files, folders and links may be made, changed, renamed and removed."""
    ports: tuple[int, ...] = ()
    """TCP ports that may be connected to (ABI 4)."""
    any_tcp: bool = False
    """TCP is for others to bound."""
    scoped: bool = False
    """Neither signals nor abstract UNIX sockets to processes outside (ABI 6)."""


def restrict(files: str) -> int:
    """Allow no path (`none`), reading below `/` (`read`) or reading and changing (`write`); no TCP at all.

    Returns the ABI in force, or 0 without Landlock. Raises `OSError` when the kernel has it and refuses.
    """
    rights = {"none": 0, "read": READ_FILE | READ_DIR, "write": ALL & ~EXECUTE}[files]
    return _restrict((("/", rights),) if rights else (), Grants())


def restrict_to(grants: Grants) -> int:
    """Allow what `grants` lists. Returns and raises as `restrict`."""
    paths = (
        *((path, READ_FILE | READ_DIR) for path in grants.read),
        *((path, ALL & ~EXECUTE & ~_SPECIAL) for path in grants.write),
    )
    return _restrict(paths, grants)


def _restrict(paths: Sequence[tuple[str, int]], grants: Grants) -> int:
    version = abi()
    if version == 0:
        return 0
    handled = _FILE_RIGHTS[min(version, 5)]
    tcp = 0 if grants.any_tcp else _TCP_RIGHTS
    attributes = struct.pack("=QQQ", handled, tcp, _SCOPES if grants.scoped else 0)
    attributes = attributes[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = _call(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        for path, rights in paths:
            _allow(ruleset, path, rights & handled)
        for port in grants.ports if version >= 4 else ():
            _call(ADD_RULE, ruleset, RULE_NET_PORT, struct.pack("=QQ", CONNECT_TCP, port), 0)
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _allow(ruleset: int, path: str, rights: int) -> None:
    beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= _OF_FILES
        _call(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", rights, beneath), 0)
    finally:
        os.close(beneath)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        if code == errno.E2BIG:
            code = errno.EINVAL
        raise OSError(code, f"landlock: {os.strerror(code)}")
    return result
