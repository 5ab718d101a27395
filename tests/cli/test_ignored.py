"""Findings of rules that the user chose to ignore: in every output, and in no verdict."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator, Draft202012Validator

from overt.cli.render import csv as csv_sink
from overt.cli.render import html, jsonl, sarif
from overt.cli.render.human import Human, ignored_text
from overt.cli.render.output import Output
from overt.cli.render.tally import Tally
from overt.core.model import FileReport
from overt.scan.request import Sink
from tests.cli import reports

DATA = Path(__file__).parents[1] / "data"
SCHEMAS = Path(__file__).parents[2] / "docs/schema"
TOLD = (reports.CLEAN, reports.INFECTED, reports.IGNORED)
GLOBS = ("base:Test_*",)


def written(make: Any, told: tuple[FileReport, ...] = TOLD, only_findings: bool = False) -> str:
    """What the sink writes of a session that ignores rules."""
    stream, tally = io.BytesIO(), Tally(ignoring=GLOBS)
    output: Output = reports.output(stream, tally, only_findings, GLOBS)
    sink: Sink = make(output)
    reports.tell(tally, sink, reports=told, ending=reports.summary(clean=2, infected=1, incomplete=0))
    return stream.getvalue().decode()


def test_json_says_what_was_ignored_in_start_file_and_summary() -> None:
    records = [json.loads(line) for line in written(jsonl.make, only_findings=True).splitlines()]
    schema = Draft202012Validator(json.loads((SCHEMAS / "scan-1.schema.json").read_text("utf-8")))
    for record in records:
        schema.validate(record)
        described = schema.schema["$defs"][record["record"]]["properties"]
        assert record.keys() <= described.keys()
    start, infected, ignored, summary = records
    assert start["ignore_rules"] == ["base:Test_*"]
    assert (infected["path"], "ignored" in infected) == ("/srv/mail.eml", False)
    assert (ignored["verdict"], "findings" in ignored, ignored["ignored"][0]["rule"]) == (
        "clean",
        False,
        "Test_Rule",
    )
    assert summary["ignored"] == [{"rule": "Test_Rule", "pack": "base", "findings": 1}]


def test_sarif_suppresses_them() -> None:
    log = json.loads(written(sarif.make))
    Draft4Validator(json.loads((DATA / "sarif-schema-2.1.0.json").read_text("utf-8"))).validate(log)
    results = log["runs"][0]["results"]
    uri = "file:///srv/ours.exe"
    for result in results:
        ours = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri
        assert [item["kind"] for item in result["suppressions"]] == (["external"] if ours else [])
    assert len(results) == 3


def test_without_ignored_rules_sarif_says_nothing_of_suppressions() -> None:
    stream = io.BytesIO()
    reports.tell(sarif.make(reports.output(stream)))
    assert "suppressions" not in stream.getvalue().decode()


def test_csv_has_a_row_of_its_own_kind() -> None:
    rows = list(csv.DictReader(io.StringIO(written(csv_sink.make, only_findings=True), newline="")))
    assert [(row["row"], row["verdict"], row["rule_or_reason"]) for row in rows] == [
        ("finding", "infected", "Test_Rule"),
        ("finding", "infected", "Packed"),
        ("ignored", "clean", "Test_Rule"),
    ]


def test_the_page_lists_and_counts_them() -> None:
    page = written(html.make)
    assert "1 finding of 1 rule (Test_Rule; --ignore-rule)" in page
    assert page.count('class="tag ignored"') == 1
    assert "/srv/" in page and "ours.exe" in page


def test_people_are_told() -> None:
    lines: list[str] = []
    tally = Tally(ignoring=GLOBS)
    sink = Human(io.StringIO(), lines.append, tally, verbose=True, only_findings=True)
    reports.tell(tally, sink, reports=TOLD)
    assert "clean       /srv/ours.exe" in lines
    assert any(line.strip().startswith("ignored: ▸ invoice.zip ▸ a.exe: Test_Rule (high") for line in lines)
    assert "ignored      1 finding of 1 rule (Test_Rule; --ignore-rule)" in lines
    assert ignored_text(Tally(ignoring=("x", "y"))) == "0 findings (--ignore-rule x y)"
