"""The publisher's side: a release is appended to the log of the program's channel, witnessed, and gets its proof.

The folder is a publisher's (`overt.channel.publisher.desk`), with the same keys, the same witness protocol and the
same static log below `public/log/`; only the entries differ from those of a channel of rules.
"""

from __future__ import annotations

from pathlib import Path

from overt.channel import layout
from overt.channel.install import record
from overt.channel.install.record import ProgramRelease, parse_leaf
from overt.channel.publisher import online, witnesses
from overt.channel.publisher.desk import Desk, write_public
from overt.core.errors import ChannelError
from overt.tlog import note, writer
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.merkle import EMPTY_TREE, TreeHead
from overt.tlog.note import Note
from overt.tlog.policy import Policy
from overt.tlog.proof import LogProof
from overt.tlog.reader import LogReader
from overt.tlog.signing import open_checkpoint, sign


def found(desk: Desk, origin: str, passphrase: str | None) -> str:
    """Make the folder of a new log and its key; returns the key as a policy names it. Raises `ChannelError`."""
    desk.create()
    public = online.make(desk.keys, "log", passphrase)
    return online.log_key(public, origin)


def append(desk: Desk, release: ProgramRelease, policy: Policy) -> LogProof:
    """The proof that `release` is in the log of `policy`, where it is put unless it is there already.

    Raises `WaitingForWitnesses` below the policy's quorum: the same call later goes on. Raises `ChannelError` when
    this version is logged with other bytes, which is never repaired, only followed by another version.
    """
    with desk.locked():
        head, signed = _present(desk, policy)
        reader = LogReader(head, lambda path: _fetch(desk, path))
        index = _index(reader, release)
        if index is None:
            index = head.size
            head, signed = _append(desk, head, release.leaf(), policy.logs[0].key.name)
            reader = LogReader(head, lambda path: _fetch(desk, path))
        cosigned = witnesses.collect(desk, signed, policy, reader)
        return LogProof(index, reader.inclusion_proof(index), cosigned)


def read_release(path: Path) -> ProgramRelease:
    """The release whose record is the file `path`. Raises `ChannelError`, `Malformed`."""
    try:
        return record.parse(path.read_bytes())
    except OSError as error:
        raise ChannelError(f"{path}: {error.strerror}") from None


def _present(desk: Desk, policy: Policy) -> tuple[TreeHead, Note]:
    if len(policy.logs) != 1:
        raise ChannelError("the policy must name exactly one log: the one that is appended to")
    try:
        data = (desk.public / layout.CHECKPOINT).read_bytes()
    except FileNotFoundError:
        empty = Checkpoint(policy.logs[0].key.name, EMPTY_TREE).text
        return EMPTY_TREE, Note(empty, _signatures(desk, empty, policy.logs[0].key.name))
    signed = note.parse(data)
    return open_checkpoint(signed, [policy.logs[0].key]).head, signed


def _index(reader: LogReader, release: ProgramRelease) -> int | None:
    """Where the release is in the log; None: nowhere."""
    for index, entry in enumerate(reader.entries(0)):
        if entry == release.leaf():
            return index
        logged = parse_leaf(entry)
        if (logged.program, logged.version) == (release.program, release.version):
            raise ChannelError(
                f"{release.program} {release.version} is entry {index} of the log, with other bytes: build what "
                "was logged, or give the changed program a new version"
            )
    return None


def _append(desk: Desk, head: TreeHead, leaf: bytes, origin: str) -> tuple[TreeHead, Note]:
    """Tiles first, durable; then the checkpoint. Tiles behind the checkpoint that a crash left are replaced."""
    appended = writer.append(head, [leaf], lambda path: _fetch(desk, path))
    text = Checkpoint(origin, appended.head).text
    signed = Note(text, _signatures(desk, text, origin))
    for path, data in appended.tiles.items():
        write_public(desk.public / (layout.LOG + path), data)
    write_public(desk.public / layout.CHECKPOINT, signed.encode())
    return appended.head, signed


def _signatures(desk: Desk, text: str, origin: str) -> tuple[note.Signature, ...]:
    return tuple(sign(text, signer) for signer in online.log_signers(desk.keys, origin, desk.ask))


def _fetch(desk: Desk, path: str) -> bytes:
    return (desk.public / (layout.LOG + path)).read_bytes()
