"""Whole reports, made once for all tests that only read them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.report import signing, writing
from overt.conduct.report.signing import LabKey
from overt.conduct.report.view import View
from tests.conduct.report import made


class Report(NamedTuple):
    """A report that was written, and the key that signed it."""

    folder: ReportFolder
    key: LabKey
    view: View


@pytest.fixture(scope="session")
def spying(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The spying product's. Not to be changed."""
    return written(tmp_path_factory.mktemp("spying") / "report", made.spying())


@pytest.fixture(scope="session")
def behaving(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The behaving product's. Not to be changed."""
    return written(tmp_path_factory.mktemp("behaving") / "report", made.behaving())


def written(path: Path, *runs: made.Evidence, key: LabKey | None = None, **given: object) -> Report:
    """A signed report of this evidence."""
    folder = made.write(path, *runs, compared=made.COMPARED, **given)  # type: ignore[arg-type]
    key = key or signing.new_key()
    return Report(folder, key, writing.write(folder, key, made.MADE))
