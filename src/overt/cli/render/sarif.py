"""SARIF 2.1.0 (OASIS): findings are results, gaps are notifications of the invocation.

Results are written as they come, so that memory grows only with what was found; JSON leaves the order of keys free,
and what is known at the end (rules, artifacts, the invocation) follows them.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

import msgspec

from overt import __version__
from overt.cli.advice import REASONS
from overt.cli.render.human import notice_text, stale_text
from overt.cli.render.output import Output
from overt.cli.render.place import ARROW, valid
from overt.cli.render.records import notice_record, stale_record
from overt.cli.voice import visible
from overt.core.model import FileReport, Finding, Gap, PatternMatch, Reason, Severity, Summary, Verdict
from overt.scan.request import Progress, Sink

SCHEMA_URI = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_NOTIFICATIONS = 10_000
"""Gaps written; what is beyond is counted in one notification more."""
MAX_REGIONS = 16
"""Matches located per finding."""

LEVELS = {
    Severity.NOTE: "note",
    Severity.LOW: "warning",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
SCORES = {
    Severity.NOTE: "0.0",
    Severity.LOW: "3.0",
    Severity.MEDIUM: "5.5",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.5",
}
"""`security-severity` as code-scanning services sort by it."""

Json = dict[str, Any]
SUPPRESSION: Json = {
    "kind": "external",
    "status": "accepted",
    "justification": "the user chose to ignore this rule (--ignore-rule)",
}
_encode = msgspec.json.encode


def make(output: Output) -> Sink:
    """The sink for `--sarif`."""
    return Sarif(output)


class Sarif:
    """Writes one run to the output's stream."""

    every_file = False
    shows_progress = False

    def __init__(self, output: Output) -> None:
        self._stream = output.stream
        self._started = output.started
        self._suppressing = bool(output.request.ignore_rules)
        self._rules: dict[tuple[str, str], int] = {}
        self._rule_objects: list[Json] = []
        self._artifacts: dict[tuple[str, ...], int] = {}
        self._artifact_objects: list[Json] = []
        self._notifications: list[Json] = []
        self._gaps = 0
        self._separator = b""
        self._stream.write(
            b'{"$schema":'
            + _encode(SCHEMA_URI)
            + b',"version":"2.1.0","runs":[{"columnKind":"unicodeCodePoints",'
            b'"results":[\n'
        )

    def file(self, report: FileReport) -> None:
        """Write a result per finding (of an ignored rule: a suppressed one), and remember the gaps."""
        for finding in report.examination.findings:
            self._write(self._result(report, finding), [])
        for finding in report.ignored:
            self._write(self._result(report, finding), [SUPPRESSION])
        for gap in report.examination.gaps:
            self._gaps += 1
            if len(self._notifications) < MAX_NOTIFICATIONS:
                self._notifications.append(self._notification(report.path, gap))

    def progress(self, progress: Progress) -> None:
        """Nothing."""

    def finish(self, summary: Summary) -> None:
        """Write the rest of the run."""
        rest = {
            "tool": {"driver": _driver(self._rule_objects)},
            "artifacts": self._artifact_objects,
            "invocations": [self._invocation(summary)],
            "properties": _properties(summary),
        }
        self._stream.write(b"\n]," + _encode(rest)[1:-1] + b"}]}\n")
        self._stream.flush()

    def _write(self, result: Json, suppressions: list[Json]) -> None:
        if self._suppressing:  # SARIF asks for it in all results of a run or in none
            result["suppressions"] = suppressions
        self._stream.write(self._separator + _encode(result))
        self._separator = b",\n"

    def _result(self, report: FileReport, finding: Finding) -> Json:
        place = (report.path, *finding.inside)
        result: Json = {
            "ruleId": valid(finding.rule),
            "ruleIndex": self._rule(finding),
            "level": LEVELS[finding.severity],
            "message": {"text": _message(finding)},
            "locations": [_location({"artifactLocation": self._artifact((report.path,))}, place)],
            "properties": {"pack": valid(finding.pack), "severity": finding.severity.value},
        }
        content = self._artifact(place, finding.sha256)
        if finding.sha256:
            result["partialFingerprints"] = {"contentSha256/v1": finding.sha256}
        if finding.matches:
            result["relatedLocations"] = [
                {
                    "id": number,
                    "message": {"text": f"matched pattern {valid(match.pattern)}"},
                    "physicalLocation": {"artifactLocation": content, "region": _region(match)},
                }
                for number, match in enumerate(finding.matches[:MAX_REGIONS])
            ]
        return result

    def _rule(self, finding: Finding) -> int:
        key = (finding.pack, finding.rule)
        if key not in self._rules:
            self._rules[key] = len(self._rule_objects)
            self._rule_objects.append(_rule(finding))
        return self._rules[key]

    def _artifact(self, place: tuple[str, ...], sha256: str = "") -> Json:
        """The location of the artifact at `place`; its containers are artifacts too (3.24.3, nested artifacts)."""
        if place not in self._artifacts:
            parent = self._artifact(place[:-1])["index"] if len(place) > 1 else -1
            self._artifacts[place] = len(self._artifact_objects)
            self._artifact_objects.append(_artifact(place, parent))
        index = self._artifacts[place]
        artifact = self._artifact_objects[index]
        if sha256:
            artifact["hashes"] = {"sha-256": sha256}
        return {**artifact["location"], "index": index}

    def _notification(self, path: str, gap: Gap) -> Json:
        detail = f": {visible(gap.detail)}" if gap.detail else ""
        place = (path, *gap.inside)
        return {
            "descriptor": {"id": gap.reason.value, "index": list(Reason).index(gap.reason)},
            "level": "warning",
            "message": {"text": f"not examined: {gap.reason.value}{detail}"},
            "locations": [_location({"artifactLocation": {"uri": uri(path)}}, place)],
        }

    def _invocation(self, summary: Summary) -> Json:
        notifications = self._notifications
        if self._gaps > len(notifications):
            text = f"{self._gaps - len(notifications)} more parts were not examined"
            notifications = [*notifications, {"level": "warning", "message": {"text": text}}]
        return {
            "executionSuccessful": not summary.interrupted,
            "startTimeUtc": self._started,
            "toolExecutionNotifications": notifications,
            **_channels(summary),
        }


def _channels(summary: Summary) -> Json:
    """Of rule channels: the tool's configuration is spoken of, not a file (3.20.22)."""
    if not summary.stale and not summary.notices:
        return {}
    notices = [
        {
            "level": "note",
            "message": {"text": notice_text(notice)},
            "properties": msgspec.to_builtins(notice_record(notice)),
        }
        for notice in summary.notices
    ]
    stale = [
        {
            "level": "warning",
            "message": {"text": f"stale: {stale_text(channel)}"},
            "properties": msgspec.to_builtins(stale_record(channel)),
        }
        for channel in summary.stale
    ]
    return {"toolConfigurationNotifications": [*notices, *stale]}


def uri(path: str) -> str:
    """`path` as a URI reference (RFC 3986) that keeps its bytes: absolute paths become `file:` URIs."""
    quoted = quote(os.fsencode(path))
    if path.startswith("/"):
        return f"file://{quoted}"
    return f"./{quoted}" if ":" in path.split("/", 1)[0] else quoted


def _member_uri(name: str) -> str:
    return quote(valid(name).encode(), safe="/") or "%20"


def _artifact(place: tuple[str, ...], parent: int) -> Json:
    if parent < 0:
        return {"location": {"uri": uri(place[0])}, "roles": ["analysisTarget"]}
    return {"location": {"uri": _member_uri(place[-1])}, "parentIndex": parent}


def _location(physical: Json, place: tuple[str, ...]) -> Json:
    """The file on disk, and, for people and services that know no nested artifacts, the path inside it."""
    location: Json = {"physicalLocation": physical}
    if len(place) > 1:
        location["logicalLocations"] = [
            {"name": valid(place[-1]), "fullyQualifiedName": ARROW.join(map(valid, place)), "kind": "member"}
        ]
    return location


def _region(match: PatternMatch) -> Json:
    return {"byteOffset": match.offset, "byteLength": match.length}


def _message(finding: Finding) -> str:
    by = f" by {valid(finding.author)}" if finding.author else ""
    what = f": {valid(finding.description)}" if finding.description else ""
    where = f" in {ARROW.join(map(valid, finding.inside))}" if finding.inside else ""
    return f"rule {valid(finding.rule)}{by} matched{where}{what}"


def _rule(finding: Finding) -> Json:
    text = valid(finding.description or finding.rule)
    rule: Json = {
        "id": valid(finding.rule),
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "defaultConfiguration": {"level": LEVELS[finding.severity]},
        "properties": {
            "security-severity": SCORES[finding.severity],
            "tags": sorted({"security", "malware", *map(valid, finding.tags)}),
            "author": valid(finding.author),
            "licence": valid(finding.licence),
            "pack": valid(finding.pack),
        },
    }
    if finding.reference.startswith(("https://", "http://")):
        rule["helpUri"] = quote(valid(finding.reference).split()[0], safe="/:?#[]@!$&'()*+,;=%~")
    return rule


def _driver(rules: list[Json]) -> Json:
    return {
        "name": "Overt",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": rules,
        "notifications": [
            {
                "id": reason.value,
                "shortDescription": {"text": advice.meaning},
                "help": {"text": advice.remedy},
            }
            for reason, advice in ((reason, REASONS[reason]) for reason in Reason)
        ],
    }


def _properties(summary: Summary) -> Json:
    return {
        "confinement": summary.confinement,
        "files": summary.files,
        "verdicts": {
            Verdict.CLEAN.value: summary.clean,
            Verdict.INFECTED.value: summary.infected,
            Verdict.INCOMPLETE.value: summary.incomplete,
        },
        "packs": list(summary.packs),
        "ruleCount": summary.rules,
        "hashCount": summary.hashes,
    }
