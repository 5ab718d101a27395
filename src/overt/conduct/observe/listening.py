"""Ports and sockets on which the product waited: from the calls that made them, and from the kernel's tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from overt.conduct.evidence.records import Call, Listening
from overt.conduct.observe.peers import addresses, socket_of
from overt.conduct.observe.raw import RawSocket
from overt.conduct.observe.trace import Called

EPHEMERAL = range(32_768, 61_000)
"""Linux gives these to those who ask for no port: an unconnected UDP socket there is a client's, as is one that was
bound to port 0."""

_UNIX = re.compile(r'sun_path=(@?"(?:[^"\\]|\\.)*")')


def listening(
    calls: Iterable[tuple[Called, Call]],
    sockets: Iterable[RawSocket],
    step_at: Callable[[float], int],
    process_of: Callable[[int, float], int | None],
) -> list[Listening]:
    """Each (step, protocol, address, port) once, in the order of first times."""
    found: dict[tuple[int, str, str, int], Listening] = {}
    waiting = [*_called(calls), *_tables(sockets, step_at, process_of)]
    for row in sorted(waiting, key=lambda row: row.at_s):
        key = row.step, row.protocol, row.address, row.port
        if key not in found or (found[key].process is None and row.process is not None):
            found[key] = row
    return sorted(found.values(), key=lambda row: row.at_s)


def _called(calls: Iterable[tuple[Called, Call]]) -> Iterator[Listening]:
    """A bind that a listen followed; for UDP a bind is all there is."""
    bound: dict[tuple[int, str], list[tuple[str, str, int]]] = {}
    for called, call in calls:
        if called.failed or called.name not in ("bind", "listen"):
            continue
        protocol, _ = socket_of(called)
        descriptor = called.arguments.partition(",")[0]
        if called.name == "bind":
            places = [(protocol, address, port) for address, port in addresses(called.arguments) if protocol]
            if unix := _UNIX.search(called.arguments):
                places = [("unix", unix[1].replace('"', ""), 0)]
            if protocol != "udp":
                bound[call.process, descriptor] = places
                continue
        else:
            places = bound.get((call.process, descriptor), [])
        for kind, address, port in places:
            if not _of_a_client(kind, port):
                yield Listening(
                    at_s=call.at_s,
                    step=call.step,
                    protocol=kind,
                    address=address,
                    port=port,
                    process=call.process,
                )


def _of_a_client(protocol: str, port: int) -> bool:
    """Whether it waits for answers alone, as what asks a name server does."""
    return protocol == "udp" and (port == 0 or port in EPHEMERAL)


def _tables(
    sockets: Iterable[RawSocket],
    step_at: Callable[[float], int],
    process_of: Callable[[int, float], int | None],
) -> Iterator[Listening]:
    for row in sockets:
        if row.listening and not _of_a_client(row.protocol, row.port):
            yield Listening(
                at_s=row.at_s,
                step=step_at(row.at_s),
                protocol=row.protocol,
                address=row.address,
                port=row.port,
                process=process_of(row.pid, row.at_s) if row.pid else None,
            )
