"""Bytes for people: offset, hexadecimal, text."""

from __future__ import annotations

from collections.abc import Iterator

ROW_BYTES = 16


def hexdump(data: bytes, offset: int = 0) -> Iterator[str]:
    """Lines as of `hexdump -C`: sixteen bytes each, the first at `offset`."""
    for start in range(0, len(data), ROW_BYTES):
        row = data[start : start + ROW_BYTES]
        halves = (row[:8].hex(" "), row[8:].hex(" "))
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{offset + start:08x}  {halves[0]:<23}  {halves[1]:<23}  |{text}|"
