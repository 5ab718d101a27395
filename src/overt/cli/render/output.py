"""What every file format's sink is made from."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class NamedStream:
    """A stream whose errors say which output could not be written."""

    stream: BinaryIO
    what: str

    def write(self, data: bytes, /) -> int:
        """Raises `UsageError`, e.g. when the disk is full; a closed pipe stays a `BrokenPipeError`."""
        try:
            return self.stream.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._failure(error) from error

    def flush(self) -> None:
        """As `write`."""
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
