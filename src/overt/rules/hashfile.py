"""Writing hash sets (`overt.engine.hashset` has the layout) in bounded memory, whatever their size.

Entries are dealt to 64 buckets by their first six bits and spilled to disk; each bucket is then sorted alone, and
the buckets follow each other in the file. Ten million entries need about 60 MB of memory.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import msgspec

from overt.engine.hashset import (
    DIGEST_BYTES,
    FAN_OUT,
    KEPT_BYTES,
    MAGIC,
    SIZE_BITS,
    SIZE_MAP_BYTES,
    Header,
    Label,
)

BUCKETS = 64
SPILL_BYTES = 256 * 1024
"""Bytes of one bucket kept in memory before they go to disk."""
ENTRY_BYTES = KEPT_BYTES + 4
RECENT_LABELS = 100_000
"""Labels remembered so that hashes that share one store it once."""
ALGORITHM_OF = {length: name for name, length in DIGEST_BYTES.items()}
EMPTY_FILE = {hashlib.new(name, b"", usedforsecurity=False).digest() for name in DIGEST_BYTES}


class HashFileWriter:
    """Collects the entries of one algorithm and writes them as one hash file."""

    def __init__(self, algorithm: str, scratch: Path, of_sections: bool = False) -> None:
        """`scratch`: an existing folder of its own for what does not fit into memory. `of_sections`: the digests
        are of sections of PE files."""
        self.algorithm = algorithm
        self._of_sections = of_sections
        self._scratch = scratch
        self._buckets = [bytearray() for _ in range(BUCKETS)]
        self._sizes: bytearray | None = bytearray(SIZE_MAP_BYTES)
        self._labels = LabelHeap(scratch)

    @property
    def kind(self) -> str:
        """What it holds, as a part of a file name."""
        return f"{self.algorithm}.sections" if self._of_sections else self.algorithm

    def add(self, digest: bytes, label: Label, size: int = -1) -> None:
        """Add one file's digest; `size` in bytes, -1 when not known (then the set can't be filtered by size)."""
        entry = digest[:KEPT_BYTES] + self._labels.index(label).to_bytes(4, "little")
        bucket = digest[0] >> 2
        buffer = self._buckets[bucket]
        buffer += entry
        if len(buffer) >= SPILL_BYTES:
            self._spill(bucket)
        if size < 0:
            self._sizes = None
        elif self._sizes is not None:
            bit = size % SIZE_BITS
            self._sizes[bit // 8] |= 1 << bit % 8

    def write(
        self, target: BinaryIO, pack: str, author: str = "", licence: str = "", reference: str = ""
    ) -> int:
        """Write the file into `target` (seekable, empty) and return its number of hashes: the first label given
        to a digest stays. Raises `OSError`."""
        fan_out = array("I", bytes(4 * (FAN_OUT + 1)))
        header = Header(
            algorithm=self.algorithm,
            labels=self._labels.count,
            heap_bytes=self._labels.bytes,
            sizes_known=self._sizes is not None,
            pack=pack,
            author=author,
            licence=licence,
            reference=reference,
            of_sections=self._of_sections,
        )
        target.write(bytes(len(_front(header, fan_out))))
        count = 0
        for entries in self._sorted():
            target.write(b"".join(entry[2:] for entry in entries))
            for entry in entries:
                fan_out[(entry[0] << 8 | entry[1]) + 1] += 1
            count += len(entries)
        if self._sizes is not None:
            target.write(self._sizes)
        self._labels.copy_to(target)
        for prefix in range(FAN_OUT):
            fan_out[prefix + 1] += fan_out[prefix]
        target.seek(0)
        target.write(_front(header, fan_out))
        return count

    def _spill(self, bucket: int) -> None:
        with open(self._scratch / f"{self.kind}.{bucket}", "ab") as file:
            file.write(self._buckets[bucket])
        self._buckets[bucket].clear()

    def _sorted(self) -> Iterator[list[bytes]]:
        """Each bucket's entries in order, one per digest."""
        for number, buffer in enumerate(self._buckets):
            spilled = self._scratch / f"{self.kind}.{number}"
            data = (spilled.read_bytes() if spilled.exists() else b"") + buffer
            spilled.unlink(missing_ok=True)
            entries: dict[bytes, bytes] = {}
            for at in range(0, len(data), ENTRY_BYTES):
                entries.setdefault(data[at : at + KEPT_BYTES], data[at : at + ENTRY_BYTES])
            yield sorted(entries.values())


class LabelHeap:
    """Labels on their way into a hash file, kept on disk."""

    def __init__(self, scratch: Path) -> None:
        self._folder = TemporaryDirectory(dir=scratch)
        self._heap = open(Path(self._folder.name) / "labels", "w+b")
        self._offsets = open(Path(self._folder.name) / "offsets", "w+b")
        self._offsets.write(bytes(8))
        self._recent: dict[Label, int] = {}
        self.count = 0
        self.bytes = 0

    def index(self, label: Label) -> int:
        """The index of `label`, which is stored unless it was lately."""
        known = self._recent.get(label)
        if known is not None:
            return known
        data = msgspec.msgpack.encode(label)
        self._heap.write(data)
        self.bytes += len(data)
        self._offsets.write(self.bytes.to_bytes(8, "little"))
        if len(self._recent) >= RECENT_LABELS:
            self._recent.clear()
        self._recent[label] = self.count
        self.count += 1
        return self.count - 1

    def copy_to(self, target: BinaryIO) -> None:
        """Append the offsets and the heap to `target`, and forget them here."""
        for file in (self._offsets, self._heap):
            file.seek(0)
            while chunk := file.read(1 << 20):
                target.write(chunk)
            file.close()
        self._folder.cleanup()


def _front(header: Header, fan_out: array[int]) -> bytes:
    """Everything before the records."""
    words = array("I", fan_out)
    if sys.byteorder == "big":
        words.byteswap()
    encoded = msgspec.msgpack.encode(header)
    checked = encoded + words.tobytes()
    return MAGIC + len(encoded).to_bytes(4, "little") + hashlib.sha256(checked).digest() + checked
