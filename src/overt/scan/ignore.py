"""Rules that the user chose to ignore: their findings are set aside, visibly, after the engine and after the cache.

What an examiner says and what the cache remembers never depends on this, so another choice needs no other cache.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import replace

from overt.core.model import FileReport, Finding, Gap, Reason
from overt.engine.examine import MAX_FINDINGS


class IgnoredRules:
    """Globs over a rule's name, or over `PACK:RULE`; case matters."""

    def __init__(self, globs: Iterable[str]) -> None:
        self._patterns = [re.compile(fnmatch.translate(glob)) for glob in globs]

    def __contains__(self, finding: Finding) -> bool:
        names = finding.rule, f"{finding.pack}:{finding.rule}"
        return any(pattern.match(name) for pattern in self._patterns for name in names)

    def applied(self, report: FileReport) -> FileReport:
        """The report with the findings of ignored rules in `ignored`, where they decide nothing.

        Where the engine may have cut findings off, ignored ones could have crowded out others: that is a gap.
        """
        examination = report.examination
        ignored = tuple(finding for finding in examination.findings if finding in self)
        if not ignored:
            return report
        kept = tuple(finding for finding in examination.findings if finding not in self)
        gaps = examination.gaps
        if len(examination.findings) >= MAX_FINDINGS:
            crowded = Gap(Reason.MATCHES, "findings of ignored rules may have crowded out others")
            gaps = (*gaps, crowded)
        return replace(report, examination=replace(examination, findings=kept, gaps=gaps), ignored=ignored)
