"""Generated rules: every kind of condition that routing looks into, true and false ones."""

from __future__ import annotations

from hypothesis import strategies as st

PREFIXES = (
    b"MZ", b"\x7fELF", b"\x7fE", b"PK\x03\x04", b"%PDF-1.4", b"\xd0\xcf\x11\xe0", b"{\\rtf1", b"L\0\0\0",
    b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"dex\n035\0", b"M", b"\x7f", b"mz", b"ZM", b"#!/bin/sh", b"<?php", b"",
    b"MZ\x90\0",
    b"\0\0",
)  # fmt: skip
CONSTANTS = (
    "0x5A4D",
    "0x4D5A",
    "0x464C457F",
    "0x7F454C46",
    "0x457F",
    "0x7F",
    "0x4D",
    "0x905A4D",
    "0x04034B50",
    "0x3C3F",
    "0",
)
READS = ("uint8", "uint16", "uint32", "int16", "uint16be", "uint32be", "int32be")
FIELDS = (
    "pe.is_pe", "pe.is_pe == 0", "pe.machine == pe.MACHINE_AMD64", "pe.number_of_sections > 0", "pe.is_dll()",
    "pe.number_of_sections != 7", 'pe.sections[0].name == ".text"', 'pe.imphash() == ""', 'pe.imports("a", "b")',
    "pe.entry_point >= 0", "elf.type == elf.ET_EXEC", "elf.machine != 3", "elf.number_of_segments == 1",
    "dotnet.is_dotnet", "macho.magic == 0xfeedfacf", "pe.MACHINE_AMD64 == 0x8664", "elf.ET_EXEC == 2",
    "uint32(pe.entry_point) == 0xc3c3c3c3", "$z at pe.entry_point", "defined pe.machine", "defined elf.type",
    "for any s in pe.sections : (s.raw_data_size > 0)", "for all s in pe.sections : (s.raw_data_size > 0)",
    "for any i in (0..pe.number_of_sections - 1) : (pe.sections[i].raw_data_offset > 0)",
    'pe.version_info["CompanyName"] contains "x"', "pe.number_of_sections + 1 > 1", "-pe.number_of_sections < 0",
    "math.entropy(0, filesize) >= 0", 'hash.md5(0, filesize) != ""',
)  # fmt: skip
STRINGS = (
    '$a = "MZ"',
    '$b = "mz" nocase',
    "$c = { 7F 45 4C 46 }",
    "$d = { 4D ?? 90 }",
    "$e = { ?D 5A }",
    '$f = "M" wide ascii',
    "$g = /MZ|PK/",
    "$h = { ( 4D | 50 ) 5A }",
    "$i = { ~7F 45 }",
    '$j = "MZ" xor',
    '$z = "payload"',
    '$esc = "\\x7fE"',
)
NAMES = tuple(string.split()[0] for string in STRINGS)

_read = st.builds("{}({}) {} {}".format, st.sampled_from(READS), st.integers(0, 3),
                  st.sampled_from(("==", "!=", "<", ">=")),
                  st.sampled_from(CONSTANTS))  # fmt: skip
_flipped = st.builds("{} == {}(0)".format, st.sampled_from(CONSTANTS), st.sampled_from(READS))
_at = st.builds("{} at {}".format, st.sampled_from(NAMES), st.integers(0, 2))
_any_at = st.builds(
    "any of ({}, {}) at {}".format, st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 1)
)
_loop = st.builds(
    "for {} of ({}) : ($ at 0)".format, st.sampled_from(("any", "all", "none", "1", "2")), st.just("$a, $c")
)
_plain = st.sampled_from((*NAMES, "filesize > 3", "true", "false", "any of them", "none of ($a, $c)", "#z > 0", "1",
                          "all of them", "2 of them", "earlier", "any of (earl*)", "$a in (0..1)",
                          "@a[1] == 0"))  # fmt: skip
LEAVES = st.one_of(_read, _flipped, _at, _any_at, _loop, _plain, st.sampled_from(FIELDS))
HEADERS = st.sampled_from(
    ("uint16(0) == 0x5A4D", "uint32be(0) == 0x7F454C46", "$a at 0", "not $c at 0", "uint16(0) != 0x5A4D")
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("not {}".format, LEAVES),
        st.builds("{} and {}".format, HEADERS, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        st.builds("({} or {}) and {}".format, inner, inner, inner),
    ),
    max_leaves=6,
)


def source(condition: str, earlier: str = "false", limit: str = "") -> str:
    """A source with the rule `tested`, the rule `earlier` that it may refer to, and a global rule if `limit`."""
    modules = "".join(f'import "{module}"\n' for module in ("pe", "elf", "dotnet", "macho", "math", "hash"))
    strings = "strings: " + " ".join(STRINGS)
    bounded = (
        f"global rule bounded {{ {strings} condition: {limit} and (true or any of them) }}\n" if limit else ""
    )
    first = f"private rule earlier {{ {strings} condition: ({earlier}) and (true or any of them) }}\n"
    return f"{modules}{bounded}{first}rule tested {{ {strings} condition: ({condition}) and (true or any of them) }}\n"
