"""A quarantined file as a line, as a page and as `overt-quarantine/1` (docs/schema/quarantine-1.schema.json)."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from overt.cli.quantities import counted, size_text
from overt.cli.render.place import path_bytes, place, valid, worst
from overt.cli.render.records import FindingRecord, finding_record
from overt.cli.voice import visible
from overt.core.model import Finding
from overt.vault import Exhibit

SCHEMA = "overt-quarantine/1"


class ExhibitRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of `overt quarantine list --json`. Keys that hold nothing are left out."""

    schema: str
    id: str
    path: str
    sha256: str
    size: int
    sealed: str
    mode: str
    uid: int
    gid: int
    modified: str
    other_names: int
    path_bytes: bytes | None = None
    attributes: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    findings: tuple[FindingRecord, ...] = ()


def as_json(exhibit: Exhibit) -> str:
    """One JSON object on one line."""
    record = ExhibitRecord(
        schema=SCHEMA,
        id=exhibit.id,
        path=valid(exhibit.path),
        sha256=exhibit.sha256,
        size=exhibit.size,
        sealed=_time(exhibit.sealed_at_ns),
        mode=f"{exhibit.mode:04o}",
        uid=exhibit.uid,
        gid=exhibit.gid,
        modified=_time(exhibit.mtime_ns),
        other_names=exhibit.other_names,
        path_bytes=path_bytes(exhibit.path),
        attributes=tuple(valid(attribute.name) for attribute in exhibit.attributes),
        lacks=tuple(map(valid, exhibit.lacks)),
        findings=tuple(map(finding_record, exhibit.findings)),
    )
    return msgspec.json.encode(record).decode()


def line(exhibit: Exhibit) -> str:
    """`ID  when  size  rule  path`."""
    when = _time(exhibit.sealed_at_ns)[:16].replace("T", " ")
    rule = visible(worst(exhibit.findings).rule) if exhibit.findings else "-"
    return f"{exhibit.id}  {when}  {size_text(exhibit.size):>9}  {rule}  {visible(exhibit.path)}"


def details(exhibit: Exhibit) -> Iterator[str]:
    """One line per fact, next step last."""
    yield f"id           {exhibit.id}"
    yield f"file         {visible(exhibit.path)}"
    yield f"size         {size_text(exhibit.size)} ({counted(exhibit.size, 'byte')})"
    yield f"sha-256      {exhibit.sha256}"
    yield f"quarantined  {_time(exhibit.sealed_at_ns)}"
    yield f"modified     {_time(exhibit.mtime_ns)}"
    yield f"mode         {stat.filemode(stat.S_IFREG | exhibit.mode)}, owner {exhibit.uid}, group {exhibit.gid}"
    if exhibit.attributes:
        yield f"attributes   {', '.join(visible(attribute.name) for attribute in exhibit.attributes)}"
    for text in exhibit.lacks:
        yield f"not kept     {visible(text)}"
    if exhibit.other_names:
        names = counted(exhibit.other_names, "other name")
        yield f"hard links   {names} of this file kept the content: find / -xdev -inum {exhibit.inode}"
    for finding in exhibit.findings:
        yield f"finding      {_finding(finding, exhibit.path)}"
    yield f"next         overt quarantine restore {exhibit.id} (or: delete, export)"


def _finding(finding: Finding, path: str) -> str:
    author = f", by {visible(finding.author)}" if finding.author else ""
    where = f" in {place(path, finding.inside)}" if finding.inside else ""
    return f"{visible(finding.rule)} ({finding.severity.value}, {visible(finding.pack)}{author}){where}"


def _time(moment_ns: int) -> str:
    """RFC 3339 in UTC, to the second; a moment that no calendar holds stays a number."""
    try:
        return datetime.fromtimestamp(moment_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{moment_ns // 10**9} s"
