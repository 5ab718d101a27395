"""The issuer's side of the log of certificates: what is signed is entered, witnessed and published.

The order of writing makes an interruption harmless: the envelope, the tiles, the checkpoint; until the checkpoint is
there nothing was entered. The checkpoint is public at once, so that a withdrawal is; then witnesses cosign it, and only
then come the proofs. Witnesses are asked as a rule channel's are (`overt.channel.publisher.witnesses`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from overt.channel.publisher import founding, high_water, witnesses
from overt.channel.publisher.desk import Post, alone, utc_now, write_public
from overt.conduct.certify import certificate as certificates
from overt.conduct.certify.log import (
    CERTIFICATE,
    CHECKPOINT,
    Entry,
    PublicLog,
    envelope_path,
    log_key,
    public_log,
    withdrawn,
)
from overt.conduct.report import signing
from overt.conduct.report.signing import LabKey
from overt.core.errors import ConductError
from overt.store import atomic
from overt.store.folders import claim, make_private
from overt.tlog import policy_file, writer
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.merkle import TreeHead
from overt.tlog.note import Note
from overt.tlog.policy import Policy
from overt.tlog.proof import LogProof
from overt.tlog.signing import sign

NO_WITNESSES = "quorum none\n"
WAITING = "It is entered, and public; 'overt conduct certify renew' goes on from there"


@dataclass(frozen=True, slots=True)
class Issuer:
    """A folder in which certificates are issued: `public/` is served, the rest is the issuer's own."""

    folder: Path
    now: Callable[[], datetime] = utc_now
    post: Post | None = None
    """The way to the witnesses; None: requests are left in `requests/` for a person to send."""

    @property
    def public(self) -> Path:
        """What is served: the log, certificates, withdrawals and proofs."""
        return self.folder / "public"

    @property
    def requests(self) -> Path:
        """What a person carries to witnesses, and back."""
        return self.folder / "requests"

    @property
    def _named(self) -> Path:
        return self.folder / "witnesses.txt"

    def key(self) -> LabKey:
        """The issuer's key, made at first use. Raises `ConductError`, `OSError`."""
        return signing.lab_key(self.folder / "issuer-key")

    def policy(self) -> Policy:
        """Which witnesses cosign this log, and how many must. Raises `ChannelError`."""
        text = self._named.read_text("utf-8") if self._named.exists() else NO_WITNESSES
        return self._policy(text)

    def name_witnesses(self, text: str) -> Policy:
        """From now on these cosign: a C2SP tlog-policy without log line. Raises `ChannelError`, also where two quorums
        need not share a witness."""
        named = self._policy(text)
        atomic.write(self._named, text.encode())
        return named

    def _policy(self, text: str) -> Policy:
        own = log_key(self.key().public).encode()
        return policy_file.parse(founding.log_policy(own, text, text == NO_WITNESSES).encode())

    def enter(self, kind: str, envelope: bytes, about: tuple[str, ...]) -> Entry:
        """Enter an envelope into the log. One that is there already is not entered again.

        Raises `ConductError` when the folder is behind what was signed before, `LogError` or `ChannelError` when it is
        damaged, `WaitingForWitnesses` when it is entered and too few have cosigned that: `renew` goes on.
        """
        with self._locked():
            key = self.key()
            public = public_log(self.public, key.public)
            self._not_behind(public)
            sha256 = certificates.sha256_of(envelope)
            entry = next((one for one in public.entries() if one.sha256 == sha256), None)
            if entry is None:
                entry = Entry(public.head.size, kind, sha256, about)
                write_public(envelope_path(self.public, kind, sha256), envelope)
                self._append(public, key, entry)
            self._publish(key)
            return entry

    def renew(self) -> PublicLog:
        """Fresh cosignatures for the newest checkpoint and in the proofs of what was not withdrawn, and the proofs that
        waited for some; run it at least daily. Returns the log. Raises as `enter` does."""
        with self._locked():
            self._not_behind(public_log(self.public, self.key().public))
            self._publish(self.key(), renewing=True)
            return public_log(self.public, self.key().public)

    def _append(self, public: PublicLog, key: LabKey, entry: Entry) -> None:
        appended = writer.append(public.head, [entry.encode()], public.fetch)
        for path, data in appended.tiles.items():
            write_public(self.public / "log" / path, data)
        write_public(self.public / CHECKPOINT, _signed(key, appended.head).encode())
        high_water.write(self._head, appended.head)

    def _publish(self, key: LabKey, renewing: bool = False) -> None:
        """The newest checkpoint with its cosignatures, then proofs of what has none; of what has one whose cosignatures
        grow old, a new one: who relies on a proof counts recent ones only."""
        public, policy = public_log(self.public, key.public), self.policy()
        checkpoint = _signed(key, public.head)
        if public.head.size and policy.witnesses:
            checkpoint = witnesses.collect(self, checkpoint, policy, public.reader(), meanwhile=WAITING)
            write_public(self.public / CHECKPOINT, checkpoint.encode())
        entries = tuple(public.entries())
        gone = withdrawn(entries)
        for entry in entries:
            path = self.public / "proofs" / f"{entry.sha256}.tlog-proof"
            ages = renewing and bool(policy.witnesses) and entry.sha256 not in gone
            if entry.kind == CERTIFICATE and (ages or not path.exists()):
                hashes = public.reader().inclusion_proof(entry.index)
                write_public(path, LogProof(entry.index, hashes, checkpoint, entry.encode()).encode())

    @property
    def _head(self) -> Path:
        return self.folder / "head.json"

    def _not_behind(self, public: PublicLog) -> None:
        """A copy from before would sign a second history. What was published and, after a stop, not noted is noted now:
        else an older copy would be taken for the newest."""
        signed = high_water.read(self._head)
        if public.head.size < signed.size:
            raise ConductError(
                f"{self.public} is an old copy: it has {public.head.size} entries, and {signed.size} were signed; "
                "bring back the newest before anything is entered"
            )
        public.reader().extends(signed)
        if public.head.size > signed.size:
            high_water.write(self._head, public.head)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        claim(self.folder)
        make_private(self.requests)
        with alone(self.folder / "lock", self.folder):
            yield


def _signed(key: LabKey, head: TreeHead) -> Note:
    """The log's own signature, which is the same each time (Ed25519)."""
    signer = key.log_signer(log_key(key.public).name)
    text = Checkpoint(signer.key.name, head).text
    return Note(text, (sign(text, signer),))
