"""A release: the leaf of a channel's log, which says exactly which metadata and which bundles everybody gets.

Canonical JSON (RFC 8785), so that one release has one leaf hash:

    {"bundles":{"rules.tar":SHA256},"root":[VERSION,SHA256],"serial":N,"targets":[VERSION,SHA256]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from overt.core import canonical
from overt.core.errors import Malformed

MAX_BUNDLES = 64
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MEMBERS = {"serial", "root", "targets", "bundles"}


@dataclass(frozen=True, slots=True)
class Pinned:
    """One version of a TUF metadata file: its number and the SHA-256 of its bytes as served."""

    version: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """`serial` is the leaf's index in the log; `bundles` maps TUF target path → SHA-256 of the uncompressed bytes."""

    serial: int
    root: Pinned
    targets: Pinned
    bundles: Mapping[str, str]

    def encode(self) -> bytes:
        """The leaf: about 270 bytes."""
        return canonical.encode(
            {
                "serial": self.serial,
                "root": [self.root.version, self.root.sha256],
                "targets": [self.targets.version, self.targets.sha256],
                "bundles": dict(self.bundles),
            }
        )


def parse(data: bytes) -> Release:
    """The release that a leaf holds. Raises `Malformed` for anything but the one encoding of a release."""
    try:
        value = canonical.decode(data)
    except canonical.NotCanonical as error:
        raise Malformed(f"release: {error}") from None
    if not isinstance(value, dict) or set(value) != _MEMBERS:
        raise Malformed("release: not an object with exactly serial, root, targets and bundles")
    return Release(
        _count(value["serial"], "serial", 0),
        _pinned(value["root"], "root"),
        _pinned(value["targets"], "targets"),
        _bundles(value["bundles"]),
    )


def _bundles(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_BUNDLES:
        raise Malformed(f"release: bundles is not an object of 1 to {MAX_BUNDLES} members")
    for name in value:
        if not _NAME.fullmatch(name):
            raise Malformed(f"release: {name!r} can't name a bundle")
    return {name: _digest(digest, name) for name, digest in value.items()}


def _pinned(value: Any, name: str) -> Pinned:
    if not isinstance(value, list) or len(value) != 2:
        raise Malformed(f"release: {name} is not [version, sha256]")
    return Pinned(_count(value[0], name, 1), _digest(value[1], name))


def _count(value: Any, name: str, lowest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < lowest:
        raise Malformed(f"release: {name} is not a number from {lowest}")
    return value


def _digest(value: Any, name: str) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise Malformed(f"release: {name} has no SHA-256 in lower-case hexadecimal")
    return value
