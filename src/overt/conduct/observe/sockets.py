"""Sockets inside the chamber, from the kernel's tables (proc_pid_net(5)), read again and again by a process of its own.

For ports that wait, and for connections where there is no call layer. What lives shorter than the time between two
looks is seen by the sink and by the call layer, not here.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from overt.conduct.observe.raw import RawSocket
from overt.core.errors import ConductError
from overt.sandbox.lockdown import close_others

SOCKETS = "sockets.jsonl"
INTERVAL_S = 0.1
TABLES = (("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp"))
LISTEN, NO_PEER = "0A", 0
ACCEPTS = 1 << 16
"""Flag of a listening socket in /proc/net/unix (__SO_ACCEPTCON)."""
CUT, STOP, DONE = b"c", b"s", b"."
ANSWER_S = 30.0


def table(text: str, protocol: str) -> Iterator[tuple[str, str, int, str, int, bool, int]]:
    """The rows of /proc/net/tcp and its like: (protocol, address, port, remote address, port, listening, inode)."""
    for row in text.splitlines()[1:]:
        columns = row.split()
        if len(columns) < 10:
            continue
        (address, port), (remote, remote_port) = _place(columns[1]), _place(columns[2])
        waits = columns[3] == LISTEN if protocol == "tcp" else remote_port == NO_PEER
        yield protocol, address, port, remote, remote_port, waits, int(columns[9])


def unix_table(text: str) -> Iterator[tuple[str, int]]:
    """Listening sockets in /proc/net/unix: (path, inode); an abstract name begins with `@`."""
    for row in text.splitlines()[1:]:
        columns = row.split(maxsplit=7)
        if len(columns) == 8 and int(columns[3], 16) & ACCEPTS:
            yield columns[7], int(columns[6])


@dataclass(slots=True)
class Look:
    """Reads the tables of the network namespace that process `inside` is in."""

    inside: int
    zero_s: float
    stream: BinaryIO
    _seen: set[tuple[object, ...]] = field(default_factory=set)
    _encoder: msgspec.json.Encoder = field(default_factory=msgspec.json.Encoder)

    def once(self) -> None:
        """Write what was not there before; forget what is gone."""
        at_s = round(time.monotonic() - self.zero_s, 6)
        rows = list(self._rows())
        new = [row for row in rows if row not in self._seen]
        holders = _holders({row[-1] for row in new}) if new else {}
        for row in new:
            protocol, address, port, remote, remote_port, waits, inode = row
            raw = RawSocket(
                at_s=at_s,
                protocol=protocol,
                address=address,
                port=port,
                remote_address=remote,
                remote_port=remote_port,
                listening=waits,
                inode=inode,
                pid=holders.get(inode, 0),
            )
            self.stream.write(self._encoder.encode(raw) + b"\n")
        self._seen = set(rows)

    def again(self) -> None:
        """Write everything anew: a new step begins."""
        self.once()
        self._seen.clear()
        self.stream.flush()

    def _rows(self) -> Iterator[tuple[str, str, int, str, int, bool, int]]:
        folder = Path(f"/proc/{self.inside}/net")
        try:
            for name, protocol in TABLES:
                if (path := folder / name).exists():
                    yield from table(path.read_text(), protocol)
            for name, inode in unix_table((folder / "unix").read_text("utf-8", "backslashreplace")):
                yield "unix", name, 0, "", 0, True, inode
        except (FileNotFoundError, ProcessLookupError, NotADirectoryError, OSError):
            return  # the chamber has ended


class SocketObserver:
    """One process that looks ten times a second."""

    def __init__(self) -> None:
        self._child = 0
        self._control: socket.socket | None = None

    def start(self, inside: int, folder: Path, clock_zero: float) -> None:
        """Watch the network namespace of process `inside` (the chamber's first one); records go into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._control, theirs = socket.socketpair()
        parent = os.getpid()
        self._child = os.fork()
        if self._child == 0:
            _observe(inside, folder / SOCKETS, clock_zero, theirs, parent)
        theirs.close()

    def cut(self) -> None:
        """Look now, and write what stays open again for the next step. Raises `ConductError` when it is gone."""
        self._ask(CUT)

    def stop(self) -> None:
        """Look once more and end. Raises `ConductError` when it did not end well."""
        self._ask(STOP)
        self._wait()

    def close(self) -> None:
        """End it at once. For after an error."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            self._wait()

    def _ask(self, word: bytes) -> None:
        if self._control is None:
            raise ConductError("the observer of sockets was not started: start it first")
        try:
            self._control.sendall(word)
            if select.select([self._control], [], [], ANSWER_S)[0] and self._control.recv(1) == DONE:
                return
        except OSError:
            pass
        raise ConductError("the observer of sockets ended before its time: run again")

    def _wait(self) -> None:
        os.waitpid(self._child, 0)
        self._child = 0
        if self._control is not None:
            self._control.close()
            self._control = None


def _observe(inside: int, path: Path, zero_s: float, control: socket.socket, parent: int) -> None:
    """The child: never returns; ends with its parent, whose end of `control` closes then."""
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        with open(path, "wb") as stream:
            close_others({0, 1, 2, control.fileno(), stream.fileno()})
            look = Look(inside, zero_s, stream)
            word = b""
            while word != STOP and os.getppid() == parent:
                look.once()
                if not select.select([control], [], [], INTERVAL_S)[0]:
                    continue
                if not (word := control.recv(1)):
                    break
                look.again()
                control.sendall(DONE)
        status = 0
    finally:
        os._exit(status)


def _place(text: str) -> tuple[str, int]:
    """`0100007F:0035` as (address, port): words in the machine's own order, which is little-endian here."""
    address, _, port = text.partition(":")
    words = struct.unpack(f">{len(address) // 8}I", bytes.fromhex(address))
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    shown = socket.inet_ntop(family, packed)
    return shown.removeprefix("::ffff:") if "." in shown else shown, int(port, 16)


def _holders(inodes: set[int]) -> dict[int, int]:
    """Socket number → a process that has it open."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            for descriptor in os.listdir(f"/proc/{name}/fd"):
                inode = wanted.get(os.readlink(f"/proc/{name}/fd/{descriptor}"))
                if inode is not None:
                    found.setdefault(inode, int(name))
        except OSError:
            continue
    return found
