"""`overt conduct certify assess|verify|log`: what anyone does with a report, a certificate, an issuer's log."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from overt.cli.conduct_keys import key_in
from overt.cli.conduct_searching import search_again
from overt.cli.given import content
from overt.cli.voice import Exit, note, say, styled, visible
from overt.conduct.certify import certificate as certificates
from overt.conduct.certify import log as logs
from overt.conduct.certify import office
from overt.conduct.certify.assess import Assessment, Result
from overt.conduct.certify.assess import assess as assess_report
from overt.conduct.certify.certificate import Certificate
from overt.conduct.certify.demand import Demand, demanded
from overt.conduct.certify.log import CERTIFICATE, Entry
from overt.conduct.chamber.products import digest
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.report.verify import Check
from overt.core.errors import ConductError, LogError, UsageError
from overt.tlog.keys import VerifierKey

STYLES = {Result.PASS: "green", Result.FAIL: "red", Result.NOT_SHOWN: "yellow"}
SHOWN_DIGITS = 16
"""Of a certificate's digest in a list."""
DECLARED = {
    "sends": "sends of files",
    "connects": "connects to",
    "listens": "listens on",
    "executes": "runs",
    "writes": "changes",
    "reads": "reads",
    "privileges": "needs as root",
}
"""Field of a scope → how it is told."""
DAY_S = 24 * 3600
UNWITNESSED = (
    "witnesses: whether others are shown the same log, and whether it is the newest; --policy FILE says whose "
    "cosignatures you demand"
)


def assess(args: argparse.Namespace) -> int:
    """A line for each requirement, then the level, then what the next one lacks. Raises `ConductError`."""
    found = assess_report(ReportFolder(args.report))
    for one in found.outcomes:
        result = styled(f"{one.result:9}", STYLES[one.result])
        say(f"{result}  {one.requirement.name} {one.requirement.title}: {visible(one.words)}")
    say(level_text(found))
    for text in found.lacking:
        note(f"for the next level: {visible(text)}")
    return Exit.OK


def level_text(found: Assessment) -> str:
    """The level that is reached, in words."""
    return f"level {found.level.value}, {found.level.name.lower()}" if found.level else "no level is reached"


def verify(args: argparse.Namespace) -> int:
    """A line for each check. Raises `OvertError`."""
    found, checks = _checked(args)
    if found is not None:
        name, level = f"{visible(found.product)} ({visible(found.version)})", found.level
        say(f"{name}: level {level.value}, {level.name.lower()}")
        for package, digest in found.packages:
            say(f"  {digest}  {visible(package)}")
        for line in _declared(found):
            say(visible(line))
    return _said(checks, _unchecked(args))


def _declared(found: Certificate) -> Iterator[str]:
    """What it keeps to, of all steps together: the certificate says no more than that."""
    for field, told in DECLARED.items():
        values = dict.fromkeys(value for scope in found.declared for value in getattr(scope, field))
        yield f"  {told:14}  {' '.join(values) or '(nothing)'}"


def _checked(args: argparse.Namespace) -> tuple[Certificate | None, tuple[Check, ...]]:
    if args.lab_key and not args.report:
        raise UsageError("--lab-key goes with --report REPORT: it says whose report that must be")
    envelope, issuer, now = content(args.certificate), key_in(args.issuer_key), datetime.now(UTC)
    package = digest(args.package) if args.package else ""
    if args.proof:
        found, checks = office.check_offline(
            envelope, content(args.proof), issuer, now, package, _demand(args, issuer)
        )
    else:
        found, checks = office.check(envelope, args.log, issuer, now, package, _demand(args, issuer))
    if found is not None and args.report:
        lab = key_in(args.lab_key).encode() if args.lab_key else None
        checks = (*checks, office.check_report(found, args.report, lab, search_again))
    return found, checks


def _demand(args: argparse.Namespace, issuer: VerifierKey) -> Demand | None:
    """What `--policy` and `--max-age` state. Raises `UsageError` that names them."""
    if args.max_age < 1:
        raise UsageError(f"--max-age {args.max_age}: cosignatures count for a day at least")
    if not args.policy:
        return None
    try:
        return demanded(content(args.policy, "--policy"), issuer, args.max_age * DAY_S)
    except (ConductError, LogError) as error:
        raise UsageError(f"--policy {args.policy}: {error}") from error


def _unchecked(args: argparse.Namespace) -> Iterator[str]:
    """What was not asked for, and what that leaves open."""
    if not args.package:
        yield "package: whether it is about yours; --package PATH compares its digest"
    if not args.policy:
        yield UNWITNESSED
    if args.proof:
        yield "withdrawal: a proof can't tell it; --log DIR reads the whole log"
    if args.report and not args.lab_key:
        yield "lab: whose report it is, which is signed by the key that it names; --lab-key FILE compares that"
    if not args.report:
        yield "report: whether the evidence bears it out; --report REPORT verifies and assesses it again"


def _said(checks: Iterable[Check], unchecked: Iterable[str]) -> int:
    held = True
    for check in checks:
        held &= check.held
        word = styled("ok    ", "green") if check.held else styled("FAILED", "red")
        say(f"{word}  {check.what}: {visible(check.words)}")
    for text in unchecked:
        say(f"{styled('unseen', 'yellow')}  {text}")
    return Exit.OK if held else Exit.ERROR


def log(args: argparse.Namespace) -> int:
    """A line for each certificate, then whether the log is witnessed. Raises `OvertError`."""
    issuer = key_in(args.issuer_key)
    public, demand = logs.public_log(args.log, issuer), _demand(args, issuer)
    if public.checkpoint is None:
        raise UsageError(
            f"{args.log}: no log is there ({logs.CHECKPOINT}): give the public/ of a certifier who issued something"
        )
    entries = list(public.entries())
    withdrawn = logs.withdrawn(entries)
    for entry in entries:
        if entry.kind == CERTIFICATE:
            say(_line(args.log, entry, issuer, entry.sha256 in withdrawn))
    if demand is None:
        return _said((), (UNWITNESSED,))
    return _said((demand.check(public.checkpoint, datetime.now(UTC)),), ())


def _line(public: Path, entry: Entry, issuer: VerifierKey, withdrawn: bool) -> str:
    """An entry whose certificate is not there, or none, is listed all the same: it was entered."""
    name = entry.sha256[:SHOWN_DIGITS]
    try:
        path = logs.envelope_path(public, CERTIFICATE, entry.sha256)
        found = certificates.opened(path.read_bytes(), issuer)
    except (OSError, ConductError) as error:
        packages = " ".join(digest[:SHOWN_DIGITS] for digest in entry.about)
        return f"{name}  unreadable  of packages {visible(packages)}: {visible(str(error))}"
    state = "withdrawn" if withdrawn else "valid" if found.valid_at(datetime.now(UTC)) else "expired"
    return (
        f"{name}  {state:9}  level {found.level.value}  {found.issued:%Y-%m-%d} to {found.expires:%Y-%m-%d}  "
        f"{visible(found.product)} ({visible(found.version)})"
    )
