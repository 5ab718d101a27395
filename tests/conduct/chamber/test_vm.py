"""A subject in a virtual machine, whose cable ends in the sink and whose clock is moved."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from overt.conduct.chamber import network, privileges
from overt.conduct.chamber.plan import Command
from overt.conduct.chamber.vm import image, machine, system
from overt.conduct.chamber.vm.cable import Cable
from overt.conduct.chamber.vm.cpio import Archive
from overt.conduct.chamber.vm.machine import Machine, MachinePlan
from overt.conduct.chamber.warden import in_warden
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Flow, Mode
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.plan import SinkPlan
from overt.conduct.sink.server import Sink
from overt.core.errors import ConductError
from tests.conftest import require
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.usefixtures("lab")]

BOMB = """#!/bin/sh
# Waits for its day.
[ "$(date +%Y)" -ge 2027 ] && wget -q -O - http://day.example/new-year
echo "today is $(date +%Y)"
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> image.Parts:
    lacking = machine.missing()
    require(not lacking, "; ".join(lacking))
    lists = Path("/var/lib/apt/lists")
    require(lists.is_dir() and any(lists.glob("*Packages*")), "package lists (apt-get update)")
    return image.fetch(tmp_path_factory.mktemp("vm"))


@contextlib.contextmanager
def booted(
    parts: image.Parts, work: Path, clock: datetime, system_folder: Path | None = None, product: str = ""
) -> Iterator[tuple[Machine, Cable]]:
    """A machine, from the warden's side, with `product` as /opt/product/product."""
    with Cable() as cable:
        root = work / "root"
        system.copy(system_folder, root) if system_folder else system.minimal(root, parts)
        system.furnish(root, parts, cable.network)
        (root / "opt/product").mkdir()
        (root / "opt/product/product").write_text(product)
        image.disk(root, work / "disk", 64)
        with Machine(
            MachinePlan(parts, work / "disk", clock), cable, work, work.parent / "console"
        ) as subject:
            yield subject, cable


def test_conduct_that_waits_for_a_day_shows_on_that_day(parts: image.Parts, tmp_path: Path) -> None:
    report = ReportFolder(tmp_path / "report")
    folders = {year: report.new_run(f"in-{year}") for year in (2026, 2027)}

    def work(year: int, folder: Path) -> None:
        run = folders[year]
        with booted(parts, folder, datetime(year, 1, 1, 12, tzinfo=UTC), product=BOMB) as (subject, cable):
            sink = Sink(SinkPlan(Mode.SINK), Authority.new(), run, cable.network.sink_interface, 0.0)
            sink.start()
            output = run.path / "output/1.txt"
            ended = subject.execute(Command(["sh", "/opt/product/product"], timeout_s=PATIENCE_S), output)
            assert ended.exit_status == 0, output.read_text()
            assert f"today is {year}" in output.read_text()
            sink.stop()

    for year in folders:
        in_warden(partial(work, year), tmp_path)
    names = {year: {flow.name for flow in run.read(Flow)} for year, run in folders.items()}
    assert "day.example" not in names[2026] and "day.example" in names[2027]


def test_steps_end_as_in_a_chamber(parts: image.Parts, tmp_path: Path) -> None:
    seen = tmp_path / "qemu"

    def work(folder: Path) -> None:
        with booted(parts, folder, datetime(2027, 3, 1, tzinfo=UTC)) as (subject, _):
            number = 0

            def run(script: str, **how: object) -> tuple[object, bool, str]:
                nonlocal number
                number += 1
                output = tmp_path / f"out{number}"
                command = Command(["sh", "-c", script], **{"timeout_s": PATIENCE_S, **how})  # type: ignore[arg-type]
                ended = subject.execute(command, output)
                return ended.exit_status, ended.timed_out, output.read_text()

            assert run("exit 3") == (3, False, "")
            assert run("kill -9 $$")[0] == -9
            assert run("echo $WORD 'a b'", env={"WORD": "it's"}) == (0, False, "it's a b\n")
            assert run("id -un; echo $HOME; exit 5", user="alice", cwd="/home/alice") == (
                5,
                False,
                "alice\n/home/alice\n",
            )
            assert run("touch /etc/mine", user="alice")[0] == 1
            assert run("sleep 7001 & sleep 7002", timeout_s=1.0)[:2] == (None, True)
            assert run("sleep 7003", timeout_s=0.3, background=True)[:2] == (None, False)
            assert run("ps | grep -o '[s]leep 700.'")[2] == "sleep 7003\n"
            status = Path(f"/proc/{subject._process.pid}/status").read_text()
            seen.write_text(status)

    in_warden(work, tmp_path)
    facts = dict(line.split(":\t", 1) for line in seen.read_text().splitlines() if ":\t" in line)
    assert facts["Uid"].split() == ["65534"] * 4 and facts["Groups"].strip() == ""
    assert privileges.names(int(facts["CapPrm"], 16)) == () and facts["Seccomp"] == "2"


@pytest.mark.parametrize(
    "answer",
    [
        b"end 1 0\n!!!\n",
        b"end 2 0\n.\n",
        b"hello\n",
        b"x" * 100_000,
        b"end 1 0\n" + b"QUFB\n" * 10,
        b"",
        b"\xff\n",
    ],
)
def test_an_agent_that_the_product_took_over(answer: bytes, tmp_path: Path) -> None:
    """Root inside the machine can write on the agent's line: the run ends with a message, never with a wrong answer."""
    ours, theirs = socket.socketpair()
    subject = Machine.__new__(Machine)
    subject._agent, subject._step, subject._rest = ours, 0, b""
    theirs.setblocking(False)
    theirs.send(answer)
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(ConductError):
        subject.execute(Command(["true"], timeout_s=1), tmp_path / "out")
    ours.close()
    theirs.close()


def test_drivers_come_after_what_they_need(tmp_path: Path) -> None:
    for name, needs in {"a": "b-x,c", "b-x": "c", "c": "", "d": "a"}.items():
        (tmp_path / f"{name}.ko").write_bytes(b"ELF\0license=GPL\0depends=" + needs.encode() + b"\0name=\0")
    assert [path.stem for path in image.drivers(tmp_path, ("d", "builtin"))] == ["c", "b-x", "a", "d"]


def test_the_archive_is_a_cpio_archive(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    (tree / "folder/file").write_text("content")
    (tree / "link").symlink_to("folder/file")
    with open(tmp_path / "archive", "wb") as stream:
        archive = Archive(stream)
        archive.tree(tree)
        archive.file("odd", b"x" * 5, 0o755)
        archive.device("null", 1, 3)
        archive.end()
    out = tmp_path / "out"
    out.mkdir()
    with open(tmp_path / "archive", "rb") as stream:
        subprocess.run(["cpio", "-id"], cwd=out, stdin=stream, check=True, capture_output=True)
    assert (out / "link").read_text() == "content" and (out / "odd").stat().st_mode & 0o777 == 0o755
    assert (out / "null").is_char_device()


def test_the_cable_has_the_addresses_of_a_chambers() -> None:
    assert network.ends(-1).sink_interface == "sink0"
