"""Checking a report again: who signed it, whether anything was changed, and whether its evidence says what it says.

The files that a statement names are never opened by those names: what is in the folder is listed and compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from overt.conduct.canary.bodies import bodies
from overt.conduct.compare.arms import compare
from overt.conduct.evidence import folder as places
from overt.conduct.evidence.conclusions import Answer
from overt.conduct.evidence.folder import ReportFolder, RunFolder
from overt.conduct.finder import search
from overt.conduct.judge import judge
from overt.conduct.judge.answering import counted
from overt.conduct.report import apart, build, signing, writing
from overt.conduct.report.build import Build
from overt.conduct.report.headline import WORDS, tone_of
from overt.conduct.report.statement import (
    DERIVED,
    PREDICATE_TYPE,
    STATEMENT,
    STATEMENT_TYPE,
    evidence_files,
    named_files,
    sha256_of,
    statement,
)
from overt.core import canonical
from overt.core.errors import ConductError, OvertError

FOUND = ("sightings.jsonl", "opaque.jsonl")
"""What the finder makes of a run's evidence."""
MAX_NAMED = 20
"""Files or questions named one by one in a check's words."""
MAX_LINES_BYTES = 256 << 20
"""Of a file whose lines are compared one by one; of a larger one it is said only that it differs."""

Find = Callable[[RunFolder, RunFolder], None]
"""Makes `FOUND` of what is in the first folder, and writes them into the second."""


class Outcome(Enum):
    """Of a whole verification."""

    HOLDS = "holds"
    OTHER_BUILD = "other build"
    """Nothing was changed since it was signed, and this build says otherwise than the one that made it."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked."""

    what: str
    held: bool
    words: str
    """For a person: what is wrong, or what it rests on."""
    by_build: bool = False
    """What did not hold was done again by another build than made the report, which may be why."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The outcome. Without a key of the lab's that the reader got elsewhere, `known_signer` is False."""

    checks: tuple[Check, ...]
    known_signer: bool
    key: str
    """The public key that the report says it is signed with; empty if it can't be read."""

    @property
    def holds(self) -> bool:
        """Whether every check held."""
        return self.outcome is Outcome.HOLDS

    @property
    def outcome(self) -> Outcome:
        """What all checks come to."""
        if all(check.held for check in self.checks):
            return Outcome.HOLDS
        excused = all(check.held or check.by_build for check in self.checks)
        return Outcome.OTHER_BUILD if excused else Outcome.FAILED


def search_run(run: RunFolder, into: RunFolder) -> None:
    """The finder as lab and verification run it: with the canaries' own bytes, made again from the run's seed."""
    search.find(run, bodies=bodies(run), into=into)


def verify(path: Path, public: str | None, find: Find | None = search_run) -> Verified:
    """Check the report in the folder `path`; `public` is the lab's key as text, None when the reader has none.

    `find` is the finder, None to leave its part out (which the outcome says). Raises `ConductError` when the folder
    holds no report, or `public` is no key.
    """
    folder = ReportFolder(path)
    envelope = _read(path / STATEMENT)
    key, checks = "", []
    try:
        key = _key_in(envelope)
        wanted = signing.public_key(key if public is None else public)
        signed = signing.opened(envelope, wanted, STATEMENT).statement
    except ConductError as error:
        if public is not None:
            signing.public_key(public)
        return Verified((Check("signature", False, str(error)),), public is not None, key)
    checks.append(_signed(public))
    checks += _contents(folder, signed)
    if all(check.held for check in checks):
        checks += _again(folder, signed, find)
    else:
        checks.append(Check("judged again", False, "not done: the report is not what was signed"))
    return Verified(tuple(checks), public is not None, key)


def _read(path: Path) -> bytes:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ConductError(f"{path} is no ordinary file: nothing of the kind belongs into a report")
    try:
        with open(path, "rb") as stream:
            return stream.read(signing.MAX_ENVELOPE_BYTES + 1)  # one more is refused as too many
    except OSError as error:
        raise ConductError(f"{path}: {error.strerror}: is this the folder of a conduct report?") from error


def _key_in(envelope: bytes) -> str:
    claimed = signing.claimed(envelope, STATEMENT)
    try:
        return str(claimed["predicate"]["key"])
    except (KeyError, TypeError):
        raise ConductError(f"{STATEMENT} names no key: it is no statement about conduct") from None


def _signed(public: str | None) -> Check:
    if public is not None:
        return Check("signature", True, "by the key that you gave")
    return Check(
        "signature",
        True,
        "by the key that the report itself names: it was not changed since, and that says nothing of who made it; "
        "give the lab's key to know that",
    )


def _contents(folder: ReportFolder, signed: dict[str, Any]) -> Iterator[Check]:
    """Statement and folder against each other."""
    predicate = signed.get("predicate")
    if (
        signed.get("_type") != STATEMENT_TYPE
        or signed.get("predicateType") != PREDICATE_TYPE
        or not isinstance(predicate, dict)
    ):
        yield Check(
            "statement", False, f"it is no {PREDICATE_TYPE} statement: made by another program or version"
        )
        return
    evidence = _named("evidence", folder.path, partial(evidence_files, folder), predicate, "evidence")
    yield evidence
    yield _named("report files", folder.path, partial(_top, folder.path), predicate, "derived")
    if evidence.held:
        yield _subject(folder, signed)


def _named(
    what: str, base: Path, found: Callable[[], list[Path]], predicate: dict[str, Any], member: str
) -> Check:
    """What is there against what this member of the predicate names."""
    try:
        return _files(what, base, found(), dict(named_files(predicate, member)))
    except ConductError as error:
        return Check(what, False, str(error))


def _top(path: Path) -> list[Path]:
    """All beside the evidence and the statement."""
    found = sorted(one for one in path.iterdir() if one.name not in ("evidence", STATEMENT))
    for one in found:
        if one.is_symlink() or not one.is_file():
            raise ConductError(f"{one.name} does not belong into a report: only {', '.join(DERIVED)} do")
    return found


def _files(what: str, base: Path, found: list[Path], named: dict[str, str]) -> Check:
    there = {str(path.relative_to(base)): path for path in found}
    missing = sorted(set(named) - set(there))
    extra = sorted(set(there) - set(named))
    changed = sorted(name for name in set(there) & set(named) if sha256_of(there[name]) != named[name])
    parts = [
        f"{word}: {', '.join(names[:MAX_NAMED])}"
        + (f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else "")
        for word, names in (("changed", changed), ("missing", missing), ("added", extra))
        if names
    ]
    if parts:
        return Check(what, False, "; ".join(parts))
    return Check(what, True, f"{counted(len(named), 'file')}, as signed")


def _subject(folder: ReportFolder, signed: dict[str, Any]) -> Check:
    try:
        digests = {one["digest"]["sha256"] for one in signed["subject"]}
        packages = {one.sha256 for one in folder.subject().packages}
    except (KeyError, TypeError, ConductError) as error:
        return Check("subject", False, f"the statement's subject can't be read ({error})")
    packages = packages or {sha256_of(folder.evidence / places.SUBJECT)}
    if digests != packages:
        return Check("subject", False, "the statement is about other packages than the evidence")
    return Check("subject", True, f"about {counted(len(packages), 'package')}, by digest")


def _again(folder: ReportFolder, signed: dict[str, Any], find: Find | None) -> Iterator[Check]:
    """Finder, comparison, judge and forms once more, on the same evidence."""
    predicate = signed["predicate"]
    by = build.claimed(predicate.get("tool"))
    other = by.other_than(build.here())
    if find is None:
        yield Check(
            "searched again", True, "left out, as asked: the finder's sightings are taken as they are"
        )
    else:
        for run in folder.runs():
            yield _redone(f"searched again: {run.path.name}", partial(_searched, run, find), other)
    yield _redone("compared again", partial(_compared, folder), other)
    yield _redone("judged again", partial(_judged, folder), other)
    yield _redone("stated again", partial(_stated, folder, signed, by), other)
    yield _redone("written again", partial(_written, folder, str(predicate.get("made")), by), other)


def _redone(what: str, work: Callable[[], tuple[bool, str]], other: str) -> Check:
    """What was done once more; `other`: how the build that made the report differs from this one, or nothing."""
    try:
        same, words = work()
    except OvertError as error:
        same, words = False, str(error)
    if same:
        return Check(what, True, words)
    if other:
        return Check(what, False, f"{words}; {other}, which may be why", by_build=True)
    return Check(what, False, f"{words}; this very build made it: it was changed before it was signed")


def _compared(folder: ReportFolder) -> tuple[bool, str]:
    """Whether the runs give the stored tests. Raises `ConductError`."""
    count, differing = apart.done(
        partial(_compared_otherwise, folder), tuple[int, list[str]], "to compare these runs"
    )
    if not differing:
        return True, f"the runs give the same {counted(count, 'test')}"
    return False, f"the runs give other tests than the report: {'; '.join(differing)}"


def _compared_otherwise(folder: ReportFolder) -> tuple[int, list[str]]:
    """How many tests the runs give, and the questions of those that are others in the report."""
    stored, again = folder.compared(), compare(folder.runs())
    differing = [one.question for one in (*stored, *again) if one not in again or one not in stored]
    if stored != again and not differing:
        differing = ["in another order"]
    return len(again), [*dict.fromkeys(differing)][:MAX_NAMED]


def _judged(folder: ReportFolder) -> tuple[bool, str]:
    """Whether the evidence gives the stored answers. Raises `ConductError`."""
    answers = apart.done(partial(judge, folder), tuple[Answer, ...], "to judge this evidence")
    if _is(folder.evidence / places.ANSWERS, places.encoded(answers)):
        return True, f"the evidence gives the same {len(answers)} answers, byte for byte"
    return False, f"the evidence gives other answers than the report: {_answers(folder.answers(), answers)}"


def _answers(stored: tuple[Answer, ...], again: tuple[Answer, ...]) -> str:
    """How two sets of answers differ, the verdicts first."""
    before = {answer.question: answer for answer in stored}
    after = {answer.question: answer for answer in again}
    questions = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    turned = [
        f"{name} is {then} in the report, {now} now"
        for name in questions
        if (then := _verdict(before.get(name))) != (now := _verdict(after.get(name)))
    ]
    worded = [name for name in questions if _verdict(before.get(name)) == _verdict(after.get(name))]
    parts = turned + ([f"in other words: {', '.join(worded)}"] if worded else [])
    return "; ".join(parts[:MAX_NAMED]) or "the same, otherwise written"


def _verdict(answer: Answer | None) -> str:
    return f"'{WORDS[answer.verdict].lower()}' ({tone_of(answer)})" if answer else "not there"


def _stated(folder: ReportFolder, signed: dict[str, Any], by: Build) -> tuple[bool, str]:
    """Whether what was signed is what evidence and answers give: result, lists of tests, answers, product and all else.
    Raises `ConductError`."""
    predicate = signed["predicate"]
    made = statement(folder, str(predicate.get("made")), str(predicate.get("key")), by)
    again = canonical.decode(canonical.encode(made))
    parts = [("", signed, again), ("predicate.", predicate, again["predicate"])]
    differing = sorted(
        f"{above}{name}"
        for above, then, now in parts
        for name in {*then, *now} - {"predicate"}
        if then.get(name) != now.get(name)
    )
    if differing:
        return False, f"the evidence gives another {', '.join(differing[:MAX_NAMED])} than was signed"
    return (
        True,
        f"the evidence gives the same statement, with the result {predicate['result']} for the product",
    )


def _written(folder: ReportFolder, made: str, by: Build) -> tuple[bool, str]:
    """Whether the pages say what answers and evidence say: people read them. Raises `ConductError`."""
    again = apart.done(
        partial(writing.made_again, folder, made, by), dict[str, bytes], "to write this report again"
    )
    there = {name: folder.path / name for name in again if (folder.path / name).exists()}
    if other := sorted(name for name, path in there.items() if not _is(path, again[name])):
        return False, f"the evidence gives another {', '.join(other)} than is there"
    return True, f"the evidence gives the same {', '.join(sorted(there)) or 'nothing'}, byte for byte"


def _is(path: Path, data: bytes) -> bool:
    return path.stat().st_size == len(data) and path.read_bytes() == data


def _searched(run: RunFolder, find: Find) -> tuple[bool, str]:
    """Whether the finder finds the same; nothing of what may be gigabytes is copied. Raises `OvertError`."""
    with tempfile.TemporaryDirectory(prefix="overt-verify-") as temporary:
        again = RunFolder(Path(temporary))
        find(run, again)
        differing = [words for name in FOUND if (words := _difference(run.path / name, again.path / name))]
    if differing:
        return False, f"the finder now gives others: {'; '.join(differing)}"
    return True, "the finder finds the same, byte for byte"


def _difference(stored: Path, again: Path) -> str:
    """How many lines differ; empty if the files are the same."""
    if max(_size(stored), _size(again)) > MAX_LINES_BYTES:
        same = stored.exists() and again.exists() and sha256_of(stored) == sha256_of(again)
        return "" if same else f"{stored.name} is another"
    before, after = _bytes(stored), _bytes(again)
    if before == after:
        return ""
    old, new = set(before.splitlines()), set(after.splitlines())
    return f"{stored.name}: {len(old - new)} only in the report, {len(new - old)} only now"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
