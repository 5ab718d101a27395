"""Made-up reports of a session, with everything that could go wrong in a name."""

from __future__ import annotations

import io
from typing import Any

from overt.cli.render.output import Output
from overt.cli.render.tally import Tally
from overt.core.model import (
    Examination,
    FileReport,
    Finding,
    Gap,
    PatternMatch,
    Reason,
    Severity,
    Summary,
)
from overt.scan.request import Request, Sink

STARTED = "2026-01-02T03:04:05Z"
SHA256 = "ab" * 32

FINDING = Finding(
    rule="Test_Rule",
    pack="base",
    severity=Severity.HIGH,
    author="Ada Example",
    description="a <b>test</b> rule",
    reference="https://example.org/rule",
    licence="Apache-2.0",
    tags=("test",),
    inside=("invoice.zip", "a.exe"),
    sha256=SHA256,
    matches=(PatternMatch("$a", 31, 4, b"\x00\xffAB"), PatternMatch("$b", 64, 100, b"B" * 64)),
)
NOTE = Finding("Packed", "base", Severity.NOTE, "Ada Example", "packed with a packer")

CLEAN = FileReport("/srv/clean.txt", Examination(kind="text", bytes_examined=10), 10, 0.001)
INFECTED = FileReport(
    "/srv/mail.eml",
    Examination((FINDING, NOTE), (), "mail", 1000, 5000, 3),
    1000,
    0.25,
)
MIXED = FileReport(
    "/srv/=cmd|'calc'!A1.zip",
    Examination(
        (FINDING,), (Gap(Reason.ENCRYPTED, "needs a password", ("locked.7z",)),), "zip", 2000, 100, 2
    ),
    2000,
    0.05,
)
INCOMPLETE = FileReport(
    "/srv/<script>alert(1)</script>\n\x1b[31m\u202egpj.iso",
    Examination(
        (), (Gap(Reason.FILE_BYTES, "examined the first 5 of 9 bytes"), Gap(Reason.DEADLINE)), "iso", 5
    ),
    9,
    120.0,
)
UNDECODABLE = FileReport(
    "/srv/caf\udce9.bin", Examination((), (Gap(Reason.UNREADABLE, "Permission denied"),))
)
NOTED = FileReport("/srv/packed.exe", Examination((NOTE,), (), "pe", 50), 50, cached=True)
MOVED = FileReport("/srv/bad.js", Examination((FINDING,), (), "text", 7), 7, quarantined="0f3a")
STUCK = FileReport("/srv/bad2.js", Examination((FINDING,), (), "text", 7), 7, quarantine_error="disk full")
IGNORED = FileReport("/srv/ours.exe", Examination((), (), "pe", 60), 60, ignored=(FINDING,))
"""Not one of `ALL`: only a session that was asked to ignore rules has such a file."""

ALL = (CLEAN, INFECTED, MIXED, INCOMPLETE, UNDECODABLE, NOTED, MOVED, STUCK)


def summary(**changes: Any) -> Summary:
    """The summary of a session over `ALL`."""
    values: dict[str, Any] = {
        "clean": 2,
        "infected": 4,
        "incomplete": 2,
        "excluded": 1,
        "not_files": 2,
        "links": 3,
        "cached": 1,
        "quarantined": 1,
        "bytes_examined": 3079,
        "bytes_unpacked": 5100,
        "elapsed_s": 2.0,
        "confinement": "confined",
        "packs": ("base 1",),
        "rules": 213,
        "hashes": 1,
    }
    return Summary(**(values | changes))


def output(
    stream: io.BytesIO,
    tally: Tally | None = None,
    only_findings: bool = False,
    ignore_rules: tuple[str, ...] = (),
) -> Output:
    """An output into memory."""
    request = Request(("/srv",), ignore_rules=ignore_rules)
    return Output(stream, tally or Tally(ignoring=ignore_rules), request, STARTED, only_findings)


def tell(*sinks: Sink, reports: tuple[FileReport, ...] = ALL, ending: Summary | None = None) -> None:
    """Play a session to the sinks."""
    for report in reports:
        for sink in sinks:
            sink.file(report)
    for sink in sinks:
        sink.finish(ending or summary())
