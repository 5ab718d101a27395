"""Counts over a whole session that the summary of the session itself does not hold. Bounded: one entry per reason,
file type and rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from overt.core.model import FileReport, Finding, Reason, Severity, Summary, Verdict
from overt.scan.request import Progress


@dataclass(slots=True)
class KindTotals:
    """What one file type cost."""

    files: int = 0
    bytes: int = 0
    elapsed_s: float = 0.0


@dataclass(slots=True)
class RuleTotals:
    """How often one rule matched; `finding` is the first match."""

    finding: Finding
    findings: int = 0


@dataclass(slots=True)
class Tally:
    """A sink that only counts. Shared by the sinks after it."""

    reasons: Counter[Reason] = field(default_factory=Counter)
    """Files per reason: a file with ten encrypted members counts once."""
    kinds: dict[str, KindTotals] = field(default_factory=dict)
    rules: dict[tuple[str, str], RuleTotals] = field(default_factory=dict)
    """(pack, rule) → totals, notes included."""
    ignored: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(pack, rule) → findings of a rule that the user chose to ignore."""
    notes: int = 0
    """Files with nothing worse than a note."""
    unmoved: int = 0
    """Files that quarantine was asked for, and which stayed where they are."""
    remarks: int = 0
    """Clean files with a note or with an ignored finding."""
    ignoring: tuple[str, ...] = ()
    """The rules that the user chose to ignore, as given."""
    stdin_only: bool = False
    """Nothing but standard input was scanned: there is no file to name in the next step."""
    every_file: bool = False
    shows_progress: bool = False

    def file(self, report: FileReport) -> None:
        """Count one file."""
        examination = report.examination
        kind = self.kinds.setdefault(examination.kind, KindTotals())
        kind.files += 1
        kind.bytes += examination.bytes_examined + examination.bytes_unpacked
        kind.elapsed_s += report.elapsed_s
        self.reasons.update(dict.fromkeys((gap.reason for gap in examination.gaps), 1))
        for finding in examination.findings:
            self.rules.setdefault((finding.pack, finding.rule), RuleTotals(finding)).findings += 1
        self.ignored.update((finding.pack, finding.rule) for finding in report.ignored)
        if examination.findings and all(f.severity is Severity.NOTE for f in examination.findings):
            self.notes += 1
        if report.verdict is Verdict.CLEAN and (examination.findings or report.ignored):
            self.remarks += 1
        if report.quarantine_error and not report.quarantined:
            self.unmoved += 1

    def progress(self, progress: Progress) -> None:
        """Nothing to count."""

    def finish(self, summary: Summary) -> None:
        """Nothing to write."""
