"""A channel as whoever holds its keys sees it: every file of its tree, in memory, honest or forged.

What a `Hold` does not name is signed with a stranger's keys, or not at all; honest witnesses are asked as the real
protocol has it, and remember what they saw.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Targets

from overt.channel import delta, layout
from overt.channel.charter import Charter
from overt.channel.publisher import build, roles, sources
from overt.channel.publisher.keys import PublicKey
from overt.channel.publisher.roles import Roles
from overt.channel.release import Release
from overt.tlog import policy_file, witness, writer
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.keys import MemorySigner, SignatureType, VerifierKey
from overt.tlog.merkle import EMPTY_TREE, TreeHead
from overt.tlog.note import Note, Signature
from overt.tlog.proof import LogProof
from overt.tlog.reader import LogReader
from overt.tlog.signing import cosign, sign

RULE = 'rule %s { strings: $a = "overt-attack-test-%s" condition: $a }\n'
ROOT_KEYS, ROOT_THRESHOLD = 5, 3
TARGETS_KEYS, TARGETS_THRESHOLD = 3, 2
WITNESSES, QUORUM = 4, 3

Tree = dict[str, bytes]


@dataclass(frozen=True)
class Hold:
    """The keys in somebody's hands: how many of each role."""

    root: int = 0
    targets: int = 0
    snapshot: int = 0
    timestamp: int = 0
    log: int = 0
    witnesses: int = 0

    def __str__(self) -> str:
        """For the table: `2 of 3 targets, log`."""
        of = {"root": ROOT_KEYS, "targets": TARGETS_KEYS, "witnesses": WITNESSES}
        held = {name: getattr(self, name) for name in self.__dataclass_fields__}
        told = [
            f"{count} of {of[name]} {name}" if name in of else name for name, count in held.items() if count
        ]
        return ", ".join(told) or "no key"


NOTHING = Hold()
ONLINE = Hold(snapshot=1, timestamp=1, log=1)
TUF = Hold(ROOT_KEYS, TARGETS_KEYS, 1, 1)
PUBLISHER = replace(TUF, log=1)
EVERYTHING = replace(PUBLISHER, witnesses=WITNESSES)


def private(what: str) -> Ed25519PrivateKey:
    """The same key for the same words: nothing here is worth protecting."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(what.encode()).digest())


@dataclass(frozen=True)
class Keys:
    """All keys of one channel; `generation` makes others for the same holders."""

    owner: str
    generation: int = 0

    def signers(self, role: str) -> list[CryptoSigner]:
        """Of a TUF role, in order."""
        count = {"root": ROOT_KEYS, "targets": TARGETS_KEYS}.get(role, 1)
        return [CryptoSigner(private(f"{self.owner} {role} {n} {self.generation}")) for n in range(count)]

    def log(self, origin: str) -> MemorySigner:
        """The log's."""
        seed = hashlib.sha256(f"{self.owner} log {self.generation}".encode()).digest()
        return MemorySigner(origin, SignatureType.ED25519, seed)

    def roles(self) -> Roles:
        """3-of-5 root, 2-of-3 targets, one key each online."""

        def quorum(role: str, threshold: int) -> roles.Quorum:
            keys = [signer.public_key for signer in self.signers(role)]
            return roles.quorum(
                [PublicKey(f"{role}-{n}", _sslib(key)) for n, key in enumerate(keys)], threshold
            )

        return Roles(
            quorum("root", ROOT_THRESHOLD),
            quorum("targets", TARGETS_THRESHOLD),
            quorum("snapshot", 1),
            quorum("timestamp", 1),
        )


def _sslib(key: object) -> SSlibKey:
    assert isinstance(key, SSlibKey)
    return key


STRANGER = Keys("stranger")


class Witnesses:
    """Four people's witnesses. The honest ones cosign by the protocol, and never two logs."""

    def __init__(self, owner: str = "independent") -> None:
        self.owner = owner
        kind = SignatureType.ED25519_COSIGNATURE
        self.signers = {
            f"w{n}": MemorySigner(
                f"w{n}.{owner}.example", kind, hashlib.sha256(f"{owner} {n}".encode()).digest()
            )
            for n in range(WITNESSES)
        }
        self.known: dict[tuple[str, str], TreeHead] = {}
        self.seen: dict[tuple[str, str], list[bytes]] = {}
        """(witness, origin) → every checkpoint it cosigned: what a monitor gets from it."""
        self.trusted: dict[str, VerifierKey] = {}
        """Origin → log key, as their operators configured it by hand when the channel began."""
        self.cut_off: set[str] = set()
        """Not to be reached just now."""

    def fork(self) -> Witnesses:
        """The same witnesses in another world."""
        made = Witnesses(self.owner)
        made.trusted = dict(self.trusted)
        made.known, made.seen = dict(self.known), {key: list(notes) for key, notes in self.seen.items()}
        return made

    def policy(self, quorum: int = QUORUM) -> str:
        """As tlog-policy lines."""
        lines = [f"witness {name} {signer.key.encode()}" for name, signer in self.signers.items()]
        return "\n".join([*lines, f"group q {quorum} {' '.join(self.signers)}", "quorum q", ""])

    def collect(self, note: Note, log: LogReader, held: int, now: datetime) -> tuple[Signature, ...]:
        """Cosignatures on a checkpoint: the first `held` witnesses sign whatever they are given."""
        found: list[Signature] = []
        for place, name in enumerate(self.signers):
            if place < held:
                checkpoint = Checkpoint(note.text.split("\n")[0], log.head)
                found.append(cosign(checkpoint, self.signers[name], int(now.timestamp())))
            elif name not in self.cut_off:
                found += self._honest(name, note, log, now)
        return tuple(found)

    def _honest(self, name: str, note: Note, log: LogReader, now: datetime) -> Sequence[Signature]:
        origin = note.text.split("\n")[0]
        known = self.known.get((name, origin))
        size = min(known.size if known else 0, log.head.size)
        proof = log.consistency_proof(size) if size else ()
        body = witness.AddCheckpoint(size, proof, note).encode()
        trusted = {known_origin: [key] for known_origin, key in self.trusted.items()}
        said = witness.respond(body, trusted, lambda _: known, [self.signers[name]], int(now.timestamp()))
        if not isinstance(said, witness.Cosigned):
            return ()
        self.known[name, origin] = said.new
        self.seen.setdefault((name, origin), []).append(said.note.encode())
        return said.signatures


@dataclass
class Channel:
    """One publisher's channel: its keys, its history and the tree that it would serve."""

    name: str = "bank"
    keys: Keys = field(default_factory=lambda: Keys("bank"))
    witnesses: Witnesses = field(default_factory=Witnesses)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    tree: Tree = field(default_factory=dict)
    leaves: list[bytes] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, bytes] = field(default_factory=dict)
    """The newest file of each TUF role."""
    bundles: dict[str, bytes] = field(default_factory=dict)
    """The newest by target path, uncompressed."""
    note: Note | None = None

    @property
    def origin(self) -> str:
        return f"rules.example.org/{self.name}"

    def fork(self) -> Channel:
        """Another history from here on, of the same keys and before the same witnesses."""
        return replace(
            self,
            tree=dict(self.tree),
            leaves=list(self.leaves),
            versions=dict(self.versions),
            metadata=dict(self.metadata),
            bundles=dict(self.bundles),
        )

    def found(self, hold: Hold = PUBLISHER) -> Channel:
        """The first root; the witnesses are told the log's key."""
        self.witnesses.trusted[self.origin] = self.keys.log(self.origin).key
        self.root(hold)
        return self

    def root(
        self,
        hold: Hold = PUBLISHER,
        keys: Keys | None = None,
        policy: str = "",
        expires_in: timedelta | None = None,
        visible: bool = True,
        version: int = 0,
    ) -> bytes:
        """A new root, signed by the keys that are held of the root before and of the new one."""
        before, self.keys = self.keys, keys or self.keys
        number = version or self.versions.get("root", 0) + 1
        made = roles.make_root(number, self.keys.roles(), self.charter(policy), self.now)
        if expires_in is not None:
            made.expires = (self.now + expires_in).replace(microsecond=0)
        return self._store("root", made, self._signers("root", hold, {before, self.keys}), visible)

    def charter(self, witnesses: str = "") -> Charter:
        """With the log's key and the witnesses' policy."""
        text = f"log {self.keys.log(self.origin).key.encode()}\n{witnesses or self.witnesses.policy()}"
        return Charter(
            self.name, self.origin, False, policy_file.encode(policy_file.parse(text.encode())).decode()
        )

    def publish(self, *names: str, hold: Hold = PUBLISHER) -> Release:
        """A release with these rules. Witnesses that are held sign whatever they are given."""
        self.rules(self.bundle(*names), hold)
        return self.release(hold)

    def bundle(self, *names: str) -> bytes:
        """The bundle of these rules for the next release."""
        return bundle_of(self.name, len(self.leaves), {name: RULE % (name, name) for name in names})

    def rules(self, data: bytes, hold: Hold = PUBLISHER, frame: bytes | None = None) -> None:
        """Sign `data` as the bundle: targets, snapshot, timestamp."""
        sha256 = hashlib.sha256(data).hexdigest()
        old = self.bundles.get(layout.TARGET)
        if old is not None and old != data:
            path = layout.patch(hashlib.sha256(old).hexdigest(), sha256)
            self.tree[path] = delta.make_patch(old, data)
        self.bundles[layout.TARGET] = data
        self.tree[layout.bundle(sha256)] = frame if frame is not None else delta.compress(data)
        self.targets(hold)

    def targets(self, hold: Hold = PUBLISHER) -> None:
        """A new version of targets for the bundles, and what goes with it."""
        made: Targets = roles.make_targets(self.versions.get("targets", 0) + 1, self.bundles, self.now)
        self._store("targets", made, self._signers("targets", hold))
        self.snapshot(hold)

    def snapshot(self, hold: Hold = PUBLISHER) -> None:
        """A new snapshot, and its timestamp."""
        number = self.versions.get("snapshot", 0) + 1
        made = roles.make_snapshot(number, self.versions["targets"], self.metadata["targets"], self.now)
        self._store("snapshot", made, self._signers("snapshot", hold))
        self.timestamp(hold)

    def timestamp(self, hold: Hold = PUBLISHER) -> None:
        """A new timestamp."""
        number = self.versions.get("timestamp", 0) + 1
        made = roles.make_timestamp(number, self.versions["snapshot"], self.metadata["snapshot"], self.now)
        self._store("timestamp", made, self._signers("timestamp", hold))

    def pinned(self) -> Release:
        """The release that the present metadata and bundles make."""
        bundles = {name: hashlib.sha256(data).hexdigest() for name, data in self.bundles.items()}
        root, targets = (
            roles.pinned(self.metadata[role], self.versions[role]) for role in ("root", "targets")
        )
        return Release(len(self.leaves), root, targets, bundles)

    def release(self, hold: Hold = PUBLISHER, leaf: bytes = b"") -> Release:
        """Append the next leaf and have it witnessed."""
        made = self.pinned()
        self.leaves.append(leaf or made.encode())
        self.witness(hold)
        return made

    def witness(self, hold: Hold = PUBLISHER) -> None:
        """Sign the log as it is, ask the witnesses, and serve the proof of the last leaf."""
        log = self.log()
        checkpoint = Checkpoint(self.origin, log.head)
        signer = (self.keys if hold.log else STRANGER).log(self.origin)
        note = Note(checkpoint.text, (sign(checkpoint.text, signer),))
        given = self.witnesses.collect(note, log, hold.witnesses, self.now)
        self.serve(Note(note.text, note.signatures + given))

    def serve(self, note: Note, index: int | None = None) -> None:
        """The proof of leaf `index` (default: the last) under this note."""
        log = self.log()
        self.note = note
        number = len(self.leaves) - 1 if index is None else index
        proof = LogProof(number, log.inclusion_proof(number), note, self.leaves[number])
        self.tree[layout.CHECKPOINT] = note.encode()
        self.tree[layout.PROOF] = proof.encode()

    def log(self) -> LogReader:
        """The log of the present leaves; its tiles are served."""
        appended = writer.append(EMPTY_TREE, self.leaves, _nothing)
        self.tree |= {layout.LOG + path: data for path, data in appended.tiles.items()}
        return LogReader(appended.head, lambda path: self.tree[layout.LOG + path])

    def renewed(self, hold: Hold = PUBLISHER) -> Channel:
        """What the publisher does every few hours."""
        self.timestamp(hold)
        self.witness(hold)
        return self

    def _signers(self, role: str, hold: Hold, holders: set[Keys] | None = None) -> list[CryptoSigner]:
        count = getattr(hold, role)
        if not count:
            return STRANGER.signers(role)
        return [signer for keys in holders or {self.keys} for signer in keys.signers(role)[:count]]

    def _store(
        self,
        role: str,
        made: roles.S,
        signers: Sequence[CryptoSigner],
        visible: bool = True,
    ) -> bytes:
        data = roles.signed(made, signers)
        self.versions[role] = made.version
        self.metadata[role] = data
        path = layout.TIMESTAMP if role == "timestamp" else layout.metadata(role, self.versions[role])
        if visible:
            self.tree[path] = data
        return data


def bundle_of(channel: str, serial: int, texts: Mapping[str, str]) -> bytes:
    """A bundle that the publisher's own code builds of rules: file name → text."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / f"{name}.yar").write_text(text)
        origin = sources.Origin("own", (folder,), "Test", "CC0-1.0", "https://example.org/rules")
        return build.build(channel, serial, sources.Sources((origin,))).data


def _nothing(path: str) -> bytes:
    raise FileNotFoundError(path)
