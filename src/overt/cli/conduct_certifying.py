"""What the actions of `overt conduct certify` do."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from overt.cli.voice import Exit, note, say, styled, visible
from overt.conduct.certify import certificate as certificates
from overt.conduct.certify import log as logs
from overt.conduct.certify import office
from overt.conduct.certify.assess import Assessment, Result
from overt.conduct.certify.assess import assess as assess_report
from overt.conduct.certify.log import CERTIFICATE, WITHDRAWAL, Entry, Issuer
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.report import signing
from overt.conduct.report.statement import sha256_of
from overt.conduct.report.verify import search_run
from overt.core.errors import UsageError
from overt.tlog.keys import VerifierKey

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
    issuer = Issuer(args.folder)
    issued = office.issue(issuer, args.report, lab, search_run, datetime.now(UTC), args.days)
    say(
        f"{visible(str(issued.path))}: {_level(issued.assessment)}, until {issued.certificate.expires:%Y-%m-%d}"
    )
    note(f"entry {issued.entry.index} of the log; publish {visible(str(issuer.public))}")
    for text in issued.assessment.lacking:
        note(f"for the next level: {visible(text)}")
    return Exit.OK


def verify(args: argparse.Namespace) -> int:
    """A line for each check. Raises `OvertError`."""
    envelope = _read(args.certificate)
    package = sha256_of(args.package) if args.package else ""
    found, checks = office.check(envelope, args.log, _key(args.issuer_key), datetime.now(UTC), package)
    if found is not None:
        say(
            f"{visible(found.product)} {visible(found.version)}: level {found.level.value}, {found.level.name.lower()}"
        )
        for name, digest in found.packages:
            say(f"  {digest}  {visible(name)}")
    for check in checks:
        word = styled("ok    ", "green") if check.held else styled("FAILED", "red")
        say(f"{word}  {check.what}: {visible(check.words)}")
    if not package:
        note("whether it is about your package: --package FILE compares its digest")
    return Exit.OK if all(check.held for check in checks) else Exit.ERROR


def withdraw(args: argparse.Namespace) -> int:
    """Enter a withdrawal. Raises `OvertError`."""
    issuer = Issuer(args.folder)
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
    say(Issuer(args.folder).key().text)
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
