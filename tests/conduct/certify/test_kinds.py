"""Products of every kind against the scheme: what stands for a scan with a detection, and what does not."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.conduct import profile
from overt.conduct.certify import certificate
from overt.conduct.certify.assess import Assessment, assess
from overt.conduct.certify.requirements import Level
from overt.conduct.compare.arms import compare
from overt.conduct.evidence.folder import PROFILE, ReportFolder
from overt.conduct.evidence.records import StepKind, StepRun
from overt.conduct.report import signing, writing
from tests.conduct.certify.test_certify import NOW
from tests.conduct.report import made

DOCUMENTS = '"/home/alice/Documents/**", "/home/alice/Downloads/**"'


def run(name: str, kind: StepKind, found: str) -> made.Evidence:
    """The behaving product's, with an idle step and a fourth step of this kind."""
    steps = [
        replace(one, kind=kind, found=found) if one.number == 4 else one for one in made.run_record().steps
    ]
    idle = StepRun(
        number=6, kind=StepKind.IDLE, command=("sleep", "1"), began_s=13.0, ended_s=14.0, exit_status=0,
        timed_out=False, expected=True, output="output/6.txt",
    )  # fmt: skip
    record = made.run_record(name, steps=(*steps, idle))
    return changed(made.behaving(), run=record, canaries=made.canaries(16))


def report(path: Path, kind: StepKind, reads: str, opens: bool, found: str = "x: FOUND") -> ReportFolder:
    """Two runs of a product of that kind, judged, with `finds` in its profile."""
    runs = [run(name, kind, found) for name in ("mixed-1", "mixed-2")]
    paths = [one.path for one in made.canaries(16) if not one.secret] if opens else ["/usr/bin/ls"]
    for one in runs:
        at = [made.access(path, 4 if "Downloads" in path else 3) for path in paths]
        one.accesses = [*at, made.access("/etc/ld.so.cache")]
    text = (made.PROFILE_TEXT % "AV").replace('kind = "scan-detection"', f'kind = "{kind}"\nfinds = "FOUND"')
    folder = made.write(path / "report", *runs, profile=text.replace(DOCUMENTS, reads))
    folder.write_compared(compare(folder.runs()))
    writing.write(folder, KEY, made.MADE)
    return folder


KEY = signing.new_key()


def reached(path: Path, kind: StepKind, reads: str, opens: bool, found: str = "x: FOUND") -> Assessment:
    return assess(report(path, kind, reads, opens, found))


def test_an_on_access_product_that_refuses_what_it_is_to_find(tmp_path: Path) -> None:
    found = reached(tmp_path, StepKind.ON_ACCESS, DOCUMENTS, opens=True)
    assert found.level is Level.MODEST, found.lacking


def test_an_on_access_product_that_lets_everything_pass(tmp_path: Path) -> None:
    found = reached(tmp_path, StepKind.ON_ACCESS, DOCUMENTS, opens=True, found="")
    assert found.level is Level.NONE and any("OC-06" in words for words in found.lacking)


def test_a_rootkit_scanner_that_opens_no_document(tmp_path: Path) -> None:
    found = reached(tmp_path, StepKind.SCAN_DETECTION, '"/usr/**"', opens=False)
    assert found.level is Level.MODEST, found.lacking


def test_a_rootkit_scanner_that_finds_nothing(tmp_path: Path) -> None:
    found = reached(tmp_path, StepKind.SCAN_DETECTION, '"/usr/**"', opens=False, found="")
    assert found.level is Level.NONE and any("OC-06" in words for words in found.lacking)


@pytest.mark.parametrize("reads", [DOCUMENTS, '"/home/**"', '"/**"', '"/home/*/Documents/*.txt"'])
def test_a_scanner_of_documents_that_was_exercised_without_any(tmp_path: Path, reads: str) -> None:
    found = reached(tmp_path, StepKind.SCAN_DETECTION, reads, opens=False)
    assert found.level is Level.NONE
    assert any("OC-05" in words and "declares that it reads such" in words for words in found.lacking)


def test_a_certificate_shows_that_it_is_not_for_documents(tmp_path: Path) -> None:
    """Of a scanner whose profile neither declares nor exercises what it does with documents, that is all there is."""
    folder = report(tmp_path, StepKind.SCAN_DETECTION, '"/usr/**"', opens=False)
    scopes = profile.read(folder.evidence / PROFILE).scope
    envelope = certificate.issue(KEY, folder.subject(), assess(folder), scopes, "0" * 64, NOW, 30)
    declared = certificate.opened(envelope, KEY.public).declared
    assert [path for scope in declared for path in scope.reads] == ["/usr/**"]
