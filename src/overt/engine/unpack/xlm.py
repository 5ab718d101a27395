"""Excel 4.0 macro sheets in a workbook stream ([MS-XLS]): named, with the strings of their formulas."""

from __future__ import annotations

import struct
from collections.abc import Iterator

BOUND_SHEET, FORMULA, FILE_PASS, BEGIN, LABEL_SST, STRING = 0x0085, 0x0006, 0x002F, 0x0809, 0x00FD, 0x0207
MACRO_SHEET = 1
PTG_STR = 0x17
HIDDEN = {1: "hidden", 2: "very hidden"}
ENCRYPTION_RECORDS = 64
"""Records at the beginning among which the one that says the workbook is encrypted must be."""


def records(workbook: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(offset, type, content) of each record, to the first that breaks the stream."""
    position = 0
    while position + 4 <= len(workbook):
        kind, size = struct.unpack_from("<HH", workbook, position)
        yield position, kind, workbook[position + 4 : position + 4 + size]
        position += 4 + size


def is_encrypted(workbook: bytes) -> bool:
    """Whether a FilePass record ([MS-XLS] 2.4.117) comes early, as it must."""
    for number, (_, kind, _) in enumerate(records(workbook)):
        if kind == FILE_PASS:
            return True
        if number > ENCRYPTION_RECORDS:
            break
    return False


def macro_sheets(workbook: bytes) -> bytes:
    """A text that names each Excel 4.0 macro sheet and lists the strings in its formulas; empty without any."""
    sheets: dict[int, str] = {}
    lines: list[str] = []
    inside = False
    for offset, kind, content in records(workbook):
        if kind == BOUND_SHEET and len(content) >= 8 and content[5] == MACRO_SHEET:
            start, state = struct.unpack_from("<IB", content)
            name = _name(content[6:])
            sheets[start] = name
            lines.append(f"Excel 4.0 macro sheet: {name} ({HIDDEN.get(state & 3, 'visible')})")
        elif kind == BEGIN:
            inside = offset in sheets
        elif inside and kind == FORMULA:
            lines.extend(_strings(content[22:]))
    return "\n".join(lines).encode("utf-8", "replace") if sheets else b""


def _name(field: bytes) -> str:
    """A ShortXLUnicodeString ([MS-XLS] 2.5.240)."""
    length, wide = field[0], field[1] & 1
    raw = field[2 : 2 + length * (2 if wide else 1)]
    return raw.decode("utf-16-le" if wide else "latin-1", "replace")


def _strings(tokens: bytes) -> Iterator[str]:
    """String operands in a formula's tokens; found by their token byte, so now and then a false one."""
    position = 0
    while (position := tokens.find(PTG_STR, position)) >= 0 and position + 2 < len(tokens):
        length, wide = tokens[position + 1], tokens[position + 2]
        end = position + 3 + length * (2 if wide == 1 else 1)
        if length and wide <= 1 and end <= len(tokens):
            yield _name(tokens[position + 1 :])
            position = end
        else:
            position += 1
