"""`overt conduct show`, `verify`, `diff` and `key`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from overt.cli.conduct_keys import key_in
from overt.cli.conduct_searching import search_again
from overt.cli.voice import Exit, note, say, styled, visible
from overt.conduct.evidence.conclusions import Answer
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.judge.answering import shortened
from overt.conduct.report import diff as comparing
from overt.conduct.report import html, signing
from overt.conduct.report import verify as verifying
from overt.conduct.report.verify import Check, Outcome
from overt.store import atomic
from overt.store.paths import paths

MAX_CHARACTERS = 1000
"""Of one text on a terminal."""
STYLES = {True: "green", False: "red", None: "yellow"}
EXITS = {Outcome.HOLDS: Exit.OK, Outcome.OTHER_BUILD: Exit.OTHER_BUILD, Outcome.FAILED: Exit.ERROR}


def show(args: argparse.Namespace) -> int:
    """A line for each answer."""
    for line in lines(ReportFolder(args.report)):
        say(line)
    where = visible(str(args.report))
    note(f"the whole: {where}/report.html; nothing was checked: 'overt conduct verify {where}' does")
    return Exit.OK


def lines(folder: ReportFolder) -> Iterator[str]:
    """A report in lines for a terminal. Raises `ConductError`."""
    for answer in folder.answers():
        yield f"{_word(answer)}  {_short(answer.asked)} {_short(answer.summary)}"


def _short(text: str) -> str:
    """What a stranger wrote, on one line that ends."""
    return visible(shortened(text, MAX_CHARACTERS))


def _word(answer: Answer) -> str:
    return styled(f"{answer.verdict:6}", STYLES[answer.good])


def verify(args: argparse.Namespace) -> int:
    """Everything that can be checked again. Raises `ConductError`, `UsageError`."""
    public = key_in(args.public_key).encode() if args.public_key else None
    found = verifying.verify(args.report, public, search_again)
    for check in found.checks:
        say(f"{_mark(check)}  {_short(check.what)}: {_short(check.words)}")
    if found.outcome is not Outcome.FAILED and not found.known_signer:
        note(f"whose key it is, you must know from elsewhere: {visible(found.key)}")
    if found.outcome is Outcome.OTHER_BUILD:
        note(
            "nothing was changed since it was signed; its makers say that another build of Overt made it: what is "
            "marked 'other' is right only if that build gives it too, so verify it with that one"
        )
    return EXITS[found.outcome]


def _mark(check: Check) -> str:
    if check.held:
        return styled("ok    ", "green")
    return styled("other ", "yellow") if check.by_build else styled("FAILED", "red")


def diff(args: argparse.Namespace) -> int:
    """What changed between two reports."""
    found = comparing.diff(args.old, args.new)
    for line in comparing.lines(found):
        say(_short(line))
    if args.html:
        atomic.write(args.html, html.diff_page(found), 0o644)
        note(f"the same to look at: {args.html}")
    return Exit.OK


def key(args: argparse.Namespace) -> int:
    """The public key, which is made at its first use."""
    say(signing.lab_key(args.key or signing.key_file(paths().data)).text)
    return Exit.OK
