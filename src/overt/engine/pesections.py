"""Where the sections of a PE file are.

Follows "PE Format", section table: https://learn.microsoft.com/windows/win32/debug/pe-format#section-table-section-headers
"""

from __future__ import annotations

import struct

MAX_SECTIONS = 96
"""As many as Windows loads; more are not looked at."""


def pe_sections(data: bytes) -> list[tuple[int, int]]:
    """(offset, size) in bytes of the raw data of each section that lies within `data`; none if it is no PE file."""
    if data[:2] != b"MZ" or len(data) < 64:
        return []
    header = int.from_bytes(data[60:64], "little")
    if data[header : header + 4] != b"PE\0\0" or header + 24 > len(data):
        return []
    count = int.from_bytes(data[header + 6 : header + 8], "little")
    table = header + 24 + int.from_bytes(data[header + 20 : header + 22], "little")
    found = []
    for number in range(min(count, MAX_SECTIONS)):
        at = table + number * 40
        if at + 40 > len(data):
            break
        size, start = struct.unpack_from("<II", data, at + 16)
        if size and start + size <= len(data):
            found.append((start, size))
    return found
