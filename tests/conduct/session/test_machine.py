"""A product in a virtual machine, by the command: conduct that waits for a date shows on that date, and not before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replace_fields

from overt.conduct import profile
from overt.conduct.chamber import warden
from overt.conduct.chamber.vm import machine
from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Canary, Change, Flow, Losses, Mode
from overt.conduct.session import lab
from overt.conduct.session.wanted import Wanted
from overt.core.errors import ConductError
from tests.conduct.lab import SUBJECTS, answers, overt, reported
from tests.conftest import require
from tests.waiting import PATIENCE_S, until

pytestmark = [pytest.mark.kernel, pytest.mark.slow]
WAITS = str(SUBJECTS / "waits/profile.toml")
LOCKED_UP = (
    "secrets",
    "beyond-scope-reads",
    "beyond-scope-executes",
    "listening",
    "privileges",
    "observer",
    "marking",
)


@pytest.fixture(scope="module", autouse=True)
def emulated() -> None:
    lacking = machine.missing()
    require(not lacking, "; ".join(lacking))
    lists = Path("/var/lib/apt/lists")
    require(lists.is_dir() and any(lists.glob("*Packages*")), "package lists (apt-get update)")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> ReportFolder:
    return reported(tmp_path_factory.mktemp("before"), WAITS, "--clock", "2026-12-30")


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> ReportFolder:
    return reported(tmp_path_factory.mktemp("after"), WAITS, "--clock", "2027-01-02T08:00:00+01:00")


def test_before_its_day_it_does_nothing(before: ReportFolder) -> None:
    run = before.runs()[0]
    assert list(run.read(Flow)) == [] and list(run.read(Change)) == []
    assert run.run().losses == Losses()
    found = answers(before)
    for question in ("content-left", "contact", "beyond-scope-changes", "persistence"):
        assert (found[question].verdict, found[question].good) == (Verdict.NO, True), found[question]


def test_on_its_day_it_is_found_out(after: ReportFolder) -> None:
    run = after.runs()[0]
    found = answers(after)
    assert (found["content-left"].verdict, found["content-left"].good) == (Verdict.YES, False)
    assert "day.waits.example:80" in found["undeclared-contact"].summary
    assert {flow.step for flow in run.read(Flow)} == {1}
    assert [(one.step, one.path) for one in run.read(Change)] == [(1, "/root/.waits")]


def test_both_users_are_there_and_steps_end_as_asked(after: ReportFolder) -> None:
    run = after.runs()[0]
    scan, daemon = run.run().steps
    assert (scan.exit_status, daemon.exit_status, daemon.expected) == (0, None, True)
    assert int((run.path / scan.output).read_text()) >= len(list(run.read(Canary)))
    assert (run.path / daemon.output).read_text() == "alice\n"


def test_what_was_not_seen_is_not_cleared(before: ReportFolder) -> None:
    found = answers(before)
    assert {name: found[name].verdict for name in LOCKED_UP} == dict.fromkeys(LOCKED_UP, Verdict.UNSEEN)


def test_the_report_names_the_machine_and_what_it_hides(after: ReportFolder) -> None:
    run = after.runs()[0].run()
    assert run.machine is not None
    assert (run.machine.clock, run.machine.memory_mb) == ("2027-01-02T07:00:00Z", 256)
    page = (after.path / "report.html").read_text()
    for words in (
        "on a virtual machine: busybox",
        run.kernel,
        "its clock began at 2027-01-02 07:00:00 UTC",
        "opened files, programs, rights, calls and open ports of a virtual machine can&#39;t be seen",
        "files were not observed",
        "Ports and sockets were not observed",
    ):
        assert words in page, words


def test_anybody_can_check_it_and_the_two_dates_are_compared(
    before: ReportFolder, after: ReportFolder, tmp_path: Path
) -> None:
    done = overt(tmp_path, "conduct", "verify", str(after.path))
    assert done.returncode == 0, done.stdout + done.stderr
    done = overt(tmp_path, "conduct", "diff", str(before.path), str(after.path))
    assert "other clock: 2026-12-30T00:00:00Z before, 2027-01-02T07:00:00Z now" in done.stdout
    assert "+ destinations" in done.stdout and "day.waits.example:80" in done.stdout


def test_killed_it_leaves_no_machine_and_the_next_start_cleans_up(tmp_path: Path) -> None:
    report, state = tmp_path / "report", tmp_path / "data/conduct"
    command = [str(Path(sys.executable).with_name("overt")), "conduct", "run", WAITS, "--out", str(report)]
    environment = os.environ | {"OVERT_HOME": str(tmp_path)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    console = report / "evidence/runs/mixed-1/console.txt"
    assert until(lambda: _using(console), 2 * PATIENCE_S)
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE_S)
    assert until(lambda: not _using(console))
    assert list(state.glob("run-*"))
    warden.sweep(state)
    assert not list(state.glob("run-*"))


def test_what_is_missing_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    file = Path(WAITS)
    asked = Wanted(profile.read(file), file, tmp_path / "report", seed=1, mode=Mode.SINK)
    debian = replace(asked, profile=replace_fields(asked.profile, machine=profile.Machine()))
    with pytest.raises(ConductError) as refused:
        lab.make(debian, tmp_path / "state", print)
    for line in ("qemu-system-x86_64: apt-get install qemu-system-x86", "apt-get install debootstrap"):
        assert line in str(refused.value)
    assert not (tmp_path / "report").exists() and not (tmp_path / "state").exists()


def _using(console: Path) -> list[str]:
    """Processes that have a machine's console open."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            found += [str(link)] if os.readlink(link) == str(console) else []
        except OSError:
            continue
    return found
