"""Rule sources → bundle, bit for bit the same wherever and whenever it is built from the same sources."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from overt import __version__
from overt.channel import bundle, manifest
from overt.channel.manifest import HashList, Manifest, Part, Rule
from overt.channel.publisher.collected import Collected
from overt.channel.publisher.sources import Origin, Sources, checked
from overt.core.errors import ChannelError, UsageError
from overt.rules.check import assemble, closure, needed
from overt.rules.compile import RuleText
from overt.rules.gather import gather
from overt.rules.metadata import record
from overt.rules.review import RuleReview
from overt.rules.review import review as review_rules
from overt.rules.review.hashes import review_hashes
from overt.rules.yara_source import Problem, Source, SourceRule

Reviewer = Callable[[Sequence[RuleText]], Iterable[RuleReview]]
"""Reviews all files of rules of a bundle, and names each rule by its file (`source`) and its own name."""

TOOL = f"overt {__version__}"


NEED_REASON = ("explain", "refuse")
"""Levels with which a rule is published only with a written reason."""


def static_review(texts: Sequence[RuleText]) -> Iterator[RuleReview]:
    """The review that runs no rule: a `Reviewer`."""
    for text in texts:
        yield from review_rules(text)


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
    parts = [_part(origin, dropped) for origin in sources.source]
    reviewed = _reviewed(parts, sources, review)
    _check_reasons(sources, reviewed)
    contents = Manifest(
        schema=manifest.SCHEMA,
        channel=channel,
        serial=serial,
        tool=TOOL,
        parts=tuple(Part(o.name, o.author, o.licence, o.origin) for o in sources.source),
        rules=tuple(sorted(reviewed.rules, key=lambda rule: (rule.file, rule.line, rule.name))),
        hashes=tuple(sorted(reviewed.hashes, key=lambda item: item.file)),
        revoked=taken_back,
    )
    files = {path: data for part in parts for path, data in part.files.items()}
    problems = tuple(problem for part in parts for problem in part.problems)
    if not files:
        first = f" ({problems[0]})" if problems else ""
        raise UsageError(f"nothing to publish: no rule or hash could be carried over{first}")
    return Built(bundle.build(contents, files), contents, problems)


def _taken_back(sources: Sources, before: Sequence[manifest.Revoked]) -> tuple[manifest.Revoked, ...]:
    """What is revoked now, each rule once, in the order of its taking back."""
    stated = [manifest.Revoked(one.rule, one.serial, one.reason) for one in sources.revoked]
    found = {one.rule: one for one in (*before, *stated) if one.rule not in sources.restored}
    return tuple(sorted(found.values(), key=lambda one: (one.serial, one.rule)))


@dataclass(frozen=True, slots=True)
class _Part:
    """What one source contributes."""

    origin: Origin
    rules: tuple[Rule, ...]
    hashes: tuple[HashList, ...]
    files: dict[str, bytes]
    problems: tuple[Problem, ...]


def _part(origin: Origin, dropped: set[str]) -> _Part:
    with tempfile.TemporaryDirectory() as scratch:
        intake = Collected(Path(scratch))
        files: dict[str, bytes] = {}
        rules: list[Rule] = []
        for name, source in sorted(gather(origin.paths, intake).items()):
            file = rule_file(source, intake.texts[name], dropped)
            if file.rules:
                path = _free(f"rules/{origin.name}/{_plain(name)}", files)
                files[path] = file.text.encode()
                rules.extend(_rules(origin, path, file))
        lists = []
        for algorithm, sections, data, entries in intake.lists():
            path = f"hashes/{origin.name}/{algorithm}{'.sections' if sections else ''}.jsonl"
            files[path] = data
            lists.append(_hash_list(origin, path, algorithm, sections, entries))
        intake.close()
    return _Part(origin, tuple(rules), tuple(lists), files, tuple(intake.problems))


@dataclass(frozen=True, slots=True)
class _Reviewed:
    rules: tuple[Rule, ...]
    hashes: tuple[HashList, ...]


def _reviewed(parts: Sequence[_Part], sources: Sources, review: Reviewer | None) -> _Reviewed:
    """Rules and hash lists with their reviews and the reasons given for them."""
    rules = tuple(rule for part in parts for rule in part.rules)
    hashes = tuple(item for part in parts for item in part.hashes)
    reasons = {override.rule: override.reason for override in sources.override}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    if review is not None:
        texts = [text for part in parts for text in _texts(part)]
        found = {(one.source, one.rule): _judgement(one) for one in review(texts)}
        for item in hashes:
            verdict = review_hashes(item.part, item.file, item.entries, item.content)
            found[item.file, ""] = _judgement(verdict)
    unknown = manifest.NOT_REVIEWED
    replace = msgspec.structs.replace
    return _Reviewed(
        tuple(
            replace(rule, review=found.get((rule.file, rule.name), unknown), override=reasons.get(rule.name))
            for rule in rules
        ),
        tuple(
            replace(item, review=found.get((item.file, ""), unknown), override=reasons.get(item.file))
            for item in hashes
        ),
    )


def _texts(part: _Part) -> list[RuleText]:
    """The part's files of rules as the review reads them: `source` is the path in the bundle."""
    by = (part.origin.author, part.origin.licence)
    rules = {path: data for path, data in part.files.items() if path.startswith("rules/")}
    return [RuleText(part.origin.name, path, data.decode(), *by) for path, data in rules.items()]


def _judgement(review: RuleReview) -> dict[str, Any]:
    """What a manifest holds of it: the rule and its place are there already."""
    told = review.to_json()
    return {key: told[key] for key in ("level", "score", "grounds")}


def _hash_list(origin: Origin, path: str, algorithm: str, sections: bool, entries: int) -> HashList:
    return HashList(
        file=path,
        part=origin.name,
        algorithm=algorithm,
        sections=sections,
        entries=entries,
        content=origin.content,
        author=origin.author,
        licence=origin.licence,
        source=origin.origin,
        review=manifest.NOT_REVIEWED,
        override=None,
    )


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


def _rules(origin: Origin, path: str, file: RuleFile) -> Iterator[Rule]:
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
            review=manifest.NOT_REVIEWED,
            override=None,
        )


def _check_reasons(sources: Sources, reviewed: _Reviewed) -> None:
    """That every reason is for something that is there, and that everything that needs one has one."""
    items = [(rule.name, rule.review, rule.override) for rule in reviewed.rules]
    items += [(item.file, item.review, item.override) for item in reviewed.hashes]
    names = {name for name, _, _ in items}
    for override in sources.override:
        if override.rule not in names:
            raise UsageError(f"override of {override.rule!r}: no rule of this name is in the sources")
    lacking = [
        f"{name}: {review['level']}" for name, review, reason in items if _needs(review) and not reason
    ]
    if lacking:
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        raise ChannelError(
            f"the review did not pass {', '.join(lacking[:5])}{more}: 'overt rules review PATH' says why; leave them "
            "out, or write an [[override]] with its reason for each in a sources.toml"
        )


def _needs(review: dict[str, Any]) -> bool:
    return review["level"] in NEED_REASON
