"""The signed statement: in-toto Statement v1 about the product's packages, which names every file of the report.

The predicate joins what in-toto's `runtime-trace` (monitor, logs) and `test-result` (result, passed, warned, failed)
say, under one type of its own. Unknown members are for later versions: readers ignore them (in-toto, "Parsing rules").
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from overt.conduct.evidence import folder as places
from overt.conduct.evidence.conclusions import Answer, Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Run, Subject
from overt.conduct.report.build import Build
from overt.core.errors import ConductError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://overt.example/conduct/v1"
MONITOR_TYPE = "https://overt.example/conduct/chamber"
STATEMENT = "statement.dsse.json"
DERIVED = ("report.html", "report.pdf", "oscal.json")
"""Made from the evidence; named in the statement where they are there."""
LOGS = {
    "process": "processes.jsonl",
    "network": "flows.jsonl",
    "fileAccess": "accesses.jsonl",
}
"""Member of runtime-trace's `monitorLog` → file of each run."""


def statement(folder: ReportFolder, made: str, public: str, build: Build) -> dict[str, Any]:
    """The statement about the report in `folder`; `public` is the key that will sign it, `made` ISO 8601, UTC, `build`
    what judged.

    Raises `ConductError` for damaged evidence and for files that are neither files nor folders.
    """
    subject, answers = folder.subject(), folder.answers()
    evidence = [_described(folder.path, path) for path in evidence_files(folder)]
    return {
        "_type": STATEMENT_TYPE,
        "subject": _subjects(subject, folder),
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "made": made,
            "key": public,
            "tool": build.stated(),
            "product": {"name": subject.name, "maker": subject.maker, "version": subject.version},
            "monitor": {
                "type": MONITOR_TYPE,
                "configSource": _named(evidence, f"evidence/{places.PROFILE}"),
                "tracePolicy": _policy(folder),
            },
            "monitorLog": {member: _logs(evidence, file) for member, file in LOGS.items()},
            "result": result(answers),
            "passedTests": _questions(answers, True),
            "warnedTests": _questions(answers, None),
            "failedTests": _questions(answers, False),
            "answers": [
                {
                    "question": one.question,
                    "verdict": one.verdict.value,
                    "good": one.good,
                    "summary": one.summary,
                }
                for one in answers
            ],
            "evidence": evidence,
            "derived": [
                _described(folder.path, folder.path / name)
                for name in DERIVED
                if (folder.path / name).exists()
            ],
        },
    }


def result(answers: Sequence[Answer]) -> str:
    """test-result's `result`: FAILED as soon as one answer is unwelcome, WARNED if one is not good, else PASSED."""
    if any(answer.good is False for answer in answers):
        return "FAILED"
    return "PASSED" if all(answer.good is True for answer in answers) else "WARNED"


def evidence_files(folder: ReportFolder) -> list[Path]:
    """Every file below `evidence/`, in order of its path. Raises `ConductError` when there is no such folder, and for a
    link, device or socket, and a folder that holds no file: no list of files would tell that it was added."""
    if not os.path.lexists(folder.evidence):
        raise ConductError(f"{folder.evidence} is not there: unpack the evidence into the report's folder")
    found, folders = [], set()
    for path in (folder.evidence, *folder.evidence.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ConductError(f"{path} is no ordinary file: nothing of the kind belongs into a report")
        if path.is_file():
            found.append(path)
        else:
            folders.add(path)
    if empty := folders - {above for path in found for above in path.parents}:
        raise ConductError(
            f"{min(empty)} is a folder without a file: nothing of the kind belongs into a report"
        )
    return sorted(found)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex. Raises `OSError`."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _subjects(subject: Subject, folder: ReportFolder) -> list[dict[str, Any]]:
    """The packages; a product without any is the subject by the digest of its description, and says so."""
    if subject.packages:
        return [{"name": one.name, "digest": {"sha256": one.sha256}} for one in subject.packages]
    digest = sha256_of(folder.evidence / places.SUBJECT)
    return [{"name": f"{subject.name} (its description)", "digest": {"sha256": digest}}]


def _described(base: Path, path: Path) -> dict[str, Any]:
    """A ResourceDescriptor."""
    return {
        "name": str(path.relative_to(base)),
        "digest": {"sha256": sha256_of(path)},
        "annotations": {"bytes": path.stat().st_size},
    }


def _named(evidence: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    return next((one for one in evidence if one["name"] == name), {"name": name})


def _logs(evidence: Sequence[dict[str, Any]], file: str) -> list[dict[str, Any]]:
    return [one for one in evidence if one["name"].endswith(f"/{file}")]


def _policy(folder: ReportFolder) -> dict[str, Any]:
    runs = [run.run() for run in folder.runs()]
    return {
        "modes": sorted({run.mode.value for run in runs}),
        "layers": sorted({layer for run in runs for layer in run.layers}),
        "systems": [*{str(one): one for one in map(_system, runs)}.values()],
        "runs": [
            {"name": run.name, "arm": run.arm.value, "seed": run.seed, "began": run.began} for run in runs
        ],
    }


def _system(run: Run) -> dict[str, Any]:
    """What the product found itself on."""
    found = run.machine or run.system
    return {"kernel": run.kernel, **(msgspec.to_builtins(found) if found else {})}


def _questions(answers: Sequence[Answer], good: bool | None) -> list[str]:
    if good is None:
        return [one.question for one in answers if one.good is None or one.verdict is Verdict.UNSEEN]
    return [one.question for one in answers if one.good is good and one.verdict is not Verdict.UNSEEN]


def named_files(predicate: dict[str, Any], member: str) -> Iterator[tuple[str, str]]:
    """Name and digest of what a statement's `evidence` or `derived` lists. Raises `ConductError` for another form."""
    try:
        for one in predicate[member]:
            name, digest = one["name"], one["digest"]["sha256"]
            if not isinstance(name, str) or not isinstance(digest, str):
                raise TypeError("not text")
            yield name, digest
    except (KeyError, TypeError) as error:
        raise ConductError(f"the statement's list of {member} is damaged ({error})") from None
