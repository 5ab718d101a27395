"""The sealed file: `OVERTQ1`, described in docs/adr/0005-vault-container.md.

    0   8  magic
    8  32  key
   40   8  bytes of content stored, little-endian
   48   8  bytes of metadata, little-endian
   56  32  SHA-256 of the metadata (which holds the content's)
   88   …  content, then metadata, each masked with its own keystream

The header is written last: a container that was cut short has none.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from overt.core.errors import VaultError
from overt.vault.cipher import KEY_BYTES, Stream, mask
from overt.vault.record import Exhibit, decode

MAGIC = b"OVERTQ1\n"
HEADER = struct.Struct(f"<8s{KEY_BYTES}sQQ32s")
CHUNK_BYTES = 1024 * 1024
"""Bytes held in memory at a time; every piece but a file's last is a multiple of it."""
MAX_METADATA_BYTES = 64 * CHUNK_BYTES
_ZEROS = bytes(CHUNK_BYTES)


class Piece(NamedTuple):
    """Some bytes of a file and where they are in it."""

    offset: int
    data: bytes


class ContentHash:
    """SHA-256 of a file given as pieces in order; what lies between them is zeros."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._position = 0

    def add(self, piece: Piece) -> None:
        """The next piece."""
        self._zeros_to(piece.offset)
        self._hash.update(piece.data)
        self._position += len(piece.data)

    def finish(self, size: int) -> str:
        """The digest of the file of `size` bytes, lower-case hexadecimal."""
        self._zeros_to(size)
        return self._hash.hexdigest()

    def _zeros_to(self, offset: int) -> None:
        while self._position < offset:
            step = min(offset - self._position, CHUNK_BYTES)
            self._hash.update(_ZEROS[:step])
            self._position += step


def write(fd: int, pieces: Iterable[Piece], size: int, describe: Callable[[str], bytes]) -> None:
    """Write a container to the empty file `fd` and fsync it.

    `describe` gets the content's SHA-256 and returns the metadata. Raises `OSError`, and what `pieces` raises.
    """
    key = secrets.token_bytes(KEY_BYTES)
    content = ContentHash()
    stored = 0
    for piece in pieces:
        content.add(piece)
        write_at(fd, mask(key, Stream.CONTENT, stored, piece.data), HEADER.size + stored)
        stored += len(piece.data)
    metadata = describe(content.finish(size))
    write_at(fd, mask(key, Stream.METADATA, 0, metadata), HEADER.size + stored)
    digest = hashlib.sha256(metadata).digest()
    write_at(fd, HEADER.pack(MAGIC, key, stored, len(metadata), digest), 0)
    os.fsync(fd)


def write_at(fd: int, data: bytes, offset: int) -> None:
    """All of `data` at `offset`, however little the kernel takes at a time. Raises `OSError`."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


@dataclass(frozen=True, slots=True)
class Container:
    """An open container whose metadata was verified; its content is verified by reading it."""

    fd: int
    key: bytes
    exhibit: Exhibit

    def pieces(self) -> Iterator[Piece]:
        """The content, at most `CHUNK_BYTES` at a time. Raises `OSError` and `VaultError` (cut short)."""
        stored = 0
        for extent in self.exhibit.extents:
            for start in range(0, extent.length, CHUNK_BYTES):
                length = min(CHUNK_BYTES, extent.length - start)
                masked = read_at(self.fd, length, HEADER.size + stored)
                yield Piece(extent.offset + start, mask(self.key, Stream.CONTENT, stored, masked))
                stored += length

    def verified(self) -> Iterator[Piece]:
        """`pieces`, then `VaultError` when the whole does not have its SHA-256."""
        content = ContentHash()
        for piece in self.pieces():
            content.add(piece)
            yield piece
        if content.finish(self.exhibit.size) != self.exhibit.sha256:
            raise VaultError(f"{self.exhibit.id} is damaged: its content does not have its SHA-256")

    def verify(self) -> None:
        """Read all of the content, from the disk where the system allows it. Raises `OSError`, `VaultError`."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)
        for _ in self.verified():
            pass


def read_at(fd: int, length: int, offset: int) -> bytes:
    """Exactly `length` bytes. Raises `OSError`, and `VaultError` when the file ends before."""
    parts: list[bytes] = []
    while length > 0:
        part = os.pread(fd, length, offset)
        if not part:
            raise VaultError("the sealed file is cut short")
        parts.append(part)
        length, offset = length - len(part), offset + len(part)
    return b"".join(parts)


def load(fd: int) -> Container:
    """Read and verify the header and the metadata of the container in `fd`.

    Raises `OSError`, and `VaultError` when it is not a whole container.
    """
    magic, key, stored, length, digest = HEADER.unpack(read_at(fd, HEADER.size, 0))
    if magic != MAGIC:
        raise VaultError("not a sealed file: it does not start with OVERTQ1")
    if length > MAX_METADATA_BYTES or os.fstat(fd).st_size != HEADER.size + stored + length:
        raise VaultError("the sealed file does not have the size it should have")
    metadata = mask(key, Stream.METADATA, 0, read_at(fd, length, HEADER.size + stored))
    if hashlib.sha256(metadata).digest() != digest:
        raise VaultError("the sealed file's metadata is damaged")
    try:
        exhibit = decode(metadata, Exhibit)
    except ValueError as error:
        raise VaultError(f"the sealed file's metadata can't be read: {error}") from error
    if exhibit.stored_bytes != stored:
        raise VaultError("the sealed file's metadata and content don't fit together")
    return Container(fd, key, exhibit)
