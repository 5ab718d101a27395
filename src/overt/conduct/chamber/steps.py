"""The chamber's init: process 1 inside. It runs what the warden tells it, says how each ended, and buries orphans.

It has nothing of the host open but one socket to the warden; when that closes it ends, and everything with it.
Messages are JSON, one a packet; descriptors come with them.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

MAX_MESSAGE_BYTES = 1 << 17
END_S = 10.0
"""For how long processes that keep multiplying are killed before init gives up and says how many are left."""
CANNOT_RUN, NOT_FOUND = 126, 127
FIRST_IN_LINE = -20
"""Init's scheduling priority: it shares its control group with those that it has to end, however many they are."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command that runs, and what ran before it."""

    number: int
    pid: int
    before: frozenset[tuple[int, int]]
    """(process, start time) of all that was alive when it began."""


Become = Callable[[int, Sequence[str]], None]
"""Gives up, in a new process, what the product of a user must not have: all but these capabilities, if it is root."""


def serve(control: socket.socket, become: Become) -> None:
    """Run steps until the warden closes `control`."""
    waking, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # process 1 gets none that it did not ask for (pid_namespaces(7))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    steps: dict[int, Step] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), waking], [], [])
        if waking in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(waking, 4096)
            for answer in _bury(steps):
                _say(control, answer)
        if control.fileno() in ready:
            message, fds, _, _ = socket.recv_fds(control, MAX_MESSAGE_BYTES, 4)
            if not message:
                return
            _do(json.loads(message), fds, control, steps, become)


def _do(
    request: Mapping[str, Any],
    fds: list[int],
    control: socket.socket,
    steps: dict[int, Step],
    become: Become,
) -> None:
    number = request["step"]
    if request["do"] == "run":
        before = _alive()
        steps[number] = Step(number, _start(request, fds[0], become), frozenset(before))
        os.close(fds[0])
        _say(control, {"step": number, "pid": steps[number].pid})
    else:
        step = steps.get(number)
        left = _end(step) if step else 0
        for answer in _bury(steps):
            _say(control, answer)
        _say(control, {"step": number, "left": left})


def _start(request: Mapping[str, Any], output: int, become: Become) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = CANNOT_RUN
    try:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for source, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        _be_ordinary()
        user = request["user"]
        os.setgroups([user["gid"]])
        os.setresgid(user["gid"], user["gid"], user["gid"])
        become(user["uid"], request["capabilities"])
        os.chdir(request["cwd"])
        status = _exec(request["argv"], request["env"])
    except BaseException as error:
        os.write(2, f"overt: the step could not be started: {error}\n".encode(errors="replace"))
    finally:
        os._exit(status)


def _be_ordinary() -> None:
    """What Python changed, and what init has for itself, is not passed on."""
    signal.set_wakeup_fd(-1)
    for name in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")  # init must outlive what used up the memory


def _exec(argv: list[str], environment: dict[str, str]) -> int:
    try:
        os.execvpe(argv[0], argv, environment)
    except FileNotFoundError:
        os.write(2, f"overt: {argv[0]}: not found in the chamber\n".encode(errors="replace"))
        return NOT_FOUND
    except OSError as error:
        os.write(2, f"overt: {argv[0]}: {error.strerror}\n".encode(errors="replace"))
        return CANNOT_RUN


def _bury(steps: dict[int, Step]) -> list[dict[str, int]]:
    """Wait for whatever has ended; what is said of the steps among it."""
    found: list[dict[str, int]] = []
    by_pid = {step.pid: step.number for step in steps.values()}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid in by_pid:
            number = by_pid.pop(pid)
            steps[number] = Step(number, 0, steps[number].before)
            found.append({"step": number, "status": os.waitstatus_to_exitcode(status)})


def _end(step: Step) -> int:
    """Kill what the step started: whatever was not there before it, unless something that was is its parent. Returns
    how many of those are left, having multiplied faster than they died."""
    deadline = time.monotonic() + END_S
    while doomed := _started_by(step):
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return len(doomed)
        time.sleep(0.005)
    return 0


def _started_by(step: Step) -> list[int]:
    parents = {}
    young = set()
    for pid, began in _alive():
        if (pid, began) not in step.before:
            young.add(pid)
            parents[pid] = _stat(pid)[1]
    return [pid for pid in young if _eldest(pid, parents) in (0, 1)]


def _eldest(pid: int, parents: Mapping[int, int]) -> int:
    """The first ancestor that was there before the step."""
    for _ in range(len(parents) + 1):
        if pid not in parents:
            return pid
        pid = parents[pid]
    return 1


def _alive() -> list[tuple[int, int]]:
    """(process, start time) of all but init and the dead."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and name != "1":
            state, _, began = _stat(int(name))
            if state not in ("Z", "X", ""):
                found.append((int(name), began))
    return found


def _stat(pid: int) -> tuple[str, int, int]:
    """State, parent and start time of a process (proc_pid_stat(5)); an empty state when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
    except OSError:
        return "", 0, 0
    return fields[0].decode(), int(fields[1]), int(fields[19])


def _say(control: socket.socket, answer: Mapping[str, int]) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        control.send(json.dumps(answer).encode())


def limit(processes: int, uid: int) -> None:
    """No core files (a limit of 1 byte also keeps a host's core-dump program from being called, core(5)), and for an
    ordinary user so many processes."""
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    if uid:
        _, most = resource.getrlimit(resource.RLIMIT_NPROC)
        value = processes if most == resource.RLIM_INFINITY else min(processes, most)
        resource.setrlimit(resource.RLIMIT_NPROC, (value, value))


def leave(status: int) -> NoReturn:
    """End without Python's own clean-up."""
    os._exit(status)
