"""Layers in scripts and other text: base64, hex, character codes, PowerShell's encoded commands.

This looks at every text there is, so it must be cheap on ordinary ones: long runs are found by translating the
text to two classes of characters and searching for one repeated, everything else by a literal first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.engine.unpack import mail, mbox
from overt.engine.unpack.base import Child, Format, Room
from overt.engine.unpack.layers import STEPS, named, plausible, promising, unwrap
from overt.engine.unpack.marks import marks
from overt.engine.unpack.text import from_utf16, is_text

RUN_CHARS = 44
"""Encoded characters in a row that are looked at in a text that names a decoder: more than a SHA-1 in hex."""
UNEXPLAINED_CHARS = 72
"""The same in a text that names none: more than a SHA-256, less than a line of a block."""
CONTEXT_BYTES = 256
"""Before a run, where the calls that decode it are looked for."""
SNIFF_BYTES = 4096
"""Decoded bytes that tell whether there is a layer."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_DEFLATES = frozenset((b"gzinflate", b"zlib.dec", b"gzipstream", b"deflatestream"))
_BASE64 = frozenset((b"base64", b"64decode", b"decode64"))
_HEX = frozenset((b"unhex", b"hex2bin", b"fromhex"))
_EXPLAINS = _DEFLATES | _BASE64 | _HEX | {b"atob", b"powershell", b"pwsh"}
_CLASSES = bytes(byte in _ALPHABET for byte in range(256))
_JOINT = (
    rb"(?:[ \t]{0,40}+\\?\r?\n[ \t]{0,80}+"  # the next line of a block
    rb"|[\"'`][ \t]{0,40}+(?:[+&._\\][ \t]{0,40}+){0,3}+\r?\n?[ \t]{0,80}+(?:[+&.][ \t]{0,40}+)?+b?[\"'`]"  # 'a' + 'b'
    rb"|[\"'][ \t;]{0,40}+\r?\n[ \t]{0,80}+\$?\w{1,40}+[ \t]{0,8}+[+.&]?=[ \t]{0,8}+"  # s = s & "b"
    rb"(?:\$?\w{1,40}+[ \t]{0,8}+[&+.][ \t]{0,8}+)?+[\"'])"
)
_RUN = re.compile(rb"={0,2}+[A-Za-z0-9+/]{8,}+(?:%s[A-Za-z0-9+/]{4,}+)*+={0,2}+" % _JOINT)
_JOINTS = re.compile(_JOINT)
_ARGUMENT = rb"\s{0,8}+\(\s{0,8}+(?:\w{1,20}\s{0,4}\(\s{0,8}+){0,3}b?[\"']"
_SHORT_CALLS = tuple(
    (words, re.compile(name + _ARGUMENT))
    for words, name in (
        (_BASE64, rb"64(?:_?decode|string)?"),
        (frozenset((b"atob",)), rb"atob"),
        (_HEX, rb"hex(?:2bin|lify)?"),
    )
)
_COMMAND = re.compile(rb"[-/]e[nc]?[a-z]{0,13}+[ \t:]{1,8}+[\"']?(?=[a-z0-9+/]{16})")
_PIPED = re.compile(rb"([A-Za-z0-9+/]{8,400}={0,2})[\"']?\s{0,8}\|\s{0,8}(?:/usr/bin/)?\Z")
_REVERSED = re.compile(rb"(str_rot13|strreverse|strrev)\s{0,8}+\(\s{0,8}+([\"'])")
_QUOTES = frozenset((b'"', b"'", b"`", b"("))
HEAD_CHARS = 32
"""Of a run that no call explains, the characters that decide whether it is decoded."""
MIN_DISTINCT = 5
"""Different characters among those; a run with fewer is a ruler drawn in a comment."""
MIN_LITERAL_BYTES = 16
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
    found = marks(data)
    lower = data.lower() if found - _SYMBOLS else b""
    yield from _runs(data, lower, found, cap)
    yield from _short_runs(data, lower, found, cap)
    yield from _literals(data, lower, found)
    yield from _codes(data, lower, found)


def _runs(data: bytes, lower: bytes, found: frozenset[bytes], cap: int) -> Iterator[bytes]:
    """Long runs of encoded characters, those of `data:` URIs left to their own format."""
    classes = data.translate(_CLASSES)
    chars = RUN_CHARS if found & _EXPLAINS else UNEXPLAINED_CHARS
    deflated = not found.isdisjoint(_DEFLATES)
    position = _long_run(classes, 0, chars)
    while position >= 0:
        position -= 2 if data[position - 2 : position] == b"==" else data[position - 1 : position] == b"="
        steps = named(_context(lower, position)) if lower else []
        end = classes.find(0, position + 2)
        head = data[position : position + HEAD_CHARS]
        if len(set(head)) >= MIN_DISTINCT and (steps or deflated or promising(head)):
            match = _RUN.match(data, position)
            end = match.end() if match else end
            if match and data[position - 7 : position] != b"base64,":
                layer = unwrap(_JOINTS.sub(b"", match[0]), steps, cap, deflated=deflated)
                if layer is not None:
                    yield layer
        position = _long_run(classes, end, chars) if end >= 0 else -1


def _long_run(classes: bytes, position: int, chars: int) -> int:
    """Where the next run of `chars` encoded characters begins, or -1. Looks for the last foreign character of a
    whole window at a time, which is several times as fast as searching for the run itself."""
    last = len(classes) - chars
    while position <= last:
        foreign = classes.rfind(0, position, position + chars)
        if foreign < 0:
            return position
        position = foreign + 1
    return -1


def _context(lower: bytes, position: int) -> bytes:
    """The statement before a quoted run, as far as it says how the run is decoded; nothing for an unquoted one."""
    if lower[max(position - 16, 0) : position].rstrip(b" \t\r\n\\")[-1:] not in _QUOTES:
        return b""
    before = lower[max(position - CONTEXT_BYTES, 0) : position]
    return before[max(before.rfind(b";"), before.rfind(b"\n\n")) + 1 :]


def _short_runs(data: bytes, lower: bytes, found: frozenset[bytes], cap: int) -> Iterator[bytes]:
    """Runs too short to be looked at by themselves, with a call, an option or a pipe that says what they are."""
    for words, pattern in _SHORT_CALLS:
        for call in pattern.finditer(lower) if found & words else ():
            steps = named(_context(lower, call.end()))
            yield from _short_run(data, call.end(), steps, cap)
    if b"powershell" in found or b"pwsh" in found:
        for option in _COMMAND.finditer(lower):
            yield from _short_run(data, option.end(), [], cap)
    position = lower.find(b"base64 -") if b"base64" in found else -1
    while position >= 0:
        piped = _PIPED.search(data, max(position - CONTEXT_BYTES, 0), position)
        if piped:
            yield from _short_run(data, piped.start(1), ["base64"], cap)
        position = lower.find(b"base64 -", position + 8)


def _short_run(data: bytes, position: int, steps: list[str], cap: int) -> Iterator[bytes]:
    match = _RUN.match(data, position)
    if match and len(match[0]) < RUN_CHARS:
        layer = unwrap(_JOINTS.sub(b"", match[0]), steps, cap)
        if layer is not None:
            yield layer


def _literals(data: bytes, lower: bytes, found: frozenset[bytes]) -> Iterator[bytes]:
    """String literals that are only turned round or rotated."""
    if b"str_rot13" not in found and b"strrev" not in found:
        return
    for call in _REVERSED.finditer(lower):
        end = data.find(call[2], call.end(), call.end() + REVERSED_BYTES)
        if end - call.end() >= MIN_LITERAL_BYTES:
            yield STEPS[named(call[0])[0]](data[call.end() : end], 0)


_NUMBER = rb"(?:0x[0-9a-f]{1,4}|&h[0-9a-f]{1,4}|[0-9]{1,5})"
_GAP = rb"[ \t\r\n]{0,80}+"
_SYMBOLS = frozenset((rb"\x", rb"\u00", b"%", b"&#"))
"""Marks of escapes that are looked for in the text as it is; the others in lower case."""
_ITEM = rb"chrw?\$?\(%s\)" % _NUMBER
_ESCAPES: tuple[tuple[tuple[bytes, ...], re.Pattern[bytes], re.Pattern[bytes], int], ...] = tuple(
    (words, re.compile(run), re.compile(item), base)
    for words, run, item, base in (
        ((rb"\x",), rb"\\x[0-9a-fA-F]{2}(?:\\x[0-9a-fA-F]{2}){7,}+", rb"x(..)", 16),
        ((rb"\u00",), rb"\\u00[0-9a-fA-F]{2}(?:\\u00[0-9a-fA-F]{2}){7,}+", rb"u00(..)", 16),
        ((b"%",), rb"%[0-9a-fA-F]{2}(?:%[0-9a-fA-F]{2}){7,}+", rb"%(..)", 16),
        ((b"&#",), rb"&#[0-9]{2,3};?(?:&#[0-9]{2,3};?){7,}+", rb"#([0-9]+)", 10),
        ((b"&#",), rb"&#[xX][0-9a-fA-F]{2};?(?:&#[xX][0-9a-fA-F]{2};?){7,}+", rb"[xX](..)", 16),
        (
            (b"fromcharcode",),
            rb"fromcharcode[^0-9]{1,40}?%s(?:%s,%s%s){7,}+" % (_NUMBER, _GAP, _GAP, _NUMBER),
            _NUMBER,
            0,
        ),
        (
            (b"chr(", b"chr$(", b"chrw("),
            rb"%s(?:%s[&+.]%s(?:_%s)?(?:vba\.)?%s){7,}+" % (_ITEM, _GAP, _GAP, _GAP, _ITEM),
            _NUMBER,
            0,
        ),
        (
            (b"[char]",),
            rb"\[char\]\(?%s\)?(?:%s\+%s\[char\]\(?%s\)?){7,}+" % (_NUMBER, _GAP, _GAP, _NUMBER),
            _NUMBER,
            0,
        ),
        ((b"0x4d",), rb"0x4d%s,%s0x5a%s(?:,%s0x[0-9a-f]{1,2}%s){30,}+" % ((_GAP,) * 5), rb"0x[0-9a-f]+", 0),
        ((b"77,", b"77 ,"), rb"77%s,%s90%s(?:,%s[0-9]{1,3}%s){30,}+" % ((_GAP,) * 5), rb"[0-9]+", 10),
    )
)
"""The words of which one must be in the text, a run of character codes, one code in it, its base (0: as written)."""


def _codes(data: bytes, lower: bytes, found: frozenset[bytes]) -> Iterator[bytes]:
    """Runs of character codes that spell text or a program."""
    for words, run, item, base in _ESCAPES:
        text = data if _SYMBOLS.issuperset(words) else lower
        for match in run.finditer(text) if found.intersection(words) else ():
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
