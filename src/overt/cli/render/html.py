"""The report to look at: one HTML file without any outside resource, bounded in size, whatever the names contain."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from overt import __version__
from overt.cli.advice import FINDING_STEPS, REASONS, Advice, false_alarm_steps
from overt.cli.quantities import counted, duration, size_text
from overt.cli.render.charts import Slice, bars, donut
from overt.cli.render.human import (
    bytes_text,
    confinement_text,
    ignored_text,
    left_out_text,
    notice_text,
    overall,
    quarantine_text,
    rules_text,
    stale_text,
)
from overt.cli.render.output import Output
from overt.cli.render.place import place, worst
from overt.cli.render.tally import Tally
from overt.cli.voice import visible
from overt.core.model import FileReport, Finding, Gap, Reason, Severity, Summary, Verdict
from overt.scan.request import Progress, Request, Sink
from overt.store.templates import templates

MAX_ROWS = 10_000
"""Files listed; infected ones come first."""
MAX_DETAILS = 12
"""Findings and gaps shown per file."""
MAX_RULES = 500
MAX_KINDS = 8
MAX_TEXT = 400
"""Characters of one text (a path, a description); the middle of a longer one is left out."""

_FOLDER = Path(__file__).parent


class Detail(NamedTuple):
    """One finding or gap of a row."""

    css: str
    inside: str
    title: str
    label: str
    text: str
    sha256: str


class Row(NamedTuple):
    """One file of the table."""

    verdict: str
    name: str
    folder: str
    details: tuple[Detail, ...]
    more: int
    rank: int
    kind: str
    size: int
    size_text: str
    note: str
    remark: str
    """What stands in place of the verdict of a clean file."""


class RuleRow(NamedTuple):
    """One rule that matched."""

    finding: Finding
    findings: int
    link: str


class ReasonRow(NamedTuple):
    """One reason for incompleteness with its advice."""

    name: str
    files: int
    advice: Advice


def make(output: Output) -> Sink:
    """The sink for `--html`."""
    return Html(output)


class Html:
    """Keeps at most `MAX_ROWS` rows per verdict while the session runs, and writes the page at its end."""

    every_file = True
    shows_progress = False

    def __init__(self, output: Output) -> None:
        self._output = output
        self._rows: dict[Verdict, list[Row]] = {verdict: [] for verdict in Verdict}
        self._page = _Page()
        for _ in self._page.generate(Summary(), (), output):
            pass  # once before lock-down: everything that rendering imports is loaded now

    def file(self, report: FileReport) -> None:
        """Keep a row for a file with findings or gaps."""
        examination = report.examination
        kept = self._rows[report.verdict]
        if (examination.findings or examination.gaps or report.ignored) and len(kept) < MAX_ROWS:
            kept.append(_row(report))

    def progress(self, progress: Progress) -> None:
        """Nothing."""

    def finish(self, summary: Summary) -> None:
        """Write the page."""
        order = (Verdict.INFECTED, Verdict.INCOMPLETE, Verdict.CLEAN)
        rows = [row for verdict in order for row in self._rows[verdict]][:MAX_ROWS]
        for part in self._page.generate(summary, rows, self._output):
            self._output.stream.write(part.encode("utf-8", "replace"))
        self._output.stream.flush()


class _Page:
    """The template, its style and its script, read once."""

    def __init__(self) -> None:
        self._template = templates(_FOLDER, {"counted": counted}).get_template("report.html.j2")
        self._style = (_FOLDER / "report.css").read_text("utf-8")
        self._script = (_FOLDER / "report.js").read_text("utf-8")

    def generate(self, summary: Summary, rows: Sequence[Row], output: Output) -> Iterator[str]:
        title, _ = overall(summary)
        tally = output.tally
        return self._template.generate(
            policy=f"default-src 'none'; style-src {_source(self._style)}; script-src {_source(self._script)}",
            style=Markup(self._style),
            script=Markup(self._script),
            version=__version__,
            started=output.started,
            targets=_targets(output.request),
            summary=summary,
            tone=_tone(summary),
            title=title,
            facts=_facts(summary),
            ignored=ignored_text(tally) if tally.ignoring else "",
            charts=_charts(summary, tally),
            rows=rows,
            listed=summary.infected + summary.incomplete + tally.remarks,
            rules=_rules(tally),
            rule_total=len(tally.rules),
            reasons=_reasons(tally),
            finding_steps=FINDING_STEPS,
            false_alarm_steps=false_alarm_steps(pack for pack, _ in tally.rules),
            confinement=confinement_text(summary),
            rules_text=rules_text(summary),
            notices=[notice_text(notice) for notice in summary.notices],
            stale=[stale_text(channel) for channel in summary.stale],
        )


def _source(text: str) -> str:
    """A CSP hash source (CSP level 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def shortened(text: str) -> str:
    """`text` with its middle left out when it is longer than `MAX_TEXT`."""
    half = MAX_TEXT // 2
    return text if len(text) <= MAX_TEXT else f"{text[:half]} … {text[-half:]}"


def _tone(summary: Summary) -> str:
    if summary.infected:
        return "infected"
    return "incomplete" if summary.incomplete or summary.interrupted or not summary.files else "clean"


def _targets(request: Request) -> list[str]:
    names = [place(target) for target in request.targets[:20]]
    if len(request.targets) > 20:
        names.append(f"and {len(request.targets) - 20:,} more")
    if request.files_from:
        names.append(f"the paths listed in {place(request.files_from)}")
    return names


def _facts(summary: Summary) -> list[tuple[str, str, str]]:
    """(label, figure, more) per tile."""
    elapsed = max(summary.elapsed_s, 1e-6)
    size = summary.bytes_examined + summary.bytes_unpacked
    cached = f", {summary.cached:,} from the cache" if summary.cached else ""
    return [
        ("files", f"{summary.files:,}", left_out_text(summary) or "nothing was left out"),
        ("examined", size_text(size), bytes_text(summary)),
        (
            "time",
            duration(summary.elapsed_s),
            f"{size_text(size / elapsed)}/s, {summary.files / elapsed:,.0f} files/s{cached}",
        ),
        ("rules", f"{summary.rules:,}", ", ".join(map(visible, summary.packs)) or "no packs"),
    ]


def _charts(summary: Summary, tally: Tally) -> list[tuple[str, Markup, list[Slice]]]:
    """(title, chart, legend) per chart."""
    verdicts = [
        Slice(verdict.value, count, f"{count:,}", f"c-{verdict.value}")
        for verdict, count in (
            (Verdict.CLEAN, summary.clean),
            (Verdict.INFECTED, summary.infected),
            (Verdict.INCOMPLETE, summary.incomplete),
        )
    ]
    charts = [
        (
            "Verdicts",
            donut(verdicts, f"{summary.files:,}", "file" if summary.files == 1 else "files"),
            verdicts,
        )
    ]
    if tally.reasons:
        reasons = [
            Slice(reason.value, count, counted(count, "file"), "c-incomplete")
            for reason, count in tally.reasons.most_common()[:MAX_KINDS]
        ]
        charts.append(("Not wholly examined, by reason", bars(reasons), []))
    if tally.kinds:
        charts.append(("Bytes examined, by file type", bars(_by_bytes(tally)), []))
        charts.append(("Time spent, by file type", bars(_by_time(tally)), []))
    return charts


def _by_bytes(tally: Tally) -> list[Slice]:
    order = sorted(tally.kinds.items(), key=lambda item: -item[1].bytes)
    return [
        Slice(name, kind.bytes, size_text(kind.bytes), "c-kind") for name, kind in islice(order, MAX_KINDS)
    ]


def _by_time(tally: Tally) -> list[Slice]:
    order = sorted(tally.kinds.items(), key=lambda item: -item[1].elapsed_s)
    return [
        Slice(name, kind.elapsed_s, f"{duration(kind.elapsed_s)}", "c-time")
        for name, kind in islice(order, MAX_KINDS)
    ]


def _rules(tally: Tally) -> list[RuleRow]:
    order = sorted(tally.rules.values(), key=lambda rule: (-rule.finding.severity.rank, -rule.findings))
    return [RuleRow(rule.finding, rule.findings, _link(rule.finding.reference)) for rule in order[:MAX_RULES]]


def _link(reference: str) -> str:
    """`reference` if it is a plain web address; anything else is shown as text only."""
    plain = reference.startswith(("https://", "http://")) and len(reference) <= 500
    return reference if plain and not any(char.isspace() or char in "\"'<>" for char in reference) else ""


def _reasons(tally: Tally) -> list[ReasonRow]:
    return [
        ReasonRow(reason.value, count, REASONS[Reason(reason)])
        for reason, count in tally.reasons.most_common()
    ]


def _row(report: FileReport) -> Row:
    examination = report.examination
    findings = sorted(examination.findings, key=lambda finding: -finding.severity.rank)
    details = [
        *map(_finding_detail, findings[:MAX_DETAILS]),
        *(
            _finding_detail(finding)._replace(css="note", label="ignored")
            for finding in report.ignored[:MAX_DETAILS]
        ),
        *map(_gap_detail, examination.gaps[:MAX_DETAILS]),
    ]
    shown = details[:MAX_DETAILS]
    folder, slash, name = visible(report.path).rpartition("/")
    return Row(
        verdict=report.verdict.value,
        name=shortened(name),
        folder=shortened(folder + slash),
        details=tuple(shown),
        more=len(examination.findings) + len(report.ignored) + len(examination.gaps) - len(shown),
        rank=worst(findings).severity.rank + 1 if findings else 0,
        kind=examination.kind,
        size=report.size,
        size_text=size_text(report.size),
        note=quarantine_text(report).strip(" []"),
        remark="note" if findings else "ignored",
    )


def _finding_detail(finding: Finding) -> Detail:
    by = f"by {visible(finding.author)}" if finding.author else "author not named"
    about = f"{visible(finding.description)} · {by}" if finding.description else by
    css = "note" if finding.severity is Severity.NOTE else "finding"
    inside = shortened(place("", finding.inside).strip(" ▸"))
    title = shortened(visible(finding.rule))
    return Detail(css, inside, title, finding.severity.value, shortened(about), finding.sha256)


def _gap_detail(gap: Gap) -> Detail:
    inside = shortened(place("", gap.inside).strip(" ▸"))
    return Detail("gap", inside, gap.reason.value, "not examined", shortened(visible(gap.detail)), "")
