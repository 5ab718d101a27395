"""Pages from templates. Everything that a publisher wrote is escaped, bounded, and never a link that runs something."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from overt import __version__
from overt.channel.monitor.moment import moment
from overt.channel.monitor.record import Event, ReleaseRow
from overt.channel.monitor.site import diff
from overt.channel.monitor.site.look import when
from overt.store.templates import templates

FOLDER = Path(__file__).parent
STATIC = ("style.css", "filter.js")
"""Files that are served as they are."""
MAX_TEXT = 600
"""Characters shown of one text."""
LEVELS = ("pass", "explain", "refuse")


def stamp() -> str:
    """What all pages depend on besides the state: this version, and its templates."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in (".j2", ".css", ".js", ".py"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


class Renderer:
    """The templates, read once, and what every page says."""

    def __init__(self, channel: str, origin: str) -> None:
        filters: dict[str, Callable[..., Any]] = {
            "when": when,
            "day": day,
            "moment": moment,
            "cut": cut,
            "link": link,
            "level": level,
            "diff": diff_of,
            "holders": holders,
            "witnesses": witnesses,
            "basename": lambda path: path.rpartition("/")[2],
        }
        self._environment = templates(FOLDER, filters)
        self._everywhere = {"channel": channel, "origin": origin, "version": __version__}

    def page(self, template: str, up: str, tone: str, title: str, **values: Any) -> bytes:
        """One page; `up` leads from it to the site's root."""
        made = self._environment.get_template(f"{template}.html.j2").render(
            **self._everywhere, up=up, tone=tone, title=title, **values
        )
        return made.encode("utf-8", "replace")


def day(time: str) -> str:
    """A moment as people read it."""
    return time.replace("T", " ").replace(":00Z", "Z").replace("Z", " UTC") if time else ""


def cut(text: str) -> str:
    """`text` on one line, control characters shown, not too long."""
    return diff.shortened(diff.plain(text), MAX_TEXT)


def link(text: str) -> str:
    """`text` if it is a plain web address; else nothing."""
    plain = text.startswith(("https://", "http://")) and len(text) <= 500
    return text if plain and not any(char.isspace() or char in "\"'<>\\" for char in text) else ""


def level(review: str) -> str:
    """The CSS class of a review."""
    return next((one for one in LEVELS if review.startswith(one)), "medium")


def diff_of(event: Event) -> list[diff.Line]:
    """The lines of an event's rule."""
    if event.what == "vanished":
        return diff.lines(event.before_text, "")
    return diff.lines(event.before_text, event.after_text)


def holders(row: ReleaseRow) -> str:
    """Who signed the targets."""
    return ", ".join(one.name for one in row.signers if one.role == "targets")


def witnesses(row: ReleaseRow) -> str:
    """Who cosigned."""
    return ", ".join(one.name for one in row.signers if one.role == "witness")
