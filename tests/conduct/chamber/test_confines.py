"""A product inside the chamber can't see or change what is outside."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import ALICE, ChamberPlan, Denied, Shown
from overt.conduct.chamber.privileges import USUAL, bits
from tests.conduct.chamber.rooms import SMALL, python, run

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("lab")]

ATTEMPTS = {
    "make a device": "mknod /tmp/disk b 8 0",
    "mount": "mount -t tmpfs none /mnt",
    "mount a disk's file system": "mount -o loop /dev/null /mnt",
    "unmount": "umount /home",
    "make /proc/sys writable": "mount -o remount,rw /proc/sys",
    "write a setting": "echo x > /proc/sys/kernel/core_pattern",
    "trigger": "echo h > /proc/sysrq-trigger",
    "make a user namespace": "unshare -U true",
    "make a mount namespace": "unshare -m true",
    "enter a namespace": "nsenter -t 1 -m true",
    "set the clock": "date -s 2031-01-01",
    "load a module": "python3 -c 'import ctypes,sys; sys.exit(ctypes.CDLL(None).syscall(313, 0, b\"\", 0) and 1)'",
    "read the kernel's log": "dmesg",
    "trace init": "strace -o /dev/null -p 1",
    "read init's program": "cat /proc/1/exe",
    "read init's memory": "head -c 1 /proc/1/maps",
    "leave by init's root": "ls /proc/1/root/",
    "read init's descriptors": "cat /proc/1/fd/*",
    "read the kernel's memory": "test -s /proc/kcore",
    "see the start parameters": "test -s /proc/cmdline",
    "read serial numbers": "cat /sys/class/dmi/id/product_serial",
    "write to /sys": "echo 1 > /sys/kernel/mm/ksm/run",
    "raise a limit": "prlimit --pid 1 --nofile=1:1",
    "have init wait": "echo 19 > /proc/1/autogroup",
    "have init ended for memory": "echo 1000 > /proc/1/oom_score_adj",
    "the same by its thread": "echo 1000 > /proc/1/task/1/oom_score_adj",
    "use the host's keys": "keyctl show 2>/dev/null",
    "talk to the hypervisor": "python3 -c 'import socket; socket.socket(40, socket.SOCK_STREAM)'",
    "see the tracer": "pgrep strace",
    "write lines of the host's audit": "python3 -c 'import socket; socket.socket(16, socket.SOCK_RAW, 9)'",
    "keep the processor from all others": "chrt -f 50 true",
    "go before all others": "python3 -c 'import os; os.setpriority(0, 0, -5)'",
    "see a disk": "ls /dev/sd* /dev/vd* /dev/nvme* /dev/loop* /dev/mem /dev/kmsg",
}


def test_attempts_to_get_out_fail(tmp_path: Path) -> None:
    strace = ["strace", "-f", "--seccomp-bpf", "-o", str(tmp_path / "trace"), "-e", "trace=execve"]
    for tracer in ([], strace):
        found = run(tmp_path, ATTEMPTS.values(), tracer=tracer)
        worked = [name for name, said in zip(ATTEMPTS, found, strict=True) if said.ended.exit_status == 0]
        assert worked == []


def test_refused_calls_are_recorded(tmp_path: Path) -> None:
    denied: list[Denied] = []
    names = tmp_path / "names"

    def note(chamber: object) -> None:
        denied.extend(chamber.denied())  # type: ignore[attr-defined]
        names.write_text(" ".join(f"{one.name}={one.count}" for one in denied))

    wanted = """
import ctypes
libc = ctypes.CDLL(None)
for _ in range(5):
    libc.unshare(0x10000000)
libc.mount(b"a", b"/mnt", b"tmpfs", 0, None)
"""
    run(tmp_path, [python(wanted)], after=note)
    assert names.read_text().split() == ["unshare=5", "mount=1"]


def test_a_product_with_a_filter_of_its_own_works_when_the_plan_says_so(tmp_path: Path) -> None:
    plan = ChamberPlan(limits=SMALL, record_denied=False, allow_mounts=True)
    found = run(
        tmp_path, ["unshare -Urm mount -t tmpfs none /mnt && echo mounted", "mount -t tmpfs none /mnt"], plan
    )
    assert "mounted" in found[0].output and found[1].ended.exit_status != 0


def test_capabilities_are_the_plans(tmp_path: Path) -> None:
    plan = ChamberPlan(limits=SMALL, capabilities=("CAP_NET_ADMIN",))
    found = run(tmp_path, ["ip link set lo down", "grep CapEff /proc/self/status"], plan)
    assert found[0].ended.exit_status == 0
    assert run(tmp_path, ["ip link set lo down"])[0].ended.exit_status != 0
    assert not int(found[1].output.split()[1], 16) >> 21 & 1, "CAP_SYS_ADMIN"
    alice = run(tmp_path, ["id -un; grep -E 'Cap(Prm|Eff)' /proc/self/status"], user="alice")[0].output
    assert alice.split() == ["alice", "CapPrm:", "0" * 16, "CapEff:", "0" * 16]


def test_root_gets_of_its_capabilities_what_a_step_asks_for(tmp_path: Path) -> None:
    line = "grep -E 'Cap(Eff|Bnd)' /proc/self/status; cat /home/alice/letter"

    def plant(chamber: Chamber) -> None:
        letter = chamber.homes / "alice/letter"
        letter.write_text("dear sir")
        letter.chmod(0o600)
        os.chown(letter, ALICE.uid, ALICE.gid)

    for wanted, reads in (("CAP_KILL", False), ("CAP_DAC_READ_SEARCH", True), ("CAP_SYS_ADMIN", False)):
        (said,) = run(tmp_path / wanted, [line], before=plant, capabilities=[wanted])
        has = {int(text, 16) for text in said.output.split() if len(text) == 16}
        assert has == {bits([wanted]) if wanted in USUAL else 0}
        assert ("dear sir" in said.output) is reads


def test_the_hosts_secrets_are_not_there(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the host's own")
    mine = next(
        (line for line in Path("/etc/shadow").read_text().splitlines() if "$" in line), "no such line"
    )
    shadow, listing, machine = run(
        tmp_path, ["cat /etc/shadow", f"ls / /home /root /opt; cat {secret}", "cat /etc/machine-id; hostname"]
    )
    assert mine not in shadow.output and "alice:$6$" in shadow.output
    assert (
        listing.output.splitlines()[-1].endswith("No such file or directory") and "work" not in listing.output
    )
    assert os.uname().nodename not in machine.output.split()
    if Path("/etc/machine-id").exists() and (own := Path("/etc/machine-id").read_text().strip()):
        assert own not in machine.output


def test_the_hosts_sockets_cannot_be_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inet, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(b"\0overt-test-%d" % os.getpid())
        abstract.listen()
        program = f"""
import socket
places = ((socket.AF_INET, ("127.0.0.1", {inet.getsockname()[1]})), (socket.AF_UNIX, b"\\0overt-test-{os.getpid()}"))
for family, address in places:
    try:
        socket.socket(family).connect(address)
        print("connected")
    except OSError as error:
        print(error.strerror)
"""
        assert run(tmp_path, [python(program)])[0].output.split("\n")[:2] == ["Connection refused"] * 2


def test_no_descriptor_or_mount_leads_to_the_hosts_file_system(tmp_path: Path) -> None:
    """open_by_handle_at is allowed inside; a handle of a host's file must be of no use there."""
    secret = tmp_path / "secret"
    secret.write_text("the host's own")
    program = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
handle = bytes.fromhex(sys.argv[1])
places = ["/", "/usr", "/etc", "/home", "/root", "/tmp", "/run", "/dev", "/dev/null", "/dev/shm", "/proc", "/sys",
          "/proc/kmsg", "/shown", "/proc/1/exe", "/proc/self/exe", *(f"/proc/self/fd/{n}" for n in range(3))]
for place in places:
    for flags in (os.O_RDONLY, os.O_PATH):
        try:
            mount = os.open(place, flags | os.O_NONBLOCK)
        except OSError:
            continue
        fd = libc.open_by_handle_at(mount, handle, os.O_RDONLY)
        if fd >= 0:
            print(place, os.readlink(f"/proc/self/fd/{fd}"))
            print(os.read(fd, 100))
"""
    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "file").write_text("shown")
    plan = ChamberPlan(limits=SMALL, shown=(Shown(shown, "/shown"),))
    found = run(tmp_path, [[*python(program), _handle(secret)], "cat /shown/file && echo >/shown/file"], plan)
    assert "the host's own" not in found[0].output, found[0].output
    assert "Traceback" not in found[0].output
    assert found[1].output == "shown" and (shown / "file").read_text() == "shown"


def test_what_ps_shows_of_init_is_an_init(tmp_path: Path) -> None:
    found = run(tmp_path, ["cat /proc/1/cmdline; cat /proc/1/comm"])[0]
    assert found.output.rstrip("\0").startswith("/sbin/init\0") and "init\n" in found.output
    assert "overt" not in found.output


def _handle(path: Path) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = (ctypes.c_uint32 * 34)(128)
    mount = ctypes.c_int()
    assert libc.name_to_handle_at(-100, os.fsencode(path), handle, ctypes.byref(mount), 0) == 0
    return bytes(handle)[: 8 + handle[0]].hex()


def test_the_tracer_is_invisible(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "--seccomp-bpf", "-o", str(trace), "-e", "trace=execve"]
    found = run(
        tmp_path,
        ["grep TracerPid /proc/self/status; ls -d /proc/[0-9]*; echo", f"cat {trace}"],
        tracer=strace,
    )
    assert "TracerPid:\t0" in found[0].output and found[1].ended.exit_status != 0
    numbers = [line for line in found[0].output.splitlines() if line.startswith("/proc/")]
    assert "/proc/1" in numbers and len(numbers) <= 3
    assert '"TracerPid", "/proc/self/status"' in trace.read_text()


def test_the_lab_pid_is_the_one_that_the_tracer_writes(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "--seccomp-bpf", "-o", str(trace), "-e", "trace=execve"]
    ended = run(tmp_path, [["sleep", "0.5"]], tracer=strace)[0].ended
    line = next(line for line in trace.read_text().splitlines() if '["sleep", "0.5"]' in line)
    assert int(line.split()[0]) == ended.lab_pid != ended.pid


def test_io_uring_is_left_to_the_observer(tmp_path: Path) -> None:
    program = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(425, 4, ctypes.create_string_buffer(256)) >= 0 or ctypes.get_errno())
"""
    allowed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert run(tmp_path, [python(program)])[0].output == allowed
