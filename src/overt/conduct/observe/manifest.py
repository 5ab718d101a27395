"""What is in a folder that somebody hostile writes to: every path with its attributes, and digests of files.

Folders are walked by descriptor and no link is followed, so that what is read is below the folder whatever is moved
meanwhile; pipes and devices are not opened.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from overt.conduct.evidence.marks import MARK, MARK_BYTES, TOKEN
from overt.conduct.observe import certificates
from overt.conduct.observe.certificates import Certificates

MAX_HASHED_BYTES = 1 << 30
"""Of one file: a larger one has no digest."""
CHUNK_BYTES = 1 << 20
MAX_TOKENS = 2_000
"""Of planted files, in one file: more than are ever planted."""
MAX_DEPTH = 200
"""Folders within folders; what is deeper is counted, and not looked at."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

KINDS = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISLNK, "link"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISFIFO, "fifo"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One path."""

    kind: str
    mode: int
    owner: tuple[int, int]
    size: int
    stamps: tuple[int, int, int]
    """Inode, time of change of content and of attributes (ns)."""
    target: str
    """Of a link; major and minor number of a device."""
    attributes: tuple[tuple[str, bytes], ...]
    sha256: str
    certificates: Certificates
    """Those in it, by digest."""
    mark: str
    """Of a forged update of the lab's, if it holds one."""
    tokens: tuple[str, ...] = ()
    """Of planted files, in order."""

    @property
    def whiteout(self) -> bool:
        """Whether it stands in an overlay's upper layer for something that was removed (overlayfs, "whiteouts")."""
        gone = "trusted.overlay.whiteout" in dict(self.attributes)
        return gone or (self.kind == "device" and self.target == "0:0")

    @property
    def opaque(self) -> bool:
        """Whether it is a folder of an upper layer that hides all that lies below it."""
        return dict(self.attributes).get("trusted.overlay.opaque") == b"y"

    @property
    def shown_attributes(self) -> dict[str, bytes]:
        """But those that are the overlay's own."""
        return {name: value for name, value in self.attributes if not name.startswith("trusted.overlay.")}


class Content(NamedTuple):
    """What is in a file."""

    sha256: str
    certificates: Certificates
    mark: str
    tokens: tuple[str, ...] = ()


UNREAD = Content("", {}, "")

Manifest = dict[str, Entry]
"""By path below the folder, without a slash before it; the folder itself is the empty path."""


@dataclass(slots=True)
class Walk:
    """Reads one folder. What had the same stamps `before` is not read again."""

    before: Manifest = field(default_factory=dict)
    digests: bool = True
    """Whether files are read."""
    too_deep: int = 0

    def manifest(self, folder: Path) -> Manifest:
        """Everything below `folder`; what disappears meanwhile is not in it. Raises `OSError` for the folder itself."""
        descriptor = os.open(folder, FOLDER)
        try:
            found = {"": self._entry("", ".", descriptor, os.fstat(descriptor))}
            for path, entry in self._below("", descriptor, 0):
                found[path] = entry
            return found
        finally:
            os.close(descriptor)

    def below(self, folder: Path) -> list[tuple[str, Entry]]:
        """Everything below `folder`, without itself. Raises `OSError` for the folder itself."""
        return [(path, entry) for path, entry in self.manifest(folder).items() if path]

    def single(self, folder: Path, path: str) -> Entry | None:
        """The one path `path` below `folder`; None if there is nothing, or a link on the way.

        Raises `OSError` for `folder` itself.
        """
        *above, name = path.split("/") if path else ["."]
        descriptor = os.open(folder, FOLDER)
        try:
            for step in above:
                inner = os.open(step, FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            return self._entry("", name, descriptor, status)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _below(self, path: str, descriptor: int, depth: int) -> Iterator[tuple[str, Entry]]:
        for name in sorted(os.listdir(descriptor)):
            inner = f"{path}/{name}" if path else name
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                yield inner, self._entry(inner, name, descriptor, status)
                if not stat.S_ISDIR(status.st_mode):
                    continue
                folder = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            except OSError:
                continue  # it is gone, or something else by now
            try:
                if depth >= MAX_DEPTH:
                    self.too_deep += 1
                else:
                    yield from self._below(inner, folder, depth + 1)
            finally:
                os.close(folder)

    def _entry(self, path: str, name: str, folder: int, status: os.stat_result) -> Entry:
        stamps = status.st_ino, status.st_mtime_ns, status.st_ctime_ns
        known = self.before.get(path)
        if known is not None and known.stamps == stamps and known.size == status.st_size:
            return known
        kind = next((word for test, word in KINDS if test(status.st_mode)), "device")
        known_content = self._content(name, folder) if kind == "file" and self.digests else UNREAD
        return Entry(
            kind=kind,
            mode=stat.S_IMODE(status.st_mode),
            owner=(status.st_uid, status.st_gid),
            size=status.st_size if kind == "file" else 0,
            stamps=stamps,
            target=_target(kind, name, folder, status),
            attributes=_attributes(f"/proc/self/fd/{folder}/{name}"),
            sha256=known_content.sha256,
            certificates=known_content.certificates,
            mark=known_content.mark,
            tokens=known_content.tokens,
        )

    def _content(self, name: str, folder: int) -> Content:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=folder)
        except OSError:
            return UNREAD
        with open(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_HASHED_BYTES:
                return UNREAD
            if status.st_size <= certificates.MAX_STORE_BYTES and certificates.may_hold(name):
                content = stream.read(certificates.MAX_STORE_BYTES)
                found = certificates.found(content)
                digest = hashlib.sha256(content).hexdigest()
                return Content(digest, found, _mark(content), tuple(sorted(_tokens(content))))
            return _read(stream)


def _read(stream: BinaryIO) -> Content:
    digest, mark, end = hashlib.sha256(), "", b""
    tokens: set[str] = set()
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
        seam = end + chunk[:MARK_BYTES]
        mark = mark or _mark(seam) or _mark(chunk)
        if len(tokens) < MAX_TOKENS:
            tokens |= _tokens(seam) | _tokens(chunk)
        end = chunk[-MARK_BYTES:]
    return Content(digest.hexdigest(), {}, mark, tuple(sorted(tokens)[:MAX_TOKENS]))


def _tokens(content: bytes) -> set[str]:
    return {found.decode() for found in TOKEN.findall(content)} if b"ovt" in content else set()


def _mark(content: bytes) -> str:
    found = MARK.search(content)
    return found[0].decode() if found else ""


def _target(kind: str, name: str, folder: int, status: os.stat_result) -> str:
    if kind == "device":
        return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    if kind != "link":
        return ""
    with contextlib.suppress(OSError):
        return os.readlink(name, dir_fd=folder)
    return ""


def _attributes(path: str) -> tuple[tuple[str, bytes], ...]:
    """Extended attributes: capabilities, access lists, an overlay's marks; none where there are no such."""
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
        return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)
    except OSError:
        return ()
