"""Whether a bundle is what its published sources build, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from overt.channel import bundle as bundles
from overt.channel.bundle import Bundle
from overt.channel.manifest import Revoked
from overt.channel.monitor.alarm import Kind
from overt.channel.monitor.changes import What, changes
from overt.channel.monitor.sources import Find
from overt.channel.publisher.build import TOOL, Reviewer, build
from overt.core.errors import EgressError, OvertError

NAMED = 6


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of it, in words; `kind` when it is an alarm."""

    text: str
    kind: Kind | None = None


def rebuild(
    data: bytes, published: Bundle, before: Sequence[Revoked], find: Find, review: Reviewer
) -> Rebuilt:
    """Build release `published.manifest.serial` again and compare; `before`: what the bundle before it had revoked.

    Another version of Overt writes another manifest: then rules and hash lists alone are compared. Raises
    `FileNotFoundError` and `EgressError` when there are no sources, or not now.
    """
    contents = published.manifest
    try:
        with find(contents.serial) as sources:
            built = build(contents.channel, contents.serial, sources, review, before)
    except (FileNotFoundError, EgressError):
        raise
    except (OvertError, OSError, ValueError) as error:
        return Rebuilt(f"its sources can't be built: {error}", Kind.UNREPRODUCIBLE)
    if built.data == data:
        return Rebuilt("its sources build this bundle, byte for byte")
    again = bundles.read(built.data)
    if contents.tool != TOOL and dict(again.files) == dict(published.files):
        return Rebuilt(f"its sources hold these rules; its manifest was written by {contents.tool}")
    return Rebuilt(f"its sources build another bundle: {_difference(published, again)}", Kind.UNREPRODUCIBLE)


def _difference(published: Bundle, built: Bundle) -> str:
    """What is different, by name."""
    words = {
        What.APPEARED: "{} is published and not in the sources",
        What.VANISHED: "{} is in the sources and not published",
        What.CHANGED: "{} differs",
    }
    found = [words[one.what].format(one.item.name) for one in changes(built, published)]
    more = f", and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return (", ".join(found[:NAMED]) + more) or "order, places or the table of contents differ"
