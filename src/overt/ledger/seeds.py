"""Files with the seed of an Ed25519 key (RFC 8032): one line, a header that says whose, and the seed in base64."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from overt.core.errors import Malformed
from overt.tlog.keys import SEED_BYTES
from overt.tlog.text import from_base64, to_base64

MAX_FILE_BYTES = 256


def encoded(header: str, seed: bytes) -> bytes:
    """What such a file holds."""
    return f"{header}{to_base64(seed)}\n".encode()


def read(path: Path, header: str) -> bytes | None:
    """The seed, 32 bytes; None when there is no file. A symbolic link is not followed.

    Raises `Malformed` for anything but what `encoded` makes, and `OSError`.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Malformed("key: no ordinary file")
        data = os.read(fd, MAX_FILE_BYTES)
    finally:
        os.close(fd)
    seed = from_base64(data.decode("ascii", "replace").removeprefix(header).removesuffix("\n"), "key")
    if len(seed) != SEED_BYTES or encoded(header, seed) != data:
        raise Malformed("key: not as it is written")
    return seed
