"""Promise 3: whatever untrusted bytes do to an examiner costs that examiner and that file, nothing else."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.payload import PAYLOAD
from tests.scan.running import ROOT, command, named_pack, parse, scan
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.kernel

ORDERS = {
    "HANG": ("deadline", "not done after 6 s"),
    "OPEN": ("forbidden system call", "openat"),
    "CONNECT": ("forbidden system call", "socket"),
    "EXEC": ("forbidden system call", "execve"),
    "CRASH": ("crashed", "the examiner was killed by SIGSEGV"),
    "EXIT": ("crashed", "the examiner ended with status 7"),
    "MEMORY": ("max_memory_bytes", "the examiner ran out of memory"),
    "DEFECT": ("crashed", 'defect in the examiner: KeyError: "a parser\'s bug"'),
    "NUMBERS": ("crashed", "the examiner misbehaved: a reply has impossible numbers"),
    "FLOOD": ("crashed", "the examiner misbehaved: a reply comes in small pieces"),
}


def tree(folder: Path, orders: list[str]) -> Path:
    """A folder with one file per order among forty harmless ones and one infected one."""
    root = folder / "tree"
    root.mkdir()
    for index in range(40):
        (root / f"plain{index:02}").write_bytes(b"nothing %d" % index)
    for order in orders:
        (root / order.lower()).write_bytes(order.encode() + b" now")
    (root / "zz-infected").write_bytes(PAYLOAD)
    return root


def test_a_taken_over_examiner_costs_one_file(tmp_path: Path) -> None:
    root = tree(tmp_path, list(ORDERS))
    result = scan(tmp_path, root, hostile=True, cache=False, limits={"deadline_s": 6.0})
    for order, (reason, detail) in ORDERS.items():
        assert result.reports[str(root / order.lower())]["gaps"] == [[reason, detail]]
        assert result.reports[str(root / order.lower())]["verdict"] == "incomplete"
    ordered = {str(root / order.lower()) for order in ORDERS}
    others = {path: report["gaps"] for path, report in result.reports.items() if path not in ordered}
    assert not any(others.values()), others
    assert result.summary["clean"] == 40
    assert result.summary["incomplete"] == len(ORDERS)
    assert result.reports[str(root / "zz-infected")]["verdict"] == "infected"


def test_rules_that_do_not_load_are_an_error_and_no_verdict(tmp_path: Path) -> None:
    broken = named_pack(tmp_path, "rule r { condition: no_such_thing }")
    options = command(tmp_path, tree(tmp_path, []), pack=str(broken), cache=False)
    done = subprocess.run(options, capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode != 0
    assert b"PackError: the rule engine rejects" in done.stderr
    assert b"clean" not in done.stdout


def test_an_examiner_has_no_terminal(tmp_path: Path) -> None:
    root = tree(tmp_path, ["FORGE"])
    result = scan(tmp_path, root, hostile=True, cache=False)
    assert "FORGED" not in result.stderr
    assert result.reports[str(root / "forge")]["verdict"] == "clean"


def test_every_file_hostile_and_none_lost(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    for index in range(60):
        (root / f"{index}").write_bytes([b"CRASH", b"OPEN", b"EXIT"][index % 3] + b" ")
    result = scan(tmp_path, root, hostile=True, cache=False)
    assert result.summary["incomplete"] == 60
    assert result.summary["clean"] == 0


def test_unconfined_is_said_in_the_report(tmp_path: Path) -> None:
    root = tree(tmp_path, ["OPEN"])
    result = scan(tmp_path, root, hostile=True, cache=False, unconfined=True)
    assert result.confinement == "unconfined"
    assert result.reports[str(root / "open")]["verdict"] == "clean", "nothing holds an unconfined examiner"


def test_a_file_that_changes_while_examined_is_not_clean(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    victim = root / "log"
    victim.write_bytes(b"SLOW growing")
    with at_work(tmp_path, root, processes=2, cache=False) as session:
        victim.write_bytes(b"SLOW replaced by something else")
        stdout, stderr = session.communicate(timeout=PATIENCE_S)
    assert parse(stdout, stderr).reasons(victim) == ["changed while read"]


def test_interrupt_gives_a_partial_report(tmp_path: Path) -> None:
    root = tree(tmp_path, [])
    for index in range(4):
        (root / f"a-hang{index}").write_bytes(b"HANG ")
    with at_work(tmp_path, root, processes=3, cache=False) as session:
        session.send_signal(signal.SIGINT)
        stdout, stderr = session.communicate(timeout=PATIENCE_S)
    result = parse(stdout, stderr)
    assert result.summary["interrupted"]
    assert "interrupted" in [gap[0] for report in result.reports.values() for gap in report["gaps"]]


def test_no_process_outlives_a_killed_reader(tmp_path: Path) -> None:
    root = tree(tmp_path, ["HANG"])
    with at_work(tmp_path, root, processes=4, cache=True) as session:
        family = descendants(session.pid)
        assert len(family) >= 3, "nursery, keeper and examiners"
        session.kill()
        session.communicate(timeout=PATIENCE_S)
    assert until(lambda: not any(alive(pid) for pid in family))


@contextlib.contextmanager
def at_work(folder: Path, root: Path, processes: int, cache: bool) -> Iterator[subprocess.Popen[bytes]]:
    """A session over `root` that has its processes (nursery, examiners, keeper), all of which wait: its examiners do
    what the files before them say."""
    arguments = command(folder, root, hostile=True, cache=cache)
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdout=pipe, stderr=pipe, cwd=ROOT) as session:
        assert until(lambda: len(descendants(session.pid)) >= processes), "its processes did not start"
        assert until(lambda: all(idle(session.pid) for _ in range(20))), "it does not come to rest"
        yield session


def idle(pid: int) -> bool:
    """Whether a process and all below it sleep, a moment later: none waits for a processor or a disk."""
    time.sleep(0.02)
    return all(state(one) == "S" for one in (pid, *descendants(pid)))


def descendants(pid: int) -> list[int]:
    """All processes below `pid`."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    queue = [pid]
    while queue:
        found.extend(below := children.get(queue.pop(), []))
        queue.extend(below)
    return found


def alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    return state(pid) not in ("Z", "")


def state(pid: int) -> str:
    """The state of a process as the kernel's letter (proc_pid_stat(5)); empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""
