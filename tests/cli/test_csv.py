"""CSV as a spreadsheet reads it."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from overt.cli.render import csv as sink
from tests.cli import reports


def rows(only_findings: bool = False) -> list[dict[str, str]]:
    stream = io.BytesIO()
    reports.tell(sink.make(reports.output(stream, only_findings=only_findings)))
    text = stream.getvalue().decode()
    assert all(line.endswith("\r\n") for line in text.splitlines(keepends=True))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_one_row_per_finding_gap_and_clean_file() -> None:
    assert [row["row"] for row in rows()] == [
        "file",
        "finding",
        "finding",
        "finding",
        "gap",
        "gap",
        "gap",
        "gap",
        "finding",
        "finding",
        "finding",
    ]
    first = rows()[1]
    assert (first["rule_or_reason"], first["author"], first["severity"]) == (
        "Test_Rule",
        "Ada Example",
        "high",
    )
    assert first["inside"] == "invoice.zip ▸ a.exe"
    assert first["size_bytes"] == "1000"
    assert {row["row"] for row in rows(only_findings=True)} == {"finding"}
    assert rows()[-1]["quarantine_error"] == "disk full"


@given(st.text())
def test_no_cell_is_a_formula_or_leaves_its_line(text: str) -> None:
    cell = sink.safe(text)
    assert not cell.startswith(("=", "+", "-", "@"))
    assert cell.isprintable()
