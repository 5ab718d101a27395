"""The report for people: one line per file that is not clean, then a summary, the next step last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from overt.cli.quantities import counted, duration, size_text
from overt.cli.render.place import place, worst
from overt.cli.render.tally import Tally
from overt.cli.voice import styled, visible
from overt.core.model import ChannelNotice, FileReport, Finding, Gap, Severity, StaleChannel, Summary, Verdict
from overt.scan.request import Progress

STYLE = {Verdict.CLEAN: "green", Verdict.INFECTED: "red", Verdict.INCOMPLETE: "yellow"}
NOT_FILES = "sockets, devices, pipes and pseudo files"
MAX_NAMES = 5
"""Ignored rules named in the summary."""
MAX_DETAILS = 50
"""Findings and gaps shown per file with --verbose."""


class Human:
    """Writes lines through `write` (one call per line, so that a progress bar can step aside); `stream` decides
    about colours and is flushed at the end."""

    shows_progress = False

    def __init__(
        self,
        stream: TextIO,
        write: Callable[[str], None],
        tally: Tally,
        *,
        verbose: bool = False,
        only_findings: bool = False,
    ) -> None:
        self._stream = stream
        self._write = write
        self._tally = tally
        self._verbose = verbose
        self._only_findings = only_findings
        self.every_file = verbose and not only_findings

    def file(self, report: FileReport) -> None:
        """Say a file that is infected or incomplete (with `verbose`: every file, and everything about it)."""
        examination = report.examination
        if not self._wanted(report):
            return
        label = self._styled(f"{report.verdict.value:<11}", STYLE[report.verdict])
        if not self._verbose:
            self._write(f"{label} {headline(report)}")
            return
        self._write(f"{label} {place(report.path)}{quarantine_text(report)}")
        details = [
            *map(finding_line, examination.findings),
            *map(ignored_line, report.ignored),
            *map(gap_line, examination.gaps),
        ]
        for line in details[:MAX_DETAILS]:
            self._write(f"            {line}")
        if len(details) > MAX_DETAILS:
            self._write(f"            and {len(details) - MAX_DETAILS:,} more")

    def _wanted(self, report: FileReport) -> bool:
        if self._only_findings:
            if self._verbose:
                return bool(report.examination.findings or report.ignored)
            return report.verdict is Verdict.INFECTED
        return self._verbose or report.verdict is not Verdict.CLEAN

    def progress(self, progress: Progress) -> None:
        """Nothing: the bar is a sink of its own."""

    def finish(self, summary: Summary) -> None:
        """Write the summary and the next step."""
        self._write("")
        for name, text, style in summary_facts(summary, self._tally):
            self._write(f"{name:<12} {self._styled(text, style) if style else text}")
        self._stream.flush()

    def _styled(self, text: str, style: str) -> str:
        return styled(text, style, self._stream)


def headline(report: FileReport) -> str:
    """The one line about a file: the worst finding, or the first gap, and how much more there is."""
    examination = report.examination
    more = ""
    if report.verdict is Verdict.INFECTED:
        finding = worst(examination.findings)
        text = f"{place(report.path, finding.inside)}: {finding_text(finding)}"
        others = sum(other.severity is not Severity.NOTE for other in examination.findings) - 1
        more = f", and {counted(others, 'more finding')}" if others else ""
    else:
        gap = examination.gaps[0]
        text = f"{place(report.path, gap.inside)}: {gap_text(gap)}"
    unexamined = len(examination.gaps) - (report.verdict is Verdict.INCOMPLETE)
    if unexamined > 0:
        what = "part not examined" if unexamined == 1 else "parts not examined"
        more += f", and {unexamined:,} {what}"
    return text + more + quarantine_text(report)


def quarantine_text(report: FileReport) -> str:
    """Where the file is now, when moving it was asked for."""
    if report.quarantined:
        rest = f"; {visible(report.quarantine_error)}" if report.quarantine_error else ""
        return f" [in quarantine as {visible(report.quarantined)}{rest}]"
    return f" [NOT in quarantine: {visible(report.quarantine_error)}]" if report.quarantine_error else ""


def finding_text(finding: Finding) -> str:
    """Rule, severity and author; the author is always named, as some rule licences demand."""
    by = f", by {visible(finding.author)}" if finding.author else ""
    return f"{visible(finding.rule)} ({finding.severity.value}{by}; {visible(finding.pack)})"


def gap_text(gap: Gap) -> str:
    """Reason and detail."""
    return f"{gap.reason.value}: {visible(gap.detail)}" if gap.detail else gap.reason.value


def finding_line(finding: Finding) -> str:
    """A finding of its own line: where inside, then what."""
    where = f"▸ {place(finding.inside[0], finding.inside[1:])}: " if finding.inside else ""
    return f"{where}{finding_text(finding)}"


def ignored_line(finding: Finding) -> str:
    """A finding of an ignored rule on its own line."""
    return f"ignored: {finding_line(finding)}"


def gap_line(gap: Gap) -> str:
    """A gap on its own line: where inside, then why."""
    where = f"▸ {place(gap.inside[0], gap.inside[1:])}: " if gap.inside else ""
    return f"{where}not examined: {gap_text(gap)}"


def summary_facts(summary: Summary, tally: Tally) -> list[tuple[str, str, str]]:
    """(name, text, style) per line of the summary block, in order."""
    verdict, style = overall(summary)
    facts = [("verdict", verdict, style), ("files", files_text(summary), "")]
    if tally.reasons:
        facts.append(("reasons", reasons_text(tally), ""))
    if tally.notes:
        facts.append(
            ("notes", f"{counted(tally.notes, 'file')} with something worth knowing (--verbose)", "")
        )
    if tally.ignoring:
        facts.append(("ignored", ignored_text(tally), "yellow" if tally.ignored else ""))
    if left := left_out_text(summary):
        facts.append(("left out", left, ""))
    if summary.quarantined:
        facts.append(("quarantine", f"{counted(summary.quarantined, 'file')} moved there", ""))
    facts += [
        ("bytes", bytes_text(summary), ""),
        ("time", time_text(summary), ""),
        ("rules", rules_text(summary), ""),
        ("confinement", confinement_text(summary), "" if summary.confinement == "confined" else "red"),
    ]
    facts += [("channel", notice_text(notice), "yellow") for notice in summary.notices]
    facts += [("stale", stale_text(channel), "yellow") for channel in summary.stale]
    facts += [("next", step, "bold") for step in next_steps(summary, tally)]
    return facts


def stale_text(channel: StaleChannel) -> str:
    """Since when, why, and what to do."""
    since = f"{datetime.fromtimestamp(channel.since_s, UTC):%Y-%m-%d %H:%M} UTC"
    return visible(f"the rules of {channel.channel} since {since}: {channel.why}; {channel.advice}")


def notice_text(notice: ChannelNotice) -> str:
    """What everybody is told of a channel."""
    return visible(f"{notice.channel}: {notice.text}")


def overall(summary: Summary) -> tuple[str, str]:
    """The verdict on the whole session, and its style."""
    if summary.infected:
        text, style = f"infected: {counted(summary.infected, 'file')}", "red"
    elif summary.interrupted:
        return "interrupted: what was not reached was not examined", "yellow"
    elif summary.incomplete:
        text, style = f"incomplete: {counted(summary.incomplete, 'file')} not wholly examined", "yellow"
    elif not summary.files:
        text, style = "nothing was examined", "yellow"
    else:
        text, style = "clean: every file was examined", "green"
    return (f"{text} (interrupted)" if summary.interrupted else text), style


def files_text(summary: Summary) -> str:
    """How many files, by verdict."""
    return (
        f"{counted(summary.files, 'file')}: {summary.clean:,} clean, {summary.infected:,} infected, "
        f"{summary.incomplete:,} incomplete"
    )


def reasons_text(tally: Tally) -> str:
    """Why files were not wholly examined, the commonest reason first."""
    return ", ".join(f"{count:,} {reason.value}" for reason, count in tally.reasons.most_common())


def ignored_text(tally: Tally) -> str:
    """How many findings the rules have that the user chose to ignore, and which rules those are."""
    if not tally.ignored:
        return f"0 findings (--ignore-rule {visible(' '.join(tally.ignoring))})"
    names = [visible(rule) for _, rule in tally.ignored]
    shown = ", ".join(names[:MAX_NAMES]) + (", …" if len(names) > MAX_NAMES else "")
    findings = counted(tally.ignored.total(), "finding")
    return f"{findings} of {counted(len(names), 'rule')} ({shown}; --ignore-rule)"


def left_out_text(summary: Summary) -> str:
    """What was not a file to examine, or left out on request; empty when nothing was."""
    parts = []
    if summary.excluded:
        parts.append(f"{summary.excluded:,} excluded")
    if summary.links:
        parts.append(f"{counted(summary.links, 'symbolic link')} not followed")
    if summary.not_files:
        what = "socket, device, pipe or pseudo file" if summary.not_files == 1 else NOT_FILES
        parts.append(f"{summary.not_files:,} {what}")
    return ", ".join(parts)


def bytes_text(summary: Summary) -> str:
    """Bytes read and unpacked."""
    unpacked = f", {size_text(summary.bytes_unpacked)} unpacked from them" if summary.bytes_unpacked else ""
    return f"{size_text(summary.bytes_examined)} examined{unpacked}"


def time_text(summary: Summary) -> str:
    """Time and rates."""
    elapsed = max(summary.elapsed_s, 1e-6)
    total = summary.bytes_examined + summary.bytes_unpacked
    text = f"{duration(summary.elapsed_s)}, {size_text(total / elapsed)}/s, {summary.files / elapsed:,.0f} files/s"
    return f"{text}, {counted(summary.cached, 'verdict')} from the cache" if summary.cached else text


def rules_text(summary: Summary) -> str:
    """What was looked for."""
    packs = f" ({', '.join(map(visible, summary.packs))})" if summary.packs else ""
    hashes = f", {counted(summary.hashes, 'hash', 'es')}" if summary.hashes else ""
    return f"{counted(summary.rules, 'rule')}{hashes}{packs}"


def confinement_text(summary: Summary) -> str:
    """Promise 1 in one line, whichever way it went."""
    if summary.confinement == "confined":
        return "confined by the kernel"
    return "UNCONFINED: the kernel did not hold the scanner's processes back"


def next_steps(summary: Summary, tally: Tally) -> list[str]:
    """What to do now; empty when all is well."""
    steps = []
    explain = "overt explain -, given the same input," if tally.stdin_only else "overt explain FILE"
    if summary.infected > summary.quarantined:
        steps.append(f"{explain} shows why{_moving(tally)}")
    elif summary.infected:
        steps.append("overt quarantine list shows what was moved; overt quarantine restore ID brings it back")
    elif summary.incomplete:
        steps.append(f"{explain} says what each reason means and which flag changes it")
    if summary.interrupted:
        steps.append("run the same command again: without --no-cache, known verdicts come from the cache")
    return steps


def _moving(tally: Tally) -> str:
    """How infected files get into quarantine, or why some did not; standard input cannot be moved."""
    if tally.unmoved:
        what = "1 file is" if tally.unmoved == 1 else f"{tally.unmoved:,} files are"
        return f"; {what} still in place: what follows NOT in quarantine, above, says what to change"
    return "" if tally.stdin_only else "; overt scan --quarantine PATH moves infected files away"
