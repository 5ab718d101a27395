"""Where everything is in a channel's static tree, for the publisher who writes it and the clients who read it.

    latest.tlog-proof                    the newest release, its proof and cosignatures   mutable
    metadata/timestamp.json              TUF                                              mutable
    log/checkpoint                       the log's newest signed tree head                mutable
    metadata/N.root.json                 TUF, N counts from 1; so are N.snapshot.json and N.targets.json
    log/tile/…                           c2sp.org/tlog-tiles: hashes, and the releases as entries
    bundles/SHA256.tar.zst               a bundle, named by the SHA-256 of its uncompressed bytes
    patches/OLD-NEW.zst                  from one bundle to another, named in the same way
    roots/SHA256.json                    every root that a release names, also before it is in force
    policies/N.txt                       a copy of root N's log policy, for other people's tools

All that is not marked mutable never changes once it is there. Clients poll `latest.tlog-proof` only.
"""

from __future__ import annotations

import re

PROOF = "latest.tlog-proof"
TIMESTAMP = "metadata/timestamp.json"
LOG = "log/"
CHECKPOINT = "log/checkpoint"
MUTABLE = frozenset({PROOF, TIMESTAMP, CHECKPOINT})

METADATA = "metadata/"
"""Base of python-tuf's `metadata_base_url`."""

TARGET = "rules.tar"
"""The TUF target path, and the name in a release, of a channel's bundle of rules."""

MAX_BUNDLE_BYTES = 1 << 30
"""Bytes of an uncompressed bundle."""
MAX_METADATA_BYTES = 1 << 20
"""Bytes of one TUF metadata file."""
MAX_PROOF_BYTES = 256 << 10
"""Bytes of `latest.tlog-proof`."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def metadata(role: str, version: int) -> str:
    """Path of a versioned TUF metadata file (TUF 1.0.34, 6.2 "consistent snapshots")."""
    return f"{METADATA}{version}.{role}.json"


def root(sha256: str) -> str:
    """Path of the root metadata with this SHA-256: whoever reviews a release before it is in force finds it here."""
    return f"roots/{_checked(sha256)}.json"


def bundle(sha256: str) -> str:
    """Path of a compressed bundle. Raises `ValueError` unless `sha256` is 64 lower-case hexadecimal digits."""
    return f"bundles/{_checked(sha256)}.tar.zst"


def patch(old: str, new: str) -> str:
    """Path of the patch from bundle `old` to bundle `new`, both SHA-256 as in `bundle`."""
    return f"patches/{_checked(old)}-{_checked(new)}.zst"


def policy(root_version: int) -> str:
    """Path of the copy of the log policy that this version of root carries."""
    return f"policies/{root_version}.txt"


def _checked(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is no SHA-256 in lower-case hexadecimal")
    return sha256
