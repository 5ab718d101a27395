"""Layers in scripts and other text: base64, hex, character codes, PowerShell's encoded commands.

This looks at every text there is, so it must be cheap on ordinary ones: long runs are found by translating the
text to two classes of characters and searching for one repeated, everything else by a literal first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.engine.unpack import mail, mbox
from overt.engine.unpack.base import Child, Format, Room
from overt.engine.unpack.layers import STEPS, named, plausible, unwrap
from overt.engine.unpack.text import from_utf16, is_text

RUN_CHARS = 44
"""Encoded characters in a row that are looked at wherever they stand: more than a SHA-1 in hex."""
CONTEXT_BYTES = 256
"""Before a run, where the calls that decode it are looked for."""
SNIFF_BYTES = 4096
"""Decoded bytes that tell whether there is a layer."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_CLASSES = bytes(97 if byte in _ALPHABET else 32 for byte in range(256))
_LONG = b"a" * RUN_CHARS
_JOINT = (
    rb"(?:[ \t]{0,40}+\\?\r?\n[ \t]{0,80}+"  # the next line of a block
    rb"|[\"'`][ \t]{0,40}+(?:[+&._\\][ \t]{0,40}+){0,3}+\r?\n?[ \t]{0,80}+(?:[+&.][ \t]{0,40}+)?+b?[\"'`]"  # 'a' + 'b'
    rb"|[\"'][ \t;]{0,40}+\r?\n[ \t]{0,80}+\$?\w{1,40}+[ \t]{0,8}+[+.&]?=[ \t]{0,8}+"  # s = s & "b"
    rb"(?:\$?\w{1,40}+[ \t]{0,8}+[&+.][ \t]{0,8}+)?+[\"'])"
)
_RUN = re.compile(rb"[A-Za-z0-9+/]{8,}+(?:%s[A-Za-z0-9+/]{4,}+)*+={0,2}+" % _JOINT)
_JOINTS = re.compile(_JOINT)
_SHORT_CALL = re.compile(
    rb"(?:base64_decode|b64decode|frombase64string|atob|decode64|hex2bin|fromhex|unhexlify)"
    rb"\s{0,8}+\(\s{0,8}+(?:\w{1,20}\s{0,4}\(\s{0,8}+){0,3}b?[\"']"
)
_COMMAND = re.compile(rb"[-/]e[nc]?[a-z]{0,13}+[ \t:]{1,8}+[\"']?(?=[a-z0-9+/]{16})")
_PIPED = re.compile(rb"([A-Za-z0-9+/]{8,400}={0,2})[\"']?\s{0,8}\|\s{0,8}(?:/usr/bin/)?\Z")
_REVERSED = re.compile(rb"(str_rot13|strreverse|strrev)\s{0,8}+\(\s{0,8}+([\"'])")
REVERSED_BYTES = 64 * 1024
"""Longest literal of a call that only turns or rotates its text."""


def sniff(data: bytes) -> bool:
    """Whether the text wraps something that looks worth examining."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return from_utf16(data[:SNIFF_BYTES]) is not None
    if not is_text(data) or mail.sniff(data) or mbox.sniff(data):
        return False  # a message's parts are looked at one by one
    return next(_layers(data, SNIFF_BYTES), None) is not None


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child per layer found; UTF-16 text is turned to UTF-8 first, as a layer of its own."""
    if not is_text(data):
        text = from_utf16(data) or b""
        yield Child("text", room.gather(iter((text,)), "text"))
        return
    for number, layer in enumerate(_layers(data, room.allowance().size + 1), 1):
        name = f"layer {number}"
        yield Child(name, room.gather(iter((layer,)), name))


def _layers(data: bytes, cap: int) -> Iterator[bytes]:
    lower = data.lower()
    yield from _runs(data, lower, cap)
    yield from _short_runs(data, lower, cap)
    yield from _literals(data, lower)
    yield from _codes(data, lower)


def _runs(data: bytes, lower: bytes, cap: int) -> Iterator[bytes]:
    """Long runs of encoded characters, those of `data:` URIs left to their own format."""
    classes = data.translate(_CLASSES)
    deflated = b"inflate" in lower or b"deflatestream" in lower
    position = classes.find(_LONG)
    while position >= 0:
        match = _RUN.match(data, position)
        end = match.end() if match else position + RUN_CHARS
        if match and data[position - 7 : position] != b"base64,":
            run = _JOINTS.sub(b"", match[0])
            layer = unwrap(run, named(_context(lower, position)), cap, deflated=deflated)
            if layer is not None:
                yield layer
        position = classes.find(_LONG, end)


def _context(lower: bytes, position: int) -> bytes:
    """The statement before `position`, as far as it says how the run is decoded."""
    before = lower[max(position - CONTEXT_BYTES, 0) : position]
    return before[max(before.rfind(b";"), before.rfind(b"\n\n")) + 1 :]


def _short_runs(data: bytes, lower: bytes, cap: int) -> Iterator[bytes]:
    """Runs too short to be looked at by themselves, with a call, an option or a pipe that says what they are."""
    if b"64" in lower or b"hex" in lower or b"atob" in lower:
        for call in _SHORT_CALL.finditer(lower):
            match = _RUN.match(data, call.end())
            if match and len(match[0]) < RUN_CHARS:
                layer = unwrap(match[0], named(call[0]), cap)
                if layer is not None:
                    yield layer
    if b"powershell" in lower or b"pwsh" in lower:
        for option in _COMMAND.finditer(lower):
            match = _RUN.match(data, option.end())
            if match and len(match[0]) < RUN_CHARS and (layer := unwrap(match[0], [], cap)):
                yield layer
    position = lower.find(b"base64 -")
    while position >= 0:
        piped = _PIPED.search(data, max(position - CONTEXT_BYTES, 0), position)
        if piped and len(piped[1]) < RUN_CHARS and (layer := unwrap(piped[1], ["base64"], cap)):
            yield layer
        position = lower.find(b"base64 -", position + 8)


def _literals(data: bytes, lower: bytes) -> Iterator[bytes]:
    """String literals that are only turned round or rotated."""
    if b"str_rot13" not in lower and b"strrev" not in lower:
        return
    for call in _REVERSED.finditer(lower):
        end = data.find(call[2], call.end(), call.end() + REVERSED_BYTES)
        if end - call.end() >= 8:
            yield STEPS[named(call[0])[0]](data[call.end() : end], 0)


_NUMBER = rb"(?:0x[0-9a-f]{1,4}|&h[0-9a-f]{1,4}|[0-9]{1,5})"
_GAP = rb"[ \t\r\n]{0,80}+"
_ESCAPES: tuple[tuple[bytes, re.Pattern[bytes], re.Pattern[bytes], int], ...] = tuple(
    (mark, re.compile(run), re.compile(item), base)
    for mark, run, item, base in (
        (rb"\x", rb"\\x[0-9a-f]{2}(?:\\x[0-9a-f]{2}){7,}+", rb"\\x(..)", 16),
        (rb"\u00", rb"\\u00[0-9a-f]{2}(?:\\u00[0-9a-f]{2}){7,}+", rb"\\u00(..)", 16),
        (rb"%", rb"%[0-9a-f]{2}(?:%[0-9a-f]{2}){7,}+", rb"%(..)", 16),
        (rb"&#", rb"&#[0-9]{2,3};?(?:&#[0-9]{2,3};?){7,}+", rb"#([0-9]+)", 10),
        (rb"&#x", rb"&#x[0-9a-f]{2};?(?:&#x[0-9a-f]{2};?){7,}+", rb"x(..)", 16),
        (
            b"fromcharcode",
            rb"fromcharcode[^0-9]{1,40}?%s(?:%s,%s%s){7,}+" % (_NUMBER, _GAP, _GAP, _NUMBER),
            _NUMBER,
            0,
        ),
        (
            b"chr",
            rb"chrw?\$?\(%s\)(?:%s[&+.]%s_?%sv?b?a?\.?chrw?\$?\(%s\)){7,}+"
            % (_NUMBER, _GAP, _GAP, _GAP, _NUMBER),
            _NUMBER,
            0,
        ),
        (
            b"[char]",
            rb"\[char\]\(?%s\)?(?:%s\+%s\[char\]\(?%s\)?){7,}+" % (_NUMBER, _GAP, _GAP, _NUMBER),
            _NUMBER,
            0,
        ),
        (b"0x4d", rb"0x4d%s,%s0x5a%s(?:,%s0x[0-9a-f]{1,2}%s){30,}+" % ((_GAP,) * 5), rb"0x[0-9a-f]+", 0),
        (b"77", rb"77%s,%s90%s(?:,%s[0-9]{1,3}%s){30,}+" % ((_GAP,) * 5), rb"[0-9]+", 10),
    )
)
"""What must be in the text, a run of character codes, one code in it, and its base (0: as written)."""


def _codes(data: bytes, lower: bytes) -> Iterator[bytes]:
    """Runs of character codes that spell text or a program."""
    for mark, run, item, base in _ESCAPES:
        if mark not in lower:
            continue
        for match in run.finditer(lower):
            codes = (_code(code[1] if item.groups else code[0], base) for code in item.finditer(match[0]))
            layer = bytes(code & 255 for code in codes)
            if plausible(layer) or (len(layer) >= 8 and plausible(layer * 2)):
                yield from_utf16(layer) or layer


def _code(text: bytes, base: int) -> int:
    if base:
        return int(text, base)
    for prefix in (b"0x", b"&h"):
        if text.startswith(prefix):
            return int(text[2:], 16)
    return int(text)


FORMATS = (
    Format(
        "script",
        "text with encoded layers: base64, hex, character codes, -EncodedCommand",
        sniff=sniff,
        unpack=unpack,
    ),
)
