"""The sinks of `overt explain`: one file's outcome in full, for people and as JSON (`overt-explain/1`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec

from overt import __version__
from overt.channel.client.standing import Origin
from overt.cli.advice import FINDING_STEPS, REASONS, false_alarm_steps
from overt.cli.quantities import duration, size_text
from overt.cli.render.channels import objection_text
from overt.cli.render.hexdump import hexdump
from overt.cli.render.human import STYLE, confinement_text, notice_text, stale_text
from overt.cli.render.place import place, valid
from overt.cli.render.records import (
    File,
    NoticeRecord,
    StaleRecord,
    file_record,
    notice_record,
    stale_record,
)
from overt.cli.voice import say, styled, visible
from overt.core.model import FileReport, Finding, Gap, PatternMatch, Summary, Verdict
from overt.engine.pack import Pack, rule_texts
from overt.scan.request import Progress

SCHEMA = "overt-explain/1"
MAX_SHOWN = 20
"""Findings, gaps, and matches per finding, that are shown to people; JSON has all."""
MAX_RULE_LINES = 200


class _Collected:
    """Keeps what the session says; a session about one path may speak of one file only."""

    every_file = True
    shows_progress = False

    def __init__(self, pack: Pack, origins: Mapping[str, Origin] = MappingProxyType({})) -> None:
        """`origins`: name of a pack → the channel that it came by."""
        self._pack = pack
        self._origins = origins
        self._reports: list[FileReport] = []

    def file(self, report: FileReport) -> None:
        """Keep it until the end, when the confinement is known."""
        self._reports.append(report)

    def progress(self, progress: Progress) -> None:
        """Nothing."""

    def _texts(self) -> dict[tuple[str, str], str]:
        """(pack, rule) → the rule's own text."""
        texts = rule_texts(self._pack)
        return {
            (record.pack, record.name): texts[key]
            for key, record in self._pack.records.items()
            if key in texts
        }


class Explanation(_Collected):
    """For people, on standard output."""

    def finish(self, summary: Summary) -> None:
        """Say everything."""
        texts = self._texts()
        for report in self._reports:
            for line in explanation(report, texts, self._origins):
                say(line)
        style = "dim" if summary.confinement == "confined" else "red"
        say("")
        say(f"confinement  {styled(confinement_text(summary), style)}")
        for notice in summary.notices:
            say(f"channel      {styled(notice_text(notice), 'yellow')}")
        for channel in summary.stale:
            say(f"stale        {styled(stale_text(channel), 'yellow')}")
        sys.stdout.flush()


class JsonExplanation(_Collected):
    """One JSON object on standard output."""

    def finish(self, summary: Summary) -> None:
        """Write it."""
        texts = self._texts()
        for report in self._reports:
            record = _record(report, summary, texts, self._origins)
            sys.stdout.buffer.write(msgspec.json.encode(record) + b"\n")
        sys.stdout.flush()


class RuleText(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule that matched, in its own words; the rest when it came by a rule channel."""

    rule: str
    pack: str
    text: str
    channel: str = ""
    url: str = ""
    review: str = ""
    """What its publisher's review said, unless it passed."""
    published_because: str = ""


class ReasonText(msgspec.Struct, frozen=True):
    """A reason for incompleteness with its advice."""

    reason: str
    meaning: str
    remedy: str


class Explained(msgspec.Struct, frozen=True):
    """The object written by `overt explain --json`."""

    schema: str
    overt: str
    confinement: str
    file: File
    rules: tuple[RuleText, ...]
    reasons: tuple[ReasonText, ...]
    steps: tuple[str, ...]
    stale: tuple[StaleRecord, ...] = ()
    notices: tuple[NoticeRecord, ...] = ()


def _record(
    report: FileReport,
    summary: Summary,
    texts: dict[tuple[str, str], str],
    origins: Mapping[str, Origin],
) -> Explained:
    keys = dict.fromkeys((finding.pack, finding.rule) for finding in report.examination.findings)
    reasons = dict.fromkeys(gap.reason for gap in report.examination.gaps)
    return Explained(
        schema=SCHEMA,
        overt=__version__,
        confinement=summary.confinement,
        file=file_record(report),
        rules=tuple(_rule_text(*key, texts[key], origins) for key in keys if key in texts),
        reasons=tuple(ReasonText(reason.value, *REASONS[reason]) for reason in reasons),
        steps=FINDING_STEPS if report.verdict is Verdict.INFECTED else (),
        stale=tuple(map(stale_record, summary.stale)),
        notices=tuple(map(notice_record, summary.notices)),
    )


def _rule_text(pack: str, rule: str, text: str, origins: Mapping[str, Origin]) -> RuleText:
    plain = RuleText(valid(rule), valid(pack), valid(text))
    if (origin := origins.get(pack)) is None:
        return plain
    told = origin.objections.get(rule)
    return msgspec.structs.replace(
        plain,
        channel=origin.channel,
        url=valid(origin.url),
        review=valid(told.level) if told else "",
        published_because=valid(told.reason) if told else "",
    )


def explanation(
    report: FileReport, texts: dict[tuple[str, str], str], origins: Mapping[str, Origin]
) -> Iterator[str]:
    """All lines about one file."""
    examination = report.examination
    yield f"{styled(report.verdict.value, STYLE[report.verdict])}  {place(report.path)}"
    yield (
        f"{examination.kind}, {size_text(report.size)}, {size_text(examination.bytes_unpacked)} unpacked from it, "
        f"examined in {duration(report.elapsed_s)}"
    )
    findings = sorted(examination.findings, key=lambda finding: -finding.severity.rank)
    untold = dict(texts)
    for number, finding in enumerate(findings[:MAX_SHOWN], 1):
        yield ""
        yield styled(f"finding {number} of {len(findings)}: {visible(finding.rule)}", "bold")
        yield from _finding(finding, origins.get(finding.pack))
        yield from _rule(untold.pop((finding.pack, finding.rule), ""))
    for number, gap in enumerate(examination.gaps[:MAX_SHOWN], 1):
        yield ""
        yield styled(f"not examined {number} of {len(examination.gaps)}: {gap.reason.value}", "bold")
        yield from _gap(gap)
    yield from _what_to_do(report)


def _finding(finding: Finding, origin: Origin | None) -> Iterator[str]:
    told = origin.objections.get(finding.rule) if origin else None
    facts = (
        ("where", place("this file", finding.inside)),
        ("what", visible(finding.description) or "the rule has no description"),
        ("severity", finding.severity.value),
        ("author", visible(finding.author) or "not named"),
        ("reference", visible(finding.reference)),
        ("licence", visible(finding.licence)),
        ("pack", visible(finding.pack)),
        ("channel", visible(f"{origin.channel}, from {origin.url}") if origin else ""),
        ("review", visible(objection_text(told)) if told else ""),
        ("sha-256", finding.sha256),
    )
    yield from (f"  {name:<10} {value}" for name, value in facts if value)
    for match in finding.matches[:MAX_SHOWN]:
        yield from _match(match)
    if len(finding.matches) > MAX_SHOWN:
        yield f"  and {len(finding.matches) - MAX_SHOWN:,} more matches"


def _rule(text: str) -> Iterator[str]:
    """The rule's text, the first time that it matched."""
    lines = text.splitlines()
    if lines:
        yield "  the rule:"
    yield from (f"    {visible(line.expandtabs(4))}" for line in lines[:MAX_RULE_LINES])
    if len(lines) > MAX_RULE_LINES:
        yield f"    and {len(lines) - MAX_RULE_LINES:,} more lines: --json shows all"


def _match(match: PatternMatch) -> Iterator[str]:
    first = f", the first {len(match.data)} shown" if len(match.data) < match.length else ""
    yield f"  matched    {_pattern(match)} at offset {match.offset:,}: {match.length:,} bytes{first}"
    yield from (f"    {line}" for line in hexdump(match.data, match.offset))


def _pattern(match: PatternMatch) -> str:
    return f"${visible(match.pattern.removeprefix('$'))}"


def _gap(gap: Gap) -> Iterator[str]:
    advice = REASONS[gap.reason]
    facts = (
        ("where", place("this file", gap.inside)),
        ("detail", visible(gap.detail)),
        ("means", advice.meaning),
        ("to do", advice.remedy),
    )
    yield from (f"  {name:<10} {value}" for name, value in facts if value)


def _what_to_do(report: FileReport) -> Iterator[str]:
    if report.verdict is Verdict.INFECTED:
        yield ""
        yield styled("what to do", "bold")
        yield from (f"  {number}. {step}" for number, step in enumerate(FINDING_STEPS, 1))
        yield styled("if you think it is a false alarm", "bold")
        packs = (finding.pack for finding in report.examination.findings)
        yield from (f"  - {step}" for step in false_alarm_steps(packs))
    elif report.verdict is Verdict.CLEAN:
        yield ""
        yield "every byte of it was examined" + (
            ", and notes do not make a file infected"
            if report.examination.findings
            else ", and no rule matched"
        )
