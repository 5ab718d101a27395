"""Ways of reading and of hiding, as small C programs: the files layer sees each, and says when something was tried."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Access, Blind, Call, FileAccess, Process
from overt.conduct.observe.attribution import Merged, Sources, merge
from overt.conduct.observe.trace import command
from tests.conduct.observe.stage import CLONE_NEWNET, Seen, Stage, built, call, needs_root, on_stage

pytestmark = needs_root
PROGRAMS = Path(__file__).parent / "programs"
LETTER = "a letter that is longer than sixty-four bytes, so that each way of reading finds enough"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("programs")
    folder.chmod(0o755)
    names = ("reads", "hides")
    return {name: built((PROGRAMS / f"{name}.c").read_text(), folder, name, "-lpthread") for name in names}


@pytest.mark.parametrize("way", "io_uring sendfile splice copy_file_range mmap passed handle".split())
def test_no_way_of_reading_passes_by(tmp_path: Path, programs: dict[str, Path], way: str) -> None:
    def play(stage: Stage) -> Seen:
        letter = stage.homes / "letter"
        letter.write_text(LETTER)
        scratch = stage.homes if way == "handle" else stage.homes / "copy"
        stage.observe()
        subprocess.run([programs["reads"], way, letter, scratch], check=True, timeout=300)
        return stage.seen()

    seen = on_stage(play, tmp_path)
    (opened,) = seen.used("/home/letter", Access.OPEN)
    (read,) = seen.used("/home/letter", Access.READ)
    assert read.ranges == ((0, len(LETTER)),)
    numbers = {process.number: process for process in seen.processes}
    assert numbers[opened.process].arguments[1] == numbers[read.process].arguments[1] == way
    if way == "passed":
        assert numbers[read.process].parent == opened.process, "who reads is told from who opened"
    assert seen.trailer.losses.unnamed_processes == seen.trailer.losses.other == 0


def hide(stage: Stage, program: Path, way: str) -> tuple[RunFolder, Merged, str]:
    call("unshare", CLONE_NEWNET)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=300)
    (stage.homes / "letter").write_text(LETTER)
    run, raw = RunFolder(stage.work), stage.work / "raw"
    with socket.create_server(("127.0.0.1", 8443)):
        stage.observe({"/home/letter": stage.homes / "letter"})
        scratch = stage.homes if way == "link" else stage.temporary
        traced = [*command(stage.work / "trace.log"), program, way, stage.homes / "letter", scratch]
        said = subprocess.run(traced, check=True, timeout=300, capture_output=True, text=True).stdout
    stage.observer.stop()
    return run, merge(run, Sources(raw, None, stage.work / "trace.log", False), []), said


HIDING = {
    "untraced": ("ENOSYS", True, "a process that its tracer can't follow"),
    "shared memory": ("connected", None, ""),
    "traceme": ("connected", True, "asked to be traced"),
    "unshare": ("connected", False, "change what is mounted"),
    "32 bits": ("connected", None, ""),
    "own filter": ("connected", False, "a filter that answers its own system calls"),
    "first thread ends": ("connected", None, ""),
    "flood": ("connected", None, ""),
    "failed exec": ("connected", None, ""),
    "failed execs": ("connected", None, ""),
    "deep path": ("connected", True, "a file without a name"),
    "link": ("connected", True, "used /home/letter under another name"),
}
"""Way → what its connection came to, whether a sign of it must say that it failed (None: no sign), the sign."""


@pytest.mark.parametrize("way", HIDING)
def test_whoever_hides_is_seen_or_named(tmp_path: Path, programs: dict[str, Path], way: str) -> None:
    came_to, defeated, sign = HIDING[way]
    run, merged, said = on_stage(lambda stage: hide(stage, programs["hides"], way), tmp_path)
    assert said.strip() == came_to
    processes = {process.number: process for process in run.read(Process)}
    opened = [row for row in run.read(FileAccess) if row.path == "/home/letter" and row.access is Access.OPEN]
    assert [processes[row.process].arguments[1] for row in opened] == [way], (
        "its files are seen whatever it does"
    )

    connected = [one for one in run.read(Call) if one.name == "connect" and "8443" in one.arguments]
    if way not in ("untraced", "own filter"):
        assert [processes[one.process].arguments[1] for one in connected] == [way]
    signs: list[Blind] = [blind for blind in merged.blind if sign and sign in blind.what]
    assert {blind.defeated for blind in signs} == (set() if defeated is None else {defeated})
    assert merged.losses.file_events == merged.losses.unnamed_processes == merged.losses.trace_lines == 0
