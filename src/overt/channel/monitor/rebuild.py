"""Whether a bundle is what its published sources build, byte for byte: found out by expendable processes.

A build reads and writes files, so such a process has names: it reads what its user may read, writes below its scratch
folder only, and has no network. Its answer is one sentence.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from overt.channel import bundle as bundles
from overt.channel.bundle import Bundle
from overt.channel.manifest import Manifest
from overt.channel.monitor.alarm import Kind
from overt.channel.monitor.changes import What, changes
from overt.channel.monitor.sources import Given, opened
from overt.channel.publisher.build import TOOL, Reviewer, build
from overt.core.errors import Malformed, OvertError
from overt.rules.compile import RuleText
from overt.rules.review import RuleReview
from overt.sandbox import nursery
from overt.sandbox.expendable import Bounds, Expendables, WorkerDied
from overt.sandbox.policy import BUILDER, BUILDERS

NAMED = 6
BOUNDS = Bounds(max_memory_bytes=4 << 30, max_answer_bytes=1 << 20, deadline_s=900)
"""For one bundle."""


class Rebuild(msgspec.Struct, frozen=True):
    """Build `published` again, from an archive of sources or from a folder, and compare. `before`: the bundle before
    it, whose revocations go on to hold."""

    published: bytes
    before: bytes | None
    archive: bytes | None
    folder: str


class Rebuilt(msgspec.Struct, frozen=True):
    """What came of it, in words; `kind` when it is an alarm."""

    text: str
    kind: Kind | None = None


class Builders:
    """Start them before this process locks itself down."""

    def __init__(self, scratch: Path, confined: bool = True, bounds: Bounds = BOUNDS) -> None:
        """`scratch`: a folder of theirs alone, which is there. Raises `ConfinementError`."""
        self._scratch = scratch
        kind = nursery.Kind(BUILDERS, BUILDER, (scratch,))
        self._expendables = Expendables(partial(_answer, scratch), bounds, confined, kind=kind)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What must stay open."""
        return self._expendables.descriptors

    def rebuild(self, published: bytes, before: bytes | None, sources: Given) -> Rebuilt:
        """Build it again and compare. What kills the builder, or can't be built, is an answer too."""
        archive, folder = (None, str(sources)) if isinstance(sources, Path) else (sources, "")
        self._clear()
        try:
            said = self._expendables.ask(msgspec.msgpack.encode(Rebuild(published, before, archive, folder)))
            return msgspec.msgpack.decode(said, type=Rebuilt)
        except (WorkerDied, Malformed, msgspec.MsgspecError) as error:
            return Rebuilt(f"its sources can't be built: {error}", Kind.UNREPRODUCIBLE)
        finally:
            self._clear()

    def _clear(self) -> None:
        """What a builder that was killed left behind."""
        for left in self._scratch.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()

    def close(self) -> None:
        """End them."""
        self._expendables.close()


def _answer(scratch: Path, data: bytes) -> bytes:
    """In the worker."""
    tempfile.tempdir = str(scratch)
    asked = msgspec.msgpack.decode(data, type=Rebuild)
    return msgspec.msgpack.encode(_rebuilt(asked))


def _rebuilt(asked: Rebuild) -> Rebuilt:
    """Another version of Overt writes another manifest: then rules and hash lists alone are compared."""
    published = bundles.read(asked.published)
    before = bundles.read(asked.before) if asked.before is not None else None
    contents = published.manifest
    revoked = before.manifest.revoked if before else ()
    try:
        with opened(Path(asked.folder) if asked.archive is None else asked.archive) as sources:
            built = build(contents.channel, contents.serial, sources, as_published(contents), revoked)
    except (OvertError, OSError, ValueError) as error:
        return Rebuilt(f"its sources can't be built: {error}", Kind.UNREPRODUCIBLE)
    if built.data == asked.published:
        return Rebuilt("its sources build this bundle, byte for byte")
    again = bundles.read(built.data)
    if contents.tool != TOOL and dict(again.files) == dict(published.files):
        return Rebuilt(f"its sources hold these rules; its manifest was written by {contents.tool}")
    return Rebuilt(f"its sources build another bundle: {_difference(published, again)}", Kind.UNREPRODUCIBLE)


def as_published(contents: Manifest) -> Reviewer:
    """The review that the manifest states, whether it is true or not: that is found out elsewhere, and once."""

    def review(texts: Sequence[RuleText]) -> Iterator[RuleReview]:
        for rule in contents.rules:
            if (stated := _review(rule.part, rule.file, rule.name, rule.line, rule.review)) is not None:
                yield stated

    return review


def _review(part: str, file: str, name: str, line: int, told: dict[str, Any]) -> RuleReview | None:
    """None for what no review can be."""
    whole = {"pack": part, "source": file, "rule": name, "line": line, **told}
    try:
        return msgspec.convert(whole, RuleReview)
    except msgspec.ValidationError:
        return None


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
