"""The proposal that is on its way: read, changed, and kept with its request file for the holders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata

from overt.channel.publisher import online, proposal, roles
from overt.channel.publisher.desk import Desk
from overt.channel.publisher.proposal import Proposal
from overt.channel.publisher.state import State
from overt.core.errors import ChannelError
from overt.store import atomic

REQUEST_FILE = "signing-request.json"
SIGNED_FILES = "*.signatures.json"


def request_file(desk: Desk) -> Path:
    """Where the request for the holders of offline keys is."""
    return desk.requests / REQUEST_FILE


def read(desk: Desk, state: State | None) -> Proposal:
    """The proposal; what was published meanwhile is left out of it. Raises `ChannelError`."""
    previous = state.root if state else None
    try:
        found = proposal.parse(desk.proposal.read_bytes(), str(desk.proposal))
    except FileNotFoundError:
        return Proposal(previous)
    root, targets = found.root, found.targets
    if state and root and root.signed.version <= state.root.signed.version:
        root = None
    if state and targets and targets.signed.version <= state.targets.signed.version:
        targets = None
    return Proposal(previous, root, targets)


def write(desk: Desk, proposed: Proposal) -> None:
    """Keep it, and put its request into `requests/` while signatures are missing."""
    atomic.write(desk.proposal, proposed.encode())
    if proposal.missing(proposed):
        atomic.write(request_file(desk), proposed.encode())
    else:
        request_file(desk).unlink(missing_ok=True)


def remove(desk: Desk) -> None:
    """It was decided, or is given up."""
    desk.proposal.unlink(missing_ok=True)
    for path in (request_file(desk), *desk.requests.glob(SIGNED_FILES)):
        path.unlink(missing_ok=True)


def with_bundles(
    proposed: Proposal, state: State | None, bundles: Mapping[str, bytes], desk: Desk
) -> Proposal:
    """The proposal with targets metadata for `bundles`, unless they are what is proposed already."""
    version = (state.targets.signed.version if state else 0) + 1
    wanted = roles.make_targets(version, bundles, desk.now())
    if proposed.targets and proposed.targets.signed.targets == wanted.targets:
        return proposed
    return replace(proposed, targets=Metadata(wanted))


def with_same_targets(proposed: Proposal, state: State, desk: Desk) -> Proposal:
    """The proposal with a new version of targets metadata that says the same."""
    if proposed.targets:
        return replace(proposed, targets=Metadata(proposed.targets.signed))
    present = state.targets.signed
    renewed = roles.renewed_targets(present.version + 1, present.targets, desk.now())
    return replace(proposed, targets=Metadata(renewed))


def with_signatures(proposed: Proposal, state: State | None, paths: Iterable[Path]) -> Proposal:
    """The proposal with the signatures in the holders' files; those on what is decided already are not needed: the
    same command is run again to go on. Raises `ChannelError` naming the file."""
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ChannelError(f"{path}: {error.strerror}") from None
        given = proposal.parse_answer(data, str(path))
        wanted = [one for one in given if not (state and _decided(one, state))]
        proposed = proposal.accept(proposed, wanted, str(path))
    return proposed


def _decided(given: proposal.Signed, state: State) -> bool:
    return given.payload in (proposal.payload_digest(state.root), proposal.payload_digest(state.targets))


def signed_here(proposed: Proposal, desk: Desk) -> Proposal:
    """The proposal, signed by the keys kept in this folder: all of them in a development channel."""
    for role, metadata in proposed.documents():
        wanted = [key for keyid, key in proposed.allowed(role).items() if keyid not in metadata.signatures]
        signers: list[Signer] = list(online.signers(desk.keys, wanted, desk.ask))
        if signers:
            given = [one for one in proposal.sign(proposed, signers) if one.role == role]
            proposed = proposal.accept(proposed, given, str(desk.keys))
    return proposed
