"""Certificates in files that others trust: PEM bundles, single certificates, NSS databases, Java's key stores."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
import warnings
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

MAX_STORE_BYTES = 16 << 20
MAX_CERTIFICATES = 5_000
"""In one file."""
PASSWORDS = (b"changeit", b"changeme", b"", None)
"""Of key stores that everybody may read."""

Certificates = dict[str, str]
"""SHA-256 of a certificate → what it is, in words."""

_NAMES = re.compile(
    r"(\.(pem|crt|cer|der|db|jks|p12|pfx|ks|keystore|bcfks|bundle)|cacerts|certs|\.0)$", re.IGNORECASE
)
_PEM = re.compile(
    rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----.*?-----END (?:TRUSTED )?CERTIFICATE-----", re.DOTALL
)
_DER = re.compile(rb"\x30\x82(..)\x30[\x81\x82]", re.DOTALL)


def may_hold(path: str) -> bool:
    """Whether a file of this name is one that may hold certificates."""
    return _NAMES.search(path) is not None


def found(content: bytes) -> Certificates:
    """The certificates in a file. What can't be read as one is none."""
    known: Certificates = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd serial numbers and the like are the stores' own
        for certificate in _all(content):
            der = certificate.tbs_certificate_bytes + certificate.signature
            known.setdefault(hashlib.sha256(der).hexdigest(), described(certificate))
            if len(known) >= MAX_CERTIFICATES:
                break
    return known


def described(certificate: x509.Certificate) -> str:
    """`CN=Example Root (an authority, until 2036-01-01)`."""
    with contextlib.suppress(ValueError):
        name = certificate.subject.rfc4514_string() or "a certificate without a name"
        kind = "an authority, " if _is_authority(certificate) else ""
        return f"{name} ({kind}until {certificate.not_valid_after_utc:%Y-%m-%d})"
    return "a certificate that breaks its format"


def difference(before: Certificates, after: Certificates) -> str:
    """What was added and removed, in words; empty if nothing."""
    added = [after[key] for key in after if key not in before]
    removed = [before[key] for key in before if key not in after]
    parts = [f"{word} {_listed(names)}" for word, names in (("added", added), ("removed", removed)) if names]
    return f"certificates: {'; '.join(parts)}" if parts else ""


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _is_authority(certificate: x509.Certificate) -> bool:
    with contextlib.suppress(x509.ExtensionNotFound, ValueError):
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    return False


def _all(content: bytes) -> Iterator[x509.Certificate]:
    for block in _PEM.findall(content):
        with contextlib.suppress(ValueError):
            yield x509.load_pem_x509_certificate(block.replace(b"TRUSTED CERTIFICATE", b"CERTIFICATE"))
    if content.startswith(b"SQLite format 3\0"):
        yield from _in_database(content)
    elif content.startswith(b"\x30") and b"-----BEGIN" not in content:
        yield from _in_archive(content)
    if b"-----BEGIN" not in content:
        yield from _whole(content)


def _whole(content: bytes) -> Iterator[x509.Certificate]:
    """DER certificates that stand in it as they are: a single one, or those of Java's own format."""
    at = 0
    while match := _DER.search(content, at):
        end = match.start() + 4 + int.from_bytes(match[1], "big")
        try:
            yield x509.load_der_x509_certificate(content[match.start() : end])
            at = end
        except ValueError:
            at = match.start() + 2


def _in_database(content: bytes) -> Iterator[x509.Certificate]:
    """NSS keeps objects as rows and attributes as columns: `a11` is CKA_VALUE (PKCS #11)."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database, contextlib.suppress(sqlite3.Error):
        database.deserialize(content)
        for (value,) in database.execute("SELECT a11 FROM nssPublic WHERE a11 IS NOT NULL"):
            with contextlib.suppress(ValueError, TypeError):
                yield x509.load_der_x509_certificate(value)


def _in_archive(content: bytes) -> Iterator[x509.Certificate]:
    """PKCS #12, whose password everybody knows."""
    for password in PASSWORDS:
        with contextlib.suppress(ValueError, TypeError):
            opened = pkcs12.load_pkcs12(content, password)
            own = [opened.cert] if opened.cert is not None else []
            yield from (entry.certificate for entry in (*own, *opened.additional_certs))
            return
