"""Archives made to exhaust the scanner: always incomplete, at bounded memory, whatever they claim.

Each bomb is examined in a process of its own, whose largest resident memory the kernel reports.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pybit7z import FormatSevenZip

from overt.core.bounded import GIB, MIB
from overt.core.limits import Limits
from overt.core.model import Reason, Verdict
from overt.engine.unpack.base import Budget, Room
from overt.engine.unpack.sevenzip import Archive
from tests.formats import archive_writers as write
from tests.formats.make_archives import run
from tests.formats.quine import zip_quine
from tests.payload import PAYLOAD, examine

MAX_RESIDENT_BYTES = 1536 * MIB
"""Three times `max_member_bytes`: the member itself, and what a library holds while it hands it over."""


_LOCAL = struct.Struct("<4sHHHIIIIHH")
_CENTRAL = struct.Struct("<4sHHHHIIIIHHHHHII")


class Outcome(NamedTuple):
    """What a child process saw."""

    verdict: str
    reasons: frozenset[str]
    resident_bytes: int
    unpacked_bytes: int


def examine_alone(data: bytes, limits: Limits | None = None) -> Outcome:
    """Examine `data` in a forked child and return what it says, with how far its resident memory grew."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            Path("/proc/self/clear_refs").write_text("5")  # forget the peak inherited from this process
            before = _status_bytes("VmRSS")
            examination = examine(data, limits)
            words = ",".join({gap.reason.value for gap in examination.gaps})
            peak = _status_bytes("VmHWM") - before
            text = f"{examination.verdict.value}|{words}|{peak}|{examination.bytes_unpacked}"
            os.write(writing, text.encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the examiner died with status {status}"
    verdict, words, peak, unpacked = answer.split("|")
    return Outcome(verdict, frozenset(filter(None, words.split(","))), int(peak), int(unpacked))


def _status_bytes(field: str) -> int:
    """One memory figure of this process (proc_pid_status(5))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


# Builders


def zeros_deflated(size: int) -> bytes:
    """Raw DEFLATE of `size` zero bytes (a multiple of 64 MiB), from one repeated block instead of compressing."""
    encoder = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    unit = encoder.compress(bytes(64 * MIB)) + encoder.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS).flush()
    return unit * (size // (64 * MIB)) + end


def zip_bomb(size: int = 10 * GIB) -> bytes:
    """10 GB of zeros in 10 MB."""
    packed = zeros_deflated(size)
    local, central = write.zip_entry(b"zeros", 8, packed, b"")
    claimed = (size & 0xFFFF_FFFF).to_bytes(4, "little")
    return write.zip_file(local[:22] + claimed + local[26:], central[:24] + claimed + central[28:], 1)


def overlapping(entries: int = 250) -> bytes:
    """Local headers one behind the other, each entry's data running on through all those after it to one kernel.

    Each header but the first is quoted by a stored DEFLATE block (D. Fifield, "A better zip bomb", 2019).
    """
    body = zeros_deflated(64 * MIB)
    packed_sizes = []
    for number in reversed(range(entries)):
        packed_sizes.append(len(body))
        head = _LOCAL.pack(b"PK\x03\x04", 20, 0, 8, 0, 0, len(body), 64 * MIB, 4, 0) + b"%04d" % number
        quote = b"\0" + struct.pack("<HH", len(head), len(head) ^ 0xFFFF)
        body = (quote if number else b"") + head + body
    step = _LOCAL.size + 4 + 5
    centrals = b"".join(
        _CENTRAL.pack(b"PK\x01\x02", 20, 20, 0, 8, 0, 0, packed, 64 * MIB, 4, 0, 0, 0, 0, 0, number * step)
        + b"%04d" % number
        for number, packed in enumerate(reversed(packed_sizes))
    )
    return write.zip_file(body, centrals, entries)


def same_data(entries: int = 1000) -> bytes:
    """Every entry of the central directory points to one local header."""
    local, central = write.zip_entry(b"zeros", 8, zeros_deflated(64 * MIB), b"")
    return write.zip_file(local, central * entries, entries)


def nested(levels: int = 5, copies: int = 16) -> bytes:
    """42.zip's shape: 16 archives in each of 5 levels, at the bottom a file of 64 MiB of zeros."""
    local, central = write.zip_entry(b"zeros", 8, zeros_deflated(64 * MIB), b"")
    inner = write.zip_file(local, central, 1)
    for _ in range(levels):
        packed = write.deflate(inner)
        locals_, centrals = b"", b""
        for number in range(copies):
            local, central = write.zip_entry(b"lib %x.zip" % number, 8, packed, inner, offset=len(locals_))
            locals_, centrals = locals_ + local, centrals + central
        inner = write.zip_file(locals_, centrals, copies)
    return inner


def inside_itself(levels: int = 100) -> bytes:
    """A zip file whose entry is the file itself without its first header, and so on for `levels` levels."""
    size = levels * (_LOCAL.size + 1)
    local = _LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, 0, size, size, 1, 0) + b"a"
    central = _CENTRAL.pack(b"PK\x01\x02", 20, 20, 0, 0, 0, 0, size, size, 1, 0, 0, 0, 0, 0, 0) + b"a"
    return write.zip_file(local * levels, central, 1)


def million_empty(count: int = 1_000_000) -> bytes:
    """A million files without content."""
    local = _LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 7, 0)
    step = _LOCAL.size + 7
    names = [b"%07d" % number for number in range(count)]
    centrals = (
        _CENTRAL.pack(b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, step * number) + name
        for number, name in enumerate(names)
    )
    return write.zip_file(b"".join(local + name for name in names), b"".join(centrals), count)


BOMBS: dict[str, tuple[Callable[[], bytes], set[Reason]]] = {
    "10 GiB of zeros": (zip_bomb, {Reason.MEMBER_BYTES}),
    "overlapping": (overlapping, {Reason.RATIO}),
    "same data": (same_data, {Reason.DAMAGED}),
    "nested": (nested, {Reason.RATIO}),
    "inside itself": (inside_itself, {Reason.DEPTH}),
    "quine": (zip_quine, {Reason.DEPTH}),
    "a million empty": (million_empty, {Reason.ENTRIES}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_zip_bombs(name: str) -> None:
    build, expected = BOMBS[name]
    outcome = examine_alone(build())
    print(name, outcome)
    assert outcome.verdict == Verdict.INCOMPLETE
    assert expected <= outcome.reasons
    assert outcome.resident_bytes < MAX_RESIDENT_BYTES


def _zeros_7z(folder: Path, size: int) -> bytes:
    with (folder / "zeros").open("wb") as file:
        file.truncate(size)
    return run(folder, "7z", "a", "-bso0", "-mx=1", "made.7z", "zeros", read="made.7z")


def test_a_7z_bomb_is_refused_by_what_it_claims(tmp_path: Path) -> None:
    limits = Limits(max_member_bytes=200 * MIB - 1, max_ratio=1_000_000)
    outcome = examine_alone(_zeros_7z(tmp_path, 200 * MIB), limits)
    assert (outcome.reasons, outcome.unpacked_bytes) == ({Reason.MEMBER_BYTES}, 0)
    assert outcome.resident_bytes < 100 * MIB


def test_a_7z_member_to_the_byte(tmp_path: Path) -> None:
    """Decoded with several blocks in flight elsewhere, here with one thread: the count is exact all the same."""
    data = _zeros_7z(tmp_path, 100 * MIB)
    limits = Limits(max_unpacked_bytes=100 * MIB, max_ratio=1_000_000)
    assert examine_alone(data, limits).verdict == Verdict.CLEAN
    limits = Limits(max_unpacked_bytes=100 * MIB - 1, max_ratio=1_000_000)
    assert examine_alone(data, limits).reasons == {Reason.UNPACKED_BYTES}


def test_the_callback_of_7zip_comes_on_the_thread_that_asked(tmp_path: Path) -> None:
    """From another thread it would wait for ever for the interpreter's lock; enough blocks to tempt it."""
    data = _zeros_7z(tmp_path, 100 * MIB)
    outcome = examine_alone(data, Limits(max_unpacked_bytes=50 * MIB, max_ratio=1_000_000))
    assert outcome.verdict == Verdict.INCOMPLETE
    room = Room(Budget(Limits(), len(data)))
    archive = Archive(data, room, FormatSevenZip)
    threads = set()

    def callback(_: int) -> bool:
        threads.add(threading.get_ident())
        return True

    archive.reader.set_progress_callback(callback)
    archive.produce(0, 0)
    assert threads == {threading.get_ident()}


def test_a_finding_before_the_bomb_stays() -> None:
    first, central = write.zip_entry(b"first", 0, PAYLOAD, PAYLOAD)
    packed = zeros_deflated(GIB)
    second, other = write.zip_entry(b"zeros", 8, packed, b"", offset=len(first))
    outcome = examine_alone(
        write.zip_file(first + second, central + other, 2), Limits(max_member_bytes=100 * MIB)
    )
    assert outcome.verdict == Verdict.INFECTED
    assert outcome.reasons == {Reason.MEMBER_BYTES}


def test_twenty_thousand_members_of_one_byte() -> None:
    data = write.rar5({f"{number}": b"x" for number in range(20_000)})
    outcome = examine_alone(data, Limits(max_entries=10_000))
    assert outcome.reasons == {Reason.ENTRIES}
    assert outcome.resident_bytes < 400 * MIB
