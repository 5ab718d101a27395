"""A running virtual machine, from the warden's side: qemu as nobody, without a capability, on a cable to the sink.

Its processor is emulated (TCG): slower than KVM, the same wherever the lab itself may be a guest, and the product is
given no piece of the host's kernel to talk to but the cable's.
"""

from __future__ import annotations

import base64
import contextlib
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from overt.conduct.chamber import kernel, privileges
from overt.conduct.chamber.plan import ALICE, Command, Ended, account
from overt.conduct.chamber.vm import image
from overt.conduct.chamber.vm.cable import Cable
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


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """What a virtual machine is to be."""

    parts: Parts
    disk: Path
    """Its disk (`image.disk`), which it changes."""
    clock: datetime
    """What its clock shows when it starts; it goes on from there."""
    memory_mb: int = 512


def missing(system: bool = False) -> list[str]:
    """What this machine lacks to run a virtual one, each with how to get it; `system`: a Debian is to be made, too."""
    tools = {QEMU: "qemu-system-x86"} | ({"debootstrap": "debootstrap"} if system else {})
    found = [
        f"{tool}: apt-get install {package}" for tool, package in tools.items() if shutil.which(tool) is None
    ]
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        found.append("Debian (apt-get, dpkg-deb): the machine's kernel is one of its packages")
    if os.uname().machine != "x86_64":
        found.append("an x86-64 processor: virtual subjects are made for that alone")
    if not Path("/dev/net/tun").exists():
        found.append("/dev/net/tun: modprobe tun")
    return found


def emulator() -> str:
    """What emulates the machine, as it says itself. Raises `ConductError`."""
    try:
        done = subprocess.run(
            [QEMU, "--version"], capture_output=True, text=True, timeout=SLACK_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConductError(f"{QEMU}: {error}") from error
    return done.stdout.partition("\n")[0]


class Machine:
    """A context manager in the warden: on entering, it has booted and waits for steps."""

    def __init__(self, plan: MachinePlan, cable: Cable, work_folder: Path, console: Path) -> None:
        """Boot it; what its console says goes to `console`. Raises `ConductError`."""
        self._step = 0
        self._rest = b""
        ours, theirs = socket.socketpair()
        self._agent = ours
        initial = work_folder / "initramfs"
        try:
            image.initial(plan.parts, initial)
            self._process = _start(plan, initial, cable.tap, theirs.fileno(), console)
        except OSError as error:
            raise ConductError(f"the virtual machine could not be started: {error}") from error
        finally:
            theirs.close()
        try:
            if self._line(BOOT_S) != b"ready":
                raise ConductError(NONSENSE)
        except ConductError as error:
            self.close()
            raise ConductError(f"{error}: see {console}") from error

    def execute(self, command: Command, output: Path) -> Ended:
        """Run a command in it, as `Chamber.execute` does; root has all rights, and none is seen. Raises `ConductError`
        if the machine is no more."""
        self._step += 1
        who = account(command.user, ALICE)
        environment = {**who.environment, **command.env}
        lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        does = f"cd {shlex.quote(command.cwd)} && exec {shlex.join(command.argv)}"
        script = "\n".join([*lines, does, ""])
        words = (
            self._step,
            round(command.timeout_s * 100),
            int(command.background),
            who.name,
            base64.b64encode(script.encode()).decode(),
        )
        try:
            self._agent.sendall((" ".join(map(str, words)) + "\n").encode())
        except OSError as error:
            raise ConductError(f"the virtual machine is gone: {error}") from error
        status = self._status(command.timeout_s * 2 + SLACK_S)
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
                raise ConductError("the virtual machine ended unexpectedly")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r")

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """It stands still meanwhile."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

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


def _start(plan: MachinePlan, initial: Path, tap: int, agent: int, console: Path) -> subprocess.Popen[bytes]:
    with (
        open(plan.parts.kernel, "rb") as kernel_file,
        open(initial, "rb") as first,
        open(plan.disk, "r+b") as disk,
    ):
        command = _command(plan, kernel_file.fileno(), first.fileno(), disk.fileno(), tap, agent)
        fds = (kernel_file.fileno(), first.fileno(), disk.fileno(), tap, agent)
        with open(console, "wb") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=fds,
                preexec_fn=become_nobody,
            )


def _command(plan: MachinePlan, kernel_file: int, initial: int, disk: int, tap: int, agent: int) -> list[str]:
    """qemu(1). It opens no file by name but its firmware."""
    clock = plan.clock.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    options = f"""
        -nodefaults -no-user-config -no-reboot -display none -machine pc -cpu max -accel tcg -m {plan.memory_mb}
        -sandbox on,obsolete=deny,spawn=deny,resourcecontrol=deny
        -rtc base={clock},clock=vm
        -kernel /proc/self/fd/{kernel_file} -initrd /proc/self/fd/{initial}
        -add-fd fd={disk},set=1
        -blockdev driver=file,node-name=disk,filename=/dev/fdset/1,locking=off,auto-read-only=off,cache.no-flush=on
        -device virtio-blk-pci,drive=disk
        -netdev tap,id=cable,fd={tap} -device virtio-net-pci,netdev=cable
        -chardev stdio,id=console,signal=off -serial chardev:console
        -chardev socket,id=agent,fd={agent} -serial chardev:agent"""
    return [QEMU, *options.split(), "-append", "console=ttyS0 quiet panic=-1 no-kvmclock"]


def become_nobody() -> None:
    """In a child, before a program that handles what the product wrote: no rights, and an end with its parent."""
    kernel.die_with_parent()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    privileges.keep(())
