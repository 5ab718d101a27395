"""Checking a report again: who signed it, whether anything was changed, and whether its evidence says what it says.

The files that a statement names are never opened by those names: what is in the folder is listed and compared.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from overt import __version__
from overt.conduct.canary.bodies import bodies
from overt.conduct.evidence import folder as places
from overt.conduct.evidence.folder import ReportFolder, RunFolder
from overt.conduct.evidence.records import Answer
from overt.conduct.finder import search
from overt.conduct.judge import judge
from overt.conduct.judge.answering import counted
from overt.conduct.report import signing
from overt.conduct.report.statement import (
    DERIVED,
    PREDICATE_TYPE,
    STATEMENT,
    STATEMENT_TYPE,
    evidence_files,
    named_files,
    sha256_of,
)
from overt.core.errors import ConductError, OvertError

FOUND = ("sightings.jsonl", "opaque.jsonl")
"""What the finder makes of a run's evidence."""
JUDGE_S = 900.0
"""Seconds for judging once more; the largest of our own takes some."""
DONE, FAILED = b"\1", b"\0"
MAX_NAMED = 20
"""Files named one by one in a check's words."""

Find = Callable[[RunFolder, RunFolder], None]
"""Makes `FOUND` of what is in the first folder, and writes them into the second."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked."""

    what: str
    held: bool
    words: str
    """For a person: what is wrong, or what it rests on."""


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
        return all(check.held for check in self.checks)


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
        statement = signing.opened(envelope, wanted, STATEMENT).statement
    except ConductError as error:
        if public is not None:
            signing.public_key(public)
        return Verified((Check("signature", False, str(error)),), public is not None, key)
    checks.append(_signed(public))
    checks += _contents(folder, statement)
    if all(check.held for check in checks):
        checks += _again(folder, statement, find)
    else:
        checks.append(Check("judged again", False, "not done: the report is not what was signed"))
    return Verified(tuple(checks), public is not None, key)


def _read(path: Path) -> bytes:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ConductError(f"{path} is no ordinary file: nothing of the kind belongs into a report")
    try:
        return path.read_bytes()
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


def _contents(folder: ReportFolder, statement: dict[str, Any]) -> Iterator[Check]:
    """Statement and folder against each other."""
    predicate = statement.get("predicate")
    if (
        statement.get("_type") != STATEMENT_TYPE
        or statement.get("predicateType") != PREDICATE_TYPE
        or not isinstance(predicate, dict)
    ):
        yield Check(
            "statement", False, f"it is no {PREDICATE_TYPE} statement: made by another program or version"
        )
        return
    try:
        yield _files(
            "evidence", folder.path, evidence_files(folder), dict(named_files(predicate, "evidence"))
        )
        yield _files("report files", folder.path, _top(folder.path), dict(named_files(predicate, "derived")))
    except ConductError as error:
        yield Check("evidence", False, str(error))
        return
    yield _subject(folder, statement)


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


def _subject(folder: ReportFolder, statement: dict[str, Any]) -> Check:
    try:
        digests = {one["digest"]["sha256"] for one in statement["subject"]}
        packages = {one.sha256 for one in folder.subject().packages}
    except (KeyError, TypeError, ConductError) as error:
        return Check("subject", False, f"the statement's subject can't be read ({error})")
    packages = packages or {sha256_of(folder.evidence / places.SUBJECT)}
    if digests != packages:
        return Check("subject", False, "the statement is about other packages than the evidence")
    return Check("subject", True, f"about {counted(len(packages), 'package')}, by digest")


def _again(folder: ReportFolder, statement: dict[str, Any], find: Find | None) -> Iterator[Check]:
    """The finder and the judge on the same evidence."""
    version = str(statement["predicate"].get("tool", {}).get("version", "unknown"))
    other = "" if version == __version__ else f" (made by overt {version}, this is {__version__})"
    if find is None:
        yield Check(
            "searched again", True, "left out, as asked: the finder's sightings are taken as they are"
        )
    else:
        for run in folder.runs():
            yield _searched(run, find, other)
    try:
        answers = _judged(folder)
    except OvertError as error:
        yield Check("judged again", False, f"{error}{other}")
        return
    stored = (folder.evidence / places.ANSWERS).read_bytes()
    again = msgspec.json.format(msgspec.json.encode(answers), indent=1) + b"\n"
    if stored != again:
        yield Check("judged again", False, f"the evidence gives other answers than the report{other}")
    else:
        yield Check(
            "judged again", True, f"the evidence gives the same {len(answers)} answers, byte for byte"
        )


def _judged(folder: ReportFolder) -> tuple[Answer, ...]:
    """What the judge says, in a process that is ended when it takes too long: a stranger's patterns and paths may be
    made for each other, so that to match them would take years. Raises `ConductError`."""
    forking = multiprocessing.get_context("fork")
    reading, writing = forking.Pipe(duplex=False)
    process = forking.Process(target=_judge_into, args=(folder, writing), daemon=True)
    process.start()
    writing.close()
    try:
        if not reading.poll(JUDGE_S):
            raise ConductError(f"to judge this evidence took over {JUDGE_S:.0f} s, and was given up")
        said = reading.recv_bytes()
    except EOFError:
        raise ConductError("the judge died of this evidence") from None
    finally:
        process.kill()
        process.join()
        reading.close()
    if said[:1] != DONE:
        raise ConductError(said[1:].decode(errors="replace"))
    return msgspec.msgpack.decode(said[1:], type=tuple[Answer, ...])


def _judge_into(folder: ReportFolder, writing: Connection) -> None:
    try:
        said = DONE + msgspec.msgpack.encode(judge(folder))
    except OvertError as error:
        said = FAILED + str(error).encode(errors="replace")
    writing.send_bytes(said)


def _searched(run: RunFolder, find: Find, other: str) -> Check:
    """The finder again; nothing of what may be gigabytes is copied."""
    what = f"searched again: {run.path.name}"
    with tempfile.TemporaryDirectory(prefix="overt-verify-") as temporary:
        again = RunFolder(Path(temporary))
        try:
            find(run, again)
        except OvertError as error:
            return Check(what, False, f"{error}{other}")
        differing = [words for name in FOUND if (words := _difference(run.path / name, again.path / name))]
    if differing:
        return Check(what, False, f"the finder now gives others: {'; '.join(differing)}{other}")
    return Check(what, True, "the finder finds the same, byte for byte")


def _difference(stored: Path, again: Path) -> str:
    """How many lines differ; empty if the files are the same."""
    before, after = _bytes(stored), _bytes(again)
    if before == after:
        return ""
    old, new = set(before.splitlines()), set(after.splitlines())
    return f"{stored.name}: {len(old - new)} only in the report, {len(new - old)} only now"


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
