"""Writes the archive from which Linux takes its first file system (kernel documentation, initramfs buffer format)."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

MAGIC = b"070701"
END = "TRAILER!!!"
CHUNK_BYTES = 1 << 20


class Archive:
    """A newc archive that is being written."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._number = 0
        self._offset = 0

    def folder(self, path: str, mode: int = 0o755) -> None:
        """Add a folder; `path` is relative to the root."""
        self._add(path, stat.S_IFDIR | mode)

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Add a file."""
        self._add(path, stat.S_IFREG | mode, content=content)

    def device(self, path: str, major: int, minor: int, mode: int = 0o600) -> None:
        """Add a character device."""
        self._add(path, stat.S_IFCHR | mode, device=(major, minor))

    def tree(self, source: Path, below: str = "") -> None:
        """Add all that is in the folder `source`, with modes and owners. Raises `OSError`."""
        for top, folders, names in os.walk(source):
            for name in sorted((*folders, *names)):
                outside = os.path.join(top, name)
                self._copy(outside, os.path.join(below, os.path.relpath(outside, source)))

    def end(self) -> None:
        """Write the end mark."""
        self._add(END, 0)

    def _copy(self, outside: str, path: str) -> None:
        facts = os.lstat(outside)
        content = b""
        if stat.S_ISLNK(facts.st_mode):
            content = os.fsencode(os.readlink(outside))
        elif stat.S_ISREG(facts.st_mode):
            content = Path(outside).read_bytes()
        elif stat.S_ISSOCK(facts.st_mode):
            return
        device = (os.major(facts.st_rdev), os.minor(facts.st_rdev))
        self._add(path, facts.st_mode, facts.st_uid, facts.st_gid, content, device, int(facts.st_mtime))

    def _add(
        self,
        path: str,
        mode: int,
        uid: int = 0,
        gid: int = 0,
        content: bytes = b"",
        device: tuple[int, int] = (0, 0),
        mtime: int = 0,
    ) -> None:
        name = os.fsencode(path) + b"\0"
        self._number += 1
        links = 2 if stat.S_ISDIR(mode) else 1
        numbers = (self._number, mode, uid, gid, links, mtime, len(content), 0, 0, *device, len(name), 0)
        self._write(MAGIC + b"".join(b"%08X" % (number & 0xFFFF_FFFF) for number in numbers) + name)
        self._pad()
        self._write(content)
        self._pad()

    def _write(self, part: bytes) -> None:
        self._stream.write(part)
        self._offset += len(part)

    def _pad(self) -> None:
        self._write(b"\0" * (-self._offset % 4))
