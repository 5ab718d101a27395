"""The chamber's network: a namespace of its own with one cable (veth) to the warden's, which has no other.

What the sink needs on its side (TPROXY, policy routes) is the sink's to set; see `overt.conduct.sink`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from overt.conduct.chamber import kernel
from overt.core.errors import ConductError

COMMAND_S = 30.0


@dataclass(frozen=True, slots=True)
class Network:
    """Both ends of the cable, and the namespace of the product's end."""

    sink_interface: str
    chamber_interface: str
    sink_v4: str
    chamber_v4: str
    sink_v6: str
    chamber_v6: str
    """Global ones (the benchmarking range): with a unique-local one, names' IPv6 addresses are never tried first."""
    namespace: int
    """Descriptor of the chamber's network namespace: `setns` to it to see the product's sockets."""


def build() -> Network:
    """Make the namespace, the cable, addresses and default routes. Called in the warden, whose own network namespace
    becomes the sink's side. Raises `ConductError` with what `ip` said."""
    ours = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        kernel.unshare(kernel.CLONE_NEWNET)
        inner = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        kernel.setns(ours, kernel.CLONE_NEWNET)
    finally:
        os.close(ours)
    network = ends(inner)
    _no_surprises()
    _run(inner, _inner_commands(network))
    _run(None, _outer_commands(network))
    return network


def ends(namespace: int) -> Network:
    """Names and addresses of a cable to a chamber whose network namespace is open as `namespace`."""
    return Network(
        sink_interface="sink0",
        chamber_interface="eth0",
        sink_v4="192.168.77.1",
        chamber_v4="192.168.77.2",
        sink_v6="2001:2:0:ffff::1",
        chamber_v6="2001:2:0:ffff::2",
        namespace=namespace,
    )


def furnish_sink_end(network: Network) -> None:
    """Addresses for the sink's end of a cable that exists already. Raises `ConductError`."""
    _no_surprises()
    _run(None, _outer_commands(network))


def _no_surprises() -> None:
    """No address by itself, and none that must first be checked for being in use."""
    for parts in ("all", "default"):
        for setting in ("accept_ra", "autoconf", "accept_dad"):
            _set(Path(f"/proc/sys/net/ipv6/conf/{parts}/{setting}"), "0")


def _inner_commands(network: Network) -> list[str]:
    end = network.chamber_interface
    return [
        "link set lo up",
        f"link add {end} type veth peer name {network.sink_interface} netns 1",
        f"addr add {network.chamber_v4}/24 dev {end}",
        f"addr add {network.chamber_v6}/64 dev {end} nodad",
        f"link set {end} up",
        f"route add default via {network.sink_v4}",
        f"-6 route add default via {network.sink_v6} dev {end}",
    ]


def _outer_commands(network: Network) -> list[str]:
    end = network.sink_interface
    return [
        "link set lo up",
        f"addr add {network.sink_v4}/24 dev {end}",
        f"addr add {network.sink_v6}/64 dev {end} nodad",
        f"link set {end} up",
    ]


def _run(namespace: int | None, commands: Sequence[str]) -> None:
    def enter() -> None:
        if namespace is not None:
            kernel.setns(namespace, kernel.CLONE_NEWNET)

    for command in commands:
        done = subprocess.run(
            ["ip", *command.split()],
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            preexec_fn=enter,
            check=False,
        )
        if done.returncode:
            raise ConductError(
                f"the chamber's network could not be made: ip {command}: {done.stderr.strip()}"
            )


def _set(path: Path, value: str) -> None:
    if path.exists():
        path.write_text(value)
