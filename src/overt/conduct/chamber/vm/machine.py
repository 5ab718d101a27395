"""A running virtual machine, from the warden's side: qemu as nobody, without a capability, on a cable to the sink.

Its processor is emulated (TCG): slower than KVM, the same wherever the lab itself may be a guest, and the product is
given no piece of the host's kernel to talk to but the cable's.
"""

from __future__ import annotations

import base64
import fcntl
import os
import select
import shlex
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from overt.conduct.chamber import kernel, network, privileges
from overt.conduct.chamber.network import Network
from overt.conduct.chamber.plan import Ended
from overt.conduct.chamber.vm import image
from overt.conduct.chamber.vm.image import Parts
from overt.core.errors import ConductError

QEMU = "qemu-system-x86_64"
NOBODY = 65534
BOOT_S = 180.0
SLACK_S = 60.0
"""Beyond a step's own time, for a machine that is emulated slowly."""
MAX_LINE_BYTES = 1 << 16
MAX_OUTPUT_BYTES = 16 << 20
"""As agent.sh sends at most."""
NONSENSE = "the agent in the virtual machine talks nonsense: the product may have taken its line over"
TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x4004_54CA, 0x0002, 0x1000, 0x4000


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """What a virtual machine is to be."""

    parts: Parts
    clock: datetime
    """What its clock shows when it starts; it goes on from there."""
    root: Path | None = None
    """A folder with its system (as debootstrap makes it); None: busybox."""
    product: Path | None = None
    """A folder that is at /opt/product."""
    memory_mb: int = 512
    hostname: str = "alice-laptop"
    resolvers: tuple[str, ...] = ("192.0.2.53", "2001:db8::53")


def missing() -> list[str]:
    """What this machine lacks to run a virtual one, each with how to get it."""
    found = []
    if os.uname().machine != "x86_64":
        found.append("an x86-64 processor: virtual subjects are made for that alone")
    if shutil.which(QEMU) is None:
        found.append(f"{QEMU}: apt-get install qemu-system-x86")
    if not Path("/dev/net/tun").exists():
        found.append("/dev/net/tun: modprobe tun")
    return found


class Machine:
    """A context manager in the warden: on entering, it has booted and waits for steps. It has no user but root."""

    def __init__(self, plan: MachinePlan, work_folder: Path, console: Path) -> None:
        """Boot it; what its console says goes to `console`. Raises `ConductError`."""
        if lacking := missing():
            raise ConductError("a virtual machine can't run here, it lacks " + "; ".join(lacking))
        self.network, tap = _cable()
        self._step = 0
        self._rest = b""
        ours, theirs = socket.socketpair()
        self._agent = ours
        initial = work_folder / "initramfs"
        try:
            image.write(plan.parts, initial, _settings(plan, self.network), plan.root, plan.product)
            files = [os.open(path, os.O_RDONLY) for path in (plan.parts.kernel, initial)]
            self._process = _start(plan, files, tap, theirs.fileno(), console)
            for fd in files:
                os.close(fd)
        except OSError as error:
            raise ConductError(f"the virtual machine could not be started: {error}") from error
        finally:
            theirs.close()
            os.close(tap)
        try:
            if self._line(BOOT_S) != b"ready":
                raise ConductError(f"{NONSENSE}: see {console}")
        except ConductError:
            self.close()
            raise

    def execute(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        timeout_s: float = 600.0,
        output: Path,
        background: bool = False,
    ) -> Ended:
        """Run a command in it, as `Chamber.execute` does, as root. Raises `ConductError` if the machine is no more."""
        self._step += 1
        lines = [f"export {name}={shlex.quote(value)}" for name, value in (env or {}).items()]
        script = "\n".join([*lines, f"cd {shlex.quote(cwd)} && exec {shlex.join(argv)}", ""])
        words = (
            self._step,
            round(timeout_s * 100),
            int(background),
            base64.b64encode(script.encode()).decode(),
        )
        try:
            self._agent.sendall((" ".join(map(str, words)) + "\n").encode())
        except OSError as error:
            raise ConductError(f"the virtual machine is gone: {error}") from error
        status = self._status(timeout_s * 2 + SLACK_S)
        self._keep_output(output)
        code = int(status) if status.isdecimal() else None
        return Ended(128 - code if code is not None and code > 128 else code, status == "timeout", 0, 0)

    def _status(self, timeout_s: float) -> str:
        """What is said of the step's end. The product is root in there, so none of it is taken on trust."""
        match self._line(timeout_s).split():
            case [b"end", number, status] if number == b"%d" % self._step:
                return status.decode(errors="replace")
        raise ConductError(NONSENSE)

    def _keep_output(self, path: Path) -> None:
        kept = 0
        with open(path, "ab") as stream:
            while (line := self._line(SLACK_S)) != b".":
                try:
                    part = base64.b64decode(line, validate=True)
                except ValueError as error:
                    raise ConductError(NONSENSE) from error
                kept += len(part)
                if kept > MAX_OUTPUT_BYTES:
                    raise ConductError(NONSENSE)
                stream.write(part)

    def _line(self, timeout_s: float) -> bytes:
        """The agent's next line. Raises `ConductError` when there is none in time."""
        deadline = time.monotonic() + timeout_s
        waiting = select.poll()
        waiting.register(self._agent, select.POLLIN)
        while b"\n" not in self._rest:
            if len(self._rest) > MAX_LINE_BYTES:
                raise ConductError(NONSENSE)
            if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise ConductError(f"the virtual machine did not answer within {timeout_s:.0f} s")
            part = self._agent.recv(65536)
            if not part:
                raise ConductError("the virtual machine ended unexpectedly: its console says why")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r")

    def close(self) -> None:
        """Turn it off at once; nothing of it is kept."""
        self._agent.close()
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cable() -> tuple[Network, int]:
    """A tap device as the sink's end, in the warden's network namespace, and the descriptor that is the other end."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        made = network.ends(-1)
        flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("=16sH22x", made.sink_interface.encode(), flags))
        network.furnish_sink_end(made)
    except OSError as error:
        os.close(tap)
        raise ConductError(f"the virtual machine's cable could not be made: {error}: modprobe tun") from error
    return made, tap


def _settings(plan: MachinePlan, cable: Network) -> dict[str, str]:
    return {
        "NAME": plan.hostname,
        "V4": cable.chamber_v4,
        "V6": cable.chamber_v6,
        "GATEWAY4": cable.sink_v4,
        "GATEWAY6": cable.sink_v6,
        "RESOLVERS": " ".join(plan.resolvers),
    }


def _start(
    plan: MachinePlan, files: Sequence[int], tap: int, agent: int, console: Path
) -> subprocess.Popen[bytes]:
    clock = plan.clock.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    command = [
        QEMU,
        *(
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
            "-machine",
            "pc",
            "-cpu",
            "max",
        ),
        *(
            "-accel",
            "tcg",
            "-m",
            str(plan.memory_mb),
            "-sandbox",
            "on,obsolete=deny,spawn=deny,resourcecontrol=deny",
        ),
        *("-rtc", f"base={clock},clock=vm"),
        *("-kernel", f"/proc/self/fd/{files[0]}", "-initrd", f"/proc/self/fd/{files[1]}"),
        *("-append", "console=ttyS0 quiet panic=-1 no-kvmclock"),
        *("-netdev", f"tap,id=cable,fd={tap}", "-device", "virtio-net-pci,netdev=cable"),
        *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
        *("-chardev", f"socket,id=agent,fd={agent}", "-serial", "chardev:agent"),
    ]

    def become_nobody() -> None:
        kernel.die_with_parent()
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        privileges.keep(())

    with open(console, "wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(*files, tap, agent),
            preexec_fn=become_nobody,
        )
