"""What the publisher's own review said against rules and hash lists that are published all the same, and why they are.

The manifest has it; the verifier keeps it beside an installed release, so that nobody need open a bundle to see it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from overt.channel.manifest import HashList, Manifest, Rule

FILE = "objections.json"
PASS, REFUSE = "pass", "refuse"


class Objection(msgspec.Struct, frozen=True):
    """One rule, or one file of hashes, that its review did not pass."""

    kind: str
    """`rule` or `hashes`."""
    name: str
    level: str
    """`explain`, `refuse` or `not reviewed`, as the manifest says."""
    reason: str
    """What the publisher wrote about it; empty when he wrote nothing."""

    @property
    def refused(self) -> bool:
        """Whether it was published against its review."""
        return self.level == REFUSE


def of_manifest(manifest: Manifest) -> tuple[Objection, ...]:
    """Those of a bundle: refused ones first, else in the manifest's order."""
    rules = (_of("rule", rule.name, rule) for rule in manifest.rules if _level(rule) != PASS)
    lists = (_of("hashes", one.file, one) for one in manifest.hashes if _level(one) != PASS)
    return tuple(sorted((*rules, *lists), key=lambda one: not one.refused))


def write(release: Path, found: Iterable[Objection]) -> None:
    """Keep them in a release's folder. Raises `OSError`."""
    (release / FILE).write_bytes(msgspec.json.encode(tuple(found)))


def read(release: Path) -> tuple[Objection, ...]:
    """Those of a release; none when the file is gone or damaged (the bundle beside it still has them)."""
    try:
        return msgspec.json.decode((release / FILE).read_bytes(), type=tuple[Objection, ...])
    except (OSError, msgspec.MsgspecError):
        return ()


def _level(item: Rule | HashList) -> str:
    return str(item.review.get("level", ""))


def _of(kind: str, name: str, item: Rule | HashList) -> Objection:
    return Objection(kind, name, _level(item), item.override or "")
