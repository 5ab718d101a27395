"""How every packet of the chamber comes to the sink: nftables' TPROXY, and routes that call every address local.

All of it is in the network namespace in which the sink runs, and vanishes with it. The rules are text, so that tests
and readers see what the kernel was told.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from overt.conduct.evidence.records import Mode
from overt.conduct.sink.plan import PORT
from overt.core.errors import ConductError

MARK = 0x4F56
TABLE = 198
_TIMEOUT_S = 30
_NEIGHBOURS = "nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert"


def rules(interface: str, mode: Mode) -> str:
    """The ruleset of nft(8) for traffic that comes in on `interface`. Nothing is ever forwarded."""
    taken = _DEAD if mode is Mode.DEAD else _TAKEN
    return f"""
table inet overt_sink
delete table inet overt_sink
table inet overt_sink {{
  chain incoming {{
    type filter hook prerouting priority mangle; policy accept;
    iifname != "{interface}" accept
    icmpv6 type {{ {_NEIGHBOURS} }} accept
{taken}  }}
  chain forwarded {{
    type filter hook forward priority filter; policy drop;
  }}
}}
"""


_TAKEN = f"""    meta l4proto tcp tproxy to :{PORT} meta mark set {MARK} accept
    meta l4proto udp tproxy to :{PORT} meta mark set {MARK} accept
    icmp type echo-request meta mark set {MARK} accept
    icmpv6 type echo-request meta mark set {MARK} accept
"""
"""Echo requests are answered by `echoes` (IPv4) and by the kernel (IPv6), from whatever address they were sent to."""

_DEAD = """    reject with icmpx no-route
"""


def routes(version: int) -> str:
    """Commands of ip(8) in a batch: marked packets are for this machine, whatever their destination."""
    everything = {4: "0.0.0.0/0", 6: "::/0"}[version]
    return f"rule add fwmark {MARK} lookup {TABLE}\nroute add local {everything} dev lo table {TABLE}\n"


def settings(interface: str) -> dict[str, str]:
    """Files below /proc/sys and what they must hold: no source check, no forwarding, no limit on ICMP errors."""
    return {
        "net/ipv4/conf/all/rp_filter": "0",
        f"net/ipv4/conf/{interface}/rp_filter": "0",
        "net/ipv4/icmp_ratelimit": "0",
        "net/ipv4/icmp_echo_ignore_all": "1",
        "net/ipv6/icmp/ratelimit": "0",
        "net/core/somaxconn": "65535",
        "net/ipv4/tcp_max_syn_backlog": "65535",
    }


def apply(interface: str, mode: Mode) -> None:
    """Do all that here. Raises `ConductError`."""
    for name, value in settings(interface).items():
        try:
            (Path("/proc/sys") / name).write_text(value)
        except OSError as error:
            raise ConductError(
                f"/proc/sys/{name}: {error.strerror}: the sink needs root in its own network"
            ) from error
    _run(("nft", "-f", "-"), rules(interface, mode))
    for version in (4, 6):
        _run(("ip", f"-{version}", "-batch", "-"), routes(version))


def _run(command: tuple[str, ...], text: str) -> None:
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConductError(f"{command[0]}: {error}: install nftables and iproute2") from error
    if done.returncode:
        raise ConductError(f"{' '.join(command)} failed: {done.stderr.strip()}")
