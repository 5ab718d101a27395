"""Metadata on its way to a threshold: proposed, sent to the holders as a request, signed one by one, complete.

A holder's machine needs only the request file, his key and Overt; the answer is a small file of signatures. So the
holders of offline keys never share a machine, and none of them needs a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from securesystemslib.signer import Key, Signature, Signer
from tuf.api.metadata import Metadata, Root, Targets

from overt.channel.publisher import roles
from overt.channel.publisher.keys import holder_of
from overt.core import canonical
from overt.core.errors import ChannelError

REQUEST = "overt-signing-request/1"
ANSWER = "overt-signatures/1"


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature: for which role's metadata, on the payload with this SHA-256, by which key."""

    role: str
    payload: str
    keyid: str
    sig: str


class SignatureFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a holder sends back."""

    schema: str
    signatures: tuple[Signed, ...]


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    previous_root: str | None
    root: str | None
    targets: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Metadata that waits for signatures. `previous`: the root in force, None before the first release."""

    previous: Metadata[Root] | None = None
    root: Metadata[Root] | None = None
    targets: Metadata[Targets] | None = None

    @property
    def new_root(self) -> Root:
        """The root that will be in force with this proposal."""
        metadata = self.root or self.previous
        if metadata is None:
            raise ChannelError("there is no root: begin with 'overt channel init'")
        return metadata.signed

    def documents(self) -> list[tuple[str, Metadata[Root] | Metadata[Targets]]]:
        """Role and metadata of what is proposed."""
        both: list[tuple[str, Metadata[Root] | Metadata[Targets] | None]] = [
            ("root", self.root),
            ("targets", self.targets),
        ]
        return [(role, metadata) for role, metadata in both if metadata is not None]

    def allowed(self, role: str) -> dict[str, Key]:
        """Keys whose signature counts: for a new root those of the previous one too (TUF 1.0.34, 5.3.4)."""
        trusted = [self.new_root]
        if role == "root" and self.previous:
            trusted.append(self.previous.signed)
        return {keyid: root.keys[keyid] for root in trusted for keyid in root.roles[role].keyids}

    def encode(self) -> bytes:
        """A request file's bytes; also how the proposal is kept."""
        texts = {
            "schema": REQUEST,
            "previous_root": _text(self.previous),
            "root": _text(self.root),
            "targets": _text(self.targets),
        }
        return canonical.encode(texts) + b"\n"


def parse(data: bytes, where: str) -> Proposal:
    """The proposal in a request file. Raises `ChannelError` naming `where`."""
    stored: _Stored = _decode(data, _Stored, REQUEST, where)
    return Proposal(
        _metadata(stored.previous_root, Root, where),
        _metadata(stored.root, Root, where),
        _metadata(stored.targets, Targets, where),
    )


@dataclass(frozen=True, slots=True)
class Missing:
    """How many more signatures a role needs, from any of these holders; `under`: whose threshold that is."""

    role: str
    count: int
    holders: tuple[str, ...]
    under: str = ""

    def __str__(self) -> str:
        more = f" (threshold of the {self.under} root)" if self.under else ""
        return f"{self.role}: {self.count} more of {', '.join(self.holders)}{more}"


def missing(proposal: Proposal) -> tuple[Missing, ...]:
    """What is not signed by its threshold yet; empty when the proposal is complete."""
    found = []
    for role, metadata in proposal.documents():
        trusted = [(proposal.new_root, "new" if role == "root" and proposal.previous else "")]
        if role == "root" and proposal.previous:
            trusted.append((proposal.previous.signed, "present"))
        for root, under in trusted:
            payload = metadata.signed_bytes
            result = root.get_verification_result(role, payload, metadata.signatures)
            if not result:
                waiting = tuple(sorted(holder_of(key) for key in result.unsigned.values()))
                found.append(Missing(role, result.missing, waiting, under))
    return tuple(found)


def sign(proposal: Proposal, signers: Iterable[Signer]) -> tuple[Signed, ...]:
    """The signatures that `signers` may give, on everything proposed. Raises `ChannelError` when one may give none."""
    given: list[Signed] = []
    for signer in signers:
        keyid = signer.public_key.keyid
        asked = [(r, m) for r, m in proposal.documents() if keyid in proposal.allowed(r)]
        if not asked:
            raise ChannelError(f"key {keyid[:8]} is not asked to sign this: it is for other holders")
        for role, metadata in asked:
            payload = metadata.signed_bytes
            given.append(Signed(role, payload_digest(metadata), keyid, signer.sign(payload).signature))
    return tuple(given)


def answer(given: Sequence[Signed]) -> bytes:
    """A signature file's bytes."""
    return canonical.encode(msgspec.to_builtins(SignatureFile(ANSWER, tuple(given)))) + b"\n"


def parse_answer(data: bytes, where: str) -> tuple[Signed, ...]:
    """The signatures in a holder's file. Raises `ChannelError` naming `where`."""
    file: SignatureFile = _decode(data, SignatureFile, ANSWER, where)
    return file.signatures


def accept(proposal: Proposal, given: Iterable[Signed], where: str) -> Proposal:
    """The proposal with these signatures, each verified. Raises `ChannelError` for one that does not belong to it."""
    documents = dict(proposal.documents())
    for one in given:
        metadata = documents.get(one.role)
        if metadata is None or payload_digest(metadata) != one.payload:
            raise ChannelError(
                f"{where}: signed another proposal of {one.role} than the present one: leave the file out, or send "
                "its holder the present request"
            )
        key = proposal.allowed(one.role).get(one.keyid)
        signature = Signature(one.keyid, one.sig)
        if key is None or not roles.verifies(key, signature, metadata.signed_bytes):
            raise ChannelError(f"{where}: the signature of key {one.keyid[:8]} on {one.role} is not good")
        documents[one.role] = _with(metadata, signature)
    return replace(proposal, **documents)  # type: ignore[arg-type]


def _with(metadata: Any, signature: Signature) -> Any:
    return Metadata(metadata.signed, {**metadata.signatures, signature.keyid: signature})


def _text(metadata: Metadata[Any] | None) -> str | None:
    return None if metadata is None else roles.encode(metadata).decode()


def _metadata(text: str | None, kind: Any, where: str) -> Any:
    return None if text is None else roles.parse(text.encode(), kind, where)


def payload_digest(metadata: Metadata[Any]) -> str:
    """SHA-256, in hexadecimal, of the bytes that holders sign."""
    return hashlib.sha256(metadata.signed_bytes).hexdigest()


def _decode(data: bytes, kind: Any, schema: str, where: str) -> Any:
    try:
        value = msgspec.convert(canonical.decode(data.removesuffix(b"\n")), kind)
    except (canonical.NotCanonical, msgspec.ValidationError) as error:
        raise ChannelError(f"{where} is not a file of 'overt channel' ({error})") from None
    if value.schema != schema:
        raise ChannelError(f"{where} has schema {value.schema!r}, not {schema}")
    return value
