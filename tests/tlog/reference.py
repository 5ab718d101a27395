"""What the library is held to: RFC 6962's recursive definitions written down literally, and logs to try it on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from overt.tlog.checkpoint import Checkpoint
from overt.tlog.keys import MemorySigner, SignatureType
from overt.tlog.merkle import EMPTY_TREE, TreeHead
from overt.tlog.note import Note
from overt.tlog.signing import cosign, sign
from overt.tlog.tiles import ENTRIES, parse_path
from overt.tlog.writer import append

ORIGIN = "log.example/überblick"
NOW = 1_700_000_000


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 §2.1: MTH."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    k = split(len(leaves))
    return sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:]))


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962 §2.1.1: PATH."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962 §2.1.2: PROOF."""
    return _subproof(m, leaves, True) if m else []


def _subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*_subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*_subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def entries(count: int) -> list[bytes]:
    """Entries of many lengths, one of them empty."""
    return [f"entry {number}:".encode() * (number % 5) for number in range(count)]


class MemoryLog:
    """A log in a dict, which counts what is read of it."""

    def __init__(self, *sizes: int) -> None:
        self.tiles: dict[str, bytes] = {}
        self.head = EMPTY_TREE
        self.entries: list[bytes] = []
        self.heads: list[TreeHead] = []
        self.read: list[str] = []
        for size in sizes:
            self.grow(entries(size)[len(self.entries) :])

    def grow(self, added: Sequence[bytes]) -> None:
        appended = append(self.head, added, self.fetch)
        self.tiles.update(appended.tiles)
        self.entries += added
        self.head = appended.head
        self.heads.append(appended.head)

    def fetch(self, path: str) -> bytes:
        self.read.append(path)
        return self.tiles[path]


class UniformLog:
    """A log whose entries are all the same: its tiles can be made up as they are asked for, whatever its size."""

    def __init__(self, size: int, entry: bytes = b"the same") -> None:
        self.entry = entry
        self.perfect = [sha256(b"\0" + entry)]
        for _ in range(63):
            self.perfect.append(sha256(b"\1" + self.perfect[-1] * 2))
        self.head = TreeHead(size, self.root(size))
        self.added: dict[str, bytes] = {}
        self.read: list[str] = []

    def root(self, size: int) -> bytes:
        """The root over `size` entries, from its binary digits."""
        found = [self.perfect[bit] for bit in range(63) if size >> bit & 1]
        root = found[0]
        for left in found[1:]:
            root = sha256(b"\1" + left + root)
        return root

    def fetch(self, path: str) -> bytes:
        self.read.append(path)
        if path in self.added:
            return self.added[path]
        tile = parse_path(path)
        if tile.level == ENTRIES:
            return (len(self.entry).to_bytes(2, "big") + self.entry) * tile.width
        return self.perfect[8 * tile.level] * tile.width


def signer(name: str, kind: SignatureType = SignatureType.ED25519_COSIGNATURE) -> MemorySigner:
    """The key of this name: always the same one."""
    return MemorySigner(name, kind, sha256(f"seed of {name}".encode()))


LOG = signer(ORIGIN, SignatureType.ED25519)


def checkpoint(head: TreeHead, origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, head)


def signed(head: TreeHead, *witnesses: MemorySigner, at: int = NOW, log: MemorySigner = LOG) -> Note:
    """The log's checkpoint of `head`, cosigned."""
    stated = checkpoint(head, log.key.name)
    return Note(stated.text, (sign(stated.text, log), *(cosign(stated, one, at) for one in witnesses)))
