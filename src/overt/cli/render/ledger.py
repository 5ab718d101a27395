"""A ledger's entries as lines and CSV, and what verifying found."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from overt.cli.quantities import duration
from overt.cli.render.csv import safe
from overt.cli.voice import styled, visible
from overt.core import canonical
from overt.ledger import Entry, Head, Report
from overt.ledger.check import Problem

SCHEMA = "overt-ledger-verify/1"
COLUMNS = ("seq", "time", "kind", "facts", "prev", "sig")
_SHOWN, _SHOWN_PROBLEMS = 10, 3
"""Remarks, and problems of each kind, that people see; --json has more."""


def line(entry: Entry) -> str:
    """`number  time  kind  fact=value …`."""
    when = entry.time[:19].replace("T", " ")
    facts = " ".join(f"{name}={_value(value)}" for name, value in entry.facts.items())
    return f"{entry.sequence:>6}  {when}  {visible(entry.kind):<16} {facts}"


def _value(value: object) -> str:
    """Text as it is when it is one word, else quoted; whatever it holds, on one line."""
    if isinstance(value, str) and value and value.isprintable() and " " not in value and '"' not in value:
        return value
    return visible(canonical.encode(value).decode())


def csv_rows(entries: Iterator[Entry]) -> Iterator[str]:
    """The header, then a row per entry (RFC 4180), with the facts as one cell of JSON."""
    yield _row(COLUMNS)
    for entry in entries:
        facts = canonical.encode(dict(entry.facts)).decode()
        signature = json.loads(entry.line)["sig"]
        cells = (str(entry.sequence), entry.time, entry.kind, facts, entry.previous.hex(), signature)
        yield _row(tuple(map(safe, cells)))


def _row(cells: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()


def report_json(report: Report) -> str:
    """`overt-ledger-verify/1`, one document."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "intact": report.ok,
            "start": report.start,
            "size": report.size,
            "omitted": report.omitted,
            "digest": report.digest.hex(),
            "keys": [key.text for key in report.keys],
            "anchored_size": report.anchored_size,
            "problem_count": report.problem_count,
            "problems": [asdict(problem) for problem in report.problems],
            "recoveries": [asdict(recovery) for recovery in report.recoveries],
            "clock_steps": [asdict(step) for step in report.clock_steps],
            "kinds": report.kinds,
            "torn_bytes": report.torn_bytes,
        },
        indent=2,
    )


def report_lines(report: Report, anchor: Head | None, where: str) -> Iterator[str]:
    """One line per fact, next step last."""
    count = report.size - report.start
    yield f"ledger    {visible(where)}"
    yield f"entries   {entries_text(count)}{_range(report)}"
    for kind, number in sorted(report.kinds.items()):
        yield f"          {number:>9,} {visible(kind)}"
    if report.omitted:
        yield f"          {report.omitted:>9,} left out, their hashes stand for them"
    for key in report.keys:
        yield f"key       {key.fingerprint}"
    yield f"digest    {report.digest.hex() or 'unknown after the last problem'}"
    yield from _remarks(report)
    yield f"anchor    {_anchor(report, anchor)}"
    shown = list(_first_of_each(report))
    for problem in shown:
        yield f"{styled('problem', 'red')}   {_problem(problem)}"
    if report.problem_count > len(shown):
        yield f"          and {report.problem_count - len(shown):,} more: see --json"
    yield f"verdict   {styled('intact', 'green') if report.ok else styled('NOT intact', 'red')}"
    yield f"next      {_next(report, anchor)}"


def _first_of_each(report: Report) -> Iterator[Problem]:
    """A few problems of each kind: a thousand of one must not hide another."""
    seen: Counter[str] = Counter()
    for problem in report.problems:
        seen[problem.fault] += 1
        if seen[problem.fault] <= _SHOWN_PROBLEMS:
            yield problem


def entries_text(count: int) -> str:
    """`1 entry`, `2,000 entries`."""
    return f"{count:,} " + ("entry" if count == 1 else "entries")


def _range(report: Report) -> str:
    return f", numbered {report.start} to {report.size - 1}" if report.size > report.start else ""


def _remarks(report: Report) -> Iterator[str]:
    for recovery in report.recoveries[:_SHOWN]:
        yield f"recovered entry {recovery.sequence}, {recovery.time[:19]}: {visible(recovery.reason)}"
    for step in report.clock_steps[:_SHOWN]:
        yield f"clock     entry {step.sequence} is dated {duration(step.back_s)} before the one in front of it"
    if report.torn_bytes:
        yield f"torn      {report.torn_bytes} bytes behind the last entry: the next one puts them aside"


def _anchor(report: Report, anchor: Head | None) -> str:
    if anchor is None:
        return "none given: whoever has this machine's key could have rewritten everything"
    if report.anchored_size is None:
        return "does not fit"
    return f"holds: the first {entries_text(report.anchored_size)} are those of {anchor.time[:19]}"


def _problem(problem: Problem) -> str:
    entry = f"entry {problem.sequence}: " if problem.sequence is not None else ""
    where = f" ({visible(problem.where)})" if problem.where else ""
    return f"{problem.fault}: {entry}{visible(problem.detail)}{where}"


def _next(report: Report, anchor: Head | None) -> str:
    if not report.ok:
        return "keep a copy of the whole folder as it is now, and find out who could write there"
    if anchor is None:
        return "overt ledger head prints a head to keep elsewhere; --anchor checks against it"
    return "overt ledger head prints a newer head to keep"
