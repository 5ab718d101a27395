"""CSV (RFC 4180): one row per finding (also of ignored rules), one per gap, one per file with none of these."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from overt.cli.render.output import Output
from overt.cli.render.place import ARROW
from overt.cli.voice import visible
from overt.core.model import FileReport, Finding, Gap, Summary
from overt.scan.request import Progress, Sink

COLUMNS = (
    "path",
    "verdict",
    "row",
    "inside",
    "rule_or_reason",
    "severity",
    "author",
    "description_or_detail",
    "reference",
    "licence",
    "pack",
    "sha256",
    "kind",
    "size_bytes",
    "examined_bytes",
    "unpacked_bytes",
    "elapsed_s",
    "cached",
    "quarantined",
    "quarantine_error",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that starts with one of these would be run as a formula by spreadsheet programs (OWASP, CSV injection)."""


def make(output: Output) -> Sink:
    """The sink for `--csv`."""
    return Csv(output)


class Csv:
    """Writes to the output's stream; RFC 4180 wants CRLF."""

    shows_progress = False

    def __init__(self, output: Output) -> None:
        self._stream = output.stream
        self._only_findings = output.only_findings
        self.every_file = not output.only_findings
        self._rows = csv.writer(self, lineterminator="\r\n")
        self._rows.writerow(COLUMNS)

    def write(self, text: str) -> int:
        """Where the rows go."""
        return self._stream.write(text.encode())

    def file(self, report: FileReport) -> None:
        """The file's rows."""
        for row in rows(report):
            if row[0] in ("finding", "ignored") or not self._only_findings:
                cells = (report.path, report.verdict.value, *row, *_file_cells(report))
                self._rows.writerow([safe(cell) for cell in cells])

    def progress(self, progress: Progress) -> None:
        """Nothing."""

    def finish(self, summary: Summary) -> None:
        """Everything is written already; CSV has no place for totals."""
        self._stream.flush()


def rows(report: FileReport) -> Iterator[tuple[str, ...]]:
    """The cells from `row` to `sha256`, per finding, then per gap; one row `file` when there is neither."""
    examination = report.examination
    yield from (_finding_cells("finding", finding) for finding in examination.findings)
    yield from (_finding_cells("ignored", finding) for finding in report.ignored)
    yield from map(_gap_cells, examination.gaps)
    if not (examination.findings or report.ignored or examination.gaps):
        yield ("file", *[""] * 9)


def _finding_cells(row: str, finding: Finding) -> tuple[str, ...]:
    return (
        row,
        ARROW.join(finding.inside),
        finding.rule,
        finding.severity.value,
        finding.author,
        finding.description,
        finding.reference,
        finding.licence,
        finding.pack,
        finding.sha256,
    )


def _gap_cells(gap: Gap) -> tuple[str, ...]:
    return ("gap", ARROW.join(gap.inside), gap.reason.value, "", "", gap.detail, "", "", "", "")


def _file_cells(report: FileReport) -> tuple[str, ...]:
    examination = report.examination
    return (
        examination.kind,
        str(report.size),
        str(examination.bytes_examined),
        str(examination.bytes_unpacked),
        f"{report.elapsed_s:.6f}",
        "yes" if report.cached else "no",
        report.quarantined,
        report.quarantine_error,
    )


def safe(cell: str) -> str:
    """`cell` printable, on one line, and never a formula: a leading apostrophe makes it text."""
    text = visible(cell)
    return f"'{text}" if cell.startswith(_FORMULA) else text
