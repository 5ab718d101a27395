"""What this machine needs for a chamber, looked for before anything is changed."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from overt.conduct.chamber import kernel

TOOLS = {
    "ip": "iproute2",
    "nft": "nftables",
    "mkfs.ext4": "e2fsprogs",
    "mount": "mount",
}
TRACER = {"strace": "strace"}
TRIAL_S = 30.0
FAN_CLASS_CONTENT, FAN_CLOEXEC = 0x04, 0x01

TPROXY_RULES = """table inet overt_trial {
  chain c {
    type filter hook prerouting priority mangle
    meta nfproto ipv4 meta l4proto { tcp, udp } tproxy ip to :1 meta mark set 1 accept
    meta nfproto ipv6 meta l4proto { tcp, udp } tproxy ip6 to :1 meta mark set 1 accept
  }
}
"""


def missing(trace: bool = True) -> list[str]:
    """Each thing that a chamber needs and this machine lacks, with how to get it; empty: go ahead. Nothing is left
    behind: what the kernel can do is tried in namespaces of a child."""
    if os.geteuid() != 0:
        return ["root: fanotify and network namespaces take it; run this with sudo"]
    found = [
        f"{tool}: apt-get install {package}"
        for tool, package in {**TOOLS, **(TRACER if trace else {})}.items()
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None
    ]
    if not Path("/dev/loop-control").exists():
        found.append("loop devices (/dev/loop-control): modprobe loop; a container must be given it")
    return found or [f"{what}: {why}" for what, why in _refused()]


def _refused() -> Iterator[tuple[str, str]]:
    trials: tuple[tuple[str, Callable[[], None]], ...] = (
        ("namespaces (mount, process, network)", _namespaces),
        ("overlay file systems on tmpfs", _overlay),
        ("nftables with TPROXY (modprobe nft_tproxy)", _tproxy),
        ("fanotify permission events (CONFIG_FANOTIFY_ACCESS_PERMISSIONS)", _fanotify),
    )
    for what, trial in trials:
        if why := _try(trial):
            yield what, why


def _try(trial: Callable[[], None]) -> str:
    """Run `trial` in a child; why it failed, or the empty string."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            trial()
            status = 0
        except BaseException as error:
            os.write(writing, str(error).encode(errors="replace")[:500])
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, "rb") as pipe:
        why = pipe.read().decode(errors="replace")
    return why or "refused" if os.waitpid(pid, 0)[1] else ""


def _namespaces() -> None:
    kernel.unshare(
        kernel.CLONE_NEWNS
        | kernel.CLONE_NEWPID
        | kernel.CLONE_NEWNET
        | kernel.CLONE_NEWIPC
        | kernel.CLONE_NEWUTS
        | kernel.CLONE_NEWCGROUP
    )
    kernel.make_private()


def _overlay() -> None:
    _namespaces()
    place = Path("/proc/self").resolve().parent  # covered for this child alone
    kernel.mount("trial", place, "tmpfs")
    for name in ("upper", "work", "merged"):
        (place / name).mkdir()
    options = f"lowerdir=/,upperdir={place}/upper,workdir={place}/work"
    kernel.mount("overlay", place / "merged", "overlay", 0, options)


def _tproxy() -> None:
    _namespaces()
    command = ["nft", "-f", "-"]
    done = subprocess.run(
        command, input=TPROXY_RULES, capture_output=True, text=True, timeout=TRIAL_S, check=False
    )
    if done.returncode:
        raise OSError(done.stderr.strip())


def _fanotify() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, 0) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
