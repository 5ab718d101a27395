"""The records of `overt-scan/1`, as published in docs/schema/scan-1.schema.json."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from overt.cli.render.place import path_bytes, valid
from overt.cli.render.tally import Tally
from overt.core.model import (
    ChannelNotice,
    Examination,
    FileReport,
    Finding,
    Gap,
    PatternMatch,
    Reason,
    Severity,
    StaleChannel,
    Summary,
    Verdict,
)

SCHEMA = "overt-scan/1"


class Record(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="record"):
    """A line of the output. Keys that hold nothing are left out, except those without a default."""


class MatchRecord(msgspec.Struct, frozen=True):
    """Where a pattern matched, in bytes of the innermost content."""

    pattern: str
    offset: int
    length: int
    data: bytes


class FindingRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rule or hash that matched."""

    rule: str
    pack: str
    severity: Severity
    author: str = ""
    description: str = ""
    reference: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    sha256: str = ""
    matches: tuple[MatchRecord, ...] = ()


class GapRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that was not examined."""

    reason: Reason
    detail: str = ""
    inside: tuple[str, ...] = ()


class Start(Record, tag="start", frozen=True):
    """The first line."""

    schema: str
    overt: str
    started: str
    targets: tuple[str, ...]
    limits: dict[str, float]
    ignore_rules: tuple[str, ...] = ()


class IgnoredRecord(msgspec.Struct, frozen=True):
    """How often an ignored rule matched."""

    rule: str
    pack: str
    findings: int


class NoticeRecord(msgspec.Struct, frozen=True):
    """What everybody who uses a rule channel is told."""

    channel: str
    text: str


class StaleRecord(msgspec.Struct, frozen=True):
    """A rule channel whose rules may be old."""

    channel: str
    since: str
    why: str
    advice: str


class File(Record, tag="file", frozen=True):
    """One file's outcome."""

    path: str
    verdict: Verdict
    kind: str
    size: int
    bytes_examined: int
    elapsed_s: float
    path_bytes: bytes | None = None
    bytes_unpacked: int = 0
    entries: int = 0
    cached: bool = False
    quarantined: str = ""
    quarantine_error: str = ""
    findings: tuple[FindingRecord, ...] = ()
    gaps: tuple[GapRecord, ...] = ()
    ignored: tuple[FindingRecord, ...] = ()


class Totals(Record, tag="summary", frozen=True):
    """The last line."""

    verdict: Verdict
    confinement: str
    files: int
    clean: int
    infected: int
    incomplete: int
    interrupted: bool
    excluded: int
    not_files: int
    links: int
    cached: int
    quarantined: int
    bytes_examined: int
    bytes_unpacked: int
    elapsed_s: float
    packs: tuple[str, ...]
    rules: int
    hashes: int
    reasons: dict[str, int]
    ignored: tuple[IgnoredRecord, ...] = ()
    stale: tuple[StaleRecord, ...] = ()
    notices: tuple[NoticeRecord, ...] = ()


def file_record(report: FileReport) -> File:
    """The `file` record of a report."""
    examination = report.examination
    return File(
        path=valid(report.path),
        verdict=report.verdict,
        kind=examination.kind,
        size=report.size,
        bytes_examined=examination.bytes_examined,
        elapsed_s=round(report.elapsed_s, 6),
        path_bytes=path_bytes(report.path),
        bytes_unpacked=examination.bytes_unpacked,
        entries=examination.entries,
        cached=report.cached,
        quarantined=report.quarantined,
        quarantine_error=valid(report.quarantine_error),
        findings=findings(examination),
        gaps=gaps(examination),
        ignored=tuple(map(finding_record, report.ignored)),
    )


def findings(examination: Examination) -> tuple[FindingRecord, ...]:
    """The `findings` of a record."""
    return tuple(map(finding_record, examination.findings))


def gaps(examination: Examination) -> tuple[GapRecord, ...]:
    """The `gaps` of a record."""
    return tuple(map(gap_record, examination.gaps))


def finding_record(finding: Finding) -> FindingRecord:
    """One of a record's `findings`."""
    return FindingRecord(
        rule=valid(finding.rule),
        pack=valid(finding.pack),
        severity=finding.severity,
        author=valid(finding.author),
        description=valid(finding.description),
        reference=valid(finding.reference),
        licence=valid(finding.licence),
        tags=tuple(map(valid, finding.tags)),
        inside=tuple(map(valid, finding.inside)),
        sha256=finding.sha256,
        matches=tuple(map(_match_record, finding.matches)),
    )


def _match_record(match: PatternMatch) -> MatchRecord:
    return MatchRecord(valid(match.pattern), match.offset, match.length, match.data)


def gap_record(gap: Gap) -> GapRecord:
    """One of a record's `gaps`."""
    return GapRecord(gap.reason, valid(gap.detail), tuple(map(valid, gap.inside)))


def totals(summary: Summary, tally: Tally) -> Totals:
    """The `summary` record."""
    return Totals(
        verdict=overall_verdict(summary),
        confinement=summary.confinement,
        files=summary.files,
        clean=summary.clean,
        infected=summary.infected,
        incomplete=summary.incomplete,
        interrupted=summary.interrupted,
        excluded=summary.excluded,
        not_files=summary.not_files,
        links=summary.links,
        cached=summary.cached,
        quarantined=summary.quarantined,
        bytes_examined=summary.bytes_examined,
        bytes_unpacked=summary.bytes_unpacked,
        elapsed_s=round(summary.elapsed_s, 6),
        packs=tuple(map(valid, summary.packs)),
        rules=summary.rules,
        hashes=summary.hashes,
        reasons={reason.value: count for reason, count in tally.reasons.items()},
        ignored=tuple(
            IgnoredRecord(valid(rule), valid(pack), count) for (pack, rule), count in tally.ignored.items()
        ),
        stale=tuple(map(stale_record, summary.stale)),
        notices=tuple(map(notice_record, summary.notices)),
    )


def notice_record(notice: ChannelNotice) -> NoticeRecord:
    """One of the summary's `notices`."""
    return NoticeRecord(notice.channel, valid(notice.text))


def stale_record(channel: StaleChannel) -> StaleRecord:
    """One of the summary's `stale`."""
    since = f"{datetime.fromtimestamp(channel.since_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return StaleRecord(channel.channel, since, valid(channel.why), valid(channel.advice))


def overall_verdict(summary: Summary) -> Verdict:
    """The session's verdict: `clean` only when it ended by itself and every file is clean."""
    if summary.infected:
        return Verdict.INFECTED
    return Verdict.INCOMPLETE if summary.incomplete or summary.interrupted else Verdict.CLEAN
