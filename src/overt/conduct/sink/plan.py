"""What the sink is to do, and every limit that it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from overt.conduct.evidence.records import Mode
from overt.conduct.profile import DnsRecord

PORT = 8
"""Where the sink listens. Destinations keep their own ports: the kernel hands all of them to this one (TPROXY)."""


NAMES4, NAMES6 = IPv4Network("198.18.0.0/15"), IPv6Network("2001:2::/64")


@dataclass(frozen=True, slots=True)
class Limits:
    """What is past a limit is counted, and the report says so; nothing waits for ever and nothing grows for ever."""

    max_connections: int = 12_000
    """Open at once. One more closes the one that was silent longest."""
    max_flows: int = 200_000
    """Recorded one by one; those after that are counted."""
    max_stream_bytes: int = 1 << 30
    """Kept of one direction of one flow."""
    max_streams_bytes: int = 16 << 30
    """Kept of all flows together."""
    max_capture_bytes: int = 16 << 30
    """Packets after that keep only their first `cut_packet_bytes`."""
    cut_packet_bytes: int = 128
    max_free_share: float = 0.4
    """Of the disk's free room when the run begins: neither streams nor capture take more, whatever their own limits."""
    max_noted_bytes: int = 2 << 20
    """Of the requests noted of one flow: a record stays well below `evidence.folder.MAX_LINE_BYTES`."""
    max_all_noted_bytes: int = 256 << 20
    """Of the requests noted of all flows, which judge and finder read as a whole."""
    max_held_bytes: int = 256 << 20
    """In memory, of all flows that go on: requests noted, and streams of HTTP/2 that wait for another to end."""
    max_memory_bytes: int = 2 << 30
    """Of the sink's process: a backstop that ends the run rather than the machine."""
    max_head_bytes: int = 64 << 10
    """Of one request's line and headers, and of what is held while it is not known which protocol it is."""
    max_nesting: int = 4
    """Protocols inside one another: TLS in CONNECT in TLS …"""
    idle_s: float = 900.0
    """A connection on which nothing moved for so long is closed."""
    undecided_s: float = 2.0
    """A beginning that fits a known protocol and does not go on is taken for what it is after that."""
    speak_first_s: float = 0.4
    """After so much silence the sink greets, where the port's protocol has its server speak first."""
    linger_s: float = 2.0
    """A client may still send after everything was answered, until it is silent for so long."""
    datagram_idle_s: float = 30.0
    """A conversation of datagrams ends after so much silence."""
    stop_s: float = 20.0
    """For everything that still has to be written when the run ends."""


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """How one run's network traffic is answered."""

    mode: Mode
    replay: Mapping[str, Path] = field(default_factory=dict)
    """Host name in lower case → folder whose files it serves; `*` stands for every other host."""
    records: tuple[DnsRecord, ...] = ()
    """Recorded DNS answers."""
    names_network: IPv4Network = NAMES4
    """Every name gets an address of its own from here (RFC 2544: for benchmarks, routed nowhere)."""
    names_network6: IPv6Network = NAMES6
    """The same for IPv6 (RFC 5180)."""
    resolver: str = ""
    """Pass-through only: address of the true name server; empty: the host's first one."""
    limits: Limits = field(default_factory=Limits)
