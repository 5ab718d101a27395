"""7z (7-Zip's 7zFormat.txt): one LZMA folder of all members, written here because its bytes must come out the same."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Sequence

from overt.conduct.canary.formats.zipped import Member

SIGNATURE = b"7z\xbc\xaf\x27\x1c\x00\x04"
END, HEADER, MAIN_STREAMS, FILES = b"\0", b"\x01", b"\x04", b"\x05"
PACK, UNPACK, SUBSTREAMS, SIZE, CRC, FOLDER, UNPACK_SIZE, STREAMS, NAMES = (
    b"\x06 \x07 \x08 \x09 \x0a \x0b \x0c \x0d \x11".split(b" ")
)
DICTIONARY_BYTES = 1 << 16
LC_LP_PB = b"\x5d"
CODER = b"\x01\x23\x03\x01\x01\x05" + LC_LP_PB + struct.pack("<I", DICTIONARY_BYTES)
"""One coder with properties: LZMA (03 01 01)."""


def archive(members: Sequence[Member]) -> bytes:
    """A 7z file of `members`, in their order."""
    joined = b"".join(member.data for member in members)
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": DICTIONARY_BYTES, "lc": 3, "lp": 0, "pb": 2}]
    packed = lzma.compress(joined, lzma.FORMAT_RAW, filters=filters)
    header = HEADER + MAIN_STREAMS + _streams(members, len(joined), len(packed)) + _files(members) + END
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return SIGNATURE + struct.pack("<I", zlib.crc32(start)) + start + packed + header


def _streams(members: Sequence[Member], size: int, packed: int) -> bytes:
    digests = b"".join(struct.pack("<I", zlib.crc32(member.data)) for member in members)
    sizes = b"".join(_number(len(member.data)) for member in members[:-1])
    return (
        (PACK + _number(0) + _number(1) + SIZE + _number(packed) + END)
        + (UNPACK + FOLDER + _number(1) + b"\0" + CODER + UNPACK_SIZE + _number(size) + END)
        + (SUBSTREAMS + STREAMS + _number(len(members)) + SIZE + sizes + CRC + b"\x01" + digests + END)
        + END
    )


def _files(members: Sequence[Member]) -> bytes:
    names = b"\0" + b"".join(member.name.encode("utf-16-le") + b"\0\0" for member in members)
    return FILES + _number(len(members)) + NAMES + _number(len(names)) + names + END


def _number(value: int) -> bytes:
    """7-Zip's NUMBER: leading ones of the first byte count the bytes that follow."""
    for extra in range(8):
        if value < 1 << (7 * (extra + 1)):
            first = (0xFF << (8 - extra)) & 0xFF | value >> (8 * extra)
            return bytes([first]) + (value & ((1 << (8 * extra)) - 1)).to_bytes(extra, "little")
    return b"\xff" + value.to_bytes(8, "little")
