"""The public log of certificates: a C2SP tlog-tiles log in a folder that any web server can serve.

    log/checkpoint                       signed by the log's key, cosigned by the issuer's witnesses
    log/tile/…                           hashes and entries
    certificates/SHA256.dsse.json        what an entry names
    withdrawals/SHA256.dsse.json         likewise
    proofs/SHA256.tlog-proof             proof of inclusion of a certificate, renewed until it is withdrawn

An entry is canonical JSON: kind, digest of the envelope, and for a certificate its product's packages, so that who
follows the log sees for what certificates are issued. This is how everybody reads it; `issuer` writes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overt.conduct.certify import certificate as certificates
from overt.core import canonical
from overt.core.errors import ConductError
from overt.tlog import note
from overt.tlog.keys import SignatureType, VerifierKey
from overt.tlog.merkle import EMPTY_TREE, TreeHead, leaf_hash, verify_inclusion
from overt.tlog.note import Note
from overt.tlog.proof import LogProof
from overt.tlog.reader import LogReader
from overt.tlog.signing import open_checkpoint

CHECKPOINT = "log/checkpoint"
ORIGIN = "overt-conduct-certificates"
ORIGIN_DIGITS = 16
CERTIFICATE, WITHDRAWAL = "certificate", "withdrawal"
FOLDERS = {CERTIFICATE: "certificates", WITHDRAWAL: "withdrawals"}
SCHEMA = "overt-conduct-log/1"
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log."""

    index: int
    kind: str
    sha256: str
    """Of the envelope."""
    about: tuple[str, ...]
    """Digests of the packages, or of the certificate that is withdrawn."""

    def __post_init__(self) -> None:
        """Digests name files: nothing else may be in their place. Raises `ConductError`."""
        for digest in (self.sha256, *self.about):
            if not SHA256.fullmatch(digest):
                raise ConductError(f"entry {self.index} of the log: {digest!r} is no SHA-256")

    def encode(self) -> bytes:
        """The bytes in the log."""
        value = {"schema": SCHEMA, "kind": self.kind, "sha256": self.sha256, "about": self.about}
        return canonical.encode(value)


@dataclass(frozen=True, slots=True)
class PublicLog:
    """The tree as anyone reads it, at its newest checkpoint."""

    folder: Path
    head: TreeHead
    checkpoint: Note | None
    """None: nothing was entered yet."""

    def fetch(self, path: str) -> bytes:
        """One tile."""
        return (self.folder / "log" / path).read_bytes()

    def reader(self) -> LogReader:
        """Authenticated access. Raises `LogError` when the tiles are not those of the checkpoint."""
        return LogReader(self.head, self.fetch)

    def entries(self) -> Iterator[Entry]:
        """All entries, each authenticated. Raises `LogError`, `ConductError`, `OSError`."""
        if not self.head.size:
            return
        for index, data in enumerate(self.reader().entries(0)):
            yield _decoded(index, data)


def envelope_path(public: Path, kind: str, sha256: str) -> Path:
    """Where the envelope of an entry of this kind is published, below the folder `public`."""
    return public / FOLDERS[kind] / f"{sha256}.dsse.json"


def log_key(issuer: VerifierKey) -> VerifierKey:
    """The key of an issuer's log. The log's name (its origin) is made of the key, so that an issuer has one log, and
    witnesses tell it from every other's."""
    name = hashlib.sha256(issuer.public_key).hexdigest()[:ORIGIN_DIGITS]
    return VerifierKey(f"{ORIGIN}/{name}", SignatureType.ED25519, issuer.public_key)


def public_log(folder: Path, issuer: VerifierKey) -> PublicLog:
    """The log in `folder`, whose checkpoint `issuer` signed; an empty one when there is none yet.

    Raises `LogError` for a checkpoint that is not the issuer's.
    """
    try:
        data = (folder / CHECKPOINT).read_bytes()
    except FileNotFoundError:
        return PublicLog(folder, EMPTY_TREE, None)
    checkpoint = note.parse(data)
    return PublicLog(folder, open_checkpoint(checkpoint, [log_key(issuer)]).head, checkpoint)


def prove(proof: LogProof, envelope: bytes, issuer: VerifierKey) -> Entry:
    """Check offline that a certificate was entered: its entry. Raises `LogError`, `ConductError`."""
    head = open_checkpoint(proof.checkpoint, [log_key(issuer)]).head
    entry = _decoded(proof.index, proof.extra)
    if entry.kind != CERTIFICATE or entry.sha256 != certificates.sha256_of(envelope):
        raise ConductError("this proof is of another certificate")
    verify_inclusion(leaf_hash(proof.extra), proof.index, head, proof.hashes)
    return entry


def withdrawn(entries: Iterable[Entry]) -> frozenset[str]:
    """The certificates that entries withdraw, by their digests."""
    return frozenset(about for entry in entries if entry.kind == WITHDRAWAL for about in entry.about)


def _decoded(index: int, data: bytes) -> Entry:
    try:
        value: Any = canonical.decode(data)
        if value["schema"] != SCHEMA or value["kind"] not in FOLDERS:
            raise ValueError(f"schema {value['schema']!r}, kind {value['kind']!r}")
        entry = Entry(index, value["kind"], value["sha256"], tuple(value["about"]))
    except (canonical.NotCanonical, KeyError, TypeError, ValueError) as error:
        raise ConductError(f"entry {index} of the log is none of a certificate's ({error})") from None
    if entry.encode() != data:
        raise ConductError(f"entry {index} of the log has members that are not known here")
    return entry
