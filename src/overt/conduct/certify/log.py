"""The public log of certificates: a C2SP tlog-tiles log in a folder that any web server can serve.

    log/checkpoint                       signed by the log's key
    log/tile/…                           hashes and entries
    certificates/SHA256.dsse.json        what an entry names
    withdrawals/SHA256.dsse.json         likewise
    proofs/SHA256.tlog-proof             proof of inclusion of a certificate, when it was entered

An entry is canonical JSON: kind, digest of the envelope, and for a certificate its product's packages, so that who
follows the log sees for what certificates are issued. The log's order of writing makes an interruption harmless: the
envelope, the tiles, the checkpoint; until the checkpoint is there nothing was entered.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overt.channel.publisher.desk import write_public
from overt.conduct.certify import certificate as certificates
from overt.conduct.certify.certificate import Certificate
from overt.conduct.report import signing
from overt.conduct.report.signing import LabKey
from overt.core import canonical
from overt.core.errors import ConductError
from overt.store import atomic
from overt.store.folders import make_private
from overt.tlog import note, writer
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.keys import SignatureType, VerifierKey
from overt.tlog.merkle import EMPTY_TREE, TreeHead, leaf_hash, verify_inclusion
from overt.tlog.note import Note
from overt.tlog.proof import LogProof
from overt.tlog.proof import parse as parse_proof
from overt.tlog.reader import LogReader
from overt.tlog.signing import open_checkpoint, sign

CHECKPOINT = "log/checkpoint"
ORIGIN = "overt-conduct-certificates"
"""The log's name in checkpoints; the issuer's key makes it one log, and no other's."""
CERTIFICATE, WITHDRAWAL = "certificate", "withdrawal"
FOLDERS = {CERTIFICATE: "certificates", WITHDRAWAL: "withdrawals"}
SCHEMA = "overt-conduct-log/1"
MAX_ENVELOPE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log."""

    index: int
    kind: str
    sha256: str
    """Of the envelope."""
    about: tuple[str, ...]
    """Digests of the packages, or of the certificate that is withdrawn."""

    def encode(self) -> bytes:
        """The bytes in the log."""
        value = {"schema": SCHEMA, "kind": self.kind, "sha256": self.sha256, "about": self.about}
        return canonical.encode(value)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A folder in which certificates are issued: `public/` is served, the rest is the issuer's own."""

    folder: Path

    @property
    def public(self) -> Path:
        return self.folder / "public"

    def key(self) -> LabKey:
        """The issuer's key, made at first use. Raises `ConductError`, `OSError`."""
        return signing.lab_key(self.folder / "issuer-key")

    def enter(self, kind: str, envelope: bytes, about: tuple[str, ...]) -> Entry:
        """Enter an envelope into the log. One that is there already is not entered again.

        Raises `ConductError` when the folder is behind what was signed before, `LogError` when it is damaged.
        """
        with self._locked():
            key = self.key()
            public = public_log(self.public, key.public)
            sha256 = certificates.sha256_of(envelope)
            if known := next((one for one in public.entries() if one.sha256 == sha256), None):
                self._write_proof(key, known)
                return known
            self._not_behind(public)
            write_public(self.public / FOLDERS[kind] / f"{sha256}.dsse.json", envelope)
            entry = Entry(public.head.size, kind, sha256, about)
            self._append(public, key, entry)
            self._write_proof(key, entry)
            return entry

    def _append(self, public: PublicLog, key: LabKey, entry: Entry) -> None:
        appended = writer.append(public.head, [entry.encode()], public.fetch)
        for path, data in appended.tiles.items():
            write_public(self.public / "log" / path, data)
        text = Checkpoint(ORIGIN, appended.head).text
        signed = Note(text, (sign(text, key.log_signer(ORIGIN)),)).encode()
        write_public(self.public / CHECKPOINT, signed)
        atomic.write(self._head, _head_bytes(appended.head))

    def _write_proof(self, key: LabKey, entry: Entry) -> None:
        """Of a certificate, unless it is there: an interruption may have come before it."""
        path = self.public / "proofs" / f"{entry.sha256}.tlog-proof"
        if entry.kind != CERTIFICATE or path.exists():
            return
        public = public_log(self.public, key.public)
        checkpoint = note.parse((self.public / CHECKPOINT).read_bytes())
        hashes = public.reader().inclusion_proof(entry.index)
        write_public(path, LogProof(entry.index, hashes, checkpoint, entry.encode()).encode())

    @property
    def _head(self) -> Path:
        return self.folder / "head.json"

    def _not_behind(self, public: PublicLog) -> None:
        """A copy from before would sign a second history."""
        try:
            known = json.loads(self._head.read_bytes())
        except FileNotFoundError:
            known = {"size": 0, "root": EMPTY_TREE.root.hex()}
        if public.head.size < known["size"]:
            raise ConductError(
                f"{self.public} is an old copy: it has {public.head.size} entries, and {known['size']} were signed; "
                "bring back the newest before anything is entered"
            )
        public.reader().extends(TreeHead(known["size"], bytes.fromhex(known["root"])))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_private(self.folder)
        fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


@dataclass(frozen=True, slots=True)
class PublicLog:
    """The tree as anyone reads it, at its newest checkpoint."""

    folder: Path
    head: TreeHead

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


def public_log(folder: Path, issuer: VerifierKey) -> PublicLog:
    """The log in `folder`, whose checkpoint `issuer` signed; an empty one when there is none yet.

    Raises `LogError` for a checkpoint that is not the issuer's.
    """
    try:
        data = (folder / CHECKPOINT).read_bytes()
    except FileNotFoundError:
        return PublicLog(folder, EMPTY_TREE)
    log_key = VerifierKey(ORIGIN, SignatureType.ED25519, issuer.public_key)
    return PublicLog(folder, open_checkpoint(note.parse(data), [log_key]).head)


def prove(proof: bytes, envelope: bytes, issuer: VerifierKey) -> int:
    """Check offline that a certificate was entered: its index. Raises `LogError`, `ConductError`."""
    parsed = parse_proof(proof)
    log_key = VerifierKey(ORIGIN, SignatureType.ED25519, issuer.public_key)
    head = open_checkpoint(parsed.checkpoint, [log_key]).head
    if _decoded(parsed.index, parsed.extra).sha256 != certificates.sha256_of(envelope):
        raise ConductError("this proof is of another certificate")
    verify_inclusion(leaf_hash(parsed.extra), parsed.index, head, parsed.hashes)
    return parsed.index


def certificate_entry(found: Certificate) -> tuple[str, ...]:
    """What a certificate's entry is about."""
    return tuple(digest for _, digest in found.packages)


def _decoded(index: int, data: bytes) -> Entry:
    try:
        value: Any = canonical.decode(data)
        if value["schema"] != SCHEMA or value["kind"] not in FOLDERS:
            raise ValueError(f"schema {value['schema']!r}, kind {value['kind']!r}")
        entry = Entry(index, value["kind"], str(value["sha256"]), tuple(map(str, value["about"])))
    except (canonical.NotCanonical, KeyError, TypeError, ValueError) as error:
        raise ConductError(f"entry {index} of the log is none of a certificate's ({error})") from None
    if entry.encode() != data:
        raise ConductError(f"entry {index} of the log has members that are not known here")
    return entry


def _head_bytes(head: TreeHead) -> bytes:
    return json.dumps({"size": head.size, "root": head.root.hex()}).encode() + b"\n"
