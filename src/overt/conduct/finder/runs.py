"""Runs of text in any bytes, found at memory speed: by translation and plain search."""

from __future__ import annotations

from collections.abc import Iterator

MIN_BYTES = 24
TEXT = b"\t\n\r" + bytes(range(0x20, 0x7F))
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n"
MIN_BASE64_BYTES = 1_024
_IS_TEXT = bytes(value in TEXT for value in range(256))
_LEAST = b"\1" * MIN_BYTES


def text_runs(data: bytes) -> Iterator[tuple[int, int]]:
    """(begin, end) of every run of at least 24 printable characters, tabs and line ends."""
    flags = data.translate(_IS_TEXT)
    at = 0
    while (begin := flags.find(_LEAST, at)) >= 0:
        at = flags.find(b"\0", begin + MIN_BYTES)
        at = len(data) if at < 0 else at
        yield begin, at


class RunOf:
    """Whether some bytes hold at least so many of these letters in a row."""

    def __init__(self, letters: bytes, least: int) -> None:
        self._flags = bytes(value in letters for value in range(256))
        self._sought = b"\1" * least

    def __call__(self, data: bytes) -> bool:
        """At memory speed."""
        return self._sought in data.translate(self._flags)


def is_text(data: bytes, share: float) -> bool:
    """Whether at least this share of `data` is text."""
    return len(data.translate(None, TEXT)) <= (1 - share) * len(data)


def is_base64(data: bytes) -> bool:
    """Whether `data` is long, and has base64's characters only: what lies below a mask has others."""
    return len(data) >= MIN_BASE64_BYTES and not data.translate(None, BASE64)
