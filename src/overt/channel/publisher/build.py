"""Rule sources → bundle, bit for bit the same wherever and whenever it is built from the same sources."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overt import __version__
from overt.channel import bundle, manifest
from overt.channel.bundle import HashEntry
from overt.channel.manifest import HashList, Manifest, Part, Rule
from overt.channel.publisher.sources import Origin, Sources, checked
from overt.core.errors import ChannelError, UsageError
from overt.core.model import Severity
from overt.engine.hashset import DIGEST_BYTES, Label
from overt.rules.check import assemble, closure, needed
from overt.rules.compile import RuleText
from overt.rules.gather import gather
from overt.rules.intake import Intake
from overt.rules.metadata import record
from overt.rules.review import review as review_rules
from overt.rules.yara_source import Problem, Source, SourceRule

Reviewer = Callable[[RuleText], Mapping[str, Mapping[str, Any]]]
"""Rule name → its review in stable JSON: at least `level` (`pass`, `explain` or `refuse`) and `grounds`."""

TOOL = f"overt {__version__}"
ALGORITHM = {size: name for name, size in DIGEST_BYTES.items()}


NEED_REASON = ("explain", "refuse")
"""Levels with which a rule is published only with a written reason."""


def reviewed(text: RuleText) -> dict[str, dict[str, Any]]:
    """The static review of one file of rules: a `Reviewer`."""
    return {
        one.rule: {key: value for key, value in one.to_json().items() if key in ("level", "score", "grounds")}
        for one in review_rules(text)
    }


@dataclass(frozen=True, slots=True)
class Built:
    """A bundle, and what was left out of it because it is broken."""

    data: bytes
    manifest: Manifest
    problems: tuple[Problem, ...]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def build(
    channel: str,
    serial: int,
    sources: Sources,
    review: Reviewer | None = None,
    revoked: Sequence[manifest.Revoked] = (),
) -> Built:
    """The bundle of `sources` for release `serial`. Reads only what they name: no clock, no environment. `revoked`:
    what the bundle before says, which goes on to hold.

    Raises `UsageError` for sources that name nothing and overrides of rules that are not there, `ChannelError` for
    rules that the review did not pass and that have no reason written. Broken rules are in `Built.problems`.
    """
    taken_back = _taken_back(checked(sources), revoked)
    dropped = {one.rule for one in taken_back}
    parts = [_part(origin, sources, dropped, review) for origin in sources.source]
    rules = tuple(rule for part in parts for rule in part.rules)
    _check_overrides(sources, rules)
    contents = Manifest(
        schema=manifest.SCHEMA,
        channel=channel,
        serial=serial,
        tool=TOOL,
        parts=tuple(Part(o.name, o.author, o.licence, o.origin) for o in sources.source),
        rules=tuple(sorted(rules, key=lambda rule: (rule.file, rule.line, rule.name))),
        hashes=tuple(sorted((item for part in parts for item in part.hashes), key=lambda item: item.file)),
        revoked=taken_back,
    )
    files = {path: data for part in parts for path, data in part.files.items()}
    if not files:
        raise UsageError("nothing to publish: no rule or hash could be carried over")
    problems = tuple(problem for part in parts for problem in part.problems)
    return Built(bundle.build(contents, files), contents, problems)


def _taken_back(sources: Sources, before: Sequence[manifest.Revoked]) -> tuple[manifest.Revoked, ...]:
    """What is revoked now, each rule once, in the order of its taking back."""
    stated = [manifest.Revoked(one.rule, one.serial, one.reason) for one in sources.revoked]
    found = {one.rule: one for one in (*before, *stated) if one.rule not in sources.restored}
    return tuple(sorted(found.values(), key=lambda one: (one.serial, one.rule)))


@dataclass(frozen=True, slots=True)
class _Built:
    rules: tuple[Rule, ...]
    hashes: tuple[HashList, ...]
    files: dict[str, bytes]
    problems: tuple[Problem, ...]


def _part(origin: Origin, sources: Sources, dropped: set[str], review: Reviewer | None) -> _Built:
    with tempfile.TemporaryDirectory() as scratch:
        intake = _Collected(Path(scratch))
        checked_sources = gather(origin.paths, intake)
        files: dict[str, bytes] = {}
        rules: list[Rule] = []
        for name, source in sorted(checked_sources.items()):
            file = rule_file(source, intake.texts[name], dropped)
            if file.rules:
                path = _free(f"rules/{origin.name}/{_plain(name)}", files)
                files[path] = file.text.encode()
                rules.extend(_rules(origin, path, file, sources, review))
        lists = {}
        for algorithm, sections, data, entries in intake.lists():
            path = f"hashes/{origin.name}/{algorithm}{'.sections' if sections else ''}.jsonl"
            files[path] = data
            lists[path] = HashList(
                path, origin.name, algorithm, sections, entries, origin.author, origin.licence, origin.origin
            )
        intake.close()
    return _Built(tuple(rules), tuple(lists.values()), files, tuple(intake.problems))


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of rules as it is published: its text, and each of its rules with its line."""

    text: str
    rules: tuple[tuple[int, SourceRule], ...]


def rule_file(source: Source, written: str, dropped: set[str]) -> RuleFile:
    """One YARA file: as written when all of it stays, with its comments; else the rules that work, that were not
    taken back, and that need none that was."""
    needs = needed(source.rules)
    kept = tuple(rule for rule in source.rules if not closure([rule.name], needs) & dropped)
    if kept == source.rules and not source.problems:
        return RuleFile(written, tuple((rule.line, rule) for rule in kept))
    line, placed = 2, []
    for rule in kept:
        placed.append((line, rule))
        line += rule.text.count("\n") + 1
    return RuleFile(assemble(source, kept) + "\n", tuple(placed))


def _free(path: str, files: Mapping[str, bytes]) -> str:
    """`path`, or a name like it when another file has it."""
    number, found = 2, path
    while found in files:
        number, found = number + 1, f"{path}.{number}"
    return found


def _plain(name: str) -> str:
    """A file's name inside the bundle: its own, but for characters that some system could misread."""
    steps = [step for step in name.replace("\\", "/").split("/") if step not in ("", ".", "..")]
    safe = [
        "".join(c if c.isascii() and (c.isalnum() or c in "._- ()+@") else "_" for c in step)
        for step in steps
    ]
    return "/".join(safe) or "rules.yar"


def _rules(
    origin: Origin, path: str, file: RuleFile, sources: Sources, review: Reviewer | None
) -> Iterator[Rule]:
    reviews = review(RuleText(origin.name, path, file.text, origin.author, origin.licence)) if review else {}
    overrides = {override.rule: override.reason for override in sources.override}
    for line, rule in file.rules:
        known = record(rule, origin.name, path, origin.author, origin.licence)
        yield Rule(
            name=rule.name,
            file=path,
            line=line,
            part=origin.name,
            author=known.author,
            licence=known.licence,
            source=known.reference or origin.origin,
            description=known.description,
            severity=known.severity.value,
            sha256=hashlib.sha256(rule.text.encode()).hexdigest(),
            review=dict(reviews.get(rule.name, manifest.NOT_REVIEWED)),
            override=overrides.get(rule.name),
        )


def _check_overrides(sources: Sources, rules: tuple[Rule, ...]) -> None:
    names = {rule.name for rule in rules}
    for override in sources.override:
        if override.rule not in names:
            raise UsageError(f"override of {override.rule!r}: no rule of this name is in the sources")
    unexplained = [rule for rule in rules if rule.review.get("level") in NEED_REASON and not rule.override]
    if unexplained:
        first = ", ".join(f"{rule.name}: {rule.review['level']}" for rule in unexplained[:5])
        raise ChannelError(
            f"the review did not pass {len(unexplained)} rules ({first}): 'overt rules review' says why; leave them "
            "out, or write an [[override]] with its reason for each in sources.toml"
        )


class _Collected(Intake):
    """An intake that keeps whole digests, sorted on disk: published lists can be read and compared by anyone."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self._table = sqlite3.connect(scratch / "hashes.sqlite", isolation_level=None)
        self._table.execute("PRAGMA synchronous=OFF")
        self._table.execute(
            "CREATE TABLE hash (sections, bytes, digest, line, PRIMARY KEY (sections, bytes, digest))"
        )
        self._table.execute("BEGIN")

    def hash(self, digest: bytes, label: Label, size: int = -1, of_sections: bool = False) -> None:
        severity = Severity(label.severity).value
        entry = HashEntry(
            digest.hex(), label.name, size, severity, label.description, label.reference, label.author
        )
        self._table.execute(
            "INSERT OR IGNORE INTO hash VALUES (?, ?, ?, ?)",
            (of_sections, len(digest), digest, entry.encode()),
        )

    def lists(self) -> Iterator[tuple[str, bool, bytes, int]]:
        """Algorithm, whether of sections, the list's bytes and its number of entries."""
        kinds = self._table.execute("SELECT sections, bytes, count(*) FROM hash GROUP BY 1, 2").fetchall()
        for sections, size, count in kinds:
            wanted = "SELECT line FROM hash WHERE sections = ? AND bytes = ? ORDER BY digest"
            data = b"".join(row[0] for row in self._table.execute(wanted, (sections, size)))
            yield ALGORITHM[size], bool(sections), data, count

    def close(self) -> None:
        """Let go of the scratch folder."""
        self._table.close()
