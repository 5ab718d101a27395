"""What every file format's sink is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from overt.cli.render.tally import Tally
from overt.scan.request import Request


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a scan: each format's module has `make(output) -> Sink`."""

    stream: BinaryIO
    """Open for writing; the sink flushes it at the end."""
    tally: Tally
    """Told of each file before the sink is."""
    request: Request
    started: str
    """Time of the start in UTC, RFC 3339."""
    only_findings: bool = False
