"""Frames of HTTP/2 (RFC 9113, section 4.1), and what they carry besides heads and bodies of requests.

A server has to pass over frames that it doesn't know, and over padding: whoever has something to hide may put it there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

HEAD_BYTES = 9
MAX_PAYLOAD_BYTES = 16_384
"""Which no client may exceed as long as it is not told that it may (section 4.2)."""
_DATA, _HEADERS, _CONTINUATION = 0, 1, 9
_PADDED, _PRIORITISED = 8, 0x20
_FLAGS = {_DATA: 0x09, _HEADERS: 0x2D, 3: 0, 4: 1, 6: 1, 7: 0, 8: 0, _CONTINUATION: 4}
"""Kinds of frames whose heads tell nothing of a client's own choice but these flags: of others, such as priorities, the
stream may be any."""
_PRIORITY_BYTES = 5
_RESERVED = 0x8000_0000


class Frames:
    """Takes a connection's bytes after its preface apart. Mutable: it keeps a frame that is not whole yet."""

    def __init__(self, preface: bytes) -> None:
        self._held = bytearray()
        self._preface_bytes = len(preface)

    def took(self, data: bytes) -> Iterator[bytes]:
        """Whole frames, the preface before them; what is no frame that may be sent, as it is."""
        self._held += data
        while len(self._held) >= (size := self._size()):
            self._preface_bytes = 0
            frame = bytes(self._held[:size])
            del self._held[:size]
            yield frame

    def _size(self) -> int:
        """Of the piece in front."""
        if self._preface_bytes or len(self._held) < HEAD_BYTES:
            return self._preface_bytes or HEAD_BYTES
        payload_bytes = int.from_bytes(self._held[:3], "big")
        return len(self._held) if payload_bytes > MAX_PAYLOAD_BYTES else HEAD_BYTES + payload_bytes

    def rest(self) -> bytes:
        """What is left of a frame that did not become whole, once."""
        rest = bytes(self._held)
        self._held.clear()
        return rest


def beside(frame: bytes, streams: Collection[int]) -> bytes:
    """What of a frame is no part of a request on one of these streams."""
    if len(frame) < HEAD_BYTES:
        return b""
    kind, flags, payload = frame[3], frame[4], frame[HEAD_BYTES:]
    number = int.from_bytes(frame[5:HEAD_BYTES], "big")
    unusual = kind not in _FLAGS or flags & ~_FLAGS[kind] or number & _RESERVED
    head = frame[3:HEAD_BYTES] if unusual else b""
    if kind == _CONTINUATION:
        return head
    if kind != _HEADERS and not (kind == _DATA and number & ~_RESERVED in streams):
        return head + payload
    padding = payload[len(payload) - payload[0] :] if flags & _PADDED and payload else b""
    return head + (padding if padding.strip(b"\0") else b"")


def priority(frame: bytes) -> bytes:
    """What the head of a request says of its turn (section 6.2), as it is sent; empty if it says nothing."""
    if len(frame) < HEAD_BYTES or frame[3] != _HEADERS or not frame[4] & _PRIORITISED:
        return b""
    begin = HEAD_BYTES + bool(frame[4] & _PADDED)
    return frame[begin : begin + _PRIORITY_BYTES]
