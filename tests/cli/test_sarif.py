"""SARIF against the official schema."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from overt.cli.render import sarif
from tests.cli import reports

SCHEMA = json.loads((Path(__file__).parents[1] / "data/sarif-schema-2.1.0.json").read_text("utf-8"))


def run(told: Any = reports.ALL, **changes: Any) -> dict[str, Any]:
    stream = io.BytesIO()
    reports.tell(sarif.make(reports.output(stream)), reports=told, ending=reports.summary(**changes))
    log = json.loads(stream.getvalue())
    Draft4Validator(SCHEMA, format_checker=Draft4Validator.FORMAT_CHECKER).validate(log)
    return dict(log["runs"][0])


def test_empty_sessions_are_valid() -> None:
    assert run(())["results"] == []


def test_findings_are_results_with_rule_level_and_the_file_on_disk() -> None:
    log = run()
    result = log["results"][0]
    assert (result["ruleId"], result["level"]) == ("Test_Rule", "error")
    assert log["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "Test_Rule"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///srv/mail.eml"
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == (
        "/srv/mail.eml ▸ invoice.zip ▸ a.exe"
    )
    assert "Ada Example" in result["message"]["text"]


def test_members_are_nested_artifacts_with_the_regions_that_matched() -> None:
    log = run()
    places = [match["physicalLocation"] for match in log["results"][0]["relatedLocations"]]
    assert places[0]["region"] == {"byteOffset": 31, "byteLength": 4}
    artifacts = log["artifacts"]
    chain = [artifacts[places[0]["artifactLocation"]["index"]]]
    while "parentIndex" in chain[-1]:
        chain.append(artifacts[chain[-1]["parentIndex"]])
    assert [item["location"]["uri"] for item in chain] == ["a.exe", "invoice.zip", "file:///srv/mail.eml"]
    assert chain[0]["hashes"] == {"sha-256": reports.SHA256}


def test_gaps_are_notifications_of_the_invocation() -> None:
    invocation = run(interrupted=True)["invocations"][0]
    assert invocation["executionSuccessful"] is False
    told = invocation["toolExecutionNotifications"]
    assert [item["descriptor"]["id"] for item in told] == [
        "encrypted",
        "max_file_bytes",
        "deadline",
        "unreadable",
    ]
    assert told[-1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///srv/caf%E9.bin"


def test_gaps_beyond_the_cap_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_NOTIFICATIONS", 2)
    told = run()["invocations"][0]["toolExecutionNotifications"]
    assert told[-1]["message"]["text"] == "2 more parts were not examined"


@pytest.mark.parametrize(
    ("path", "uri"),
    [("a b/c.txt", "a%20b/c.txt"), ("C:x", "./C%3Ax"), ("/x%y#z?", "file:///x%25y%23z%3F"), ("é", "%C3%A9")],
)
def test_paths_become_uris(path: str, uri: str) -> None:
    assert sarif.uri(path) == uri
