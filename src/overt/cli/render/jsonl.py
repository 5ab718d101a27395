"""JSON Lines (`overt-scan/1`): a start record, one record per file, a summary record."""

from __future__ import annotations

from dataclasses import asdict

import msgspec

from overt import __version__
from overt.cli.render.output import Output
from overt.cli.render.place import valid
from overt.cli.render.records import SCHEMA, Record, Start, file_record, totals
from overt.core.model import FileReport, Summary
from overt.scan.request import Progress, Sink

_encode = msgspec.json.Encoder().encode_lines


def make(output: Output) -> Sink:
    """The sink for `--json`."""
    return JsonLines(output)


class JsonLines:
    """Writes to the output's stream, which is flushed when something was found, and at the end."""

    shows_progress = False

    def __init__(self, output: Output) -> None:
        self._stream = output.stream
        self._tally = output.tally
        self._only_findings = output.only_findings
        self.every_file = not output.only_findings
        limits = asdict(output.request.limits)
        targets = tuple(map(valid, output.request.targets))
        ignored = tuple(map(valid, output.request.ignore_rules))
        self._write(Start(SCHEMA, __version__, output.started, targets, limits, ignored))

    def file(self, report: FileReport) -> None:
        """One `file` record (with `only_findings`: when there is a finding, ignored or not)."""
        if report.examination.findings or report.ignored or not self._only_findings:
            self._write(file_record(report))
            if report.examination.findings:
                self._stream.flush()

    def progress(self, progress: Progress) -> None:
        """Nothing is written about progress."""

    def finish(self, summary: Summary) -> None:
        """The `summary` record."""
        self._write(totals(summary, self._tally))
        self._stream.flush()

    def _write(self, record: Record) -> None:
        self._stream.write(_encode((record,)))
