"""`overt conduct certify issue|withdraw|renew|witnesses|key`: what an issuer does."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from overt.cli import reaching
from overt.cli.conduct_keys import key_in
from overt.cli.conduct_relying import level_text
from overt.cli.conduct_searching import search_again
from overt.cli.given import content
from overt.cli.voice import Exit, note, say, visible
from overt.conduct.certify import office
from overt.conduct.certify.certificate import MAX_DAYS
from overt.conduct.certify.issuer import Issuer
from overt.conduct.certify.log import log_key
from overt.conduct.judge.answering import counted
from overt.core.errors import ChannelError, LogError, UsageError
from overt.tlog.policy import Policy


def issue(args: argparse.Namespace) -> int:
    """Verify, assess, sign, enter. Raises `OvertError`."""
    if not 1 <= args.days <= MAX_DAYS:
        raise UsageError(f"--days {args.days}: a certificate is valid for 1 to {MAX_DAYS}")
    lab = key_in(args.lab_key).encode()
    with _reaching(args, Issuer(args.folder)) as issuer:
        issued = office.issue(issuer, args.report, lab, search_again, datetime.now(UTC), args.days)
    say(
        f"{visible(str(issued.path))}: {level_text(issued.assessment)}, until {issued.certificate.expires:%Y-%m-%d}"
    )
    note(f"entry {issued.entry.index} of the log; publish {visible(str(issuer.public))}")
    for text in issued.assessment.lacking:
        note(f"for the next level: {visible(text)}")
    return Exit.OK


@contextmanager
def _reaching(args: argparse.Namespace, issuer: Issuer) -> Iterator[Issuer]:
    """The issuer with a way to the witnesses."""
    urls = tuple(dict.fromkeys(one.url for one in issuer.policy().witnesses if one.url))
    with reaching.witnesses(args, urls, args.folder) as post:
        yield replace(issuer, post=post)


def _existing(folder: Path) -> Issuer:
    """An issuer that issued something: a folder named by mistake gets no key. Raises `UsageError`."""
    if not (folder / "public").is_dir():
        raise UsageError(f"{folder}: nothing was issued there: is this the certifier's folder?")
    return Issuer(folder)


def renew(args: argparse.Namespace) -> int:
    """Have the newest checkpoint cosigned. Raises `OvertError`."""
    with _reaching(args, _existing(args.folder)) as issuer:
        found = issuer.renew()
    say(f"{counted(found.head.size, 'entry', 'entries')}, {_quorum(issuer.policy())}")
    note(f"publish {visible(str(issuer.public))}")
    return Exit.OK


def witnesses(args: argparse.Namespace) -> int:
    """Name witnesses, or show them. Raises `OvertError`."""
    issuer = Issuer(args.folder)
    policy = _named(issuer, args.file) if args.file else issuer.policy()
    for one in policy.witnesses:
        say(visible(f"{one.name}  {one.url or 'asked by hand'}  {one.key.encode()}"))
    say(_quorum(policy))
    if args.file:
        note(f"each must know the log: overt witness add-log DIR '{log_key(issuer.key().public).encode()}'")
    return Exit.OK


def _named(issuer: Issuer, file: Path) -> Policy:
    """The witnesses in `file`, who cosign from now on. Raises `UsageError` that names it, `OvertError`."""
    text = content(file).decode("utf-8", "replace")
    try:
        return issuer.name_witnesses(text)
    except (ChannelError, LogError) as error:
        raise UsageError(f"{file}: {error}") from error


def _quorum(policy: Policy) -> str:
    if not policy.witnesses:
        return "no witnesses: whoever has the log's key can show two people different logs"
    faults = policy.faults_tolerated or 0
    return f"{counted(len(policy.witnesses), 'witness', 'witnesses')}, of which {faults} may be faulty"


def withdraw(args: argparse.Namespace) -> int:
    """Enter a withdrawal. Raises `OvertError`."""
    now = datetime.now(UTC)
    with _reaching(args, _existing(args.folder)) as issuer:
        entry = office.withdraw(issuer, args.certificate, args.reason, now)
    say(f"withdrawn: {entry.about[0]}")
    for other in office.others_of_its_report(issuer, entry.about[0], now):
        note(f"still valid, and rests on the same report: {other}: withdraw it too if the report was refuted")
    note(f"entry {entry.index} of the log; publish {visible(str(issuer.public))}")
    return Exit.OK


def key(args: argparse.Namespace) -> int:
    """The issuer's public key, which is made at its first use. Raises `OvertError`."""
    own = Issuer(args.folder).key()
    say(log_key(own.public).encode() if args.log else own.text)
    return Exit.OK
