"""The way out in pass-through mode: sockets that belong to the host's network, one at a time, for one destination each.

A child process enters the host's network namespace and hands out unconnected sockets that it makes there; it keeps no
privileges and reads nothing. The sink itself never enters that network.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

from overt.conduct.sink.tape import Ends
from overt.core.errors import ConductError
from overt.sandbox.lockdown import close_others, drop_capabilities

CLONE_NEWNET = 0x4000_0000
DNS_PORT = 53
_KINDS = {
    b"t4": (socket.AF_INET, socket.SOCK_STREAM),
    b"t6": (socket.AF_INET6, socket.SOCK_STREAM),
    b"u4": (socket.AF_INET, socket.SOCK_DGRAM),
    b"u6": (socket.AF_INET6, socket.SOCK_DGRAM),
}
_FAILED = b"-"


@dataclass(frozen=True, slots=True)
class Uplink:
    """Where sockets to the world come from."""

    resolver: str
    """The only name server that is ever asked, whatever the product asks; the only address that may be the host's."""
    private: bool = False
    """Whether addresses that are not of the public internet may be reached."""
    _maker: socket.socket | None = None

    def destination(self, ends: Ends) -> str | None:
        """Where a conversation goes on to; None: nowhere, since that is this machine or its neighbourhood."""
        if ends.port == DNS_PORT:
            return self.resolver
        address = ip_address(ends.address)
        if address.is_multicast or address.is_loopback or address.is_link_local or address.is_unspecified:
            return None
        if not (self.private or address.is_global) or self._is_local(ends.address):
            return None
        return ends.address

    def socket(self, protocol: str, address: str) -> socket.socket:
        """An unconnected, non-blocking socket for `protocol` (`tcp` or `udp`) towards `address`. Raises `OSError`."""
        name = protocol[0].encode() + (b"6" if ":" in address else b"4")
        if self._maker is None:
            made = socket.socket(*_KINDS[name])
        else:
            self._maker.send(name)
            _, descriptors, _, _ = socket.recv_fds(self._maker, 1, 1)
            if not descriptors:
                raise OSError("the host's network gave no socket")
            made = socket.socket(fileno=descriptors[0])
        made.setblocking(False)
        return made

    def _is_local(self, address: str) -> bool:
        """Whether that network calls `address` its own machine's."""
        with self.socket("udp", address) as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                return False
        return True


def begin(namespace: int, resolver: str, private: bool) -> Uplink:
    """The way out through the network namespace of this descriptor; below 0: through the one that we are in.
    Raises `ConductError` when no name server is known."""
    resolver = resolver or _configured()
    if namespace < 0:
        return Uplink(resolver, private)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        _make(theirs, namespace)
    theirs.close()
    return Uplink(resolver, private, ours)


def _configured() -> str:
    """The host's first name server."""
    path = Path("/etc/resolv.conf")
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        match line.split():
            case ["nameserver", address, *_]:
                return address
    raise ConductError(f"{path} names no name server: pass-through needs one")


def _make(requests: socket.socket, namespace: int) -> NoReturn:
    """What the child does, until nobody can ask any more."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
            os._exit(1)
        close_others({2, requests.fileno()})
        drop_capabilities(0)
        while kind := requests.recv(2):
            try:
                with socket.socket(*_KINDS[kind]) as made:
                    socket.send_fds(requests, [b"+"], [made.fileno()])
            except (OSError, KeyError):
                requests.send(_FAILED)
    finally:
        os._exit(0)
