"""Zip entries that programs which read from front to back find, although the central directory hides them."""

from __future__ import annotations

import struct
import zlib

import pytest

from overt.core.model import Reason, Verdict
from tests.formats import archive_writers as write
from tests.payload import PAYLOAD, examine

BENIGN = b"hello, this is benign"
_STREAMED = 8


def _local(name: bytes, flags: int, method: int, crc: int, packed: int, size: int) -> bytes:
    return (
        struct.pack("<4sHHHIIIIHH", b"PK\3\4", 20, flags, method, 0, crc, packed, size, len(name), 0) + name
    )


def _file(body: bytes, name: bytes, flags: int, method: int, crc: int, packed: int, size: int) -> bytes:
    """A zip file whose central directory tells of one entry, at its start."""
    middle = (20, flags, method, 0, crc, packed, size, len(name), 0, 0, 0, 0, 0, 0)
    return write.zip_file(body, struct.pack("<4sHHHHIIIIHHHHHII", b"PK\1\2", 20, *middle) + name, 1)


def _descriptor(content: bytes, packed: int) -> bytes:
    return b"PK\7\x08" + struct.pack("<III", zlib.crc32(content), packed, len(content))


def _streamed(name: bytes, content: bytes) -> bytes:
    packed = write.deflate(content)
    return _local(name, _STREAMED, 8, 0, 0, 0) + packed + _descriptor(content, len(packed))


@pytest.mark.parametrize("method", [0, 8])
def test_a_streamed_entry_that_the_directory_calls_empty(method: int) -> None:
    examination = examine(_file(_streamed(b"evil", PAYLOAD), b"evil", _STREAMED, method, 0, 0, 0))
    assert ("evil",) in {finding.inside for finding in examination.findings}


def test_an_empty_streamed_entry_is_clean() -> None:
    for packed in (0, 2):
        examination = examine(_file(_streamed(b"none", b""), b"none", _STREAMED, 8, 0, packed, 0))
        assert (examination.verdict, examination.gaps) == (Verdict.CLEAN, ())


def test_an_entry_in_the_slack_after_deflated_data() -> None:
    hidden = write.zip_entry(b"evil", 8, write.deflate(PAYLOAD), PAYLOAD)[0]
    body = _streamed(b"good", BENIGN) + hidden
    told = len(body) - len(_local(b"good", 0, 8, 0, 0, 0))
    data = _file(body, b"good", _STREAMED, 8, zlib.crc32(BENIGN), told, len(BENIGN))
    examination = examine(data)
    assert {finding.inside for finding in examination.findings} == {("evil",)}
    assert Reason.DAMAGED in {gap.reason for gap in examination.gaps}


def test_slack_without_a_header_is_a_gap() -> None:
    examination = examine(write.zip_of("good", 8, write.deflate(BENIGN) + bytes(50), BENIGN))
    assert examination.verdict is Verdict.INCOMPLETE


def test_an_entry_after_the_descriptor_of_a_stored_one() -> None:
    hidden = write.zip_entry(b"evil", 8, write.deflate(PAYLOAD), PAYLOAD)[0]
    data = BENIGN + _descriptor(BENIGN, len(BENIGN)) + hidden
    body = _local(b"good", _STREAMED, 0, 0, 0, 0) + data
    examination = examine(_file(body, b"good", _STREAMED, 0, zlib.crc32(data), len(data), len(data)))
    assert ("evil",) in {finding.inside for finding in examination.findings}


@pytest.mark.parametrize(("packed", "size"), [(0, len(PAYLOAD)), (len(PAYLOAD), 0), (3, len(PAYLOAD))])
def test_a_stored_entry_with_two_sizes(packed: int, size: int) -> None:
    crc = zlib.crc32(PAYLOAD)
    body = _local(b"evil", 0, 0, crc, packed, size) + PAYLOAD
    examination = examine(_file(body, b"evil", 0, 0, crc, packed, size))
    assert ("evil",) in {finding.inside for finding in examination.findings}


def test_many_entries_whose_slack_covers_all_others() -> None:
    """Each claims to run on to the end: 20,000 take linear time, and none is lost."""
    one = _local(b"x", 0, 8, zlib.crc32(BENIGN), 1 << 24, len(BENIGN)) + write.deflate(BENIGN)
    hidden = write.zip_entry(b"evil", 8, write.deflate(PAYLOAD), PAYLOAD)[0]
    body = one * 20_000 + hidden
    data = _file(body, b"x", 0, 8, zlib.crc32(BENIGN), len(body) - 31, len(BENIGN))
    examination = examine(data)
    assert ("evil",) in {finding.inside for finding in examination.findings}
