"""Words that show that a text may be wrapped in layers: found all at once, at the rule engine's speed."""

from __future__ import annotations

import boreal

WORDS = (
    b"base64",
    b"64decode",
    b"decode64",
    b"atob",
    b"unhex",
    b"hex2bin",
    b"fromhex",
    b"powershell",
    b"pwsh",
    b"str_rot13",
    b"strrev",
    b"gzinflate",
    b"zlib.dec",
    b"gzipstream",
    b"deflatestream",
    b"fromcharcode",
    b"chr(",
    b"chr$(",
    b"chrw(",
    b"[char]",
    b"0x4d",
    b"77,",
    b"77 ,",
    rb"\x",
    rb"\u00",
    b"%",
    b"&#",
)
"""In lower case; found in any case."""

_ALONE = tuple(word for word in WORDS if len(word) < 2)


def _rule() -> str:
    strings = " ".join(
        f"$w{number} = {{ {_either(word)} }}" for number, word in enumerate(WORDS) if word not in _ALONE
    )
    return f"rule marks {{ strings: {strings} condition: any of them }}"


def _either(word: bytes) -> str:
    """Hexadecimal pattern of `word` in any case."""
    return " ".join(
        f"({byte:02X} | {byte - 32:02X})" if 97 <= byte <= 122 else f"{byte:02X}" for byte in word
    )


_SCANNER = boreal.compile(source=_rule())


def marks(data: bytes) -> frozenset[bytes]:
    """Those of `WORDS` that `data` contains."""
    found = {word for word in _ALONE if word in data}
    for match in _SCANNER.match(data=data):
        found.update(WORDS[int(strings.identifier[1:])] for strings in match.strings)
    return frozenset(found)
