"""7-Zip in this process, from memory: the reader that most container formats share.

The library is loaded when this module is imported, so before lock-down. Items are produced whole; its
progress callback, called about every MiB with the bytes written so far, stops it past the allowance, so headers
that lie about sizes gain nothing. Its 7z and zip readers ask the C library for the number of processors, which
tries to open a file of /sys: that may be refused, they go on with one thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pybit7z
from pybit7z import BitException, BitProperty

from overt.core.errors import Damaged, Encrypted, UnpackError, Unsupported
from overt.core.model import Reason
from overt.engine.unpack.base import Child, Room, Unpack, describe

_LIBRARY = pybit7z.lib7zip_context(large_page_mode=False).__enter__()

_THREADED = (pybit7z.FormatSevenZip, pybit7z.FormatZip)
"""The readers that would decode with several threads."""

AFTER_END = "[data after the end]"
"""Name of the child that holds what follows the archive in the same bytes."""

FAILURES = (BitException, MemoryError, RuntimeError, ValueError)
"""What the binding raises: its own exception, and those that pybind11 makes of C++'s and of undecodable names."""

_HEADERS_ENCRYPTED = 0x04

_ERROR_FLAGS = (
    (0x01 | 0x02 | 0x08 | 0x20, Reason.DAMAGED, "the headers are damaged or cut short"),
    (_HEADERS_ENCRYPTED, Reason.ENCRYPTED, "headers need a password that was not among those given"),
    (0x80, Reason.UNSUPPORTED, "a method that 7-Zip does not support"),
    (0x100, Reason.UNSUPPORTED, "a feature that 7-Zip does not support"),
    (0x200, Reason.DAMAGED, "the archive's data are damaged"),
    (0x400, Reason.DAMAGED, "the archive's checksum is wrong"),
)
"""7-Zip's error flags of an opened archive (PropID.h, `kpv_ErrorFlags_*`) and what each leaves unexamined.

Two are no gap: 0x10, a start that 7-Zip had to search for, and 0x40, data after the end, which become a child."""


@dataclass(slots=True)
class _Meter:
    """The progress callback: bytes written by the running extraction, and where it has to stop."""

    stop: int = 0
    written: int = 0

    def __call__(self, written: int) -> bool:
        self.written = max(self.written, written)
        return self.written <= self.stop

    def start(self, stop: int) -> None:
        self.stop, self.written = stop, 0

    @property
    def stopped(self) -> bool:
        return self.written > self.stop


class Archive:
    """An opened archive. 7-Zip reads `data` in place, so it is kept as long as the reader lives."""

    def __init__(self, data: bytes, room: Room, form: pybit7z.BitInFormat) -> None:
        """Open `data`, trying the room's passwords. Raises `Damaged`, `Encrypted` or `Unsupported`."""
        self.data = data
        self.passwords = tuple(dict.fromkeys(("", *room.passwords)))
        self.reader = self._open(form)
        if form in _THREADED:
            # A progress callback from a second thread would wait for ever for the interpreter's lock.
            self.reader.use_format_property("mt", pybit7z.BitPropVariant(False))
        self.meter = _Meter()
        self.reader.set_progress_callback(self.meter)
        self.count: int = self.reader.items_count()

    def _open(self, form: pybit7z.BitInFormat) -> pybit7z.BitArchiveReader:
        failure: UnpackError | MemoryError = Damaged("it cannot be opened")
        for password in self.passwords:
            try:
                reader = pybit7z.BitArchiveReader(_LIBRARY, self.data, form, password)
                if password == self.passwords[-1] or not _error_flags(reader) & _HEADERS_ENCRYPTED:
                    return reader
            except FAILURES as error:
                failure = _failure(error)
                if not isinstance(failure, Encrypted):
                    break
        raise failure

    @property
    def solid(self) -> bool:
        """Whether reaching one item means decoding those before it."""
        return bool(self.reader.is_solid())

    def name(self, index: int) -> str:
        """The item's path as the archive gives it; its number when that is no text."""
        try:
            return self.reader.item_at(index).path() or f"item {index}"
        except FAILURES:
            return f"item {index}"

    def size(self, index: int) -> int:
        """Bytes that the header claims; 0 when it claims none."""
        return _number(self.reader, index, BitProperty.Size)

    def is_empty(self, index: int) -> bool:
        """Folders, and links without content of their own."""
        if self.reader.is_item_folder(index):
            return True
        links = (BitProperty.SymLink, BitProperty.HardLink)
        return any(self.reader.item_property(index, link).is_string() for link in links) and not _number(
            self.reader, index, BitProperty.PackSize
        )

    def is_split(self, index: int) -> bool:
        """Whether the item begins or ends on another volume of a set."""
        sides = (BitProperty.SplitBefore, BitProperty.SplitAfter)
        values = (self.reader.item_property(index, side) for side in sides)
        return any(value.is_bool() and value.get_bool() for value in values)

    def produce(self, index: int, stop: int) -> bytes:
        """One item's bytes. Raises `BitException`, also (with `meter.stopped`) when it wrote more than `stop`
        bytes and the MiB after them."""
        self.meter.start(stop)
        return bytes(self.reader.extract_to(index))

    def tail(self) -> bytes:
        """What follows the archive in the same bytes; empty when the archive does not know its end."""
        size = self.reader.archive_property(BitProperty.PhySize)
        if not size.is_uint64():
            return b""
        offset = self.reader.archive_property(BitProperty.Offset)
        start = offset.get_uint64() if offset.is_uint64() else 0
        return self.data[start + size.get_uint64() :].lstrip(b"\0")

    def errors(self) -> Iterator[tuple[Reason, str]]:
        """What 7-Zip found wrong with the archive as a whole when it opened it."""
        flags = _error_flags(self.reader)
        return ((reason, words) for mask, reason, words in _ERROR_FLAGS if flags & mask)


def members(data: bytes, room: Room, form: pybit7z.BitInFormat, *, one_pass: bool = False) -> Iterator[Child]:
    """Every file member of the archive in `data`, read as `form`, then what follows the archive's end.

    `one_pass` is for formats that are always decoded from the start; archives that say they are solid are
    treated so anyway. Raises `Damaged`, `Encrypted` or `Unsupported` when the archive cannot be opened.
    """
    archive = Archive(data, room, form)
    for reason, words in archive.errors():
        room.gap(reason, words)
    if archive.solid or one_pass:
        yield from _decode_once(archive, room)
    else:
        for index in range(archive.count):
            if room.spent:
                return
            yield from member(archive, room, index)
    tail = archive.tail()
    if tail and not room.spent:
        yield Child(AFTER_END, room.gather((tail,), AFTER_END))


def reads(form: pybit7z.BitInFormat, *, one_pass: bool = False) -> Unpack:
    """The `unpack` of a format that needs nothing but `members`."""

    def unpack(data: bytes, room: Room) -> Iterator[Child]:
        return members(data, room, form, one_pass=one_pass)

    return unpack


def member(archive: Archive, room: Room, index: int, before: int = 0) -> Iterator[Child]:
    """The item at `index`, or its gap. `before` bytes may have to be decoded to reach it (solid archives)."""
    if archive.is_empty(index):
        room.skip()
        return
    name = archive.name(index)
    if archive.is_split(index):
        room.gap(Reason.UNSUPPORTED, "a part of it is on another volume", name)
    data = extract(archive, room, index, name, before)
    if data is None:
        room.skip()
    else:
        yield Child(name, data)


def extract(archive: Archive, room: Room, index: int, name: str, before: int = 0) -> bytes | None:
    """The item's bytes, each password tried while it asks for one; None when its gap was recorded.

    They are cut at the allowance and counted. `before` bytes may have to be decoded to reach the item.
    """
    claimed = archive.size(index)
    if claimed > room.allowance().size:
        size, reason = room.allowance()
        room.gap(reason, f"says it has {claimed} bytes, more than {size}", name)
        return None
    passwords = archive.passwords if archive.reader.is_item_encrypted(index) else archive.passwords[:1]
    failure: UnpackError | MemoryError | None = None
    for password in passwords:
        allowance, left = room.allowance(), room.left()
        stop = min(before + allowance.size, left.size)
        archive.reader.set_password(password)
        try:
            data = archive.produce(index, stop)
        except FAILURES as error:
            room.discard(archive.meter.written)
            if archive.meter.stopped:
                room.exceeded(name, left if stop == left.size else allowance)
                return None
            failure = _failure(error)
            continue
        room.discard(max(0, archive.meter.written - len(data)))
        return room.gather((data,), name)
    if failure is not None:
        room.gap(_reason(failure), describe(failure), name)
    return None


def _decode_once(archive: Archive, room: Room) -> Iterator[Child]:
    """All items from one decoding when they fit; those it did not give, and all when it fails, one by one."""
    contents = _all_contents(archive, room)
    before = 0
    for index in range(archive.count):
        if room.spent:
            return
        content = contents.pop(archive.name(index), None) if contents else None
        if content is None:
            yield from member(archive, room, index, before)
        else:
            name = archive.name(index)
            yield Child(name, room.gather((content,), name))
        before += archive.size(index)


def _all_contents(archive: Archive, room: Room) -> dict[str, bytes]:
    """Name → bytes of the items whose names are unique; empty when they don't fit or one is unreadable."""
    if archive.count > room.entries_left():
        return {}
    if sum(archive.size(index) for index in range(archive.count)) > room.left().size:
        return {}
    for password in archive.passwords if archive.reader.has_encrypted_items() else archive.passwords[:1]:
        archive.reader.set_password(password)
        archive.meter.start(room.left().size)
        try:
            contents: dict[str, bytes] = archive.reader.extract_to()
        except FAILURES:
            room.discard(archive.meter.written)
            continue
        names = Counter(archive.name(index) for index in range(archive.count))
        return {name: content for name, content in contents.items() if names[name] == 1}
    return {}


def _error_flags(reader: pybit7z.BitArchiveReader) -> int:
    flags = reader.archive_property(BitProperty.ErrorFlags)
    return flags.get_uint64() if flags.is_uint32() else 0


def _number(reader: pybit7z.BitArchiveReader, index: int, wanted: BitProperty) -> int:
    value = reader.item_property(index, wanted)
    return value.get_uint64() if value.is_uint64() or value.is_uint32() else 0


def _failure(error: Exception) -> UnpackError | MemoryError:
    """7-Zip's message as one of ours, without the sentence that says which call failed."""
    short = describe(error).split(": ", 1)[-1].rstrip(".")
    lower = short.lower()
    for words, kind in _KINDS:
        if words in lower or isinstance(error, kind):
            return kind(short)
    return Damaged(short)


_KINDS: tuple[tuple[str, type[UnpackError | MemoryError]], ...] = (
    ("password", Encrypted),
    ("memory", MemoryError),
    ("unsupported", Unsupported),
    ("not implemented", Unsupported),
)


def _reason(error: UnpackError | MemoryError) -> Reason:
    match error:
        case Encrypted():
            return Reason.ENCRYPTED
        case Unsupported():
            return Reason.UNSUPPORTED
        case MemoryError():
            return Reason.MEMORY
        case _:
            return Reason.DAMAGED
