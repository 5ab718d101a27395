"""A certificate authority that lives for one run: every TLS server name that a product asks for gets a certificate.

The key stays in memory. What it signs is worth something only inside the chamber, where its certificate is trusted.
"""

from __future__ import annotations

import datetime
import ssl
import tempfile
from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from overt.sandbox.view import MEMORY

MAX_CONTEXTS = 500
"""Server names whose certificates are kept ready."""
MAX_COMMON_NAME = 64
_BEFORE = datetime.timedelta(days=30)
_AUTHORITY_VALID = datetime.timedelta(days=3650)
_LEAF_VALID = datetime.timedelta(days=730)


@dataclass(slots=True)
class Authority:
    """Made with `Authority.new()`."""

    _key: ec.EllipticCurvePrivateKey
    _certificate: x509.Certificate
    _leaf_key: ec.EllipticCurvePrivateKey
    _ahead: datetime.timedelta = datetime.timedelta(0)
    _contexts: OrderedDict[tuple[tuple[str, ...], tuple[str, ...]], ssl.SSLContext] = field(
        default_factory=OrderedDict
    )

    @classmethod
    def new(cls, ahead: datetime.timedelta = datetime.timedelta(0)) -> Authority:
        """A fresh authority with a key of its own (P-256), for clients whose clock is so much ahead of this one's."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _common_name("Overt conduct lab, this run only")
        certificate = (
            _builder(name, name, key.public_key(), key.public_key(), _AUTHORITY_VALID, ahead)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate, ec.generate_private_key(ec.SECP256R1()), ahead)

    @property
    def pem(self) -> bytes:
        """The certificate that the chamber has to trust."""
        return self._certificate.public_bytes(Encoding.PEM)

    def leaf(self, names: tuple[str, ...]) -> bytes:
        """A server certificate (PEM) for `names`: host names and addresses, the most specific first."""
        key = self._leaf_key.public_key()
        certificate = (
            _builder(
                _common_name(names[0]),
                self._certificate.subject,
                key,
                self._key.public_key(),
                _LEAF_VALID,
                self._ahead,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM)

    def context(self, names: tuple[str, ...], alpn: tuple[str, ...]) -> ssl.SSLContext:
        """What answers a client that asked for `names` and may be offered `alpn`. As lenient as OpenSSL lets it be."""
        known = self._contexts.get((names, alpn))
        if known is None:
            known = self._contexts[names, alpn] = self._new_context(names, alpn)
            if len(self._contexts) > MAX_CONTEXTS:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end((names, alpn))
        return known

    def _new_context(self, names: tuple[str, ...], alpn: tuple[str, ...]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
        context.num_tickets = (
            0  # a client that closes without reading them resets, and its last bytes are lost
        )
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        key = self._leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _load(context, self.leaf(names) + self.pem + key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


def _load(context: ssl.SSLContext, chain: bytes) -> None:
    """`load_cert_chain` wants a file. In the sink's view of the file system this folder is in memory only."""
    with tempfile.NamedTemporaryFile(dir=MEMORY) as file:
        file.write(chain)
        file.flush()
        context.load_cert_chain(file.name)


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:MAX_COMMON_NAME])])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    valid: datetime.timedelta,
    ahead: datetime.timedelta,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC) + ahead
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(names: tuple[str, ...]) -> list[x509.GeneralName]:
    return [_alternative(name) for name in names]


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
