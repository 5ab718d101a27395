"""What the vault knows of a sealed file, and its encoding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from overt.core.model import Finding

T = TypeVar("T")

MAX_FINDINGS = 200
"""Findings kept per sealed file."""
MAX_MATCHES = 20
"""Matches kept per finding."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of bytes that is stored; what lies between two runs reads as zeros (a sparse file's hole)."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """An extended attribute: ACLs and capabilities are some of them."""

    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One sealed file: where it was, what it was, why it is here. Nothing in it depends on this machine."""

    id: str
    path: str
    """Absolute, without symbolic links in its folders; undecodable bytes as surrogate escapes."""
    sha256: str
    """Of the whole content, lower-case hexadecimal."""
    size: int
    """Bytes, holes included."""
    sealed_at_ns: int
    """Nanoseconds since 1970, UTC."""
    mode: int
    """Permission bits with set-user-ID, set-group-ID and sticky."""
    uid: int
    gid: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    device: int
    inode: int
    links: int
    """Names the file had when it was sealed, this one included."""
    extents: tuple[Extent, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    findings: tuple[Finding, ...] = ()
    lacks: tuple[str, ...] = ()
    """What could not be read and so will not be restored, in words."""

    @property
    def other_names(self) -> int:
        """Hard links that still hold the same content outside the vault."""
        return self.links - 1

    @property
    def stored_bytes(self) -> int:
        """Bytes of content in the container: `size` without the holes."""
        return sum(extent.length for extent in self.extents)


def kept(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """As many findings and matches as a record holds."""
    return tuple(
        replace(finding, matches=finding.matches[:MAX_MATCHES]) for finding in findings[:MAX_FINDINGS]
    )


def encode(value: object) -> bytes:
    """A frozen dataclass as canonical ASCII JSON; bytes become Base64, undecodable names stay lone surrogates."""
    return json.dumps(msgspec.to_builtins(value), sort_keys=True, separators=(",", ":")).encode("ascii")


def decode(data: bytes, kind: type[T]) -> T:
    """The inverse of `encode`. Raises `ValueError` when `data` is not exactly of that shape."""
    loaded: Any = json.loads(data)
    return msgspec.convert(loaded, kind)
