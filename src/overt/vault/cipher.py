"""The encoding of sealed bytes: XOR with a SHAKE-256 keystream (FIPS 202) whose key lies in the same file.

It keeps other scanners, indexers and a double click from seeing the content. It is no secrecy: whoever can read
the sealed file can undo it, and is meant to.
"""

from __future__ import annotations

from enum import IntEnum
from hashlib import shake_256

KEY_BYTES = 32
BLOCK_BYTES = 16 * 1024
"""Bytes per keystream block; measured fastest between 4 KiB and 1 MiB."""


class Stream(IntEnum):
    """Which part of a container a keystream is for: no two parts share one."""

    CONTENT = 0
    METADATA = 1


def mask(key: bytes, stream: Stream, offset: int, data: bytes) -> bytes:
    """Encode or decode `data`, which starts `offset` bytes into its stream.

    Block `n` of a stream is XORed with SHAKE-256(key ‖ stream as 1 byte ‖ n as 8 bytes, little-endian).
    Raises `ValueError` unless `offset` is a multiple of `BLOCK_BYTES`.
    """
    first, rest = divmod(offset, BLOCK_BYTES)
    if rest:
        raise ValueError(f"offset {offset} is not a multiple of {BLOCK_BYTES}")
    view = memoryview(data)
    blocks = (view[start : start + BLOCK_BYTES] for start in range(0, len(view), BLOCK_BYTES))
    return b"".join(_mask_block(key, stream, first + index, block) for index, block in enumerate(blocks))


def _mask_block(key: bytes, stream: Stream, index: int, block: memoryview) -> bytes:
    pad = shake_256(key + bytes([stream]) + index.to_bytes(8, "little")).digest(len(block))
    return (int.from_bytes(block, "little") ^ int.from_bytes(pad, "little")).to_bytes(len(block), "little")
