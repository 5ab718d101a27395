"""The table of docs/channel-attacks.md, made from the attacks that the tests play.

python -m tests.channel.adversary.table [--write]
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.channel.adversary import content, history, thefts
from tests.channel.adversary.scene import Attack

DOCUMENT = Path(__file__).parents[3] / "docs/channel-attacks.md"
BEGIN, END = "<!-- attacks: begin -->", "<!-- attacks: end -->"
CHAPTERS = (
    ("Mirrors and networks: time, order, completeness", history.ATTACKS),
    ("Stolen keys", thefts.ATTACKS),
    ("What is inside", content.ATTACKS),
)
HEAD = ("| attack | what the adversary does | keys it holds | outcome | by |", "|---|---|---|---|---|")


def outcome(attack: Attack) -> str:
    """In a word or two."""
    if attack.shown:
        return "**accepted**"
    if attack.words:
        return "refused" if attack.family == "refused" else "fails"
    return "harmless"


def by(attack: Attack) -> str:
    """The check, and the error that it raises."""
    return f"{attack.by} (`{attack.error.__name__}`)" if attack.error else attack.by


def table() -> str:
    """Markdown."""
    lines: list[str] = []
    for title, attacks in CHAPTERS:
        lines += [f"### {title}", "", *HEAD]
        lines += [
            f"| {attack.name} | {attack.does} | {attack.hold} | {outcome(attack)} | {by(attack)} |"
            for attack in attacks
        ]
        lines.append("")
    return "\n".join(lines)


def documented(text: str) -> str:
    """What the document has between its marks."""
    return text.partition(BEGIN)[2].partition(END)[0].strip("\n")


def write() -> None:
    """Put the table into the document."""
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    write() if "--write" in sys.argv else print(table())
