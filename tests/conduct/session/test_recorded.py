"""A product that asks a name server what is newest, before it fetches anything, goes on when both are recorded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Change, Changed, Flow, Mode
from tests.conduct.lab import answers, reported
from tests.conftest import require

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PROFILE = """schema = 1
[product]
name = "freshclam with a recorded mirror"
[install]
how = "present"
files = ["/usr/bin/freshclam", "/usr/bin/clamscan"]
[chamber]
files = "files"
[chamber.replay]
"mirror.example" = "mirror"
[[chamber.dns]]
name = "current.example"
kind = "TXT"
values = ['"9.9.9:62:27800:{now}:1:90:49192:334"']
ttl_s = 1800
[[step]]
kind = "start"
command = ["install", "--directory", "--owner=clamav", "/var/lib/recorded"]
[[step]]
kind = "update"
command = ["freshclam", "--config-file={files}/freshclam.conf", "--stdout", "--update-db=custom"]
[[step]]
kind = "scan-detection"
command = ["clamscan", "--recursive", "--infected", "--database=/var/lib/recorded", "{detections}"]
expect = [1]
"""
SETTINGS = """DatabaseOwner clamav
DatabaseDirectory /var/lib/recorded
DNSDatabaseInfo current.example
DatabaseMirror mirror.example
DatabaseCustomURL https://mirror.example/recorded.hdb
MaxAttempts 1
TestDatabases yes
"""
SIGNATURE = "44d88612fea8a8f36de82e1278abb02f:68:Recorded.Test\n"
"""The MD5 and the size of the test file that every anti-virus knows."""


def test_freshclam_updates_from_a_recorded_mirror(tmp_path: Path) -> None:
    for program in ("freshclam", "clamscan"):
        require(shutil.which(program) is not None, program)
    for folder, name, text in (("files", "freshclam.conf", SETTINGS), ("mirror", "recorded.hdb", SIGNATURE)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    (tmp_path / "p.toml").write_text(PROFILE)
    run = reported(tmp_path, str(tmp_path / "p.toml")).runs()[0]
    found = run.run()
    said = [(run.path / step.output).read_text() for step in found.steps]
    assert found.mode is Mode.REPLAY and all(step.expected for step in found.steps), said
    assert "Recommended version: 9.9.9" in said[1] and "older than" not in said[1]
    assert "recorded.hdb updated" in said[1] and "Recorded.Test.UNOFFICIAL FOUND" in said[2]
    asked = [(one.method, one.target, one.status) for flow in run.read(Flow) for one in flow.requests]
    assert asked[0] == ("TXT", "current.example", 0)
    assert asked[-1] == ("GET", "https://mirror.example/recorded.hdb", 200)
    files = [path for path in (tmp_path / "report").rglob("*") if path.is_file()]
    assert {"capture.pcapng", "00001.out"} <= {path.name for path in files}
    assert not [path for path in files if not path.stat().st_mode & 0o004], "anybody can check a report"
    changed = {(change.path, change.changed) for change in run.read(Change)}
    assert ("/var/lib/recorded/recorded.hdb", Changed.ADDED) in changed
    integrity = answers(ReportFolder(tmp_path / "report"))["update-integrity"]
    assert integrity.good is False and "installed and used" in integrity.summary, (
        "a database that nobody signed"
    )
