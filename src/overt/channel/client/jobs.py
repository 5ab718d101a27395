"""What is done with a bundle in expendable processes: unpack it, read it, compile it with all other rules.

Three questions, each to a process of its own. The first reads bytes that nobody signed (a patch is only transport), so
its answer is hashed by the questioner before the second sees it; the second and third read what the publisher signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from overt.channel import bundle, delta
from overt.channel.client import objections
from overt.channel.client.objections import Objection
from overt.core.errors import Malformed, PackError
from overt.core.model import Severity
from overt.engine.hashset import Label
from overt.engine.warm import warm_up
from overt.rules import building
from overt.rules.compile import Built, RuleText, Tell
from overt.rules.subscribed import ChannelText
from overt.sandbox.expendable import Bounds, Expendables, WorkerDied

BOUNDS = Bounds(max_memory_bytes=4 << 30, max_answer_bytes=1 << 30, deadline_s=300)


class Unpack(msgspec.Struct, frozen=True, tag=True):
    """Undo the compression; with `old`, the bundle before as it is stored, `frame` is a patch to it."""

    frame: bytes
    sha256: str
    max_bytes: int
    old: bytes | None = None
    old_sha256: str = ""


class Read(msgspec.Struct, frozen=True, tag=True):
    """Take an uncompressed bundle apart."""

    data: bytes


class Compile(msgspec.Struct, frozen=True, tag=True):
    """A question of `overt.rules.building`."""

    question: bytes


class Hash(NamedTuple):
    """One digest of a hash list."""

    digest: bytes
    label: Label
    size: int


class HashFile(msgspec.Struct, frozen=True, array_like=True):
    """The digests of one algorithm; `of_sections`: of sections of PE files."""

    algorithm: str
    of_sections: bool
    author: str
    licence: str
    entries: tuple[Hash, ...]


class Contents(msgspec.Struct, frozen=True):
    """A bundle that was read."""

    channel: str
    serial: int
    """The release that it was built for."""
    rules: int
    texts: tuple[ChannelText, ...]
    hashes: tuple[HashFile, ...]
    objections: tuple[Objection, ...]


class Workers:
    """Who does it; start it before this process locks itself down."""

    def __init__(self, confined: bool = True, bounds: Bounds = BOUNDS) -> None:
        """They get ready while this process goes on: see `started`."""
        self._expendables = Expendables(answer, bounds, confined, prepare, wait=False)

    def started(self) -> None:
        """Wait until they are ready. Raises `ConfinementError`."""
        self._expendables.started()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What must stay open."""
        return self._expendables.descriptors

    def unpack(self, asked: Unpack) -> bytes:
        """What it unpacks to: hash it before it is used. Raises `Malformed`, `PeerLied`, `WorkerDied`."""
        return self._expendables.ask(msgspec.msgpack.encode(asked))

    def read(self, data: bytes) -> Contents:
        """The contents of a bundle. Raises `Malformed`, `WorkerDied`."""
        said = self._expendables.ask(msgspec.msgpack.encode(Read(data)))
        try:
            return msgspec.msgpack.decode(said, type=Contents)
        except msgspec.MsgspecError as error:
            raise Malformed(f"bundle: the worker gave no whole answer ({error})") from None

    def build(self, texts: Sequence[RuleText], names: tuple[str, ...], tell: Tell) -> Built:
        """Compile: an `overt.rules.building.Builder`. Raises `PackError`, `WorkerDied`."""
        inquire = self._expendables.within_deadline()

        def ask(questions: Sequence[bytes]) -> list[bytes]:
            return inquire([msgspec.msgpack.encode(Compile(question)) for question in questions])

        return building.built(ask, texts, names, tell, WorkerDied)

    def close(self) -> None:
        """End them."""
        self._expendables.close()


def prepare() -> None:
    """What is read from disk, before that becomes impossible."""
    warm_up()
    frame = delta.compress(b"warm")
    delta.decompress(frame, hashlib.sha256(b"warm").hexdigest())


def answer(data: bytes) -> bytes:
    """In the worker."""
    asked: Unpack | Read | Compile = msgspec.msgpack.decode(data, type=Unpack | Read | Compile)
    match asked:
        case Unpack():
            return _unpacked(asked)
        case Read():
            return msgspec.msgpack.encode(_contents(asked.data))
        case Compile():
            return _compiled(asked.question)


def _compiled(question: bytes) -> bytes:
    try:
        return building.answer(question)
    except RecursionError as error:
        raise PackError(f"the rules can't be compiled: {error}") from None


def _unpacked(asked: Unpack) -> bytes:
    if asked.old is None:
        return delta.decompress(asked.frame, asked.sha256, asked.max_bytes)
    old = delta.decompress(asked.old, asked.old_sha256)
    return delta.apply_patch(old, asked.frame, asked.sha256, asked.max_bytes)


def _contents(data: bytes) -> Contents:
    found = bundle.read(data)
    contents = found.manifest
    parts = {part.name: part for part in contents.parts}
    texts = []
    for path in sorted({rule.file for rule in contents.rules}):
        part = parts[path.split("/")[1]]
        try:
            text = found.files[path].decode()
        except UnicodeDecodeError:
            raise Malformed(f"bundle: {path} is not UTF-8") from None
        texts.append(ChannelText(path, text, part.author, part.licence))
    hashes = tuple(_hash_file(path, found) for path in sorted({one.file for one in contents.hashes}))
    told = objections.of_manifest(contents)
    return Contents(contents.channel, contents.serial, len(contents.rules), tuple(texts), hashes, told)


def _hash_file(path: str, found: bundle.Bundle) -> HashFile:
    listed = next(one for one in found.manifest.hashes if one.file == path)
    entries = tuple(
        Hash(
            bytes.fromhex(entry.digest),
            Label(entry.name, entry.description, _severity(entry.severity), entry.reference, entry.author),
            entry.size,
        )
        for entry in bundle.hash_entries(path, found.files[path])
    )
    return HashFile(listed.algorithm, listed.sections, listed.author, listed.licence, entries)


def _severity(word: str) -> Severity:
    """A word that is none counts as `high`, as in rules: what is not graded is not harmless."""
    return Severity(word) if word in set(Severity) else Severity.HIGH
