"""The report to look at: one HTML file, no script, nothing loaded from anywhere, bounded in size."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

from markupsafe import Markup

from overt import __version__
from overt.conduct.compare.tests import LEVEL
from overt.conduct.judge.answering import bytes_text, counted
from overt.conduct.report.diff import Difference
from overt.conduct.report.drawing import graph, time_line
from overt.conduct.report.headline import Tone
from overt.conduct.report.printable import address, plain
from overt.conduct.report.view import View
from overt.store.templates import templates

FOLDER = Path(__file__).parent

ICONS = {
    Tone.GOOD: Markup('<path d="m5 12.5 4.5 4.5L19 7.5"/>'),
    Tone.BAD: Markup('<path d="m6 6 12 12M18 6 6 18"/>'),
    Tone.NEUTRAL: Markup('<path d="M5 12h14"/>'),
    Tone.UNSEEN: Markup('<path d="M8.5 9a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1-1.5 2.3m0 3v.5"/>'),
}
MEANINGS = {
    Tone.GOOD: "as one would wish",
    Tone.BAD: "unwelcome",
    Tone.NEUTRAL: "neither good nor bad",
    Tone.UNSEEN: "could not be seen",
}


def page(view: View) -> bytes:
    """The whole report, UTF-8."""
    return _rendered(
        "report",
        view=view,
        version=view.build.version,
        level=LEVEL,
        meanings=MEANINGS,
        graph=graph,
        time_line=time_line,
    )


def diff_page(found: Difference) -> bytes:
    """What differs between two reports, UTF-8."""
    worse = sum(answer.worse for answer in found.answers)
    if found.same:
        tone, title = Tone.GOOD, "No difference was found"
    elif worse:
        tone, title = Tone.BAD, f"{counted(worse, 'answer')} of {found.after.name} became worse"
    else:
        tone, title = Tone.NEUTRAL, f"{found.after.name} acts differently"
    return _rendered("diff", version=__version__, found=found, tone=tone, title=title)


def _rendered(template: str, **values: object) -> bytes:
    filters: dict[str, Callable[..., object]] = {
        "plain": plain,
        "bytes": bytes_text,
        "counted": counted,
        "href": _href,
    }
    environment = templates(FOLDER, filters, finalize=_fit)
    style = (FOLDER / "report.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; style-src 'sha256-{_sha256(style)}'"
    made = environment.get_template(f"{template}.html.j2").render(
        style=Markup(style), policy=policy, icon=icon, **values
    )
    return made.encode("utf-8", "backslashreplace")


def icon(name: str) -> Markup:
    """The sign of an answer of that tone; its word beside it says the same."""
    tone = Tone(name)
    return Markup('<svg class="icon {tone}" viewBox="0 0 24 24" aria-hidden="true">{path}</svg>').format(
        tone=tone.value, path=ICONS[tone]
    )


def _fit(value: object) -> object:
    """Whatever a template shows is fit to be shown: what it does not cut itself is cut, and nothing unseen is in it."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _href(target: str) -> Markup:
    """A place on the page, or the address of a file of the report."""
    return Markup.escape(target if target.startswith("#") else address(target))


def _sha256(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
