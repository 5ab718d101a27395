"""`overt ledger` as people and programs use it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from overt.cli import app
from overt.ledger import Ledger
from overt.ledger.files import segments
from overt.store.paths import paths
from tests.ledger.conftest import fill

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def own(overt_home: Path) -> Ledger:
    ledger = Ledger.open(paths().ledger)
    fill(ledger, 9)
    return ledger


def said(capsys: Captured, code: int, *words: str) -> str:
    """Standard output of a command that ends with `code`."""
    capsys.readouterr()
    assert app.main(["ledger", *words]) == code
    return capsys.readouterr().out


def test_before_anything_is_recorded(capsys: Captured) -> None:
    assert said(capsys, 0, "show") == ""
    for words in (["verify"], ["head"], ["export"], ["rotate-key"], ["show", "--folder", "/nowhere"]):
        assert said(capsys, 2, *words) == ""
    assert not paths().ledger.exists()


def test_show_filters(own: Ledger, capsys: Captured) -> None:
    assert len(said(capsys, 0, "show").splitlines()) == 9
    kinds = said(capsys, 0, "show", "--kind", "installed", "--kind", "decided").splitlines()
    assert [int(line.split()[0]) for line in kinds] == [2, 3, 6, 7]
    newest = said(capsys, 0, "show", "--limit", "2", "--json").splitlines()
    assert [json.loads(line)["seq"] for line in newest] == [7, 8]
    assert said(capsys, 0, "show", "--since", "1h").count("\n") == 9
    assert said(capsys, 0, "show", "--since", "2999-01-01") == ""


def test_shown_facts_stay_on_one_line(own: Ledger, capsys: Captured) -> None:
    """What a server said can't forge lines or colours."""
    hostile = 'x\n     9  2026-01-01 00:00:00  sent\x1b[31m\u202e "ok"'
    own.append("fetch-result", {"request": 1, "outcome": "failed", "error": hostile})
    line = said(capsys, 0, "show", "--limit", "1")
    assert line.count("\n") == 1 and line[:-1].isprintable()


@pytest.mark.parametrize("when", ["yesterday", "7x", "2026-02-30", "999999999w"])
def test_a_moment_that_is_none_is_refused(when: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        app.main(["ledger", "show", "--since", when])
    assert ended.value.code == 2 and "is no moment" in capsys.readouterr().err


def test_verify_against_an_anchor(own: Ledger, capsys: Captured, tmp_path: Path) -> None:
    kept = tmp_path / "anchor"
    kept.write_text(said(capsys, 0, "head"))
    fill(own, 12)
    text = said(capsys, 0, "verify", "--anchor", str(kept))
    assert "entries   12 entries, numbered 0 to 11" in text
    assert "anchor    holds: the first 9 entries" in text and "verdict   intact" in text
    report = json.loads(said(capsys, 0, "verify", "--anchor", str(kept), "--json"))
    assert report["intact"] and report["anchored_size"] == 9 and report["problems"] == []
    kept.write_text(kept.read_text().replace("\n9\n", "\n8\n"))
    assert said(capsys, 2, "verify", "--anchor", str(kept)) == ""
    assert said(capsys, 2, "verify", "--anchor", str(tmp_path / "none")) == ""


def test_verify_says_what_is_wrong_and_ends_with_1(own: Ledger, capsys: Captured) -> None:
    path = own.folder / segments(own.folder)[0]
    path.write_bytes(path.read_bytes().replace(b"policy", b"people", 1))
    text = said(capsys, 1, "verify")
    assert "problem   signature: entry 3:" in text and "verdict   NOT intact" in text
    report = json.loads(said(capsys, 1, "verify", "--json"))
    assert not report["intact"] and report["problem_count"] == 2
    assert report["problems"][0]["fault"] == "signature" and report["problems"][0]["sequence"] == 3


def test_an_export_goes_to_somebody_else(own: Ledger, capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    assert (
        said(capsys, 0, "export", "--kind", "installed", "--output", str(file))
        == f"exported 3 entries to {file}\n"
    )
    text = said(capsys, 0, "verify", "--file", str(file))
    assert "2 installed" in text and "6 left out" in text
    assert said(capsys, 0, "export", "--kind", "installed") == file.read_text()
    assert said(capsys, 2, "export", "--output", str(file)) == ""
    file.write_text(file.read_text().replace("installed", "instilled"))
    said(capsys, 1, "verify", "--file", str(file))


def test_an_export_that_fails_leaves_no_file(own: Ledger, capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    assert said(capsys, 2, "export", "--start", "99", "--output", str(file)) == ""
    assert not file.exists()


def test_csv_is_for_spreadsheets_and_runs_no_formulas(own: Ledger, capsys: Captured) -> None:
    rows = list(csv.DictReader(io.StringIO(said(capsys, 0, "export", "--format", "csv"), newline="")))
    assert [row["seq"] for row in rows] == [str(number) for number in range(9)]
    assert json.loads(rows[2]["facts"])["serial"] == 2
    assert len(rows[3]["sig"]) in (88, 89) and not rows[3]["sig"].startswith(("+", "=", "-", "@"))


def test_rotate_key(own: Ledger, capsys: Captured) -> None:
    old = said(capsys, 0, "head")
    assert "entry 9 names the new key" in said(capsys, 0, "rotate-key", "--reason", "a\nb")
    assert old.splitlines()[4] != said(capsys, 0, "head").splitlines()[4]
    said(capsys, 0, "verify")


@pytest.mark.parametrize("damage", [False, True])
def test_json_is_as_its_schemas_say(own: Ledger, capsys: Captured, damage: bool) -> None:
    own.rotate_key()
    with (own.folder / segments(own.folder)[0]).open("ab") as stream:
        stream.write(b"torn")
    own.append("decided", {"subject": "a", "decision": "b", "by": "user", "detail": ["c"]})
    if damage:
        (own.folder / "head").unlink()
        Ledger.open(own.folder, clock=lambda: "2001-01-01T00:00:00.000000Z")
    schemas = Path(__file__).parents[2] / "docs" / "schema"
    entry = Draft202012Validator(json.loads((schemas / "ledger-1.schema.json").read_text()))
    report = Draft202012Validator(json.loads((schemas / "ledger-verify-1.schema.json").read_text()))
    for line in said(capsys, 0, "show", "--json").splitlines():
        entry.validate(json.loads(line))
    found = json.loads(said(capsys, int(damage), "verify", "--json"))
    report.validate(found)
    assert bool(found["problems"]) == bool(found["clock_steps"]) == damage and found["recoveries"]
