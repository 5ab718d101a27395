"""ClamAV offsets and target types turned into YARA conditions.

Follows https://docs.clamav.net/manual/Signatures/FileTypes.html and the offsets of BodySignatureFormat.
"""

from __future__ import annotations

import re

from overt.rules.imports.clamav_pattern import NotCarried

TARGETS = {
    "0": "",
    "1": "uint16(0) == 0x5A4D",
    "2": "uint32(0) == 0xE011CFD0",
    "3": "",
    "4": "",
    "5": "",
    "6": "uint32(0) == 0x464C457F",
    "7": "",
    "9": "(uint32(0) == 0xFEEDFACE or uint32(0) == 0xFEEDFACF or uint32be(0) == 0xFEEDFACE "
    "or uint32be(0) == 0xFEEDFACF or uint32be(0) == 0xCAFEBABE)",
    "10": "uint32be(0) == 0x25504446",
    "11": "(uint16be(0) == 0x4657 or uint16be(0) == 0x4357 or uint16be(0) == 0x5A57)",
    "12": "uint32be(0) == 0xCAFEBABE",
}
"""Target type → the condition that a file is of it; empty: any file is looked at."""
NORMALISED = ("3", "4", "7")
"""Targets whose text ClamAV brings into a normal form (lower case, blanks) before it looks."""

_OFFSET = re.compile(
    r"(?P<base>EOF-|EP\+|EP-|SL\+|S(?P<section>\d+)\+|SE(?P<whole>\d+)$|)(?P<distance>\d*)(?:,(?P<shift>\d+))?"
)


def target(number: str) -> str:
    """The condition for ClamAV's target type `number`. Raises `NotCarried`."""
    if number not in TARGETS:
        raise NotCarried(f"target type {number}")
    return TARGETS[number]


def place(offset: str, target_number: str) -> str:
    """What follows `$a` in a condition for a ClamAV offset: empty for anywhere. Raises `NotCarried`."""
    if offset in ("*", ""):
        return ""
    match = _OFFSET.fullmatch(offset)
    if match is None or not (match["distance"] or match["whole"]):
        raise NotCarried(f"offset {offset}")
    if match["whole"]:
        section = f"pe.sections[{match['whole']}]"
        return f" in ({section}.raw_data_offset .. {section}.raw_data_offset + {section}.raw_data_size)"
    start = _start(match, target_number)
    return f" in ({start} .. {start} + {match['shift']})" if match["shift"] else f" at {start}"


def _start(match: re.Match[str], target_number: str) -> str:
    base, distance = match["base"], match["distance"]
    module = "elf" if target_number == "6" else "pe"
    if base == "EOF-":
        return f"filesize - {distance}"
    if base in ("EP+", "EP-"):
        return f"{module}.entry_point {base[2]} {distance}"
    if base == "":
        return distance
    if module == "elf":
        raise NotCarried("section offset in an ELF file")
    section = "pe.number_of_sections - 1" if base == "SL+" else match["section"]
    return f"pe.sections[{section}].raw_data_offset + {distance}"
