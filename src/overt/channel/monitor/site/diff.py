"""A rule's text before and after, as lines that a person reads."""

from __future__ import annotations

import difflib
from typing import NamedTuple

CONTEXT = 3
MAX_LINES = 600
"""Lines shown of one difference."""
MAX_COMPARED = 4000
"""Lines of a text that are compared; longer ones are shown as gone and new, cut."""
MAX_LINE = 1000
"""Characters shown of one line."""


class Line(NamedTuple):
    """One line: `css` is `same`, `old`, `new` or `cut`."""

    css: str
    text: str


def lines(before: str, after: str) -> list[Line]:
    """The difference; all of the text where the other is empty."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) > MAX_COMPARED or len(new) > MAX_COMPARED or not old or not new:
        found = [Line("old", text) for text in old] + [Line("new" if old else "same", text) for text in new]
    else:
        found = list(_unified(old, new))
    shown = [Line(line.css, shortened(plain(line.text))) for line in found[:MAX_LINES]]
    if len(found) > MAX_LINES:
        shown.append(Line("cut", f"… {len(found) - MAX_LINES:,} more lines"))
    return shown


def _unified(old: list[str], new: list[str]) -> list[Line]:
    found = []
    for text in list(difflib.unified_diff(old, new, n=CONTEXT, lineterm=""))[2:]:
        if text.startswith("@@"):
            found.append(Line("cut", "⋯"))
        else:
            found.append(Line({"-": "old", "+": "new"}.get(text[0], "same"), text[1:]))
    return found[1:] if found and found[0].css == "cut" else found


def plain(text: str) -> str:
    """`text` with dots for what does not print, tabs excepted: nothing in it can reorder or hide the rest."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\t" else "·" for c in text)


def shortened(text: str, limit: int = MAX_LINE) -> str:
    """`text` with its end left out when it is too long."""
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text) - limit:,} more characters)"
