"""Making a report of evidence: its answers, its forms, and the signed statement that names all of it."""

from __future__ import annotations

from datetime import UTC, datetime

from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.judge import judge
from overt.conduct.report import build, html, oscal, pdf
from overt.conduct.report.build import Build
from overt.conduct.report.signing import LabKey
from overt.conduct.report.statement import STATEMENT, statement
from overt.conduct.report.view import View, view_of
from overt.store import atomic


def now() -> str:
    """The time as reports give it: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write(folder: ReportFolder, key: LabKey, made: str) -> View:
    """Judge the evidence and write `answers.json`, the three forms and the statement; returns what they show. Folders
    without a file are removed.

    Raises `ConductError` or `UsageError` for damaged evidence, `OSError` when it can't be written.
    """
    folder.write_answers(judge(folder))
    folder.remove_empty_folders()
    by = build.here()
    view = view_of(folder, made, by)
    for name, data in forms(view).items():
        atomic.write(folder.path / name, data, 0o644)
    atomic.write(folder.path / STATEMENT, key.sign(statement(folder, made, key.text, by)), 0o644)
    return view


def forms(view: View) -> dict[str, bytes]:
    """The files for people and auditors, by name: the same view gives the same bytes."""
    return {
        "report.html": html.page(view),
        "report.pdf": pdf.document(view),
        "oscal.json": oscal.document(view),
    }


def made_again(folder: ReportFolder, made: str, by: Build) -> dict[str, bytes]:
    """The forms of the report in `folder` once more, as `by` would have made them. Raises as `view_of`."""
    return forms(view_of(folder, made, by))
