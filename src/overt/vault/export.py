"""A copy for analysts: the sealed container as it is, or the content in a zip with the field's usual password.

The zip follows APPNOTE.TXT 6.3.10: one member, deflated, with traditional PKWARE encryption (section 6.1), which
every unpacker reads and which is weak: like the container's encoding it guards against accidents.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator

from overt.core.errors import VaultError
from overt.vault.container import CHUNK_BYTES, Container, Piece, read_at, write_at

PASSWORD = "infected"
MAX_ZIP_BYTES = 0xFFFF_FFFF - CHUNK_BYTES
"""Bytes of content a zip without the 64-bit extension may hold, with room for its own overhead."""
_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTOR = struct.Struct("<4s3L")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _FLAGS, _DEFLATED, _EPOCH = 20, 0x0009, 8, 0x0021
"""Version needed 2.0; encrypted, sizes in a data descriptor; deflate; the date 1980-01-01."""


def _crc_entry(byte: int) -> int:
    """One entry of the table of CRC-32 (ISO 3309), reflected polynomial."""
    for _ in range(8):
        byte = (byte >> 1) ^ (0xEDB88320 if byte & 1 else 0)
    return byte


_CRC_TABLE = tuple(_crc_entry(byte) for byte in range(256))


class ZipCrypto:
    """Traditional PKWARE encryption (APPNOTE 6.1.5): three running 32-bit keys."""

    def __init__(self, password: bytes) -> None:
        self._keys = (0x12345678, 0x23456789, 0x34567890)
        self.encrypt(password)

    def encrypt(self, data: bytes) -> bytes:
        """The next bytes of the stream, encrypted."""
        key0, key1, key2 = self._keys
        table = _CRC_TABLE
        out = bytearray(len(data))
        for index, byte in enumerate(data):
            mix = (key2 | 2) & 0xFFFF
            out[index] = byte ^ (((mix * (mix ^ 1)) >> 8) & 0xFF)
            key0 = (key0 >> 8) ^ table[(key0 ^ byte) & 0xFF]
            key1 = ((key1 + (key0 & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
            key2 = (key2 >> 8) ^ table[(key2 ^ (key1 >> 24)) & 0xFF]
        self._keys = (key0, key1, key2)
        return bytes(out)


def copy_container(fd: int, container: Container) -> None:
    """The sealed file, verified, to the empty file `fd`. Raises `OSError`, `VaultError`."""
    container.verify()
    size = os.fstat(container.fd).st_size
    for offset in range(0, size, CHUNK_BYTES):
        write_at(fd, read_at(container.fd, min(CHUNK_BYTES, size - offset), offset), offset)


def write_zip(fd: int, container: Container) -> None:
    """The content as `<sha256>` in an encrypted zip, to the empty file `fd`. Raises `OSError`, `VaultError`."""
    exhibit = container.exhibit
    if exhibit.size > MAX_ZIP_BYTES:
        raise VaultError(
            f"{exhibit.id} is too big for a zip ({exhibit.size} bytes): export it without --plain"
        )
    name = exhibit.sha256.encode("ascii")
    local = _LOCAL.pack(b"PK\3\4", _VERSION, _FLAGS, _DEFLATED, 0, _EPOCH, 0, 0, 0, len(name), 0) + name
    write_at(fd, local, 0)
    crc, packed = _write_member(fd, len(local), container)
    sizes = (crc, packed, exhibit.size)
    central = (
        _CENTRAL.pack(
            b"PK\1\2", _VERSION, _VERSION, _FLAGS, _DEFLATED, 0, _EPOCH, *sizes, len(name), 0, 0, 0, 0, 0, 0
        )
        + name
    )
    descriptor = _DESCRIPTOR.pack(b"PK\7\x08", *sizes)
    start = len(local) + packed + len(descriptor)
    end = _END.pack(b"PK\5\6", 0, 0, 1, 1, len(central), start, 0)
    write_at(fd, descriptor + central + end, len(local) + packed)


def _write_member(fd: int, offset: int, container: Container) -> tuple[int, int]:
    """Deflate and encrypt the content at `offset`; its CRC-32 and the bytes written."""
    cipher = ZipCrypto(PASSWORD.encode("ascii"))
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    # The 12th byte tells a wrong password: with a data descriptor it is the high byte of the time, here 0.
    head = cipher.encrypt(os.urandom(11) + b"\0")
    write_at(fd, head, offset)
    crc, packed = 0, len(head)
    for data in _whole(container):
        crc = zlib.crc32(data, crc)
        part = cipher.encrypt(deflate.compress(data))
        write_at(fd, part, offset + packed)
        packed += len(part)
    part = cipher.encrypt(deflate.flush())
    write_at(fd, part, offset + packed)
    return crc, packed + len(part)


def _whole(container: Container) -> Iterator[bytes]:
    """The content in order, holes as zeros, verified at its end."""
    position = 0
    for piece in _with_end(container):
        while position < piece.offset:
            zeros = bytes(min(CHUNK_BYTES, piece.offset - position))
            position += len(zeros)
            yield zeros
        position += len(piece.data)
        yield piece.data


def _with_end(container: Container) -> Iterator[Piece]:
    yield from container.verified()
    yield Piece(container.exhibit.size, b"")
