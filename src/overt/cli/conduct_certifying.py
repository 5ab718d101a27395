"""What the actions of `overt conduct certify` do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from overt.cli import reaching
from overt.cli.voice import Exit, note, say, styled, visible
from overt.conduct.certify import certificate as certificates
from overt.conduct.certify import log as logs
from overt.conduct.certify import office
from overt.conduct.certify.assess import Assessment, Result
from overt.conduct.certify.assess import assess as assess_report
from overt.conduct.certify.certificate import Certificate
from overt.conduct.certify.demand import demanded
from overt.conduct.certify.issuer import Issuer
from overt.conduct.certify.log import CERTIFICATE, WITHDRAWAL, Entry, log_key
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.judge.answering import counted
from overt.conduct.report import signing
from overt.conduct.report.statement import sha256_of
from overt.conduct.report.verify import Check, search_run
from overt.core.errors import UsageError
from overt.tlog.keys import VerifierKey
from overt.tlog.policy import Policy

STYLES = {Result.PASS: "green", Result.FAIL: "red", Result.NOT_SHOWN: "yellow"}
SHOWN_DIGITS = 16
"""Of a certificate's digest in a list."""


def assess(args: argparse.Namespace) -> int:
    """A line for each requirement, then the level, then what the next one lacks. Raises `ConductError`."""
    found = assess_report(ReportFolder(args.report))
    for one in found.outcomes:
        result = styled(f"{one.result:9}", STYLES[one.result])
        say(f"{result}  {one.requirement.name} {one.requirement.title}: {visible(one.words)}")
    say(_level(found))
    for text in found.lacking:
        note(f"for the next level: {visible(text)}")
    return Exit.OK


def _level(found: Assessment) -> str:
    return f"level {found.level.value}, {found.level.name.lower()}" if found.level else "no level is reached"


def issue(args: argparse.Namespace) -> int:
    """Verify, assess, sign, enter. Raises `OvertError`."""
    lab = _key(args.lab_key).encode()
    with _reaching(args) as issuer:
        issued = office.issue(issuer, args.report, lab, search_run, datetime.now(UTC), args.days)
    say(
        f"{visible(str(issued.path))}: {_level(issued.assessment)}, until {issued.certificate.expires:%Y-%m-%d}"
    )
    note(f"entry {issued.entry.index} of the log; publish {visible(str(issuer.public))}")
    for text in issued.assessment.lacking:
        note(f"for the next level: {visible(text)}")
    return Exit.OK


@contextmanager
def _reaching(args: argparse.Namespace) -> Iterator[Issuer]:
    """The issuer with a way to the witnesses."""
    issuer = Issuer(args.folder)
    urls = tuple(dict.fromkeys(one.url for one in issuer.policy().witnesses if one.url))
    with reaching.witnesses(args, urls, args.folder) as post:
        yield replace(issuer, post=post)


def renew(args: argparse.Namespace) -> int:
    """Have the newest checkpoint cosigned. Raises `OvertError`."""
    with _reaching(args) as issuer:
        found = issuer.renew()
    say(f"{counted(found.head.size, 'entry', 'entries')}, {_quorum(issuer.policy())}")
    note(f"publish {visible(str(issuer.public))}")
    return Exit.OK


def witnesses(args: argparse.Namespace) -> int:
    """Name witnesses, or show them. Raises `OvertError`."""
    issuer = Issuer(args.folder)
    policy = (
        issuer.name_witnesses(_read(args.file).decode("utf-8", "replace")) if args.file else issuer.policy()
    )
    for one in policy.witnesses:
        say(visible(f"{one.name}  {one.url or 'asked by hand'}  {one.key.encode()}"))
    say(_quorum(policy))
    if args.file:
        note(f"each must know the log: overt witness add-log DIR '{log_key(issuer.key().public).encode()}'")
    return Exit.OK


def _quorum(policy: Policy) -> str:
    if not policy.witnesses:
        return "no witnesses: whoever has the log's key can show two people different logs"
    faults = policy.faults_tolerated or 0
    return f"{counted(len(policy.witnesses), 'witness', 'witnesses')}, of which {faults} may be faulty"


def verify(args: argparse.Namespace) -> int:
    """A line for each check. Raises `OvertError`."""
    found, checks = _checked(args)
    if found is not None:
        say(
            f"{visible(found.product)} ({visible(found.version)}): level {found.level.value}, "
            f"{found.level.name.lower()}"
        )
        for name, digest in found.packages:
            say(f"  {digest}  {visible(name)}")
    for check in checks:
        word = styled("ok    ", "green") if check.held else styled("FAILED", "red")
        say(f"{word}  {check.what}: {visible(check.words)}")
    for text in _unchecked(args):
        say(f"{styled('unseen', 'yellow')}  {text}")
    return Exit.OK if all(check.held for check in checks) else Exit.ERROR


def _checked(args: argparse.Namespace) -> tuple[Certificate | None, tuple[Check, ...]]:
    envelope, issuer, now = _read(args.certificate), _key(args.issuer_key), datetime.now(UTC)
    package = sha256_of(args.package) if args.package else ""
    demand = demanded(_read(args.policy), issuer, args.max_age * 86400) if args.policy else None
    if args.proof:
        found, checks = office.check_offline(envelope, _read(args.proof), issuer, now, package, demand)
    else:
        found, checks = office.check(envelope, args.log, issuer, now, package, demand)
    if found is not None and args.report:
        lab = _key(args.lab_key).encode() if args.lab_key else None
        checks = (*checks, office.check_report(found, args.report, lab, search_run))
    return found, checks


def _unchecked(args: argparse.Namespace) -> Iterator[str]:
    """What was not asked for, and what that leaves open."""
    if not args.package:
        yield "package: whether it is about yours; --package FILE compares its digest"
    if not args.policy:
        yield (
            "witnesses: whether others are shown the same log, and whether it is the newest; --policy FILE says whose "
            "cosignatures you demand"
        )
    if args.proof:
        yield "withdrawal: a proof can't tell it; --log DIR reads the whole log"
    if args.report and not args.lab_key:
        yield "lab: whose report it is, which is signed by the key that it names; --lab-key FILE compares that"
    if not args.report:
        yield "report: whether the evidence bears it out; --report REPORT verifies and assesses it again"


def withdraw(args: argparse.Namespace) -> int:
    """Enter a withdrawal. Raises `OvertError`."""
    with _reaching(args) as issuer:
        entry = office.withdraw(issuer, args.certificate, args.reason, datetime.now(UTC))
    say(f"withdrawn: {entry.about[0]}")
    note(f"entry {entry.index} of the log; publish {visible(str(issuer.public))}")
    return Exit.OK


def log(args: argparse.Namespace) -> int:
    """A line for each certificate. Raises `OvertError`."""
    issuer = Issuer(args.folder)
    public = issuer.key().public
    entries = list(logs.public_log(issuer.public, public).entries())
    withdrawn = {about for entry in entries if entry.kind == WITHDRAWAL for about in entry.about}
    for entry in entries:
        if entry.kind == CERTIFICATE:
            say(_line(issuer, entry, public, entry.sha256 in withdrawn))
    if not entries:
        note("no certificate was issued yet")
    return Exit.OK


def key(args: argparse.Namespace) -> int:
    """The issuer's public key, which is made at its first use. Raises `OvertError`."""
    own = Issuer(args.folder).key()
    say(log_key(own.public).encode() if args.log else own.text)
    return Exit.OK


def _line(issuer: Issuer, entry: Entry, key: VerifierKey, withdrawn: bool) -> str:
    envelope = _read(issuer.public / "certificates" / f"{entry.sha256}.dsse.json")
    found = certificates.opened(envelope, key)
    state = "withdrawn" if withdrawn else "valid" if found.valid_at(datetime.now(UTC)) else "expired"
    return (
        f"{entry.sha256[:SHOWN_DIGITS]}  {state:9}  level {found.level.value}  {found.issued:%Y-%m-%d} to "
        f"{found.expires:%Y-%m-%d}  {visible(found.product)} {visible(found.version)}"
    )


def _key(path: Path) -> VerifierKey:
    return signing.public_key(_read(path).decode("ascii", "replace"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
