"""Files, calls, connections and ports of one run, put together: each with its program, parent and step."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import (
    Access,
    Call,
    FileAccess,
    Flow,
    Listening,
    Process,
    StepKind,
    StepRun,
)
from overt.conduct.observe.attribution import Merged, Sources, merge
from overt.conduct.observe.sockets import SocketObserver
from overt.conduct.observe.trace import command
from tests.conduct.observe.stage import CLONE_NEWNET, Stage, call, needs_root, on_stage
from tests.waiting import PATIENCE_S

pytestmark = needs_root

PRODUCT = """
import os, socket, subprocess, sys, threading, time
home, root = sys.argv[1:]
def talk():
    with socket.create_connection(("127.0.0.1", 8443)) as stream:
        open(home + "/letter").read()
        time.sleep(0.3)
thread = threading.Thread(target=talk)
thread.start()
thread.join()
waiting = socket.socket()
waiting.bind(("127.0.0.1", 7001))
waiting.listen()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(0.3)
        subprocess.run([root + "/bin/cat", home + "/letter"])
    os._exit(0)
os.wait()
subprocess.run([root + "/bin/true"])
time.sleep(0.8)
"""


def step(number: int, began_s: float, ended_s: float) -> StepRun:
    return StepRun(
        number=number,
        kind=StepKind.COMMAND,
        command=("product",),
        began_s=began_s,
        ended_s=ended_s,
        exit_status=0,
        timed_out=False,
        expected=True,
        output="",
    )


def play(stage: Stage) -> tuple[RunFolder, Merged]:
    call("unshare", CLONE_NEWNET)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=300)
    (stage.homes / "letter").write_text("dear sir")
    run = RunFolder(stage.work)
    with socket.create_server(("127.0.0.1", 8443)) as server:
        server.settimeout(PATIENCE_S)
        stage.observe()
        sockets = SocketObserver()
        sockets.start(1, stage.work / "raw-none", stage.zero)
        sockets.close()
        sockets.start(_self(), stage.work / "raw", stage.zero)
        began = time.monotonic() - stage.zero
        program = [sys.executable, "-c", PRODUCT, str(stage.homes), str(stage.root)]
        with subprocess.Popen([*command(stage.work / "trace.log"), *program]) as product:
            _, (_, source_port) = server.accept()
            met = time.monotonic() - stage.zero
        assert product.returncode == 0
        ended = time.monotonic() - stage.zero
        sockets.cut()
        sockets.stop()
    stage.observer.stop()
    run.write(Flow, [_flow(1, 8443, source_port, met, ended), _flow(2, 9999, 1, met, ended)])
    raw = stage.work / "raw"
    merged = merge(run, Sources(raw, raw, stage.work / "trace.log", False), [step(1, began, ended)])
    return run, merged


def _self() -> int:
    return int(Path("/proc/self").readlink().name)


def _flow(number: int, port: int, source_port: int, at_s: float, ended: float) -> Flow:
    return Flow(
        number=number,
        at_s=at_s,
        ended_s=ended,
        step=0,
        process=None,
        protocol="tcp",
        application="raw",
        address="127.0.0.1",
        port=port,
        source_port=source_port,
        name="",
    )


def test_each_event_has_its_program_parent_and_step(tmp_path: Path) -> None:
    run, merged = on_stage(play, tmp_path)
    processes = {process.number: process for process in run.read(Process)}
    product = next(one for one in processes.values() if "-c" in one.arguments and one.parent is None)
    cat = next(one for one in processes.values() if one.program == "/usr/bin/cat")
    assert merged.losses.trace_lines == merged.losses.unnamed_processes == merged.losses.other == 0

    contact, stranger = run.read(Flow)
    assert contact.process == product.number, "a thread's connection is its process'"
    assert stranger.process is None and contact.step == 1

    reads = [row for row in run.read(FileAccess) if row.path == "/home/letter" and row.access == Access.READ]
    assert {row.process for row in reads} == {product.number, cat.number}
    assert {row.ranges for row in reads} == {((0, 8),)}

    grandparent = cat
    while grandparent.parent is not None:
        grandparent = processes[grandparent.parent]
    assert grandparent is product, "a daemon's parents are known although they ended before it did anything"
    assert cat.sha256 and cat.ended_s is not None and cat.ended_s > cat.at_s

    (waits,) = [row for row in run.read(Listening) if row.port == 7001]
    assert (waits.protocol, waits.address, waits.process) == ("tcp", "127.0.0.1", product.number)
    names = {call.name for call in run.read(Call)}
    assert {"execve", "connect", "bind", "listen"} <= names and "clone" not in names


def play_without_ends(stage: Stage) -> tuple[list[Process], list[Process]]:
    """As strace now and then leaves a process out of which its namespace's first one made an end."""
    run, _ = play(stage)
    log, raw = stage.work / "trace.log", stage.work / "raw"
    log.write_text("".join(line for line in log.read_text().splitlines(True) if "+++" not in line))
    known = {process.pid for process in run.read(Process)}
    found = []
    for alive in (frozenset[int](), known):
        merge(run, Sources(raw, raw, log, False), [], alive)
        found.append(list(run.read(Process)))
    return found[0], found[1]


def test_an_end_that_nobody_saw_is_no_life(tmp_path: Path) -> None:
    gone, there = on_stage(play_without_ends, tmp_path)
    assert gone and all(process.ended_s is not None for process in gone)
    assert any(process.ended_s is None for process in there)
