"""JSON Lines against the published schema."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from overt.cli.render import jsonl
from overt.cli.render.tally import Tally
from overt.core.model import Reason, Severity, Verdict
from tests.cli import reports

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schema/scan-1.schema.json").read_text("utf-8"))


def records(only_findings: bool = False) -> list[dict[str, Any]]:
    stream, tally = io.BytesIO(), Tally()
    reports.tell(tally, jsonl.make(reports.output(stream, tally, only_findings)))
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def undescribed(record: Any, schema: Any) -> set[str]:
    """Keys of `record`, at any depth, that the schema does not describe."""
    schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(record, list):
        return set().union(*(undescribed(item, schema["items"]) for item in record))
    if not isinstance(record, dict) or "properties" not in schema:
        return set()
    unknown = record.keys() - schema["properties"].keys()
    return unknown.union(
        *(
            undescribed(value, schema["properties"][key])
            for key, value in record.items()
            if key not in unknown
        )
    )


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "record", records(), ids=lambda record: f"{record['record']} {record.get('path', '')!a}"
)
def test_every_record_is_valid_and_described(record: dict[str, Any]) -> None:
    Draft202012Validator(SCHEMA).validate(record)
    assert not undescribed(record, SCHEMA["$defs"][record["record"]])


def test_start_files_summary() -> None:
    told = records()
    assert [record["record"] for record in told] == ["start", *["file"] * len(reports.ALL), "summary"]
    assert told[-1]["reasons"] == {"encrypted": 1, "max_file_bytes": 1, "deadline": 1, "unreadable": 1}
    assert told[-1]["verdict"] == "infected"


def test_undecodable_names_keep_their_bytes() -> None:
    record = next(record for record in records() if "path_bytes" in record)
    assert record["path"] == "/srv/caf\ufffd.bin"
    assert base64.b64decode(record["path_bytes"]) == os.fsencode(reports.UNDECODABLE.path)


def test_only_findings() -> None:
    assert all(record["findings"] for record in records(only_findings=True)[1:-1])


def test_the_schema_knows_every_word() -> None:
    words = SCHEMA["$defs"]
    assert words["reason"]["enum"] == [reason.value for reason in Reason]
    assert words["severity"]["enum"] == [severity.value for severity in Severity]
    assert words["verdict"]["enum"] == [verdict.value for verdict in Verdict]
