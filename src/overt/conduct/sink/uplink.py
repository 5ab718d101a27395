"""The way out in pass-through mode: sockets of the host's network, each connected to one destination.

A child process enters the host's network namespace, decides what may be reached, and hands out sockets that it has
connected there; it keeps no privileges and sees none of the traffic. The sink itself, which reads what strangers wrote,
never enters that network and can connect to nothing.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from overt.conduct.chamber import kernel
from overt.conduct.sink.destinations import Routes, is_public
from overt.conduct.sink.tape import Ends
from overt.core.errors import ConductError
from overt.sandbox.landlock import Grants
from overt.sandbox.lockdown import lock
from overt.sandbox.policy import UPLINK

DNS_PORT = 53
MAX_REQUEST_BYTES = 100
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_FAILED = b"-"


@dataclass(frozen=True, slots=True)
class Uplink:
    """Where sockets to the world come from."""

    maker: socket.socket

    def reach(self, ends: Ends) -> socket.socket:
        """A non-blocking socket whose far end is where `ends` was to go; of TCP, it may still be connecting. Raises
        `OSError` where that can't or must not be reached."""
        self.maker.send(f"{ends.protocol} {ends.address} {ends.port}".encode())
        _, descriptors, _, _ = socket.recv_fds(self.maker, 1, 1)
        if not descriptors:
            raise OSError(f"{ends.address} is not reached")
        made = socket.socket(fileno=descriptors[0])
        made.setblocking(False)
        return made


def begin(namespace: int, resolver: str) -> Uplink:
    """The way out through the network namespace of this descriptor; below 0: through the one that we are in.
    `resolver` is the only name server that is ever asked; empty: the host's. Raises `ConductError` if none is known."""
    resolver = resolver or _configured()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        _make(theirs, namespace, resolver)
    theirs.close()
    return Uplink(ours)


def _configured() -> str:
    """The host's first name server."""
    path = Path("/etc/resolv.conf")
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        match line.split():
            case ["nameserver", address, *_]:
                return address
    raise ConductError(f"{path} names no name server: pass-through needs one")


def _make(requests: socket.socket, namespace: int, resolver: str) -> NoReturn:
    """What the child does, until nobody can ask any more."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if namespace >= 0:
            kernel.setns(namespace, kernel.CLONE_NEWNET)
        routes = Routes()
        lock(UPLINK, {2, requests.fileno(), routes.fileno()}, grants=Grants(any_tcp=True, scoped=True))
        while request := requests.recv(MAX_REQUEST_BYTES):
            try:
                protocol, address, port = request.decode().split()
                with _connected(
                    protocol, _destination(address, int(port), resolver, routes), int(port)
                ) as made:
                    socket.send_fds(requests, [b"+"], [made.fileno()])
            except (OSError, ValueError, KeyError):
                requests.send(_FAILED)
    finally:
        os._exit(0)


def _destination(address: str, port: int, resolver: str, routes: Routes) -> str:
    """Where a conversation goes on to. Raises `OSError` if it is nowhere: this machine, or what is beside it."""
    if port == DNS_PORT:
        return resolver
    if not is_public(address) or not routes.lead_out(address):
        raise OSError(errno.EHOSTUNREACH, f"{address} is not to be reached")
    return address


def _connected(protocol: str, address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, _KINDS[protocol])
    made.setblocking(False)
    if (error := made.connect_ex((address, port))) not in (0, errno.EINPROGRESS):
        made.close()
        raise OSError(error, f"{address}: {os.strerror(error)}")
    return made
