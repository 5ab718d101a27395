"""What a format is, and the room in which it unpacks.

A format is one small declarative value (`Format`); its `unpack` yields `Child` values and never has to think
about limits: it takes its bytes through `Room`, which counts what was really produced, cuts at the exact
limit, and records every `Gap`. The engine stops asking for children when the budget is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import NamedTuple

from overt.core.errors import Unsupported
from overt.core.limits import RATIO_FLOOR_BYTES, Limits
from overt.core.model import Gap, Reason


class Magic(NamedTuple):
    """Bytes that a format has at a fixed offset."""

    offset: int
    value: bytes


class Child(NamedTuple):
    """One member: its name inside the container (any text; shown, never used as a path) and its bytes."""

    name: str
    data: bytes


class Allowance(NamedTuple):
    """How many bytes the next member may produce, and the limit that is hit beyond."""

    size: int
    reason: Reason


@dataclass(slots=True)
class Budget:
    """What one file on disk may cost, over all depths. Mutable: it is the running count."""

    limits: Limits
    file_bytes: int
    unpacked_bytes: int = 0
    discarded_bytes: int = 0
    """Bytes that a library produced but that could not be examined: stopped, damaged, a wrong password."""
    emulated: int = 0
    """Instructions of packed programs that were emulated."""
    entries: int = 0
    spent: bool = False
    """A limit of the whole file was hit: no further member is unpacked."""
    gaps: list[Gap] = field(default_factory=list)

    def allowance(self) -> Allowance:
        """The tightest of the byte limits for the next member."""
        left = self.left()
        if self.limits.max_member_bytes < left.size:
            return Allowance(self.limits.max_member_bytes, Reason.MEMBER_BYTES)
        return left

    def left(self) -> Allowance:
        """What all further members together may produce."""
        by_ratio = max(RATIO_FLOOR_BYTES, self.file_bytes * self.limits.max_ratio)
        total, reason = min(
            (self.limits.max_unpacked_bytes, Reason.UNPACKED_BYTES),
            (by_ratio, Reason.RATIO),
            key=lambda x: x[0],
        )
        return Allowance(max(total - self.unpacked_bytes - self.discarded_bytes, 0), reason)


@dataclass(slots=True)
class Room:
    """One container's view of the budget: where it is (`inside`), and the passwords to try."""

    budget: Budget
    inside: tuple[str, ...] = ()
    passwords: tuple[str, ...] = ()

    def gap(self, reason: Reason, detail: str = "", member: str | None = None) -> None:
        """Record that something in this container (or in its `member`) was not examined."""
        if len(self.budget.gaps) >= MAX_GAPS:
            return
        inside = self.inside if member is None else (*self.inside, member)
        self.budget.gaps.append(Gap(reason, detail, inside))

    def allowance(self) -> Allowance:
        """For unpackers whose library produces a member in one go: stop it past `.size` bytes, then `exceeded`."""
        return self.budget.allowance()

    def left(self) -> Allowance:
        """What all further members together may produce, for libraries that decode several at once."""
        return self.budget.left()

    def discard(self, size: int) -> None:
        """Count `size` bytes that a library produced in vain, so that useless work is bounded too."""
        self.budget.discarded_bytes += size

    def exceeded(self, member: str, allowance: Allowance) -> None:
        """Record that `member` would have produced more than its allowance."""
        self.gap(allowance.reason, f"more than {allowance.size} bytes", member)
        if allowance.reason is not Reason.MEMBER_BYTES:
            self.budget.spent = True

    def admit(self, data: bytes) -> bytes:
        """Count bytes that a library produced within the allowance, and hand them on."""
        self.budget.unpacked_bytes += len(data)
        return data

    def gather(self, chunks: Iterable[bytes], member: str) -> bytes:
        """Join streamed `chunks` up to the exact limit; what is past it becomes a gap, what came before counts.

        An exception from `chunks` is recorded as damage of `member`, and the bytes before it are returned.
        """
        allowance = self.budget.allowance()
        joined = _Joined()
        try:
            for chunk in chunks:
                if joined.size + len(chunk) > allowance.size:
                    joined.add(chunk[: allowance.size - joined.size])
                    self.exceeded(member, allowance)
                    break
                joined.add(chunk)
        except MemoryError:
            self.gap(Reason.MEMORY, "out of memory while unpacking", member)
        except Unsupported as error:
            self.gap(Reason.UNSUPPORTED, describe(error), member)
        except Exception as error:  # a decoder's own errors: whatever they are, the stream is damaged here
            self.gap(Reason.DAMAGED, describe(error), member)
        self.budget.unpacked_bytes += joined.size
        return joined.value()

    def skip(self, entries: int = 1) -> None:
        """Count members that have no content (folders, links), so that a million of them hit `max_entries`."""
        self.budget.entries += entries
        self.check_entries()

    def entries_left(self) -> int:
        """How many more members may be examined."""
        return max(0, self.budget.limits.max_entries - self.budget.entries)

    def check_entries(self) -> bool:
        """False, with the gap recorded once, when `max_entries` is passed."""
        if self.budget.entries <= self.budget.limits.max_entries:
            return True
        if not self.budget.spent:
            self.gap(Reason.ENTRIES, f"more than {self.budget.limits.max_entries} members")
            self.budget.spent = True
        return False

    @property
    def spent(self) -> bool:
        """True when the unpacker should stop: a limit of the whole file was hit."""
        return self.budget.spent


class _Joined:
    """Chunks made one without ever holding them twice: a lone chunk is itself, `BytesIO` grows in place."""

    def __init__(self) -> None:
        self.size = 0
        self._first = b""
        self._rest: BytesIO | None = None

    def add(self, chunk: bytes) -> None:
        if not self.size:
            self._first = chunk
        else:
            if self._rest is None:
                self._rest = BytesIO()
                self._rest.write(self._first)
                self._first = b""
            self._rest.write(chunk)
        self.size += len(chunk)

    def value(self) -> bytes:
        return self._first if self._rest is None else self._rest.getvalue()


MAX_GAPS = 1_000
"""Gaps kept per file on disk: the file is incomplete all the same, and a million bad members cost no memory."""

Unpack = Callable[[bytes, Room], Iterator[Child]]


@dataclass(frozen=True, slots=True)
class Format:
    """One file format, recognised by content.

    A file is of this format when any of `magics` is present (or there are none) and `sniff`, if given, agrees.
    `unpack` yields the members; a format without it is recognised only to be named.
    """

    name: str
    describes: str
    """One line for the formats table in the documentation."""
    magics: tuple[Magic, ...] = ()
    sniff: Callable[[bytes], bool] | None = None
    unpack: Unpack | None = None

    def claims(self, data: bytes) -> bool:
        """Whether `data` is of this format."""
        if self.magics and not any(data.startswith(value, offset) for offset, value in self.magics):
            return False
        if self.sniff is not None:
            return self.sniff(data)
        return bool(self.magics)


def describe(error: BaseException) -> str:
    """One short line for an exception, safe to show."""
    text = " ".join(str(error).split())[:200]
    return text or type(error).__name__
