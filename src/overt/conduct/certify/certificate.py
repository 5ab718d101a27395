"""A certificate of conduct: in-toto Statement v1 in DSSE about the product's packages, for a level, until a day.

It names the report that it rests on by the digest of its signed statement. A withdrawal is a statement of the same
issuer about the certificate's digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from overt.conduct.certify.assess import Assessment, Result
from overt.conduct.certify.requirements import SCHEME, Level, required
from overt.conduct.evidence.records import Subject
from overt.conduct.profile import Scope
from overt.conduct.report import signing
from overt.conduct.report.signing import LabKey
from overt.conduct.report.statement import STATEMENT_TYPE
from overt.core.errors import ConductError
from overt.tlog.keys import VerifierKey

CERTIFICATE_TYPE = "https://overt.example/conduct-certificate/v1"
WITHDRAWAL_TYPE = "https://overt.example/conduct-withdrawal/v1"
MAX_DAYS = 397
"""Of a certificate's validity: about thirteen months."""
DEFAULT_DAYS = 365
TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says."""

    sha256: str
    """Of its envelope: its name in the log."""
    product: str
    version: str
    packages: tuple[tuple[str, str], ...]
    """(name, SHA-256)."""
    level: Level
    results: tuple[tuple[str, str], ...]
    """(requirement, result)."""
    declared: tuple[Scope, ...]
    """What the product said that it does: to keep to everything is easy, so who relies on it must see this."""
    report: str
    """SHA-256 of the report's `statement.dsse.json`."""
    issued: datetime
    expires: datetime

    @property
    def digests(self) -> tuple[str, ...]:
        """Of the packages: what its entry in the log is about."""
        return tuple(digest for _, digest in self.packages)

    def valid_at(self, time: datetime) -> bool:
        """Whether `time` is between issue and expiry."""
        return self.issued <= time < self.expires


def issue(
    key: LabKey,
    subject: Subject,
    assessment: Assessment,
    declared: Sequence[Scope],
    report_sha256: str,
    issued: datetime,
    days: int,
) -> bytes:
    """The signed certificate. Raises `ConductError` when no level is reached, for a product without packages, and for
    a validity over `MAX_DAYS`."""
    if assessment.level is Level.NONE:
        raise ConductError(f"no level is reached: {'; '.join(assessment.lacking[:5])}")
    if not subject.packages:
        raise ConductError(
            "the report names no package of the product: a certificate must be bound to one's digest"
        )
    if not 1 <= days <= MAX_DAYS:
        raise ConductError(f"{days} days: a certificate is valid for 1 to {MAX_DAYS}")
    return key.sign(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": one.name, "digest": {"sha256": one.sha256}} for one in subject.packages],
            "predicateType": CERTIFICATE_TYPE,
            "predicate": {
                "scheme": SCHEME,
                "product": {"name": subject.name, "version": subject.version},
                "level": int(assessment.level),
                "requirements": [{"name": name, "result": result} for name, result in results(assessment)],
                "declared": [_said(scope) for scope in declared],
                "report": {"sha256": report_sha256},
                "issued": issued.astimezone(UTC).strftime(TIME),
                "expires": (issued + timedelta(days=days)).astimezone(UTC).strftime(TIME),
                "issuer": key.text,
            },
        }
    )


def withdraw(key: LabKey, certificate_sha256: str, reason: str, time: datetime) -> bytes:
    """The signed withdrawal of a certificate."""
    return key.sign(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": "certificate", "digest": {"sha256": certificate_sha256}}],
            "predicateType": WITHDRAWAL_TYPE,
            "predicate": {
                "reason": reason,
                "withdrawn": time.astimezone(UTC).strftime(TIME),
                "issuer": key.text,
            },
        }
    )


def _said(scope: Scope) -> dict[str, Any]:
    """A scope's fields that say something."""
    return {name: value for name, value in msgspec.to_builtins(scope).items() if value}


def results(assessment: Assessment) -> tuple[tuple[str, str], ...]:
    """(requirement, result), as a certificate names them."""
    return tuple((one.requirement.name, one.result.value) for one in assessment.outcomes)


def sha256_of(envelope: bytes) -> str:
    """A certificate's name."""
    return hashlib.sha256(envelope).hexdigest()


def opened(envelope: bytes, issuer: VerifierKey) -> Certificate:
    """The certificate in `envelope`, which `issuer` signed. Raises `ConductError`."""
    statement = signing.opened(envelope, issuer, "certificate").statement
    try:
        return _parsed(statement, envelope)
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
        raise ConductError(f"certificate: it is signed, and no certificate of conduct ({error!r})") from None


def _parsed(statement: dict[str, Any], envelope: bytes) -> Certificate:
    predicate = statement["predicate"]
    if statement["_type"] != STATEMENT_TYPE or statement["predicateType"] != CERTIFICATE_TYPE:
        raise ValueError(f"a statement of type {statement['predicateType']}")
    if predicate["scheme"] != SCHEME:
        raise ValueError(f"scheme {predicate['scheme']}")
    found = Certificate(
        sha256_of(envelope),
        str(predicate["product"]["name"]),
        str(predicate["product"]["version"]),
        tuple((str(one["name"]), str(one["digest"]["sha256"])) for one in statement["subject"]),
        Level(predicate["level"]),
        tuple((str(one["name"]), str(one["result"])) for one in predicate["requirements"]),
        msgspec.convert(predicate["declared"], tuple[Scope, ...]),
        str(predicate["report"]["sha256"]),
        _time(predicate["issued"]),
        _time(predicate["expires"]),
    )
    _check(found)
    return found


def _check(found: Certificate) -> None:
    """What the scheme lets no certificate say, whoever signs it."""
    passed = {name for name, result in found.results if result == Result.PASS}
    lacking = [one.name for one in required(found.level) if one.name not in passed]
    if found.level is Level.NONE or lacking:
        raise ValueError(f"level {found.level} without {', '.join(lacking) or 'any requirement'}")
    if found.expires - found.issued > timedelta(days=MAX_DAYS):
        raise ValueError(f"valid for over {MAX_DAYS} days")


def withdrawn(envelope: bytes, issuer: VerifierKey) -> tuple[str, str]:
    """The digest of the certificate that `envelope` withdraws, and why. Raises `ConductError`."""
    statement = signing.opened(envelope, issuer, "withdrawal").statement
    try:
        if statement["predicateType"] != WITHDRAWAL_TYPE:
            raise ValueError(f"a statement of type {statement['predicateType']}")
        return str(statement["subject"][0]["digest"]["sha256"]), str(statement["predicate"]["reason"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ConductError(f"withdrawal: it is signed, and no withdrawal ({error!r})") from None


def _time(text: str) -> datetime:
    return datetime.strptime(text, TIME).replace(tzinfo=UTC)
