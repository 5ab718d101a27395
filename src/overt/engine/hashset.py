"""Hash sets: sorted digests in one memory-mapped file per set and algorithm, shared by all workers.

File layout (little-endian), written by `overt.rules.hashfile`:

    size               field
    8                  magic "OVERTHS1"
    4                  length H of the header
    32                 SHA-256 of the header and the fan-out
    H                  MessagePack of `Header`
    65,537 * 4         fan-out: index of the first record whose digest starts with each 16-bit prefix
    count * 16         records: digest bytes 2 to 13, then a 32-bit label index; sorted by digest
    2 MiB              bit n is set when a file of n (modulo 2**24) bytes is in the set; absent when not all are known
    (labels + 1) * 8   where each label starts in the heap that follows
    the rest           labels: MessagePack of `Label` each

A digest is kept to its first 14 bytes: for ten million of them the chance that another file's digest agrees is
below 2**-88. Digests are uniform, so the fan-out leaves about 150 records to search among ten million.
"""

from __future__ import annotations

import hashlib
import mmap
import sys
from array import array
from collections.abc import Iterable
from itertools import chain, pairwise

import msgspec

from overt.core.errors import PackError
from overt.core.model import Finding, Severity
from overt.engine.pesections import pe_sections

MAGIC = b"OVERTHS1"
FAN_OUT = 65_536
FAN_OUT_BYTES = (FAN_OUT + 1) * 4
KEPT_BYTES = 14
RECORD_BYTES = 16
KEY_BYTES = 12
SIZE_BITS = 1 << 24
SIZE_MAP_BYTES = SIZE_BITS // 8
DIGEST_BYTES = {"md5": 16, "sha1": 20, "sha256": 32}
"""Algorithm → bytes of its digest."""


class Header(msgspec.Struct, frozen=True):
    """What a hash file is; everything that all its labels share is here."""

    algorithm: str
    labels: int
    heap_bytes: int
    sizes_known: bool
    pack: str
    author: str = ""
    licence: str = ""
    reference: str = ""
    of_sections: bool = False
    """The digests are of sections of PE files, not of whole files."""


class Label(msgspec.Struct, frozen=True, array_like=True):
    """What is said of a file whose digest is in the set."""

    name: str
    description: str = ""
    severity: Severity = Severity.HIGH
    reference: str = ""
    author: str = ""


class HashFile:
    """One hash file in memory (mapped, as a rule). Reads only what a look-up touches."""

    def __init__(self, data: bytes | mmap.mmap, where: str) -> None:
        """Check the frame of `data`. Raises `PackError` naming `where` when it is not a whole hash file."""
        self._data = data
        self.header = _header(data, where)
        self._fan_out = 44 + int.from_bytes(data[8:12], "little")
        self._records = self._fan_out + FAN_OUT_BYTES
        self.count = int.from_bytes(data[self._records - 4 : self._records], "little")
        """Number of hashes."""
        self._sizes = self._records + self.count * RECORD_BYTES
        self._offsets = self._sizes + (SIZE_MAP_BYTES if self.header.sizes_known else 0)
        self._heap = self._offsets + (self.header.labels + 1) * 8
        if self._heap + self.header.heap_bytes != len(data):
            raise PackError(
                f"{where} is {len(data)} bytes long instead of {self._heap + self.header.heap_bytes}: "
                "remove and add its rule set again"
            )

    def may_hold(self, size: int) -> bool:
        """False when no file of `size` bytes is in the set."""
        if not self.header.sizes_known:
            return True
        bit = size % SIZE_BITS
        return bool(self._data[self._sizes + bit // 8] >> bit % 8 & 1)

    def find(self, digest: bytes) -> Label | None:
        """What is said of the file with this digest (of the set's algorithm), if anything."""
        fan = self._fan_out + int.from_bytes(digest[:2], "big") * 4
        low = int.from_bytes(self._data[fan : fan + 4], "little")
        high = int.from_bytes(self._data[fan + 4 : fan + 8], "little")
        key = digest[2:KEPT_BYTES]
        while low < high:
            middle = (low + high) // 2
            if self._record(middle)[:KEY_BYTES] < key:
                low = middle + 1
            else:
                high = middle
        record = self._record(low) if low < self.count else b""
        return (
            self._label(int.from_bytes(record[KEY_BYTES:], "little")) if record[:KEY_BYTES] == key else None
        )

    def _record(self, index: int) -> bytes:
        start = self._records + index * RECORD_BYTES
        return self._data[start : start + RECORD_BYTES]

    def _label(self, index: int) -> Label:
        """A label that can't be read still names its set: the digest matched all the same."""
        at = self._offsets + index * 8
        start = self._heap + int.from_bytes(self._data[at : at + 8], "little")
        end = self._heap + int.from_bytes(self._data[at + 8 : at + 16], "little")
        try:
            return msgspec.msgpack.decode(self._data[start:end], type=Label)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Label(self.header.pack, "known by its hash; what it is called is damaged in the hash set")


class HashSets:
    """All loaded hash sets; empty by default."""

    def __init__(self, files: Iterable[HashFile] = ()) -> None:
        self._files: dict[str, list[HashFile]] = {}
        self._sections: dict[str, list[HashFile]] = {}
        for file in files:
            sets = self._sections if file.header.of_sections else self._files
            sets.setdefault(file.header.algorithm, []).append(file)

    @property
    def count(self) -> int:
        """Number of hashes loaded."""
        sets = chain(self._files.values(), self._sections.values())
        return sum(file.count for file in chain.from_iterable(sets))

    def match(self, data: bytes) -> list[Finding]:
        """Findings for every set that knows the digest of `data`. Only the algorithms in use are computed, and
        none when no set holds a file of this size."""
        found = _known(self._files, data)
        if self._sections:
            whole = memoryview(data)
            for start, size in pe_sections(data):
                found.extend(_known(self._sections, whole[start : start + size]))
        return list(dict.fromkeys(found))


def _known(sets: dict[str, list[HashFile]], data: bytes | memoryview) -> list[Finding]:
    found: list[Finding] = []
    for algorithm, files in sets.items():
        candidates = [file for file in files if file.may_hold(len(data))]
        if candidates:
            digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
            labels = ((file.header, file.find(digest)) for file in candidates)
            found.extend(_finding(header, label) for header, label in labels if label is not None)
    return found


def _finding(header: Header, label: Label) -> Finding:
    return Finding(
        rule=label.name,
        pack=header.pack,
        severity=label.severity,
        author=label.author or header.author,
        description=label.description or f"known by its {header.algorithm.upper()} hash",
        reference=label.reference or header.reference,
        licence=header.licence,
    )


def _header(data: bytes | mmap.mmap, where: str) -> Header:
    """The checked header. Raises `PackError`."""
    damaged = PackError(f"{where} is not a whole hash set of this version: remove and add its rule set again")
    end = 44 + int.from_bytes(data[8:12], "little")
    if data[:8] != MAGIC or end + FAN_OUT_BYTES > len(data):
        raise damaged
    if hashlib.sha256(data[44 : end + FAN_OUT_BYTES]).digest() != data[12:44]:
        raise damaged
    try:
        header = msgspec.msgpack.decode(data[44:end], type=Header)
    except msgspec.MsgspecError:
        raise damaged from None
    fan_out = array("I", data[end : end + FAN_OUT_BYTES])
    if sys.byteorder == "big":
        fan_out.byteswap()
    if header.algorithm not in DIGEST_BYTES or any(first > second for first, second in pairwise(fan_out)):
        raise damaged
    return header
