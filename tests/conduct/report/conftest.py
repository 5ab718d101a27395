"""Whole reports, made once for all tests that only read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from overt.conduct.compare.arms import compare
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
    evidence = made.spying()
    more = [made.sighting(number, 2) for number in range(8, 32, 2)]  # enough pairs for a test to tell
    evidence = replace(evidence, canaries=made.canaries(16), sightings=[*evidence.sightings, *more])
    return written(tmp_path_factory.mktemp("spying") / "report", evidence)


@pytest.fixture(scope="session")
def behaving(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The behaving product's. Not to be changed."""
    return written(tmp_path_factory.mktemp("behaving") / "report", made.behaving())


def written(path: Path, *runs: made.Evidence, key: LabKey | None = None, **given: object) -> Report:
    """A signed report of this evidence, and of what comparing it gives."""
    folder = made.write(path, *runs, **given)  # type: ignore[arg-type]
    folder.write_compared(compare(folder.runs()))
    key = key or signing.new_key()
    return Report(folder, key, writing.write(folder, key, made.MADE))
