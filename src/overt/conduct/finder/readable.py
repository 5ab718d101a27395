"""What of some bytes nobody can read as they are: all but words, what holds them together, and repeated bytes.

A byte counts as read only if something explains it. So numbers and identifiers are left over, too, however ordinary; a
destination is allowed so many of these (`ALLOWANCE_BYTES`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from overt.conduct.finder.runs import text_runs
from overt.conduct.finder.wording import weighed

SHORT_BYTES = 80
"""Of a digest in hexadecimal with an ending, or a header of some protocol: what is longer is no identifier."""
CHUNK_BYTES = 256
"""Of text whose words are judged together, besides each by itself."""
MIN_LETTERS = 24
"""In a chunk that is judged."""
LIKELY_BITS = -0.1
"""Of surprise per letter, at most: writing in any language has less than -0.7, letters of chance or below a cipher more
than 0.3."""
FINE_BYTES = 4_096
"""Of other bytes between texts that are looked at more closely."""
MIN_FINE_BYTES = 6
MAX_TURNS = 16
"""From one sign to another in what is between words: closing brackets, indentation."""
_TOKEN = re.compile(rb"[^\s,;:\"'(){}\[\]<>&=?|/\\]+|[\s,;:\"'(){}\[\]<>&=?|/\\]{17,}")
_LETTERED = re.compile(rb"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
_FINE = re.compile(rb"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]{%d,}+" % MIN_FINE_BYTES)
_LIKE_UTF8 = re.compile(
    rb"(?:[\t\n\r -~]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})++"
)
"""All that is UTF-8, and little else: told sooner."""
_ACCENTED = re.compile(rb"[\x80-\xff]{1,8}")
_BETWEEN = re.compile(rb"[\s,;:\"'(){}\[\]<>&=?|/\\]")
_SAME = re.compile(rb"(.)\1*", re.DOTALL)


class Unread(NamedTuple):
    """A stretch that nothing explains."""

    begin: int
    end: int
    content: bytes
    """What of it is unread, or what it was decoded to is."""
    short: bool
    """Whether it is made of what may be identifiers and numbers."""


def unread(data: bytes, low: int, high: int) -> Iterator[Unread]:
    """All of `data[low:high]` that is not read, in order."""
    part = data[low:high] if high - low < len(data) else data
    at = 0
    for begin, end in (*_joined(part), (len(part), len(part))):
        if at < begin:
            yield from moved(_of_bytes(part[at:begin]), low + at)
        yield from moved(_of_text(part[begin:end]), low + begin)
        at = end


def _joined(data: bytes) -> Iterator[tuple[int, int]]:
    """Runs of text; those that only a letter or two with accents divide are one."""
    begin = end = -1
    for low, high in text_runs(data):
        if begin >= 0 and _ACCENTED.fullmatch(data, end, low):
            end = high
            continue
        if begin >= 0:
            yield begin, end
        begin, end = low, high
    if begin >= 0:
        yield begin, end


def moved(found: Iterable[Unread], by: int) -> Iterator[Unread]:
    """The same, as many bytes later."""
    for one in found:
        yield Unread(one.begin + by, one.end + by, one.content, one.short) if by else one


def _of_bytes(data: bytes) -> Iterator[Unread]:
    """What is between runs of ASCII: text with other letters, short pieces of a protocol, anything."""
    if not data.strip(data[:1]):
        return  # one byte, repeated
    if len(data) <= SHORT_BYTES and not _is_utf8(data):
        yield Unread(0, len(data), data, True)
    elif _is_utf8(data):
        yield from _of_text(data)
    elif len(data) <= FINE_BYTES and (runs := [*_runs(data)]):
        at = 0
        for begin, end in (*runs, (len(data), len(data))):
            if at < begin:
                yield Unread(at, begin, data[at:begin], begin - at <= SHORT_BYTES)
            yield from moved(_of_text(data[begin:end]), begin)
            at = end
    else:
        yield Unread(0, len(data), data, False)


def _runs(data: bytes) -> Iterator[tuple[int, int]]:
    """Texts in other bytes: short, or with letters that are not ASCII's."""
    for run in _FINE.finditer(data):
        if _LIKE_UTF8.fullmatch(run[0]) and _is_utf8(run[0]):
            yield run.span()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return _LETTERED.fullmatch(data) is not None


def _of_text(data: bytes) -> Iterator[Unread]:
    """Chunk by chunk: so that little of one kind hides in much of another."""
    begin = 0
    while begin < len(data):
        between = _BETWEEN.search(data, begin + CHUNK_BYTES)
        end = between.start() if between else len(data)
        yield from _of_chunk(data, begin, end)
        begin = end


def _of_chunk(data: bytes, begin: int, end: int) -> list[Unread]:
    weights = [weighed(token) for token in _TOKEN.findall(data, begin, end)]
    letters = sum([weight.letters for weight in weights])
    surprise = sum([weight.surprise for weight in weights])
    wordy = letters < MIN_LETTERS or surprise <= LIKELY_BITS * letters
    if wordy and not any(weight.left for weight in weights):
        return []
    found = []
    for token, weight in zip(_TOKEN.finditer(data, begin, end), weights, strict=True):
        left = weight.left if wordy or not weight.letters else token[0]
        if left and not (_BETWEEN.match(left) and _turns(left) <= MAX_TURNS):
            found.append(Unread(*token.span(), left, len(left) <= SHORT_BYTES))
    return _together(found, data) if found else []


def _together(found: list[Unread], data: bytes) -> list[Unread]:
    """One stretch, where most of a chunk is unread: few words are between many numbers."""
    begin, end = found[0].begin, found[-1].end
    if end - begin < CHUNK_BYTES // 2 or 2 * sum(len(one.content) for one in found) < end - begin:
        return found
    return [Unread(begin, end, data[begin:end], all(one.short for one in found))]


def _turns(text: bytes) -> int:
    return sum(1 for _ in _SAME.finditer(text))
