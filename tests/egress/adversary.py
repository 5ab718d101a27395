"""What runs in a courier that the peer has taken over: the real one, confined as ever, with its last step replaced."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import NoReturn

from overt.egress import client
from overt.egress.process import main
from overt.egress.wire import Ask, End, Failed, Head, Piece, Ready, ask_from, encode

Script = Callable[[socket.socket, Ask], None]


def sending(*messages: object) -> Script:
    """Answer with these packets."""

    def script(control: socket.socket, ask: Ask) -> None:
        for message in messages:
            control.send(message if isinstance(message, bytes) else encode(message))

    return script


def flood(control: socket.socket, ask: Ask) -> None:
    control.send(encode(Head(200, "")))
    while True:
        control.send(encode(Piece(b"x" * 65536)))


def idle_pieces(control: socket.socket, ask: Ask) -> None:
    """Alive, and of no use: heads and failures never come, the clock must end it."""
    control.send(encode(Head(200, "")))
    while True:
        control.send(encode(Piece(b"x")))
        time.sleep(0.05)


def handing_over(control: socket.socket, ask: Ask) -> None:
    """A descriptor comes with the packet."""
    socket.send_fds(control, [b"\xc1"], [0])


def dying(control: socket.socket, ask: Ask) -> None:
    os._exit(0)


def deaf(control: socket.socket, ask: Ask) -> None:
    """From now on it answers when something has come, and reads nothing of it."""
    control.send(encode(Head(200, "")))
    control.send(encode(End()))
    waiting = select.poll()
    waiting.register(control, select.POLLIN)
    while waiting.poll():
        time.sleep(0.02)
        control.send(encode(Head(200, "")))
        control.send(encode(End()))
        time.sleep(0.1)


def deathless(control: socket.socket, ask: Ask) -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    sending(*ONE)(control, ask)


_libc = ctypes.CDLL(None, use_errno=True)
REFUSALS = (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOENT, errno.EISCONN)
FASTOPEN = 0x2000_0000


def elsewhere(parent: int) -> bytes:
    """An abstract UNIX socket that somebody else listens at, while this process has a courier."""
    return b"\x00overt-attack-%d" % parent


ELSEWHERE = elsewhere(os.getppid())


def _tcp() -> int:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM).fileno()


def _call(number: int, *arguments: object) -> Callable[[socket.socket], int]:
    return lambda control: int(_libc.syscall(ctypes.c_long(number), *arguments))


def _fast_open(control: socket.socket) -> int:
    """Connecting by sending: what Landlock's rule for connect(2) does not see."""
    to = b"\x02\x00\x00\x16" + socket.inet_aton("127.0.0.1") + bytes(8)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    return int(_libc.sendto(sock.fileno(), b"x", ctypes.c_size_t(1), FASTOPEN, to, 16))


def _option(level: int, option: int) -> Callable[[socket.socket], int]:
    def attempt(control: socket.socket) -> int:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        value = b"\x01\x00\x00\x00" + bytes(12)
        return int(_libc.setsockopt(sock.fileno(), level, option, value, 4))

    return attempt


def _reconnect(control: socket.socket) -> int:
    address = b"\x01\x00" + ELSEWHERE
    return int(_libc.connect(control.fileno(), address, len(address)))


def _open(path: str, flags: int = os.O_RDONLY) -> Callable[[socket.socket], int]:
    return lambda control: int(_libc.open(path.encode(), flags))


INSIDE: dict[str, Callable[[socket.socket], int]] = {
    "fast open": _fast_open,
    "join a multicast group": _option(0, 35),
    "attach a filter to a socket": _option(1, 26),
    "bind to a device": _option(1, 25),
    "connect its line elsewhere": _reconnect,
    "learn the machine's name": _call(63, bytes(390)),
    "learn how long it is up": _call(99, bytes(128)),
    "stop the clock that ends it": _call(223, 0, 0, bytes(32), None),
    "delete the timer": _call(226, 0),
    "a keyring": _call(250, 0, -3, 1),
    "userfaultfd": _call(323, 0),
    "bpf": _call(321, 0, None, 0),
    "perf": _call(298, None, 0, -1, -1, 0),
    "io_uring": _call(425, 1, bytes(120)),
    "shared memory": _call(29, 0, 4096, 0o1600),
    "a message queue": _call(240, b"/q", os.O_CREAT | os.O_RDWR, 0o600, None),
    "memory of the parent": _call(310, os.getppid(), None, 0, None, 0, 0),
    "trace the parent": _call(101, 16, os.getppid(), 0, 0),
    "signal the parent": _call(62, os.getppid(), 0),
    "limits of the parent": _call(302, os.getppid(), 7, None, bytes(16)),
    "a namespace": _call(272, 0x1002_0000),
    "another's namespace": _call(308, 0, 0),
    "mount": _call(165, b"proc", b"/", b"proc", 0, None),
    "change the root": _call(161, b"/"),
    "become somebody": _call(117, 0, 0, 0),
    "type into the terminal": lambda control: int(_libc.ioctl(0, 0x5412, b"x")),
    "own signals of a socket": lambda control: int(_libc.fcntl(control.fileno(), 8, os.getppid())),
    "fork": lambda control: int(_libc.syscall(ctypes.c_long(56), 17, 0, 0, 0, 0)),
    "the terminal": _open("/dev/tty", os.O_RDWR),
    "/proc": _open("/proc/self/status"),
    "the machine's identity": _open("/etc/machine-id"),
    "users": _open("/etc/passwd"),
    "the way out by its job": _open("/spool/../../etc/passwd"),
    "write its job": _open("/spool/job.json", os.O_WRONLY),
    "a new file": _open("/new", os.O_WRONLY | os.O_CREAT),
}
"""What code inside a courier attempts (x86-64 numbers): each returns -1 when it is denied."""


def attempting(control: socket.socket, ask: Ask) -> None:
    """Try all of it and name what was not refused as forbidden (or as having no such name)."""
    through = [
        f"{case} ({os.strerror(ctypes.get_errno())})"
        for case, attempt in INSIDE.items()
        if attempt(control) != -1 or ctypes.get_errno() not in REFUSALS
    ]
    said = f"of {len(INSIDE)}: {', '.join(through) or 'none'}".encode()
    sending(Head(200, ""), Piece(said), End())(control, ask)


ONE = (Head(200, ""), Piece(b"one"), End())
SCRIPTS: dict[str, Script] = {
    "garbage": sending(b"\xc1\xff\xff"),
    "an oversized packet": sending(b"x" * 150_000),
    "a body without a head": sending(Piece(b"x")),
    "an end without a head": sending(End()),
    "two heads": sending(Head(200, ""), Head(200, "")),
    "ready again": sending(Ready(True, "", 7, True)),
    "a failure that there is not": sending(Failed("BRIBED", "x")),
    "an ETag that is none": sending(Head(200, '"\r\nX: y"')),
    "304 that was not asked for": sending(Head(304, "")),
    "a status that is not taken": sending(Head(206, "")),
    "too many bytes": flood,
    "a drip": idle_pieces,
    "its own death": dying,
    "a packet with a descriptor": handing_over,
    "more than was asked for": sending(*ONE, *ONE),
}
OTHERS: dict[str, Script] = {
    "deaf": deaf,
    "ignoring every signal": deathless,
    "forging words": sending(Failed("BROKEN", "\x1b[2J\u202eclean")),
    "forging words of a defect": sending(Failed("DEFECT", "\x1b[2J\r\nclean")),
    "a status below all": sending(Failed("STATUS", "x", -5)),
    "a status beyond all": sending(Failed("STATUS", "x", 2**60)),
    "everything": attempting,
}
"""Those of test_attacks.py."""


def take_over(case: str) -> NoReturn:
    """Be that courier."""
    script = (SCRIPTS | OTHERS)[case]

    def serve(control: socket.socket, _: client.Client) -> None:
        while packet := control.recv(100_000):
            script(control, ask_from(packet))

    client.serve = serve
    main()
