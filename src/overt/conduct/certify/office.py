"""What a certifier does, and what anyone does with a certificate: issue, withdraw, verify."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from overt.conduct import profile as profiles
from overt.conduct.certify import certificate as certificates
from overt.conduct.certify import log
from overt.conduct.certify.assess import Assessment, assess
from overt.conduct.certify.certificate import Certificate
from overt.conduct.certify.demand import Demand
from overt.conduct.certify.issuer import Issuer
from overt.conduct.certify.log import CERTIFICATE, WITHDRAWAL, Entry
from overt.conduct.evidence.folder import PROFILE, ReportFolder
from overt.conduct.judge.answering import counted
from overt.conduct.profile import Scope
from overt.conduct.report.statement import STATEMENT, sha256_of
from overt.conduct.report.verify import Check, Find, Verified, verify
from overt.core.errors import ConductError, LogError
from overt.tlog.checkpoint import parse_text
from overt.tlog.keys import VerifierKey
from overt.tlog.proof import parse as parse_proof

MAX_REASON = 400
"""Characters of the reason for a withdrawal."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was issued and entered."""

    certificate: Certificate
    path: Path
    entry: Entry
    assessment: Assessment


def issue(
    issuer: Issuer,
    report: Path,
    lab: str,
    find: Find | None,
    issued: datetime,
    days: int = certificates.DEFAULT_DAYS,
) -> Issued:
    """Verify the report in the folder `report`, which the lab with the public key `lab` signed; assess it; sign a
    certificate of the level that it reaches, and enter it into the log.

    Raises `ConductError` when the report does not hold, reaches no level, or a certificate that rested on it was
    withdrawn; what `Issuer.enter` raises; `OSError`.
    """
    verified = verify(report, lab, find)
    if not verified.holds:
        raise ConductError(f"{report} does not verify, so nothing is certified: {_wrong(verified)}")
    folder = ReportFolder(report)
    assessment = assess(folder)
    key = issuer.key()
    digest = sha256_of(report / STATEMENT)
    _refuse_withdrawn(issuer, key.public, digest)
    envelope = certificates.issue(key, folder.subject(), assessment, _declared(folder), digest, issued, days)
    found = certificates.opened(envelope, key.public)
    entry = issuer.enter(CERTIFICATE, envelope, found.digests)
    return Issued(found, log.envelope_path(issuer.public, CERTIFICATE, found.sha256), entry, assessment)


def _declared(folder: ReportFolder) -> tuple[Scope, ...]:
    return profiles.read(folder.evidence / PROFILE).scope


def _wrong(verified: Verified) -> str:
    return "; ".join(f"{check.what}: {check.words}" for check in verified.checks if not check.held)


def _refuse_withdrawn(issuer: Issuer, key: VerifierKey, report_sha256: str) -> None:
    """A withdrawal is final: what rested on that report is not certified again. Raises `ConductError`, `LogError`."""
    entries = list(log.public_log(issuer.public, key).entries())
    for sha256 in log.withdrawn(entries) & {one.sha256 for one in entries if one.kind == CERTIFICATE}:
        if _issued(issuer, sha256, key).report == report_sha256:
            raise ConductError(
                f"certificate {sha256} rested on this report and was withdrawn: make a new report"
            )


def withdraw(issuer: Issuer, sha256: str, reason: str, time: datetime) -> Entry:
    """Withdraw the certificate of that digest (or its beginning, if only one has it).

    Raises `ConductError` when there is no such certificate, or it is withdrawn already; `LogError`, `OSError`.
    """
    if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
        raise ConductError(f"a withdrawal needs a reason: one line of at most {MAX_REASON} characters")
    key = issuer.key()
    entries = list(log.public_log(issuer.public, key.public).entries())
    matching = [one.sha256 for one in entries if one.kind == CERTIFICATE and one.sha256.startswith(sha256)]
    if len(matching) != 1 or not sha256:
        raise ConductError(
            f"{sha256!r} is the beginning of {counted(len(matching), 'certificate')} in the log, and has to be that of "
            "one: 'certify log' lists them"
        )
    if matching[0] in log.withdrawn(entries):
        raise ConductError(f"{matching[0]} is withdrawn already")
    return issuer.enter(WITHDRAWAL, certificates.withdraw(key, matching[0], reason, time), (matching[0],))


def others_of_its_report(issuer: Issuer, sha256: str, now: datetime) -> tuple[str, ...]:
    """Certificates, by their digests, that rest on the same report as that one and are valid at `now`: each is a
    statement of its own, and stays valid until it is withdrawn itself. Those that can't be read are left out.

    Raises `LogError`, `ConductError` for a log that does not hold, `OSError`.
    """
    key = issuer.key().public
    entries = list(log.public_log(issuer.public, key).entries())
    gone = log.withdrawn(entries)
    issued = (_readable(issuer, one.sha256, key) for one in entries if one.kind == CERTIFICATE)
    known = {one.sha256: one for one in issued if one is not None}
    report = known[sha256].report if sha256 in known else ""
    return tuple(
        name for name, one in known.items() if one.report == report and name not in gone and one.valid_at(now)
    )


def _issued(issuer: Issuer, sha256: str, key: VerifierKey) -> Certificate:
    """A certificate in the issuer's folder. Raises `ConductError`, `OSError`."""
    return certificates.opened(log.envelope_path(issuer.public, CERTIFICATE, sha256).read_bytes(), key)


def _readable(issuer: Issuer, sha256: str, key: VerifierKey) -> Certificate | None:
    """The same; None if it can't be read."""
    try:
        return _issued(issuer, sha256, key)
    except (OSError, ConductError):
        return None


def check(
    envelope: bytes,
    public: Path,
    issuer: VerifierKey,
    now: datetime,
    package_sha256: str = "",
    demand: Demand | None = None,
) -> tuple[Certificate | None, tuple[Check, ...]]:
    """Check a certificate against the log in the folder `public`: signature, time, entry, withdrawal; that it is about
    the package with the digest `package_sha256` if one is given, and that the log is witnessed as `demand` wants."""
    found, checks = _itself(envelope, issuer, now, package_sha256)
    if found is not None:
        checks += _in_log(found, public, issuer, now, demand)
    return found, tuple(checks)


def check_offline(
    envelope: bytes,
    proof: bytes,
    issuer: VerifierKey,
    now: datetime,
    package_sha256: str = "",
    demand: Demand | None = None,
) -> tuple[Certificate | None, tuple[Check, ...]]:
    """The same with the certificate's own proof in the log's place: that it was entered, and nothing of withdrawal."""
    found, checks = _itself(envelope, issuer, now, package_sha256)
    if found is not None:
        checks += _in_proof(found, envelope, proof, issuer, now, demand)
    return found, tuple(checks)


def check_report(found: Certificate, report: Path, lab: str | None, find: Find | None) -> Check:
    """Check that the certificate says what the report in the folder `report` shows, which is verified and assessed
    again. Raises `ConductError` when the folder holds no report."""
    if sha256_of(report / STATEMENT) != found.report:
        return Check("report", False, "the certificate rests on another report")
    verified = verify(report, lab, find)
    if not verified.holds:
        return Check("report", False, f"it does not verify: {_wrong(verified)}")
    again = assess(ReportFolder(report))
    if found.declared != _declared(ReportFolder(report)):
        return Check("report", False, "the certificate tells another declared scope than was tested")
    if found.level > again.level or found.results != certificates.results(again):
        return Check(
            "report", False, f"the certificate says more than it shows, which is level {again.level}"
        )
    return Check("report", True, "verified and assessed again, with the same results")


def _itself(
    envelope: bytes, issuer: VerifierKey, now: datetime, package_sha256: str
) -> tuple[Certificate | None, list[Check]]:
    try:
        found = certificates.opened(envelope, issuer)
    except ConductError as error:
        return None, [Check("signature", False, str(error))]
    checks = [Check("signature", True, "by the issuer's key"), _in_time(found, now)]
    if package_sha256:
        named = package_sha256 in found.digests
        words = "it is about this package" if named else f"it is not about the package {package_sha256}"
        checks.append(Check("package", named, words))
    return found, checks


def _in_time(found: Certificate, now: datetime) -> Check:
    until = found.expires.strftime(certificates.TIME)
    if found.valid_at(now):
        return Check("validity", True, f"until {until}")
    early = now < found.issued
    return Check(
        "validity", False, f"not valid before {found.issued:%Y-%m-%d}" if early else f"expired at {until}"
    )


def _in_log(
    found: Certificate, public: Path, issuer: VerifierKey, now: datetime, demand: Demand | None
) -> list[Check]:
    """Every entry is read: that there is no withdrawal can't be shown by less."""
    try:
        opened = log.public_log(public, issuer)
        entries = list(opened.entries())
    except (LogError, ConductError, OSError) as error:
        return [Check("log", False, f"the log can't be believed: {error}")]
    if opened.checkpoint is None:
        return [
            Check("log", False, f"no log is there ({log.CHECKPOINT}): give a copy of the certifier's public/")
        ]
    mine = [one for one in entries if one.kind == CERTIFICATE and one.sha256 == found.sha256]
    if not mine:
        return [Check("log", False, f"not among the {opened.head.size} entries of the log")]
    checks = [_entered(found, mine[0], opened.head.size)]
    if demand is not None:
        checks.append(demand.check(opened.checkpoint, now))
    against = [one for one in entries if one.kind == WITHDRAWAL and found.sha256 in one.about]
    if not against:
        return [*checks, Check("withdrawal", True, "none in the log")]
    return [*checks, Check("withdrawal", False, f"withdrawn: {_reason(against[0], found, public, issuer)}")]


def _in_proof(
    found: Certificate,
    envelope: bytes,
    data: bytes,
    issuer: VerifierKey,
    now: datetime,
    demand: Demand | None,
) -> list[Check]:
    try:
        proof = parse_proof(data)
        entry = log.prove(proof, envelope, issuer)
        size = parse_text(proof.checkpoint.text).head.size
    except (LogError, ConductError) as error:
        return [Check("log", False, str(error))]
    checks = [_entered(found, entry, size)]
    return [*checks, demand.check(proof.checkpoint, now)] if demand else checks


def _entered(found: Certificate, entry: Entry, size: int) -> Check:
    """An entry about other packages would hide the certificate from those who follow the log for theirs."""
    if entry.about != found.digests:
        return Check("log", False, f"entry {entry.index} is about other packages than the certificate")
    return Check("log", True, f"entry {entry.index} of {size}")


def _reason(entry: Entry, found: Certificate, public: Path, issuer: VerifierKey) -> str:
    """The issuer's words; the entry alone withdraws, whether or not the words can be read."""
    try:
        envelope = log.envelope_path(public, WITHDRAWAL, entry.sha256).read_bytes()
        about, reason = certificates.withdrawn(envelope, issuer)
    except (OSError, ConductError):
        return "for a reason that can't be read"
    if about != found.sha256 or certificates.sha256_of(envelope) != entry.sha256:
        return "for a reason that can't be read"
    return reason
