"""A chamber's network without a chamber: two network namespaces of the test's own, a cable, and the sink behind it.

Everything lives in one child process's namespaces, so that it vanishes with that process whatever happens.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from overt.conduct.evidence.folder import ReportFolder, RunFolder
from overt.conduct.evidence.records import Flow, Mode
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.kept import Outcome
from overt.conduct.sink.plan import SinkPlan
from overt.conduct.sink.server import Sink

CLONE_NEWNS, CLONE_NEWNET = 0x0002_0000, 0x4000_0000
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)
RESOLVER = "192.0.2.53"
SINK4, CHAMBER4 = "192.168.77.1", "192.168.77.2"
SINK6, CHAMBER6 = "2001:2:0:ffff::1", "2001:2:0:ffff::2"


def unshare(flags: int) -> None:
    if _libc.unshare(flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(source: Path | None, target: str, flags: int) -> None:
    if _libc.mount(
        os.fsencode(source) if source else None, target.encode(), None, ctypes.c_ulong(flags), None
    ):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def ip(commands: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True, timeout=30)


@dataclass
class Net:
    """The product's side: run programs in it."""

    folder: RunFolder
    authority: Authority
    sink: Sink
    namespace: int
    ca: Path
    outcome: Outcome | None = None
    flows: list[Flow] = field(default_factory=list)

    def run(
        self, *command: str, check: bool = True, timeout: float = 300, **more: object
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program on the chamber's side, with nothing of the host's proxies and certificates."""
        environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        environment |= {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "/nonexistent"} | dict(more.pop("env", {}))  # type: ignore[call-overload]
        environment = {name: value for name, value in environment.items() if value}
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=timeout,
            env=environment,
            preexec_fn=self.enter,
            **more,
        )  # type: ignore[call-overload]
        assert not check or done.returncode == 0, (
            command,
            done.returncode,
            done.stdout[-2000:],
            done.stderr[-2000:],
        )
        return done

    def enter(self) -> None:
        """For a child: the chamber's network, and its name server."""
        setns(self.namespace)
        unshare(CLONE_NEWNS)
        mount(None, "/", MS_REC | MS_PRIVATE)
        mount(self.ca.with_name("resolv.conf"), "/etc/resolv.conf", MS_BIND)

    def inside(self, work: Callable[[], None]) -> None:
        """Run Python on the chamber's side, in a child."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                self.enter()
                work()
                status = 0
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0

    def stop(self) -> list[Flow]:
        """End the sink; its flows."""
        self.outcome = self.sink.stop()
        self.flows = list(self.folder.read(Flow))
        return self.flows

    def sent(self, flow: Flow) -> bytes:
        return (self.folder.path / flow.sent).read_bytes() if flow.sent else b""

    def received(self, flow: Flow) -> bytes:
        return (self.folder.path / flow.received).read_bytes() if flow.received else b""

    def to(self, name: str, **wanted: object) -> list[Flow]:
        """The flows towards one name or address."""
        return [
            flow
            for flow in self.flows
            if name in (flow.name, flow.server_name, flow.address)
            and all(getattr(flow, field) == value for field, value in wanted.items())
        ]


@contextmanager
def network(tmp: Path, plan: SinkPlan | None = None, uplink: int = -1) -> Iterator[Net]:
    """Both namespaces, wired, with the sink at work. This process is in the sink's until the end."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    folder = ReportFolder(tmp / "report").new_run("mixed-1")
    authority = Authority.new()
    ca = tmp / "ca.pem"
    ca.write_bytes(authority.pem)
    ca.with_name("resolv.conf").write_text(f"nameserver {RESOLVER}\noptions timeout:30\n")
    try:
        unshare(CLONE_NEWNET)
        inner = _wired()
        sink = Sink(plan or SinkPlan(Mode.SINK), authority, folder, "sink0", time.monotonic(), uplink)
        with sink:
            yield Net(folder, authority, sink, inner, ca)
        os.close(inner)
    finally:
        setns(home)
        os.close(home)


def _wired() -> int:
    """Make the cable from this namespace to a new one; the new one's descriptor."""
    outer = os.open("/proc/self/ns/net", os.O_RDONLY)
    unshare(CLONE_NEWNET)
    inner = os.open("/proc/self/ns/net", os.O_RDONLY)
    for part in ("all", "default"):
        for name in ("accept_dad", "accept_ra", "autoconf"):
            Path(f"/proc/sys/net/ipv6/conf/{part}/{name}").write_text("0")
    ip("link set lo up\nlink add eth0 type veth peer name sink0\n")
    subprocess.run(
        ["ip", "link", "set", "sink0", "netns", f"/proc/{os.getpid()}/fd/{outer}"],
        pass_fds=(outer,),
        check=True,
    )
    ip(f"addr add {CHAMBER4}/24 dev eth0\naddr add {CHAMBER6}/64 dev eth0 nodad\nlink set eth0 up\n")
    setns(outer)
    os.close(outer)
    ip(
        f"link set lo up\naddr add {SINK4}/24 dev sink0\naddr add {SINK6}/64 dev sink0 nodad\nlink set sink0 up\n"
    )
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    setns(inner)
    ip(f"route add default via {SINK4}\n")
    subprocess.run(["ip", "-6", "route", "add", "default", "via", SINK6, "dev", "eth0"], check=True)
    setns(here)
    os.close(here)
    return inner
