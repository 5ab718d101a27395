"""However a run ends, nothing of it stays on the host."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from overt.conduct.chamber import kernel
from overt.conduct.chamber.warden import host_network, in_warden, sweep
from overt.core.errors import ConductError
from tests.conduct.chamber.rooms import control_groups, host_state, loops, processes, run
from tests.waiting import PATIENCE_S, until

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("lab")]

PROGRAM = """
import sys
from pathlib import Path
from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import MIB, ChamberPlan, Command, Limits
from overt.conduct.chamber import kernel
from overt.conduct.chamber.warden import host_network, in_warden
from overt.core.errors import ConductError

state, word, *tracer = sys.argv[1:]

def work(folder):
    limits = Limits(homes_bytes=32 * MIB, upper_bytes=64 * MIB)
    with Chamber(ChamberPlan(limits=limits), folder) as chamber:
        chamber.start(tracer)
        chamber.execute(Command(["sleep", "1" + word], background=True, timeout_s=0.2), folder / "out")
        (Path(state) / "ready").write_text(folder.name)
        chamber.execute(Command(["sleep", "2" + word]), folder / "out")

try:
    in_warden(work, Path(state))
except ConductError as error:
    print(error)
    sys.exit(9)
"""


@dataclass
class Life:
    """A lab that runs in a process of its own, with two processes inside."""

    process: subprocess.Popen[str]
    state: Path
    word: str
    name: str

    def inside(self) -> list[int]:
        """The product's processes."""
        return [pid for pid in processes(self.word) if pid != self.process.pid and self._is_sleep(pid)]

    @staticmethod
    def _is_sleep(pid: int) -> bool:
        try:
            return os.readlink(f"/proc/{pid}/exe").endswith("sleep")
        except OSError:
            return False

    def ancestors(self) -> list[int]:
        """From a product's process up to, not including, the lab's: init, launcher, (tracer,) warden."""
        found, pid = [], self.inside()[0]
        while True:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            if pid == self.process.pid:
                return found
            found.append(pid)


@pytest.fixture(params=["untraced", "traced"])
def life(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Life]:
    state = tmp_path / "state"
    state.mkdir()
    word = f"{secrets.randbelow(10**6) + 10**6}"
    log = str(tmp_path / "log")
    tracer = (
        ["strace", "-f", "--seccomp-bpf", "-e", "trace=execve", "-o", log]
        if request.param == "traced"
        else []
    )
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(state), word, *tracer], stdout=subprocess.PIPE, text=True
    )
    try:
        started = until(lambda: (state / "ready").exists() and bool((state / "ready").read_text()))
        assert started, "the lab did not start"
        alive = Life(process, state, word, (state / "ready").read_text())
        assert until(lambda: len(alive.inside()) == 2)
        yield alive
    finally:
        process.kill()
        process.communicate()
        sweep(state)


def nothing_left(life: Life) -> None:
    assert until(lambda: not processes(life.word)), "processes"
    assert until(lambda: not loops(life.state)), "loop devices"
    assert until(lambda: not control_groups(life.name)), "control groups"
    assert str(life.state) not in Path("/proc/self/mountinfo").read_text()
    assert not list(life.state.glob("run-*"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(life: Life, how: signal.Signals) -> None:
    life.process.send_signal(how)
    life.process.wait(PATIENCE_S)
    nothing_left(life)


def test_the_lab_is_killed(life: Life) -> None:
    life.process.kill()
    life.process.wait(PATIENCE_S)
    assert until(lambda: not processes(life.word)) and until(lambda: not loops(life.state))
    assert sweep(life.state) == [life.name]
    nothing_left(life)


def test_control_groups_whose_work_folder_is_lost_go_with_the_next_start(life: Life) -> None:
    made = control_groups(life.name)
    life.process.kill()
    life.process.wait(PATIENCE_S)
    assert until(lambda: not processes(life.word)) and until(lambda: not loops(life.state))
    shutil.rmtree(life.state / life.name)
    assert sweep(life.state) == [] and not control_groups(life.name)
    assert made or not Path("/sys/fs/cgroup").is_dir()


def test_a_process_between_is_killed(life: Life) -> None:
    """The warden, the tracer, the launcher or init: the lab ends with a message, and leaves nothing."""
    between = life.ancestors()
    victim = between[int(life.word) % len(between)]
    os.kill(victim, signal.SIGKILL)
    output, _ = life.process.communicate(timeout=PATIENCE_S)
    assert life.process.returncode == 9 and ("ended unexpectedly" in output or "was killed" in output), output
    nothing_left(life)


def test_each_process_between_is_killed(tmp_path: Path) -> None:
    before = host_state(tmp_path)
    for which in range(3):
        state = tmp_path / str(which)
        state.mkdir()
        word = f"{secrets.randbelow(10**6) + 10**6}"
        command = [sys.executable, "-c", PROGRAM, str(state), word]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        life = Life(process, state, word, "")
        assert until(lambda life=life: len(life.inside()) == 2)  # type: ignore[misc]
        life.name = (state / "ready").read_text()
        os.kill(life.ancestors()[which], signal.SIGKILL)
        output, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 9, output
        nothing_left(life)
    assert host_state(tmp_path) == before


def test_a_work_folder_in_use_is_left_alone(life: Life) -> None:
    assert sweep(life.state) == []
    assert len(life.inside()) == 2


def test_runs_that_start_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    """Each start sweeps; a folder that was just made is in use from its first moment."""
    starts = """
import sys
from pathlib import Path
from overt.conduct.chamber.warden import held, sweep
for _ in range(150):
    assert sweep(Path(sys.argv[1])) == []
    with held(Path(sys.argv[1])) as folder:
        (folder / "groups").touch()
"""
    command = [sys.executable, "-c", starts, str(tmp_path)]
    several = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [one.communicate(timeout=PATIENCE_S)[1] for one in several]
    assert [one.returncode for one in several] == [0] * 4, said
    assert not list(tmp_path.glob("run-*"))


def test_an_error_in_the_warden_is_told(tmp_path: Path) -> None:
    def fails(folder: Path) -> None:
        raise ConductError("no such thing: do this")

    def breaks(folder: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ConductError, match=r"^no such thing: do this$"):
        in_warden(fails, tmp_path)
    with pytest.raises(ConductError, match="ZeroDivisionError"):
        in_warden(breaks, tmp_path)
    assert not list(tmp_path.glob("run-*"))


def test_only_pass_through_has_a_way_to_the_hosts_network(tmp_path: Path) -> None:
    def looks(folder: Path) -> None:
        fd = host_network()
        kernel.setns(fd, kernel.CLONE_NEWNET)
        (tmp_path / "links").write_text(" ".join(name for _, name in socket.if_nameindex()))

    with pytest.raises(ConductError, match="only pass-through"):
        in_warden(looks, tmp_path)
    in_warden(looks, tmp_path, uplink=True)
    assert (tmp_path / "links").read_text().split() == [name for _, name in socket.if_nameindex()]


def test_nothing_of_the_host_changes(tmp_path: Path) -> None:
    """A product that writes, removes, and changes modes and times wherever it can."""
    places = ("/etc", "/usr/bin", "/usr/sbin", "/usr/local", "/var/lib/dpkg", "/boot", "/srv")
    vandal = """
for place in /etc /usr/bin /usr/sbin /usr/local /var/lib/dpkg /boot /srv; do
  echo vandal > $place/overt-vandal
  find $place -xdev -type f -name '[a-h]*' -exec touch -d 2001-01-01 {} + -exec chmod 777 {} +
  find $place -xdev -type f -name '[x-z]*' -delete
done
mv /etc/passwd /etc/passwd.moved; hostname vandal; ip link del eth0; nft flush ruleset; echo done
"""
    before = {place: _manifest(Path(place)) for place in places}, host_state(tmp_path)
    found = run(tmp_path, [vandal, "cat /etc/overt-vandal"], timeout_s=120.0)
    assert "done" in found[0].output and found[1].output == "vandal\n"
    after = {place: _manifest(Path(place)) for place in places}, host_state(tmp_path)
    assert after == before


def _manifest(folder: Path) -> dict[str, tuple[int, ...]]:
    found = {}
    for name in (
        ".",
        *(os.path.join(top, name) for top, folders, files in os.walk(folder) for name in folders + files),
    ):
        facts = os.lstat(folder / name)
        found[str(name)] = (
            facts.st_ino,
            facts.st_mode,
            facts.st_uid,
            facts.st_size,
            facts.st_mtime_ns,
            facts.st_ctime_ns,
        )
    return found


def test_a_state_folder_with_an_odd_name(tmp_path: Path) -> None:
    state = tmp_path / "a b,c:d\\e"
    found = run(state, ["cat /etc/hostname; echo x > /usr/x; cat /usr/x"])
    assert found[0].output.endswith("\nx\n") and not list(state.glob("run-*"))
