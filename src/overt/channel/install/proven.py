"""A release that was shown to be logged and witnessed: nothing else is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from overt.channel.install import record
from overt.channel.install.record import ProgramRelease
from overt.core.errors import UsageError
from overt.tlog import policy_file
from overt.tlog import proof as proofs
from overt.tlog.merkle import leaf_hash
from overt.tlog.policy import Accepted, Policy

POLICY = "policy.txt"
"""The policy's name in a folder that holds a release."""
RELEASES = "releases/"
"""Where records and proofs are in the log's tree."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The three files that show a release to be logged: the record, its proof, and whom to trust."""

    release: Path
    proof: Path
    policy: Path


@dataclass(frozen=True, slots=True)
class Proven:
    """A release, its index in the log, and the checkpoint and cosignatures that were accepted for it."""

    release: ProgramRelease
    index: int
    accepted: Accepted
    policy: Policy


def names(program: str, version: str) -> tuple[str, str, str]:
    """The names of a release's files: record, proof, SBOM."""
    stem = f"{program}-{version}"
    return f"{stem}.release.json", f"{stem}.tlog-proof", f"{stem}.cdx.json"


def found_in(folder: Path, program: str, version: str) -> Evidence:
    """The evidence for one version in a folder of releases."""
    release, proof, _ = names(program, version)
    return Evidence(folder / release, folder / proof, folder / POLICY)


def read(evidence: Evidence, before_s: int | None = None) -> Proven:
    """Verify the proof, then give the release. Cosignatures made after `before_s` (seconds since the Epoch) do not
    count. Raises `Malformed`, `PeerLied`, `Unproven`, and `UsageError` for a file that can't be read."""
    release = record.parse(_content(evidence.release, record.MAX_RECORD_BYTES))
    proof = proofs.parse(_content(evidence.proof, proofs.MAX_PROOF_BYTES))
    policy = policy_file.parse(_content(evidence.policy, policy_file.MAX_POLICY_BYTES))
    accepted = proofs.verify(proof, leaf_hash(release.leaf()), policy, before_s=before_s)
    return Proven(release, proof.index, accepted, policy)


def _content(path: Path, limit: int) -> bytes:
    try:
        with open(path, "rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}: get it from where Overt is published"
        ) from None
    if len(data) > limit:
        raise UsageError(f"{path} has more than {limit} bytes: it is not what it should be")
    return data
