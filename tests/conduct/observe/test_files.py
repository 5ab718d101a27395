"""The file observer against a real kernel: nobody is too quick for it, and no way of reading passes it by."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from overt.conduct.evidence.records import Access
from overt.conduct.observe import fanotify, files, residents, watch
from overt.conduct.observe.bell import RUNG
from overt.conduct.observe.fanotify import Mask
from overt.core.errors import ConductError
from tests.conduct.observe.stage import Seen, Stage, needs_root, on_stage

pytestmark = needs_root
SHORT_LIVED = 450


def test_of_hundreds_of_short_lived_processes_none_is_lost(tmp_path: Path) -> None:
    def play(stage: Stage) -> Seen:
        for number in range(SHORT_LIVED):
            (stage.homes / f"letter-{number}").write_text(f"{number}")
        stage.observe()
        script = f"for i in $(seq 0 {SHORT_LIVED - 1}); do {stage.root}/bin/cat {stage.homes}/letter-$i; done"
        subprocess.run(["/bin/sh", "-c", script], check=True, stdout=subprocess.DEVNULL, timeout=300)
        return stage.seen()

    seen = on_stage(play, tmp_path)
    assert (
        seen.trailer.losses.file_events
        == seen.trailer.losses.unnamed_processes
        == seen.trailer.losses.other
        == 0
    )
    for number in range(SHORT_LIVED):
        path = f"/home/letter-{number}"
        (opened,), (read,) = seen.used(path, Access.OPEN), seen.used(path, Access.READ)
        process = next(one for one in seen.processes if one.number == opened.process)
        assert process.arguments[-1].endswith(f"letter-{number}") and read.process == process.number
        assert read.ranges == ((0, len(str(number))),)
    assert len({process.number for process in seen.processes}) == len(seen.processes)


def test_a_program_is_recorded_with_arguments_parent_digest_and_files(tmp_path: Path) -> None:
    def play(stage: Stage) -> Seen:
        (stage.homes / "tool").write_text(
            f"#!{stage.root}/bin/dash\n{stage.root}/bin/head -c1 {stage.homes}/tool\n:\n"
        )
        (stage.homes / "tool").chmod(0o755)
        stage.observe()
        subprocess.run([stage.homes / "tool", "argument"], check=True, timeout=300)
        return stage.seen()

    seen = on_stage(play, tmp_path)
    script = next(one for one in seen.processes if "argument" in one.arguments)
    head = next(one for one in seen.processes if "-c1" in one.arguments)
    assert script.program == "/usr/bin/dash" or script.program.endswith("root/bin/dash")
    assert script.sha256 == hashlib.sha256(Path("/usr/bin/dash").read_bytes()).hexdigest()
    assert head.sha256 == hashlib.sha256(Path("/usr/bin/head").read_bytes()).hexdigest()
    assert head.parent == script.number and head.ended_s is not None and head.user == 0
    assert "CAP_SYS_ADMIN" in head.capabilities
    assert {"/home/tool", "/usr/bin/dash"} <= {
        row.path for row in seen.of(script) if row.access == Access.EXECUTE
    }


def test_folders_that_are_listed(tmp_path: Path) -> None:
    def play(stage: Stage) -> Seen:
        (stage.homes / "letters").mkdir()
        stage.observe()
        subprocess.run([f"{stage.root}/bin/ls", stage.homes / "letters"], check=True, timeout=300)
        return stage.seen()

    (listed,) = on_stage(play, tmp_path).used("/home/letters", Access.LIST)
    assert listed.count == 1


def test_a_dead_observer_holds_nobody_and_is_an_error(tmp_path: Path) -> None:
    def play(stage: Stage) -> list[str]:
        stage.observe()
        os.kill(stage.observer.pid, signal.SIGKILL)
        subprocess.run([f"{stage.root}/bin/true"], check=True, timeout=300)
        words = []
        for ask in (stage.observer.cut, stage.observer.stop):
            with pytest.raises(ConductError) as caught:
                ask()
            words.append(str(caught.value))
        return [*words, str(stage.observer.alive())]

    *words, alive = on_stage(play, tmp_path)
    assert all("ended before its time" in word for word in words) and alive == "False"


def test_what_happens_after_a_cut_is_recorded_for_itself(tmp_path: Path) -> None:
    def play(stage: Stage) -> Seen:
        letter = stage.homes / "letter"
        letter.write_text("x")
        stage.observe()
        reader = subprocess.Popen(
            [
                sys.executable,
                "-uc",
                "import sys\nfor line in sys.stdin: open(sys.argv[1]).read(); print()",
                letter,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert reader.stdin is not None and reader.stdout is not None
        for turn in range(3):
            reader.stdin.write(b"\n")
            reader.stdin.flush()
            reader.stdout.readline()
            if turn == 0:
                stage.observer.cut()
        reader.communicate()
        return stage.seen()

    assert [row.count for row in on_stage(play, tmp_path).used("/home/letter", Access.OPEN)] == [1, 2]


READS = """
import mmap, os, sys
path = sys.argv[1] + "/letter"
f = os.open(path, os.O_RDWR)
os.pread(f, 10, 4096)
os.pwrite(f, b"y", 3 * 4096)
mmap.mmap(f, 4096, prot=mmap.PROT_READ, offset=5 * 4096)[0]
os.close(f)
"""


def test_ranges_are_what_was_read_or_mapped_and_not_what_was_written(tmp_path: Path) -> None:
    def play(stage: Stage) -> Seen:
        (stage.homes / "letter").write_bytes(b"x" * 8 * 4096)
        stage.observe()
        subprocess.run([sys.executable, "-c", READS, stage.homes], check=True, timeout=300)
        return stage.seen()

    (read,) = on_stage(play, tmp_path).used("/home/letter", Access.READ)
    assert read.ranges == ((4096, 4096), (5 * 4096, 4096)) and read.count == 2


LEASE = """
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
held = os.open(sys.argv[1], os.O_RDWR)
for attempt in range(6_000):  # the observer may still hold what was just opened
    try:
        fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        break
    except OSError:
        time.sleep(0.01)
if os.fork() == 0:
    try:
        os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
        print("opened")
    except OSError as error:
        print("refused")
    os._exit(0)
os.wait()
"""


def test_a_file_that_the_kernel_can_not_show_is_refused_and_counted(tmp_path: Path) -> None:
    """A lease keeps even the observer's descriptor from being made; it must not wait for the lease's holder."""

    def play(stage: Stage) -> tuple[Seen, bytes]:
        letter = stage.homes / "letter"
        letter.write_text("x")
        stage.observe()
        said = subprocess.run(
            [sys.executable, "-c", LEASE, letter], check=True, timeout=300, capture_output=True
        )
        return stage.seen(), said.stdout

    seen, said = on_stage(play, tmp_path)
    assert said == b"refused\n" and seen.trailer.losses.other >= 1
    assert any("could not show" in blind.what for blind in seen.trailer.blind)


DENIER = """
import ctypes, os, select, struct, sys
from overt.conduct.observe import fanotify
MARK, DENY = fanotify.MARK_ADD, 2
libc = ctypes.CDLL(None, use_errno=True)
groups = [fanotify.group(fanotify.CLASS_CONTENT) for _ in range(16)]
for group in groups:
    mask = ctypes.c_uint64(int(fanotify.Mask.OPEN_PERM))
    assert libc.fanotify_mark(group, MARK, mask, fanotify.AT_FDCWD, sys.argv[1].encode()) == 0
print("ready", flush=True)
while True:
    for group in select.select(groups, [], [])[0]:
        for _, descriptor, _, _ in fanotify.events(os.read(group, 4096)):
            os.write(group, struct.pack("=iI", descriptor, DENY))
            os.close(descriptor)
"""


def test_an_opening_that_an_on_access_scanner_refuses_is_recorded(tmp_path: Path) -> None:
    """Whoever answers first decides whether others are asked: the observer comes before scanners of contents."""

    def play(stage: Stage) -> tuple[Seen, str]:
        letter = stage.homes / "letter"
        letter.write_text("x")
        with subprocess.Popen([sys.executable, "-c", DENIER, letter], stdout=subprocess.PIPE) as denier:
            assert denier.stdout and denier.stdout.readline() == b"ready\n"
            stage.observe()
            said = subprocess.run(["cat", letter], check=False, timeout=300, capture_output=True, text=True)
            denier.kill()
        return stage.seen(), said.stderr

    seen, said = on_stage(play, tmp_path)
    assert "Operation not permitted" in said
    assert len(seen.used("/home/letter", Access.OPEN)) == 1


def test_who_is_there_and_can_not_be_identified_is_a_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who was killed while the kernel held him did not do what he asked for."""
    monkeypatch.setattr(files, "depth_of_this_process", lambda: 1)
    monkeypatch.setattr(residents, "identify", lambda pid: None)

    def play(stage: Stage) -> Seen:
        (stage.homes / "letter").write_text("x")
        stage.observe()
        subprocess.run(["cat", stage.homes / "letter"], check=True, stdout=subprocess.DEVNULL, timeout=60)
        return stage.seen()

    trailer = on_stage(play, tmp_path).trailer
    assert trailer.losses.unnamed_processes >= 1
    assert any("could not be identified" in blind.what for blind in trailer.blind)


def test_an_overflow_is_a_loss_and_may_have_been_what_rang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the observer would wait for ever, and the product with it."""
    told = fanotify.events

    def overflowing(buffer: bytes) -> list[fanotify.Event]:
        found = told(buffer)
        for mask, descriptor, _, _ in found:
            if mask & RUNG:
                os.close(descriptor)
        return [(int(Mask.OVERFLOW), -1, 0, None) if one[0] & RUNG else one for one in found]

    monkeypatch.setattr(fanotify, "events", overflowing)

    def play(stage: Stage) -> Seen:
        (stage.homes / "letter").write_text("x")
        stage.observe()
        subprocess.run(["cat", stage.homes / "letter"], check=True, stdout=subprocess.DEVNULL, timeout=60)
        return stage.seen()

    seen = on_stage(play, tmp_path)
    assert seen.trailer.losses.file_events >= 1
    assert len(seen.used("/home/letter", Access.OPEN)) == 1


def test_both_clocks_are_read_while_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "CLOCK_S", 0.05)

    def play(stage: Stage) -> Seen:
        stage.observe()
        time.sleep(3)  # a busy machine gives the observer its time late
        return stage.seen()

    readings = on_stage(play, tmp_path).trailer.clock
    assert len(readings) >= 4 and readings == tuple(sorted(readings))
