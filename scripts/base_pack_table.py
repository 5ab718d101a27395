"""Write the table of the base pack's rules into docs/base-pack.md: `python scripts/base_pack_table.py`."""

from __future__ import annotations

from pathlib import Path

from overt.engine.pack import RuleRecord
from overt.rules.active import base_texts
from overt.rules.compile import build

DOCUMENT = Path(__file__).parents[1] / "docs/base-pack.md"
START, END = "<!-- rules: written by scripts/base_pack_table.py -->\n", "<!-- end of rules -->\n"


def table() -> str:
    """One section per file of rules, one line per rule, in the order of the sources."""
    records = build(base_texts()).pack.records.values()
    lines: list[str] = [f"{len(records)} rules.\n"]
    source = ""
    for record in sorted(records, key=lambda record: (record.source, record.line)):
        if record.source != source:
            source = record.source
            lines.append(
                f"\n### {source}\n\n| rule | severity | what it recognises | reference |\n|---|---|---|---|\n"
            )
        lines.append(_row(record))
    return "".join(lines)


def _row(record: RuleRecord) -> str:
    description = record.description.replace("|", "\\|")
    name = record.reference.removeprefix("https://attack.mitre.org/techniques/").rstrip("/").replace("/", ".")
    name = name if record.reference.startswith("https://attack.mitre.org/techniques/") else "page"
    return f"| `{record.name}` | {record.severity} | {description} | [{name}]({record.reference}) |\n"


def updated(document: str) -> str:
    """`document` with the present table between its two marks."""
    before, rest = document.split(START)
    return before + START + table() + rest[rest.index(END) :]


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text("utf-8")), "utf-8")
