"""What every file format's sink is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from overt.cli.render.tally import Tally
from overt.core.errors import UsageError
from overt.scan.request import Request


class Stream(Protocol):
    """Where an output's bytes go."""

    def write(self, data: bytes, /) -> int:
        """All of `data`."""

    def flush(self) -> object:
        """To the system."""


MAX_HELD_BYTES = 1 << 20
"""Bytes held back before the scan is under way; with more it counts as under way."""


@dataclass(slots=True)
class HeldStream:
    """Holds back what is written until `begin`, so that a scan that is refused leaves a file what it was; an error
    says which output could not be written."""

    stream: BinaryIO
    what: str
    empty: Callable[[int], None]
    """Called at `begin` with the stream's descriptor."""
    held: bytearray | None = field(default_factory=bytearray)

    def begin(self) -> None:
        """The scan is under way: empty the file and write what was held back. Raises as `write` does."""
        if self.held is None:
            return
        held, self.held = bytes(self.held), None
        self.empty(self.stream.fileno())
        self.write(held)

    def write(self, data: bytes, /) -> int:
        """Raises `UsageError`, e.g. when the disk is full; a closed pipe stays a `BrokenPipeError`."""
        if self.held is not None:
            self.held += data
            if len(self.held) > MAX_HELD_BYTES:
                self.begin()
            return len(data)
        try:
            return self.stream.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._failure(error) from error

    def flush(self) -> None:
        """As `write`."""
        if self.held is not None:
            return
        try:
            self.stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> UsageError:
        return UsageError(f"cannot write {self.what}: {error.strerror}; the scan was given up")


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a scan: each format's module has `make(output) -> Sink`."""

    stream: Stream
    """Open for writing; the sink flushes it at the end."""
    tally: Tally
    """Told of each file before the sink is."""
    request: Request
    started: str
    """Time of the start in UTC, RFC 3339."""
    only_findings: bool = False
