"""Jobs, ledgers in memory, and a certificate authority for the courier's tests; all on the loopback."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from overt.egress.job import Job
from overt.egress.limits import CourierLimits
from overt.egress.recorded import Fact

QUICK = CourierLimits(
    start_deadline_s=120,
    connect_timeout_s=2,
    answer_deadline_s=2,
    request_deadline_s=6,
    total_deadline_s=60,
    rate_window_s=1,
    min_rate_bytes_per_s=1000,
)
"""For peers that are too slow: on a busy machine an honest one is, too."""
PATIENT = CourierLimits(start_deadline_s=120)


@dataclass
class Records:
    """A ledger in memory."""

    entries: list[tuple[str, dict[str, Fact]]]

    def __call__(self, kind: str, facts: Mapping[str, Fact]) -> None:
        self.entries.append((kind, dict(facts)))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.entries]


@pytest.fixture
def records() -> Records:
    return Records([])


@pytest.fixture(autouse=True)
def no_proxy_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests names no proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    """A job for a URL, with limits that a busy machine does not reach."""

    def make(url: str, **changes: object) -> Job:
        return replace(Job(url, tmp_path / "spool", limits=PATIENT), **changes)  # type: ignore[arg-type]

    return make


@dataclass
class Authority:
    """A certificate authority made for one test."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def server(self, *names: str) -> ssl.SSLContext:
        """A server's context with a certificate for `names`."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _signed(key, self.key, self.certificate.subject, names)
        pem = self.folder / f"{names[0].replace(':', '_')}.pem"
        pem.write_bytes(_private(key) + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Callable[[], Authority]:
    """Makes authorities."""
    count = iter(range(100))

    def make() -> Authority:
        folder = tmp_path / f"authority{next(count)}"
        folder.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"CA {folder.name}")])
        made = Authority(folder, key, _signed(key, key, subject, ()))
        made.file.write_bytes(made.certificate.public_bytes(serialization.Encoding.PEM))
        return made

    return make


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _signed(
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    names: tuple[str, ...],
) -> x509.Certificate:
    """A server's certificate for `names`, or without any the authority's own."""
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]) if names else issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_name(name) for name in names]), critical=False
        )
    else:
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
